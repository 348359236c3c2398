"""Both stores keep the same promises; the one in Redis keeps them when the server does not."""

from __future__ import annotations

import gc
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from socket import SHUT_RDWR, create_connection, create_server, socket
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Any
from uuid import uuid4

import pytest
import trustme
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from shared.clients import idle
from shared.idempotency import Store, StoreError, open_store
from shared.idempotency.once import Work, fingerprint_of, name_of, once
from shared.outcome import Success
from shared.problems import Upstream
from tests.builders import MUTED
from tests.peers import Behaviour, peer
from tests.redis_server import RedisServer, clients_closed
from tests.silent_proxy import SilentProxy

MINUTE_MS = 60_000
MINE, OTHER = "?mine", "?other"


@pytest.fixture(autouse=True)
def _clients_closed() -> Iterator[None]:
    with clients_closed():
        yield


@pytest.fixture(autouse=True)
def _answers_take_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may stand still for longer than a server may take."""
    monkeypatch.setattr("shared.idempotency.redis._ANSWER_S", 5)
    monkeypatch.setattr("shared.idempotency.redis._CONNECT_S", 5)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest, redis: RedisServer) -> Store:
    return open_store("memory://" if request.param == "memory" else redis.url)


@pytest.fixture
def key() -> str:
    return uuid4().hex


def soon(seconds: float = 10) -> float:
    return time.monotonic() + seconds


def test_a_free_key_is_claimed_once(store: Store, key: str) -> None:
    assert store.claim(key, MINE, MINUTE_MS, soon()) is None

    held = store.claim(key, OTHER, MINUTE_MS, soon())

    assert held is not None
    assert held.value == MINE
    assert 0 < held.left_ms <= MINUTE_MS


def test_a_claim_that_is_sent_again_is_still_ones_own(store: Store, key: str) -> None:
    assert [store.claim(key, MINE, MINUTE_MS, soon()) for _ in range(2)] == [None, None]


def test_a_completed_key_keeps_its_answer(store: Store, key: str) -> None:
    store.claim(key, MINE, MINUTE_MS, soon())

    # The second time: its answer was lost.
    assert [store.complete(key, "answer", MINUTE_MS, soon()) for _ in range(2)] == [True, True]

    held = store.claim(key, OTHER, MINUTE_MS, soon())
    assert held is not None
    assert held.value == "answer"


def test_a_released_key_is_free(store: Store, key: str) -> None:
    store.claim(key, MINE, MINUTE_MS, soon())
    store.release(key, MINE, soon())

    assert store.claim(key, OTHER, MINUTE_MS, soon()) is None


def test_nobody_releases_the_claim_of_another(store: Store, key: str) -> None:
    store.claim(key, MINE, MINUTE_MS, soon())

    store.release(key, OTHER, soon())

    held = store.claim(key, "?third", MINUTE_MS, soon())
    assert held is not None
    assert held.value == MINE


def test_an_answer_takes_the_place_of_any_claim_and_of_no_answer(store: Store, key: str) -> None:
    store.claim(key, OTHER, MINUTE_MS, soon())

    assert store.complete(key, "answer", MINUTE_MS, soon()) is True
    assert store.complete(key, "another", MINUTE_MS, soon()) is False

    held = store.claim(key, MINE, MINUTE_MS, soon())
    assert held is not None
    assert held.value == "answer"


def test_a_lease_ends_by_itself_and_its_answer_may_still_come(store: Store, key: str) -> None:
    store.claim(key, MINE, 50, soon())
    time.sleep(0.1)

    assert store.complete(key, "answer", MINUTE_MS, soon()) is True


def test_a_lease_that_has_ended_can_be_claimed_by_another(store: Store, key: str) -> None:
    store.claim(key, MINE, 50, soon())
    time.sleep(0.1)

    assert store.claim(key, OTHER, MINUTE_MS, soon()) is None


def test_of_many_at_once_one_gets_the_key(store: Store, key: str) -> None:
    start, won = threading.Barrier(16), []

    def race(name: str) -> None:
        start.wait(10)
        if store.claim(key, name, MINUTE_MS, soon(10)) is None:
            won.append(name)

    threads = [threading.Thread(target=race, args=(str(number),)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(won) == 1


def test_a_claim_takes_one_round_trip(redis: RedisServer, key: str) -> None:
    store = open_store(redis.url)
    store.claim(uuid4().hex, "?warm", MINUTE_MS, soon())
    with closing(create_connection(("127.0.0.1", redis.port), 5)) as peer:
        peer.sendall(b"MONITOR\r\n")
        assert peer.recv(64) == b"+OK\r\n"
        store.claim(key, MINE, MINUTE_MS, soon())
        peer.sendall(b"QUIT\r\n")
        told = b""
        with suppress(OSError):
            while part := peer.recv(65_536):
                told += part
    # What the script does inside is told with `lua` in the place of the client's address.
    commands = [
        line for line in told.splitlines() if b'"' in line and b" lua]" not in line and b'"quit"' not in line.lower()
    ]
    assert len(commands) == 1, commands


def test_a_server_that_was_restarted_is_found_again(tmp_path: Path, key: str) -> None:
    with RedisServer(tmp_path) as server:
        store = open_store(server.url)
        assert store.claim(key, MINE, MINUTE_MS, soon()) is None
        server.stop()
        with pytest.raises(StoreError, match=r"^ConnectionError$"):
            store.claim(key, OTHER, MINUTE_MS, soon())
        server.start()

        held = store.claim(key, OTHER, MINUTE_MS, soon())

        assert held is not None
        assert held.value == MINE


def test_a_black_hole_costs_no_more_than_its_deadline(tmp_path: Path, key: str) -> None:
    with RedisServer(tmp_path) as server:
        store = open_store(server.url)
        store.claim(key, MINE, MINUTE_MS, soon())
        server.freeze()
        began = time.monotonic()
        with pytest.raises(StoreError, match=r"^(OverdueError|TimeoutError)$"):
            store.claim(key, OTHER, MINUTE_MS, soon(0.2))
        assert time.monotonic() - began < 2
        server.thaw()


def test_a_password_and_a_database_stand_in_the_url(tmp_path: Path, key: str) -> None:
    with RedisServer(tmp_path, "--requirepass", "p?ss") as server:
        address = f"127.0.0.1:{server.port}/3"
        assert open_store(f"redis://:p%3Fss@{address}").claim(key, MINE, MINUTE_MS, soon()) is None
        with pytest.raises(StoreError, match=r"^the password was refused$"):
            open_store(f"redis://:wrong@{address}").claim(key, MINE, MINUTE_MS, soon())


def test_a_connection_that_was_idle_for_long_is_not_trusted(
    redis: RedisServer, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SilentProxy(redis.port) as proxy:
        store = open_store(f"redis://127.0.0.1:{proxy.port}")
        store.claim(key, MINE, MINUTE_MS, soon())
        proxy.silence()
        monkeypatch.setattr(idle, "MAX_IDLE_S", 0.0)

        assert store.complete(key, "answer", MINUTE_MS, soon()) is True


# --- a server that refuses -------------------------------------------------------------------------------------------


def client_of(server: RedisServer, password: str | None = None) -> Any:
    """Return a client of the library's own, with whose types nothing can be done; it tries once."""
    return Redis(port=server.port, password=password, retry=Retry(NoBackoff(), 0))


def admin(server: RedisServer, *commands: str) -> None:
    with closing(client_of(server)) as client:
        for command in commands:
            client.execute_command(*command.split())


def spin(server: RedisServer) -> None:
    """Keep the server busy with a script until it is killed."""
    admin(server, "CONFIG SET lua-time-limit 10")

    def run() -> None:
        with suppress(RedisError), closing(client_of(server)) as client:
            client.eval("while true do end", 0)

    threading.Thread(target=run, daemon=True).start()
    with closing(client_of(server)) as client:
        until(lambda: refuses(client))


def refuses(client: Redis) -> bool:
    try:
        client.ping()
    except RedisError:
        return True
    return False


def until(condition: Callable[[], object], seconds: float = 10) -> None:
    latest = soon(seconds)
    while not condition():
        assert time.monotonic() < latest
        time.sleep(0.01)


NOBODY = "REPLICAOF 127.0.0.1 1"
# What makes a real server refuse, and what the log says then.
REFUSING: dict[str, tuple[Callable[[RedisServer], None], str]] = {
    "read-only": (lambda server: admin(server, NOBODY), "the server is a read-only replica"),
    "stale": (
        lambda server: admin(server, "CONFIG SET replica-serve-stale-data no", NOBODY),
        "the server is a replica without its primary",
    ),
    "alone": (lambda server: admin(server, "CONFIG SET min-replicas-to-write 1"), "the server has too few replicas"),
    "no eval": (lambda server: admin(server, "ACL SETUSER default -eval"), "the user lacks a permission"),
    "no set": (lambda server: admin(server, "ACL SETUSER default -set"), "the user lacks a permission"),
    "busy": (spin, "the server is busy with a script"),
    "full": (lambda server: admin(server, "CONFIG SET maxmemory 1"), "the store is full"),
}


@pytest.mark.parametrize("state", REFUSING)
def test_a_server_that_refuses_is_left_for_another(redis: RedisServer, tmp_path: Path, key: str, state: str) -> None:
    begin, words = REFUSING[state]
    with RedisServer(tmp_path) as former, SilentProxy(former.port) as proxy:
        store = open_store(f"redis://127.0.0.1:{proxy.port}")
        # Busy enough for several connections, none of which may be used again.
        hold_connections(store)
        begin(former)
        proxy.lead_to(redis.port)

        with pytest.raises(StoreError, match=f"^{words}$"):
            store.claim(key, MINE, MINUTE_MS, soon())
        for _ in range(5):
            assert store.claim(uuid4().hex, MINE, MINUTE_MS, soon()) is None


def hold_connections(store: Store) -> None:
    start = threading.Barrier(5)

    def claim() -> None:
        start.wait(10)
        for _ in range(10):
            store.claim(uuid4().hex, MINE, MINUTE_MS, soon(10))

    with ThreadPoolExecutor(5) as pool:
        for done in [pool.submit(claim) for _ in range(5)]:
            done.result()


@pytest.mark.parametrize(
    ("options", "password", "words"),
    [
        (("--requirepass", "secret"), "", "the server wants a password"),
        (("--requirepass", "secret"), ":wrong@", "the password was refused"),
        ((), ":secret@", "the password was refused"),
        ((), "user:secret@", "the password was refused"),
        (("--cluster-enabled", "yes"), "", "the cluster is down"),
    ],
)
def test_a_server_that_lets_nobody_in_says_why(
    tmp_path: Path, key: str, options: tuple[str, ...], password: str, words: str
) -> None:
    with RedisServer(tmp_path, *options) as server, pytest.raises(StoreError, match=f"^{words}$"):
        open_store(f"redis://{password}127.0.0.1:{server.port}").claim(key, MINE, MINUTE_MS, soon())


def test_a_password_that_was_changed_and_changed_back_costs_no_more_than_that_time(tmp_path: Path, key: str) -> None:
    with RedisServer(tmp_path, "--requirepass", "one") as server, SilentProxy(server.port) as proxy:
        store = open_store(f"redis://:one@127.0.0.1:{proxy.port}")
        assert store.claim(key, MINE, MINUTE_MS, soon()) is None
        with closing(client_of(server, "one")) as client:
            client.execute_command("CONFIG", "SET", "requirepass", "two")
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            with pytest.raises(StoreError, match=r"^the password was refused$"):
                store.claim(key, MINE, MINUTE_MS, soon())
            client.execute_command("CONFIG", "SET", "requirepass", "one")

        assert store.claim(key, MINE, MINUTE_MS, soon()) is None


def saying(answer: str) -> Behaviour:
    """Return a server that answers each command with this: what no server at hand says when it is asked to."""

    def behave(connection: socket) -> None:
        while connection.recv(65_536):
            connection.sendall(f"{answer}\r\n".encode())

    return behave


# As documented, or as in the sources of Redis 7 and Valkey 8, where those say it otherwise than the server above.
ANSWERS = {
    "-READONLY You can't write against a read only replica. script: 5c2e, on @user_script:3.": "the server is a read",
    "-LOADING Redis is loading the dataset in memory": "the server is loading its data",
    "-LOADING Valkey is loading the dataset in memory": "the server is loading its data",
    "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.": "the server is a replica",
    "-CLUSTERDOWN The cluster is down": "the cluster is down",
    "-TRYAGAIN Multiple keys request during rehashing of slot": "the cluster is moving its keys",
    "-MOVED 3999 127.0.0.1:6381": "the server is a single node of a cluster",
    "-ASK 3999 127.0.0.1:6381": "the server is a single node of a cluster",
    "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.": "the server is busy",
    "-UNKILLABLE Sorry the script already executed write commands against the dataset.": "the server is busy",
    "-MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.": (
        "the server cannot write to its disk"
    ),
    "-ERR Error running script (call to f_5c2e): @user_script:3: @user_script: 3: -MISCONF Redis is configured to": (
        "the server cannot write to its disk"
    ),
    "-NOREPLICAS Not enough good replicas to write.": "the server has too few replicas",
    "-OOM command not allowed when used memory > 'maxmemory'. script: 5c2e, on @user_script:4.": "the store is full",
    "-NOAUTH Authentication required.": "the server wants a password",
    "-WRONGPASS invalid username-password pair or user is disabled.": "the password was refused",
    "-ERR invalid password": "the password was refused",
    "-ERR Client sent AUTH, but no password is set": "the password was refused",
    "-NOPERM User default has no permissions to run the 'eval' command": "the user lacks a permission",
    "-ERR ACL failure in script: User default has no permissions to run the 'set' command": "the user lacks a",
    "-DENIED Redis is running in protected mode because protected mode is enabled": "the server refuses remote",
    "-ERR max number of clients reached": "the server has too many clients",
    "-ERR unknown command 'EVAL'": "ResponseError",
    "-NEW something nobody knows yet about READONLYNESS": "ResponseError",
    # None at all.
    "+OK": "the answer is not that of a Redis server",
    ":0": "the answer is not that of a Redis server",
    "$-1": "the answer is not that of a Redis server",
    "*1\r\n:1": "the answer is not that of a Redis server",
    "*2\r\n$1\r\na\r\n$1\r\nb": "the answer is not that of a Redis server",
    "*2\r\n$1\r\n\xff\r\n:1": "UnicodeDecodeError",
    "HTTP/1.1 400 Bad Request": "InvalidResponse",
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_is_told_by_what_it_means_and_by_no_word_of_its_own(answer: str, key: str) -> None:
    with peer(saying(answer)) as address, pytest.raises(StoreError, match=f"^{ANSWERS[answer]}"):
        open_store(f"redis://{address}").claim(key, MINE, MINUTE_MS, soon())


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Leave to the code itself what it closes."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
def test_a_step_that_began_before_a_refusal_leaves_no_connection_behind(redis: RedisServer, tmp_path: Path) -> None:
    with RedisServer(tmp_path) as former, SilentProxy(former.port) as proxy:
        store = open_store(f"redis://127.0.0.1:{proxy.port}")
        hold_connections(store)
        admin(former, NOBODY)
        former.freeze()
        with ThreadPoolExecutor(4) as pool:
            # Still without an answer when the first one is refused: all of them are, but none is asked twice.
            waiting = [pool.submit(store.claim, uuid4().hex, MINE, MINUTE_MS, soon()) for _ in range(4)]
            time.sleep(0.1)
            proxy.lead_to(redis.port)
            former.thaw()
            assert {type(one.exception(10)) for one in waiting} <= {StoreError, type(None)}

        for _ in range(10):
            assert store.claim(uuid4().hex, MINE, MINUTE_MS, soon()) is None
        with closing(client_of(former)) as client:
            until(lambda: len(client.client_list()) == 1, 2)


def test_a_full_server_is_left_once_a_second(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server, SilentProxy(server.port) as proxy:
        store = open_store(f"redis://127.0.0.1:{proxy.port}")
        admin(server, "CONFIG SET maxmemory 1")
        began, claims = time.monotonic(), 0
        # Long enough for it to be left a second time.
        while claims < 10 or time.monotonic() - began < 1.2:
            with pytest.raises(StoreError, match=r"^the store is full$"):
                store.claim(uuid4().hex, MINE, MINUTE_MS, soon())
            claims += 1
        assert 3 <= proxy.connections <= 2 + (time.monotonic() - began)


def test_a_record_that_is_none_of_ours_is_not_read(redis: RedisServer, key: str) -> None:
    store = open_store(redis.url)
    with closing(client_of(redis)) as client:
        client.set(key, "x" * 5_000_000)
        client.sadd(f"{key}:set", "member")
        held = store.claim(key, MINE, MINUTE_MS, soon())
        assert held is not None
        assert len(held.value) < 100_000
        client.delete(key)
        for step in (store.claim, store.complete):
            with pytest.raises(StoreError, match=r"^the record is of another type$"):
                step(f"{key}:set", MINE, MINUTE_MS, soon())


@pytest.mark.slow
def test_a_key_takes_the_memory_that_the_document_says(tmp_path: Path) -> None:
    document = (Path(__file__).parents[4] / "docs" / "deploy.md").read_text(encoding="utf-8")
    figures = [int(figure) for figure in re.findall(r"\b(\d+) bytes", document)]
    muted, count = Success("muted", {**MUTED, "request_id": f"{uuid4()}"}, Upstream("OK", f"{uuid4()}")), 2_000
    with RedisServer(tmp_path, "--appendonly", "no") as server, closing(client_of(server)) as client:
        store = open_store(server.url)
        once(store, Work(name_of("crm", "first"), "", soon(), lambda _deadline: muted), 60)
        before = client.info("memory")["used_memory"]
        for number in range(count):
            name, fingerprint = name_of("crm", f"{number}", "mute-call", "MuteCall"), fingerprint_of("MuteCall", MUTED)
            once(store, Work(name, fingerprint, soon(), lambda _deadline: muted), 60)

        taken = (client.info("memory")["used_memory"] - before) / count
        assert any(figure == pytest.approx(taken, rel=0.2) for figure in figures)


def relay(listener: socket, port: int, authority: trustme.CA, served: list[socket]) -> None:
    """Speak TLS for a server that cannot, a message and its answer at a time, until the listener is shut down."""
    context = SSLContext(PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with suppress(OSError):
        while True:
            peer, _ = listener.accept()
            # A client that does not trust the certificate ends here.
            with suppress(OSError), closing(context.wrap_socket(peer, server_side=True)) as near:
                near.settimeout(5)
                served.append(near)
                with closing(create_connection(("127.0.0.1", port), 5)) as far:
                    while part := near.recv(65_536):
                        far.sendall(part)
                        near.sendall(far.recv(65_536))


@pytest.fixture
def tls_url(redis: RedisServer, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Return the URL of a server that speaks TLS, and the file of its authority."""
    authority = trustme.CA()
    authorities = tmp_path / "authorities.pem"
    authority.cert_pem.write_to_path(str(authorities))
    listener = create_server(("127.0.0.1", 0))
    served: list[socket] = []
    thread = threading.Thread(target=relay, args=(listener, redis.port, authority, served))
    thread.start()
    try:
        yield f"rediss://127.0.0.1:{listener.getsockname()[1]}", str(authorities)
    finally:
        # The client keeps its connection.
        for each in (listener, *served):
            with suppress(OSError):
                each.shutdown(SHUT_RDWR)
        listener.close()
        thread.join(20)


def test_a_server_with_tls_is_believed_by_its_authority(
    tls_url: tuple[str, str], key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, authorities = tls_url
    monkeypatch.setenv("SSL_CERT_FILE", authorities)

    assert open_store(url).claim(key, MINE, MINUTE_MS, soon()) is None


def test_a_server_with_tls_and_an_unknown_authority_is_not(tls_url: tuple[str, str], key: str) -> None:
    with pytest.raises(StoreError, match=r"^ConnectionError$"):
        open_store(tls_url[0]).claim(key, MINE, MINUTE_MS, soon())
