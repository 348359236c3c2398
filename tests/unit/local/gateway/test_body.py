import io

import pytest

from local.gateway.body import read_body
from local.gateway.message import RejectionError

CHUNKED = [("Transfer-Encoding", "chunked")]


@pytest.mark.parametrize(
    ("headers", "wire", "body"),
    [
        ([], b"GET", b""),
        ([("Content-Length", "0")], b"GET", b""),
        ([("content-length", "3")], b"abcGET", b"abc"),
        ([("Content-Length", "3"), ("Content-Length", "3")], b"abcGET", b"abc"),
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
    ("headers", "wire"),
    [
        ([("Content-Length", "-1")], b""),
        ([("Content-Length", "")], b""),
        ([("Content-Length", "1e3")], b""),
        ([("Content-Length", "+1")], b"a"),
        ([("Content-Length", "٣")], b"abc"),
        ([("Content-Length", "1, 1")], b"a"),
        ([("Content-Length", "1"), ("Content-Length", "2")], b"ab"),
        ([("Content-Length", "9" * 5000)], b""),
        ([("Content-Length", "3")], b"ab"),
        ([("Content-Length", "11")], b"0123456789a"),
        ([*CHUNKED, ("Content-Length", "3")], b"0\r\n\r\n"),
        ([*CHUNKED, *CHUNKED], b"0\r\n\r\n"),
        ([("Transfer-Encoding", "gzip, chunked")], b"0\r\n\r\n"),
        ([("Transfer-Encoding", "identity")], b""),
        (CHUNKED, b""),
        (CHUNKED, b"\r\n"),
        (CHUNKED, b"x\r\n"),
        (CHUNKED, b"-1\r\n"),
        (CHUNKED, b"0x1\r\na\r\n0\r\n\r\n"),
        (CHUNKED, b"1"),
        (CHUNKED, b"1\r\nab\r\n0\r\n\r\n"),
        (CHUNKED, b"3\r\nab"),
        (CHUNKED, b"3\r\nabc"),
        (CHUNKED, b"b\r\n0123456789a\r\n0\r\n\r\n"),
        (CHUNKED, b"6\r\n012345\r\n6\r\n012345\r\n0\r\n\r\n"),
        (CHUNKED, b"fffffffffffffff\r\n"),
        (CHUNKED, b"1" * 5000),
        (CHUNKED, b"0\r\n"),
        (CHUNKED, b"0\r\n" + b"X: 1\r\n" * 100),
    ],
)
def test_a_body_that_cannot_be_read_is_an_invalid_argument(headers: list[tuple[str, str]], wire: bytes) -> None:
    with pytest.raises(RejectionError) as raised:
        read_body(io.BytesIO(wire), headers, 10)
    assert (raised.value.status, raised.value.code) == (400, "InvalidArgument")
