"""The function as a WSGI application, held against the function as the HTTP trigger's handler."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from wsgiref.validate import validator

import pytest

from shared.context import Credentials
from shared.wsgi import application
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
auth = { scheme = "api-key", query = "key", secrets = ["env:MUTE_CALL_TOKEN"] }
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

    def __call__(
        self,
        target: str = "/",
        body: bytes = b"",
        method: str = "POST",
        input: io.BytesIO | None = None,  # noqa: A002 - WSGI's name
        **more: str,
    ) -> tuple[str, Any]:
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
        answer = validator(application(self.world.function))(environ, start_response)
        content = b"".join(answer)
        answer.close()  # type: ignore[attr-defined] # the checker's
        ((status, headers),) = started
        assert dict(headers)["Content-Length"] == str(len(content)) or method == "HEAD"
        return status, json.loads(content) if content else None


@pytest.fixture
def served(tmp_path: Path) -> Served:
    return Served(tmp_path)


BODY = json.dumps(dict(PAYLOAD)).encode()


def test_a_webhook_mutes(served: Served) -> None:
    status, body = served(body=BODY)
    assert (status, body) == ("200 OK", dict(MUTED) | {"request_id": body["request_id"]})


def test_context_and_credentials_are_those_of_this_request(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served(body=BODY)
    served(body=BODY, HTTP_X_FC_SECURITY_TOKEN="another")
    first, second = served.world.call.calls
    assert first.credentials == Credentials("STS.of-this-request", "secret-of-this-request", "token-of-this-request")
    assert second.credentials.security_token == "another"
    assert first.settings.endpoint == "ccc.mars-1.aliyuncs.com"
    assert {json.loads(line)["request_id"] for line in capsys.readouterr().out.splitlines()} == {REQUEST_ID}


def test_credentials_of_the_environment_are_taken_where_the_headers_have_none(served: Served) -> None:
    served.world.environ |= CREDENTIALS
    served(body=BODY, HTTP_X_FC_ACCESS_KEY_ID="")
    assert served.world.call.calls[0].credentials.access_key_id == CREDENTIALS["ALIBABA_CLOUD_ACCESS_KEY_ID"]


def test_no_expression_finds_the_roles_credentials(served: Served) -> None:
    status, body = served("/curious", BODY)
    assert status == "422 Unprocessable Entity"
    assert [error["field"] for error in body["errors"]] == ["job_id"]
    assert served.world.call.calls == []


@pytest.mark.parametrize("target", ["/near", "/near?x=1"])
def test_networks_let_nobody_in_since_the_source_is_unknown(served: Served, target: str) -> None:
    status, body = served(target, BODY, HTTP_X_FORWARDED_FOR="127.0.0.1")
    assert (status, body["code"]) == ("403 Forbidden", "forbidden")


@pytest.mark.parametrize("target", ["/invoke", "/flow", "/default/invoke"])
def test_nothing_over_http_is_a_direct_invocation(served: Served, target: str) -> None:
    status, body = served(target, BODY)
    assert (status, body["code"]) == ("401 Unauthorized", "unauthorized")


def test_the_query_is_decoded_as_the_http_trigger_does(served: Served) -> None:
    query = "&".join(f"{name}={value}" for name, value in PAYLOAD.items()).replace("@", "%40")
    status, body = served(f"/asked?{query}&key={TOKEN}", method="GET", CONTENT_TYPE="", CONTENT_LENGTH="")
    assert (status, body["user_id"]) == ("200 OK", PAYLOAD["UserId"])


@pytest.mark.parametrize(("size", "code"), [(262_144, "malformed_request"), (262_145, "payload_too_large")])
def test_a_body_beyond_the_limit_is_refused(served: Served, size: int, code: str) -> None:
    assert served(body=b"x" * size)[1]["code"] == code


def test_a_body_that_was_cut_off_is_refused(served: Served) -> None:
    """Of this form the channel is missing: without it another one would be muted."""
    form = "&".join(f"{name}={value}" for name, value in PAYLOAD.items()).encode()
    length = str(len(form) + len("&ChannelId=ch:none"))
    content_type = "application/x-www-form-urlencoded"
    status, body = served(body=form, CONTENT_TYPE=content_type, CONTENT_LENGTH=length)
    assert (status, body["code"]) == ("400 Bad Request", "malformed_request")
    assert served(body=form, CONTENT_TYPE=content_type)[0] == "200 OK"
    assert len(served.world.call.calls) == 1


def test_a_body_that_stops_coming_is_refused(served: Served) -> None:
    class Stalled(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise BlockingIOError

    status, body = served(body=BODY, input=Stalled())
    assert (status, body["code"]) == ("400 Bad Request", "malformed_request")


def test_the_answer_to_head_has_no_body(served: Served) -> None:
    status, body = served(method="HEAD", CONTENT_LENGTH="")
    assert (status, body) == ("405 Method Not Allowed", None)


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/healthz", "200 OK"),
        ("GET", "/openapi.json", "200 OK"),
        ("PUT", "/", "405 Method Not Allowed"),
        ("GET", "/", "405 Method Not Allowed"),
        ("POST", "/nobody", "401 Unauthorized"),
        ("GET", "/initialize", "401 Unauthorized"),
    ],
)
def test_routes(served: Served, method: str, target: str, status: str) -> None:
    assert served(target, method=method, CONTENT_LENGTH="")[0] == status


def test_initialize_tells_the_log_what_is_wrong_and_answers_nothing(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    served.world.callers_file.unlink()
    assert served("/initialize") == ("200 OK", None)
    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (line["event"], line["code"], line["request_id"]) == ("initialize", "configuration_error", REQUEST_ID)


def test_bytes_that_are_no_utf8_are_answered(served: Served) -> None:
    status, _ = served("/\xff?a=\xfe", BODY, HTTP_X_NAME="\xff\xfe")
    assert status == "401 Unauthorized"
