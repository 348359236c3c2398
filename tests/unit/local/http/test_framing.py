import io
import re
from email import message_from_string

import pytest

from local.http.framing import as_addressed, head, origin_form, read_body, read_headers
from local.http.message import Answer, MalformedError

CHUNKED = [("Transfer-Encoding", "chunked")]


@pytest.mark.parametrize(
    ("headers", "wire", "body"),
    [
        ([], b"GET", b""),
        ([("Content-Length", "0")], b"GET", b""),
        ([("content-length", " 3 "), ("Content-Length", "3")], b"abcGET", b"abc"),
        ([("Content-Length", "00010")], b"0123456789GET", b"0123456789"),
        (CHUNKED, b"0\r\n\r\nGET", b""),
        (CHUNKED, b"3\r\nabc\r\n2;x=1\r\nde\r\n0\r\n\r\nGET", b"abcde"),
        (CHUNKED, b"A\r\n0123456789\r\n00\r\nX-Trailer: 1\r\n\r\nGET", b"0123456789"),
        ([("transfer-encoding", " Chunked ")], b"1\na\n0\n\nGET", b"a"),
    ],
)
def test_a_body_is_read_to_its_end_and_no_further(headers: list[tuple[str, str]], wire: bytes, body: bytes) -> None:
    stream = io.BytesIO(wire)
    assert read_body(stream, headers, 10) == body
    assert stream.read() == b"GET"


@pytest.mark.parametrize(
    ("headers", "wire", "status"),
    [
        *(
            ([("Content-Length", value)], b"abc", 400)
            for value in ("-1", "", "1e3", "+1", "٣", "1, 1", "9" * 5000, "4")
        ),
        ([("Content-Length", "1"), ("Content-Length", "2")], b"ab", 400),
        ([("Content-Length", "11")], b"0123456789a", 413),
        ([*CHUNKED, ("Content-Length", "3")], b"0\r\n\r\n", 400),
        ([*CHUNKED, *CHUNKED], b"0\r\n\r\n", 400),
        ([("Transfer-Encoding", "gzip, chunked")], b"0\r\n\r\n", 400),
        ([("Transfer-Encoding", "identity")], b"", 400),
        # White space to Python, and not to HTTP.
        *(([("Transfer-Encoding", f"{odd}chunked")], b"0\r\n\r\n", 400) for odd in "\x0b\x0c\x85\xa0"),
        *(([("Content-Length", f"3{odd}")], b"abc", 400) for odd in "\x0b\x0c\x85\xa0"),
        *(
            (CHUNKED, wire, 400)
            for wire in (b"", b"\r\n", b"x\r\n", b"-1\r\n", b"0x1\r\na\r\n0\r\n\r\n", b"1", b"1" * 5000)
        ),
        *((CHUNKED, wire, 400) for wire in (b"1\r\nab\r\n0\r\n\r\n", b"3\r\nab", b"3\r\nabc")),
        *((CHUNKED, wire, 400) for wire in (b"0\r\n", b"0\r\n" + b"X: 1\r\n" * 100)),
        (CHUNKED, b"fffffffffffffff\r\n", 413),
        (CHUNKED, b"6\r\n012345\r\n6\r\n012345\r\n0\r\n\r\n", 413),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(headers: list[tuple[str, str]], wire: bytes, status: int) -> None:
    with pytest.raises(MalformedError) as raised:
        read_body(io.BytesIO(wire), headers, 10)
    assert raised.value.status == status


@pytest.mark.parametrize(
    "lines", ["X-A: 1\n folded", "X(A): 1", "X-A : 1", "X-A: \0", ": 1", " folded\nX-A: 1", "From me\nX-A: 1"]
)
def test_a_malformed_header_is_refused(lines: str) -> None:
    with pytest.raises(MalformedError):
        read_headers(message_from_string(f"{lines}\n\n"))


def test_headers_are_kept_in_order_with_duplicates() -> None:
    assert read_headers(message_from_string("b: 1\nA: 2\nB: 3\n\n")) == (("b", "1"), ("A", "2"), ("B", "3"))


@pytest.mark.parametrize(
    ("target", "form"),
    [
        ("/", "/"),
        ("/a%20b?c=d#e", "/a%20b?c=d#e"),
        ("//a//b", "//a//b"),
        ("http://127.0.0.1:9000/a?b=c", "/a?b=c"),
        ("HTTPS://example.com", "/"),
        ("http://example.com?a=b", "/?a=b"),
    ],
)
def test_a_target_is_reduced_to_path_and_query(target: str, form: str) -> None:
    assert origin_form(target) == form


@pytest.mark.parametrize("target", ["*", "example.com:443", "/静", "/\x7f", "ftp://example.com/", "", "a", "http://["])
def test_other_targets_are_refused(target: str) -> None:
    with pytest.raises(MalformedError):
        origin_form(target)


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("//evil.example/a", "127.0.0.1:9000"),
        ("HTTP://user@evil.example:81?a=b", "evil.example:81"),
    ],
)
def test_the_host_of_a_target_in_absolute_form_counts(target: str, host: str) -> None:
    headers = (("Accept", "*/*"), ("Host", "127.0.0.1:9000"))
    assert sorted(as_addressed(headers, target)) == [("Accept", "*/*"), ("Host", host)]


@pytest.mark.parametrize("close", [False, True])
def test_a_head_frames_its_body(close: bool) -> None:  # noqa: FBT001 - a table's column
    text = head(Answer(200, {"X-A": "静", "date": "x", "content-length": "7"}, b"12345"), close=close).decode()
    assert re.fullmatch(
        r"HTTP/1\.1 200 OK\r\nX-A: 静\r\n"
        r"Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\nContent-Length: 5\r\n"
        + "Connection: close\r\n" * close
        + r"\r\n",
        text,
    )


def test_a_head_without_body_or_phrase() -> None:
    assert b"Content-Length" not in head(Answer(204), close=False)
    assert b"Content-Length" not in head(Answer(304, body=b"ignored"), close=False)
    assert head(Answer(599), close=False).startswith(b"HTTP/1.1 599 ")
