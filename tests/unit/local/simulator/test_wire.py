import re
from email.message import Message

import pytest

from local.simulator.delivery import Answer
from local.simulator.request import Request
from local.simulator.wire import FramingError, body_length, head


def headers(*pairs: tuple[str, str]) -> Message:
    message = Message()
    for name, value in pairs:
        message[name] = value
    return message


@pytest.mark.parametrize(
    ("pairs", "length"),
    [
        ((), 0),
        ((("Content-Length", "0"),), 0),
        ((("content-length", " 17 "),), 17),
        ((("Content-Length", "17"), ("Content-Length", "17")), 17),
        ((("Content-Length", "1048576"),), 1 << 20),
        ((("Content-Length", "0" * 5000 + "17"),), 17),
    ],
)
def test_the_length_of_a_body(pairs: tuple[tuple[str, str], ...], length: int) -> None:
    assert body_length(headers(*pairs)) == length


@pytest.mark.parametrize(
    ("pairs", "status"),
    [
        ((("Transfer-Encoding", "chunked"),), 411),
        ((("Transfer-Encoding", "chunked"), ("Content-Length", "1")), 411),
        ((("Content-Length", ""),), 400),
        ((("Content-Length", "-1"),), 400),
        ((("Content-Length", "+1"),), 400),
        ((("Content-Length", "1_0"),), 400),
        ((("Content-Length", "0x10"),), 400),
        ((("Content-Length", "²"),), 400),
        ((("Content-Length", "1, 1"),), 400),
        ((("Content-Length", "1"), ("Content-Length", "2")), 400),
        ((("Content-Length", "1048577"),), 413),
        ((("Content-Length", "9" * 5000),), 413),
    ],
)
def test_a_body_that_cannot_be_read(pairs: tuple[tuple[str, str], ...], status: int) -> None:
    with pytest.raises(FramingError) as caught:
        body_length(headers(*pairs))

    assert caught.value.status == status


def test_a_head_frames_its_body() -> None:
    text = head(Answer(200, {"Content-Type": "a/b"}, b"12345"), keep_alive=True).decode()

    assert re.fullmatch(
        r"HTTP/1\.1 200 OK\r\n"
        r"Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n"
        r"Content-Type: a/b\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n",
        text,
    )


def test_a_head_without_body_or_phrase() -> None:
    assert b"Content-Length" not in head(Answer(204), keep_alive=True)
    assert head(Answer(599), keep_alive=False).startswith(b"HTTP/1.1 599 \r\n")
    assert head(Answer(302), keep_alive=False).endswith(b"Content-Length: 0\r\nConnection: close\r\n\r\n")


def test_parameters_of_query_and_form_are_one() -> None:
    request = Request(
        "POST",
        "/",
        "a=1&a=2&b=%20x+y&c=&d&%ff=1",
        (("CONTENT-TYPE", "application/x-www-form-urlencoded;charset=utf-8"), ("x-acs-action", "A")),
        b"b=other&e=5&Action=B&Version=V",
    )

    assert request.parameters == {
        "a": "1",
        "b": " x y",
        "c": "",
        "d": "",
        "\ufffd": "1",
        "e": "5",
        "Action": "B",
        "Version": "V",
    }
    assert (request.action, request.version) == ("A", "V")


def test_a_body_of_another_type_holds_no_parameters() -> None:
    assert Request("POST", "/", "a=1", (("content-type", "text/plain"),), b"b=2").parameters == {"a": "1"}
