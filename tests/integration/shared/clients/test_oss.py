"""One object written with the real SDK: what goes over the wire, and what becomes of every way to fail."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import logging
import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from shared.clients import oss, transport
from shared.runtime.context import Credentials
from tests.peers import Behaviour, answering, dripping, hanging_up, peer, read_request, silent
from tests.s3_server import BUCKET, S3Server

CREDENTIALS = Credentials("STS.local", "local-secret", "local-token")
KEY = "letters/2026-11-25/a b.json"
CONTENT = b'{"a": 1}'
REGION = "cn-shanghai"
Request = tuple[str, dict[str, str], bytes]


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with S3Server() as running:
        yield running


def put(address: str, *, name: str = BUCKET, key: str = KEY, content: bytes = CONTENT, within_s: float = 5.0) -> None:
    oss.put(oss.Bucket(address, REGION, name), key, content, CREDENTIALS, time.monotonic() + within_s)


def failure(address: str, *, within_s: float = 5.0, name: str = BUCKET) -> str:
    with pytest.raises(oss.OssError) as raised:
        put(address, within_s=within_s, name=name)
    text = str(raised.value)
    assert raised.value.__suppress_context__
    assert not re.search(rf"{BUCKET}|letters|local-|127\.0\.0\.1|Signature", text)
    return text


def recorded(behave: Behaviour | None = None) -> tuple[list[Request], Behaviour]:
    """Return a list of requests, and what fills it; the answer is a success, unless `behave` has another."""
    requests: list[Request] = []

    def record(connection: socket.socket) -> None:
        requests.append(read_request(connection))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    return requests, behave or record


def signature_v4(request: Request) -> str:
    """Return the signature that OSS would compute (OSS, "Include a V4 signature in the header")."""
    line, headers, _ = request
    method, path, _ = line.split(" ")
    date = headers["x-oss-date"]
    scope = f"{date[:8]}/{REGION}/oss/aliyun_v4_request"
    names = [name for name in headers if name.startswith("x-oss-") or name in ("content-type", "content-md5")]
    signed = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(names))
    canonical = f"{method}\n{path}\n\n{signed}\n\nUNSIGNED-PAYLOAD"
    text = f"OSS4-HMAC-SHA256\n{date}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = b"aliyun_v4" + CREDENTIALS.access_key_secret.encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def test_an_object_is_written(server: S3Server) -> None:
    put(server.endpoint)
    assert server.content(KEY) == CONTENT
    assert server.content_type(KEY) == "application/json"


def test_the_request_is_signed_encrypted_and_overwrites_nothing() -> None:
    requests, record = recorded()
    with peer(record) as endpoint:
        put(f"http://{endpoint}")
    ((line, headers, body),) = requests
    assert line == f"PUT /{BUCKET}/{quote(KEY)} HTTP/1.1"
    assert body == CONTENT
    expected = {
        "content-type": "application/json",
        "x-oss-server-side-encryption": "AES256",
        "x-oss-forbid-overwrite": "true",
        "x-oss-security-token": "local-token",
        "host": endpoint,
    }
    assert expected.items() <= headers.items()
    scheme, _, fields = headers["authorization"].partition(" ")
    assert scheme == "OSS4-HMAC-SHA256"
    assert fields == (
        f"Credential=STS.local/{headers['x-oss-date'][:8]}/{REGION}/oss/aliyun_v4_request,"
        f"Signature={signature_v4(requests[0])}"
    )
    assert headers["x-oss-date"][:13] == time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())[:13]


def test_a_bucket_at_a_named_host_stands_before_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []

    def look_up(host: str, port: int, **_: object) -> list[object]:
        asked.append((host, port))
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    assert failure("https://oss-cn-shanghai.aliyuncs.com") == (
        "nothing was sent: gaierror: oss-cn-shanghai.aliyuncs.com"
    )
    assert asked == [(f"{BUCKET}.oss-cn-shanghai.aliyuncs.com", 443)]


def error(status: str, code: str) -> Behaviour:
    body = f"<Error><Code>{code}</Code><Message>{BUCKET} local-token</Message></Error>".encode()
    return answering(status, body, "Content-Type: application/xml", "Date: Wed, 25 Nov 2026 03:00:00 GMT")


@pytest.mark.parametrize(
    ("behave", "told"),
    [
        (error("403 Forbidden", "AccessDenied"), "OSS answered AccessDenied with HTTP 403"),
        (error("409 Conflict", "FileAlreadyExists"), "OSS answered FileAlreadyExists with HTTP 409"),
        (error("500 Oops", "13188888888"), "OSS answered no code with HTTP 500"),
        (answering("503 Busy", b"<html>local-token</html>"), "OSS answered no code with HTTP 503"),
        (answering("502 Bad", b"\xff\xfe<"), "OSS answered no code with HTTP 502"),
        (answering("307 Moved", b"", "Location: http://127.0.0.1:9/"), "OSS answered no code with HTTP 307"),
        (answering("204 None"), "no usable answer: status 204"),
        (hanging_up, "no usable answer: RemoteDisconnected"),
        (answering("nonsense"), "no usable answer: BadStatusLine"),
    ],
)
def test_every_failure_is_told_without_a_word_of_request_or_answer(behave: Behaviour, told: str) -> None:
    with peer(behave) as endpoint:
        assert failure(f"http://{endpoint}") == told


def test_a_bucket_that_is_not_there_is_told(server: S3Server) -> None:
    assert failure(server.endpoint, name="not-there") == "OSS answered NoSuchBucket with HTTP 404"


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert failure(f"http://127.0.0.1:{port}") == "nothing was sent: ConnectionRefusedError"


@pytest.mark.parametrize("behave", [silent, dripping])
def test_nothing_stretches_the_deadline(behave: Behaviour) -> None:
    with peer(behave) as endpoint:
        began = time.monotonic()
        assert failure(f"http://{endpoint}", within_s=0.3).startswith("no usable answer: ")
        assert 0.2 < time.monotonic() - began < 10


def test_a_deadline_that_has_passed_sends_nothing() -> None:
    requests, record = recorded()
    with peer(record) as endpoint:
        assert failure(f"http://{endpoint}", within_s=-1).startswith("nothing was sent: ")
    assert requests == []


def test_a_redirect_is_not_followed() -> None:
    elsewhere, record = recorded()
    count: list[Request] = []

    with peer(record) as target:

        def redirect(connection: socket.socket) -> None:
            count.append(read_request(connection))
            head = (
                f"HTTP/1.1 307 Moved\r\nLocation: http://{target}/x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
            connection.sendall(head.encode())

        with peer(redirect) as endpoint:
            failure(f"http://{endpoint}")
    assert len(count) == 1
    assert elsewhere == []


def test_nothing_is_tried_again() -> None:
    count: list[None] = []
    busy = error("503 Busy", "ServiceBusy")

    def refuse(connection: socket.socket) -> None:
        count.append(None)
        busy(connection)

    with peer(refuse) as endpoint:
        assert failure(f"http://{endpoint}") == "OSS answered ServiceBusy with HTTP 503"
    assert len(count) == 1


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_shell_is_not_used(server: S3Server, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:9")
    put(server.endpoint, key=f"proxy/{variable}")
    assert server.content(f"proxy/{variable}") == CONTENT


def test_nothing_reaches_a_log_even_if_it_is_asked_to(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    for behave in (recorded()[1], error("403 Forbidden", "AccessDenied"), silent):
        with peer(behave) as endpoint, contextlib.suppress(oss.OssError):
            put(f"http://{endpoint}", within_s=0.3)
    assert caplog.records == []
    assert capsys.readouterr() == ("", "")


def test_objects_written_at_once_do_not_mix() -> None:
    requests, record = recorded()
    barrier = threading.Barrier(8)

    def write(index: int) -> None:
        own = Credentials(f"STS.{index}", f"secret-{index}", f"token-{index}")
        barrier.wait()
        oss.put(oss.Bucket(f"http://{endpoint}", REGION, BUCKET), f"{index}", b"%d" % index, own, time.monotonic() + 5)

    with peer(record) as endpoint, ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    for line, headers, body in requests:
        index = body.decode()
        assert line.split(" ")[1] == f"/{BUCKET}/{index}"
        assert headers["x-oss-security-token"] == f"token-{index}"
        assert f"Credential=STS.{index}/" in headers["authorization"]
    assert len(requests) == 8


def test_the_transport_is_the_one_that_every_call_has(monkeypatch: pytest.MonkeyPatch, server: S3Server) -> None:
    sent: list[str] = []
    real = transport.send

    def send(method: str, *arguments: object, **limits: float) -> transport.Answer:
        sent.append(method)
        return real(method, *arguments, **limits)  # type: ignore[arg-type] # as it was called

    monkeypatch.setattr(transport, "send", send)
    put(server.endpoint, key="sent")
    assert sent == ["PUT"]
