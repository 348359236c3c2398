"""Both stores keep the same promises; the one in Redis keeps them when the server does not."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from socket import SHUT_RDWR, create_connection, create_server, socket
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from uuid import uuid4

import pytest
import trustme

from shared import idle
from shared.stores import Store, StoreError, open_store
from tests.redis_server import RedisServer
from tests.silent_proxy import SilentProxy

MINUTE_MS = 60_000
MINE, OTHER = "?mine", "?other"


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


def soon(seconds: float = 2) -> float:
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
        assert time.monotonic() - began < 0.45
        server.thaw()


def test_a_password_and_a_database_stand_in_the_url(tmp_path: Path, key: str) -> None:
    with RedisServer(tmp_path, "--requirepass", "p?ss") as server:
        address = f"127.0.0.1:{server.port}/3"
        assert open_store(f"redis://:p%3Fss@{address}").claim(key, MINE, MINUTE_MS, soon()) is None
        with pytest.raises(StoreError, match=r"^AuthenticationError$"):
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


def relay(listener: socket, port: int, authority: trustme.CA) -> None:
    """Speak TLS for a server that cannot, a message and its answer at a time, until the listener is shut down."""
    context = SSLContext(PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with suppress(OSError):
        while True:
            peer, _ = listener.accept()
            # A client that does not trust the certificate ends here.
            with suppress(OSError), closing(context.wrap_socket(peer, server_side=True)) as near:
                near.settimeout(5)
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
    thread = threading.Thread(target=relay, args=(listener, redis.port, authority))
    thread.start()
    try:
        yield f"rediss://127.0.0.1:{listener.getsockname()[1]}", str(authorities)
    finally:
        listener.shutdown(SHUT_RDWR)
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
