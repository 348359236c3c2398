"""The function as a WSGI application, held against the function as the HTTP trigger's handler."""

from __future__ import annotations

import contextlib
import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from wsgiref.validate import validator

import pytest

from shared.runtime.context import Credentials
from shared.runtime.event import Response
from shared.server.wsgi import application
from tests.builders import CREDENTIALS, MUTED, PAYLOAD, REQUEST_ID, TOKEN
from tests.unit.shared.fakes import World

CALLERS = """
[callers.default]
auth = { scheme = "bearer", secrets = ["env:MUTE_CALL_TOKEN"] }
instances = ["*"]
[callers.near]
auth = { scheme = "bearer", secrets = ["env:MUTE_CALL_TOKEN"] }
instances = ["*"]
networks = ["127.0.0.0/8", "0.0.0.0/0"]
[callers.curious]
auth = { scheme = "bearer", secrets = ["env:MUTE_CALL_TOKEN"] }
instances = ["*"]
[callers.curious.parameters]
device_id = "'console'"
instance_id = "'ccc-test'"
job_id = "headers.\\"x-fc-security-token\\""
user_id = "body.UserId"
[callers.asked]
auth = { scheme = "api-key", key = "query.key", secrets = ["env:MUTE_CALL_TOKEN"] }
instances = ["*"]
methods = ["GET"]
[callers.flow]
auth = { scheme = "ram" }
instances = ["*"]
"""
PLATFORM = {
    "HTTP_X_FC_REQUEST_ID": REQUEST_ID,
    "HTTP_X_FC_REGION": "mars-1",
    "HTTP_X_FC_FUNCTION_NAME": "mute-call",
    "HTTP_X_FC_ACCESS_KEY_ID": "STS.of-this-request",
    "HTTP_X_FC_ACCESS_KEY_SECRET": "secret-of-this-request",
    "HTTP_X_FC_SECURITY_TOKEN": "token-of-this-request",
}


class Served:
    """The application of a function whose environment has no role credentials."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder, CALLERS)
        for name in CREDENTIALS:
            del self.world.environ[name]
        self.places: AbstractContextManager[object] | None = None

    def __call__(
        self,
        target: str = "/",
        body: bytes = b"",
        method: str = "POST",
        input: io.BytesIO | None = None,  # noqa: A002 - WSGI's name
        *,
        checked: bool = True,
        **more: Any,
    ) -> tuple[int, Any]:
        environ = {
            "REQUEST_METHOD": method,
            "RAW_URI": target,
            "PATH_INFO": target.partition("?")[0],
            "QUERY_STRING": target.partition("?")[2],
            "SCRIPT_NAME": "",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "9000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_AUTHORIZATION": f"Bearer {TOKEN}",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": input or io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            **PLATFORM,
            **more,
        }
        started: list[tuple[Any, ...]] = []

        def start_response(*arguments: Any) -> Callable[[bytes], object]:
            started.append(arguments)
            return bytes

        # The standard's own checker: types, headers, the order of the calls.
        bare = application(self.world.function, self.places)
        serve = validator(bare) if checked else bare
        with contextlib.ExitStack() as stack:
            answer = serve(environ, start_response)
            if checked:
                stack.callback(answer.close)  # type: ignore[attr-defined] # the checker's
            content = b"".join(answer)
        ((status, headers),) = started
        assert dict(headers)["Content-Length"] == str(len(content)) or method == "HEAD"
        return int(status.split()[0]), json.loads(content) if content else None


@pytest.fixture
def served(tmp_path: Path) -> Served:
    return Served(tmp_path)


BODY = json.dumps(dict(PAYLOAD)).encode()


def test_a_webhook_mutes(served: Served) -> None:
    status, body = served(body=BODY)
    assert (status, body) == (200, dict(MUTED) | {"request_id": body["request_id"]})


def test_context_and_credentials_are_those_of_this_request(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served(body=BODY)
    served(body=BODY, HTTP_X_FC_SECURITY_TOKEN="another")
    first, second = served.world.call.calls
    assert first.credentials == Credentials("STS.of-this-request", "secret-of-this-request", "token-of-this-request")
    assert second.credentials.security_token == "another"
    assert first.settings.ccc_endpoint == "https://ccc.mars-1.aliyuncs.com"
    assert {json.loads(line)["request_id"] for line in capsys.readouterr().out.splitlines()} == {REQUEST_ID}


def test_a_request_that_waits_for_a_place_has_its_whole_deadline(served: Served) -> None:
    placed: list[float] = []

    @contextlib.contextmanager
    def place() -> Iterator[None]:
        placed.append(time.monotonic())
        yield

    served.places = place()
    served(body=BODY)
    assert served.world.call.calls[0].deadline >= placed[0] + 4.5


def test_credentials_of_the_environment_are_taken_where_the_headers_have_none(served: Served) -> None:
    served.world.environ |= CREDENTIALS
    served(body=BODY, HTTP_X_FC_ACCESS_KEY_ID="")
    assert served.world.call.calls[0].credentials.access_key_id == CREDENTIALS["ALIBABA_CLOUD_ACCESS_KEY_ID"]


def test_no_expression_finds_the_roles_credentials(served: Served) -> None:
    status, body = served("/curious", BODY)
    assert status == 422
    assert [error["field"] for error in body["errors"]] == ["job_id"]
    assert served.world.call.calls == []


def test_networks_let_nobody_in_since_the_source_is_unknown(served: Served) -> None:
    status, body = served("/near", BODY, HTTP_X_FORWARDED_FOR="127.0.0.1")
    assert (status, body["code"]) == (403, "forbidden")


@pytest.mark.parametrize("target", ["/invoke", "/flow", "/default/invoke"])
def test_nothing_over_http_is_a_direct_invocation(served: Served, target: str) -> None:
    status, body = served(target, BODY)
    assert (status, body["code"]) == (401, "unauthorized")


def test_the_query_is_decoded_as_the_http_trigger_does(served: Served) -> None:
    query = "&".join(f"{name}={value}" for name, value in PAYLOAD.items()).replace("@", "%40")
    status, body = served(f"/asked?{query}&key={TOKEN}", method="GET", CONTENT_TYPE="", CONTENT_LENGTH="")
    assert (status, body["user_id"]) == (200, PAYLOAD["UserId"])


@pytest.mark.parametrize(
    ("announced", "more", "content", "code"),
    [
        # Announced: no more is read, however much there is.
        (str(len(BODY)), {}, BODY + b"of the next request", None),
        (str(len(BODY)), {"wsgi.input_terminated": True}, BODY + b"of the next request", None),
        ("262144", {}, b"x" * 262_144, "malformed_request"),
        ("262145", {}, None, "payload_too_large"),
        ("9" * 4300, {}, None, "payload_too_large"),
        ("9" * 4301, {}, None, "malformed_request"),
        ("+5", {}, None, "malformed_request"),
        ("\xb2", {}, None, "malformed_request"),
        # Not announced: read only where it ends by itself.
        ("", {"wsgi.input_terminated": True}, BODY, None),
        ("", {"wsgi.input_terminated": True}, b"x" * 300_000, "payload_too_large"),
        ("", {"HTTP_TRANSFER_ENCODING": "chunked"}, None, "malformed_request"),
        ("", {}, None, "invalid_parameters"),
        ("0", {"wsgi.input_terminated": True}, None, "invalid_parameters"),
        # A server may have the two headers twice, or nothing but those of its own.
        (str(len(BODY)), {"HTTP_CONTENT_LENGTH": "1", "HTTP_CONTENT_TYPE": "text/plain"}, BODY, None),
    ],
)
def test_of_a_body_no_more_is_read_than_there_is(
    served: Served, announced: str, more: dict[str, Any], content: bytes | None, code: str | None
) -> None:
    class Waiting(io.BytesIO):
        """Nothing follows, and the server waits for it."""

        def read(self, size: int | None = -1) -> bytes:
            assert content is not None, "read"
            assert size is not None
            assert 0 < size <= 262_145
            return super().read(size)

    # The checker refuses some of these itself; not every server does.
    status, body = served(input=Waiting(content or b""), checked=False, CONTENT_LENGTH=announced, **more)
    assert (status == 200, body.get("code")) == (code is None, code)


@pytest.mark.parametrize(
    ("environ", "path", "query"),
    [
        ({"RAW_URI": "/a%2Fb//c?x=%41&y=a+b&&z"}, "/a%2Fb//c", "x=%41&y=a+b&&z"),
        ({"REQUEST_URI": "/a%2fb?x=?&y=/"}, "/a%2fb", "x=?&y=/"),
        ({"RAW_URI": "/a", "REQUEST_URI": "/b"}, "/a", ""),
        ({"RAW_URI": "/a?"}, "/a", ""),
        ({"RAW_URI": "//x/a?b=http://c/d"}, "//x/a", "b=http://c/d"),
        ({"RAW_URI": "http://u@x:1/a?b"}, "/a", "b"),
        ({"RAW_URI": "HTTPS://x?b"}, "/", "b"),
        ({"RAW_URI": "*"}, "*", ""),
        # Of a server that has it decoded alone the path is written anew, and the query is the one that was sent.
        ({"PATH_INFO": "/a b/\xc3\xa9?%", "QUERY_STRING": "x=%41&y=a+b"}, "/a%20b/%C3%A9%3F%25", "x=%41&y=a+b"),
        ({"SCRIPT_NAME": "/mounted", "PATH_INFO": "/a@b", "QUERY_STRING": None}, "/mounted/a@b", ""),
        ({"PATH_INFO": "", "QUERY_STRING": ""}, "/", ""),
    ],
)
def test_the_request_target_is_the_one_that_was_sent(environ: dict[str, str | None], path: str, query: str) -> None:
    requests: list[Any] = []

    class Noting:
        def respond(self, request: Any, _: object) -> Response:
            requests.append(request)
            return Response(200, {})

    given = {"REQUEST_METHOD": "POST", "SCRIPT_NAME": "", "PATH_INFO": "/none", "QUERY_STRING": "none"} | environ
    serve = application(Noting())  # type: ignore[arg-type] # all of a function that is called
    list(serve({name: value for name, value in given.items() if value is not None}, lambda *_: None))
    assert [(request.raw_path, request.raw_query) for request in requests] == [(path, query)]


def test_a_platform_header_that_came_twice_is_refused(served: Served) -> None:
    """A server joins the two, and nobody can tell which of them is the platform's."""
    for name, value in PLATFORM.items():
        twice: dict[str, Any] = {name: f"{value},"}
        assert served(body=BODY, **twice)[1]["code"] == "malformed_request", name
    assert served.world.call.calls == []


def test_a_body_that_was_cut_off_is_refused(served: Served) -> None:
    """Of this form the channel is missing: without it another one would be muted."""
    form = "&".join(f"{name}={value}" for name, value in PAYLOAD.items()).encode()
    length = str(len(form) + len("&ChannelId=ch:none"))
    content_type = "application/x-www-form-urlencoded"
    status, body = served(body=form, CONTENT_TYPE=content_type, CONTENT_LENGTH=length)
    assert (status, body["code"]) == (400, "malformed_request")
    assert served(body=form, CONTENT_TYPE=content_type)[0] == 200
    assert len(served.world.call.calls) == 1


def test_pages_are_served_and_head_has_no_body(served: Served) -> None:
    assert served("/healthz", method="GET", CONTENT_LENGTH="")[0] == 200
    assert served(method="HEAD", CONTENT_LENGTH="") == (405, None)


def test_initialize_tells_the_log_what_is_wrong_and_answers_nothing(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    served.world.callers_file.unlink()
    assert served("/initialize") == (200, None)
    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (line["event"], line["code"], line["request_id"]) == ("initialize", "configuration_error", REQUEST_ID)


def test_initialize_runs_once_whoever_asks(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served.world.callers_file.unlink()
    serve = application(served.world.function)
    request = {"REQUEST_METHOD": "POST", "RAW_URI": "/initialize", "wsgi.input": io.BytesIO()}
    statuses: list[str] = []
    for _ in range(3):
        serve(request, lambda status, _headers: statuses.append(status))
    assert statuses == ["200 OK"] * 3
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_bytes_that_are_no_utf8_are_answered(served: Served) -> None:
    assert served("/%ff?a=%fe", BODY, HTTP_X_NAME="\xff\xfe")[0] == 401
    assert served("/\xff?a=\xfe", BODY)[0] == 400


def test_a_body_that_stops_coming_is_refused(served: Served) -> None:
    class Stalled(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise BlockingIOError

    assert served(body=BODY, input=Stalled())[1]["code"] == "malformed_request"
