"""What is sent for a request, and what of the bytes that come is an answer."""

from __future__ import annotations

import io
import time

import pytest

from shared.clients import wire
from shared.clients.exchange import Exchange, LostError, UnreadableError

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: Chunked\r\n\r\n"


def read(raw: bytes) -> wire.Received:
    with Exchange(time.monotonic() + 60).current():
        return wire.read_answer(io.BufferedReader(io.BytesIO(raw)))


@pytest.mark.parametrize(
    ("raw", "body", "reusable"),
    [
        (OK + b"Content-Length: 2\r\n\r\n{}", b"{}", True),
        (OK + b"content-length:2\r\n\r\n{} and more", b"{}", True),
        (OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", b"{}", True),
        (OK + b"Content-Length: 0\r\n\r\n", b"", True),
        (OK + b"Content-Length: 2\r\nConnection: Close\r\n\r\n{}", b"{}", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"{}", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n{}", b"{}", True),
        (OK + b"\r\n{}", b"{}", False),
        (b"HTTP/1.1 200\nContent-Length: 2\n\n{}", b"{}", True),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\nA: b\r\n\r\n" + OK + b"\r\n{}", b"{}", False),
        (CHUNKED + b"1\r\n{\r\n001;a=b\r\n}\r\n0\r\n\r\n", b"{}", True),
        (CHUNKED + b"A\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\n", b"0123456789", True),
        (CHUNKED + b"2\r\n{}\r\n0\r\n", b"{}", True),
        # Where both are given, the chunks count.
        (CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 9\r\n\r\n") + b"2\r\n{}\r\n0\r\n\r\n", b"{}", True),
    ],
)
def test_an_answer_is_read_whole(raw: bytes, body: bytes, *, reusable: bool) -> None:
    answer = read(raw)
    assert (answer.status, answer.body, answer.reusable) == (200, body, reusable)


def test_headers_are_read_as_they_may_be_written() -> None:
    raw = OK + b"X-A:  1 \r\nx-b:\r\nX-a: 2:3\r\nX-C: one\r\n\t two \r\n  three\r\nX-D: \xe9\r\n\r\n"
    answer = read(raw)
    assert answer.reason == "OK"
    assert answer.headers == {"x-a": "1, 2:3", "x-b": "", "x-c": "one two three", "x-d": "\xe9"}


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"", LostError),
        (b"HTTP/1.1 200", LostError),
        (OK + b"Content-Length: 2\r\n", LostError),
        (OK + b"Content-Length: 2", LostError),
        (OK + b"Content-Length: 3\r\n\r\n{}", LostError),
        (CHUNKED, LostError),
        (CHUNKED + b"2", LostError),
        (CHUNKED + b"2\r\n{", LostError),
        (CHUNKED + b"2\r\n{}", LostError),
        (CHUNKED + b"2\r\n{}\r\n", LostError),
        (b"SSH-2.0-x\r\n\r\n", UnreadableError),
        (b"HTTP/2.0 200 OK\r\n\r\n", UnreadableError),
        (b"HTTP/1.1 2000 OK\r\n\r\n", UnreadableError),
        (b"HTTP/1.1 2\xb20 OK\r\n\r\n", UnreadableError),
        (b"HTTP/1.1  200 OK\r\n\r\n", UnreadableError),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK + b"\r\n", UnreadableError),
        (b"HTTP/1.1 204 No Content\r\n\r\n", UnreadableError),
        (OK + b"no header\r\n\r\n", UnreadableError),
        (OK + b": b\r\n\r\n", UnreadableError),
        (OK + b"Content-Length : 2\r\n\r\n{}", UnreadableError),
        (OK + b" folded: into nothing\r\n\r\n", UnreadableError),
        (OK + b"A: b\r\n" * 101 + b"\r\n", UnreadableError),
        (OK + b"A: " + b"b" * 65_536 + b"\r\n\r\n", UnreadableError),
        (OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", UnreadableError),
        (OK + b"Content-Length: 2, 3\r\n\r\n{}", UnreadableError),
        *((OK + b"Content-Length: " + text + b"\r\n\r\n{}", UnreadableError) for text in (b"", b"-1", b"+2", b"2_0")),
        (OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n{}", UnreadableError),
        (OK + b"Content-Length: 1048577\r\n\r\n" + bytes(1_048_577), UnreadableError),
        (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", UnreadableError),
        (CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n", UnreadableError),
        (CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n", UnreadableError),
        (CHUNKED + b"\r\n", UnreadableError),
        (CHUNKED + b"2\r\n{}}\r\n0\r\n\r\n", UnreadableError),
    ],
)
def test_what_is_no_answer_is_lost_or_unreadable(raw: bytes, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        read(raw)


def test_a_line_of_spaces_costs_no_more_than_its_length() -> None:
    began = time.process_time()
    read(OK + b"A: b" + b" " * 65_000 + b"c\r\n" + b"A: b\r\n" * 90 + b"\r\n")
    assert time.process_time() - began < 1


def test_a_request_has_what_http_needs_and_no_header_twice() -> None:
    assert wire.request("GET", "/a?b=c", "ccc.test:81", {}, None) == (
        b"GET /a?b=c HTTP/1.1\r\nHost: ccc.test:81\r\nAccept-Encoding: identity\r\n\r\n"
    )
    headers = {"host": "other.test", "ACCEPT-ENCODING": "gzip", "x": "\xe9"}
    assert wire.request("POST", "/", "ccc.test", headers, None) == (
        b"POST / HTTP/1.1\r\nContent-Length: 0\r\nhost: other.test\r\nACCEPT-ENCODING: gzip\r\nx: \xe9\r\n\r\n"
    )
    assert wire.request("PUT", "/", "ccc.test", {}, b"{}").endswith(b"\r\nContent-Length: 2\r\n\r\n{}")


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/ HTTP/1.1\r\nA: b", {}),
        ("/a b", {}),
        ("/", {"a": "b\r\nc: d"}),
        ("/", {"a\n": "b"}),
        ("/", {"a": "\0"}),
        ("/", {"a": "静音"}),
    ],
)
def test_nothing_of_a_request_ends_a_line(target: str, headers: dict[str, str]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever kind of it
        wire.request("POST", target, "ccc.test", headers, None)
