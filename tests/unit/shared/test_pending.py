"""What the code does not do yet as the contract says; each test moves to its module's file with the repair."""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path

import pytest

from shared import ccc, log, transport
from shared.callers import load_callers
from shared.context import Credentials
from shared.envelope import read_body, read_event
from shared.parameters import CallParameters, read_parameters
from shared.problems import (
    ConfigurationError,
    FieldError,
    InvalidParameters,
    MalformedRequest,
    Throttled,
    UpstreamRejected,
)
from shared.settings import read_settings
from tests.builders import PAYLOAD, http_event
from tests.unit.shared.fakes import MUTE_CALL, World

VALID = {"device_id": "device", "instance_id": "ccc-test", "job_id": "job-1", "user_id": "a@b"}


def read(payload: dict[str, str]) -> CallParameters:
    return read_parameters(CallParameters, payload)


def errors_of(payload: dict[str, str]) -> set[FieldError]:
    with pytest.raises(InvalidParameters) as caught:
        read(payload)
    return set(caught.value.errors)


@pytest.mark.parametrize("value", ["", " ", "\t \n", "\u00a0"])
@pytest.mark.parametrize("name", VALID)
def test_a_required_parameter_must_not_be_empty(name: str, value: str) -> None:
    assert errors_of({**VALID, name: value}) == {FieldError(name, "must not be empty")}


@pytest.mark.parametrize("character", ["a", "ü", "静", "\U0001f600"])
def test_256_characters_are_taken_and_257_are_not(character: str) -> None:
    assert read({**VALID, "job_id": f"  {character * 256}  "}).job_id == character * 256
    assert errors_of({**VALID, "job_id": character * 257}) == {FieldError("job_id", "must have at most 256 characters")}


@pytest.mark.parametrize("body", ["=", "==", "YWJj=", "YWJj==", "YWJj====", "YR=="])
def test_bad_base64_is_malformed_on_every_python(body: str) -> None:
    with pytest.raises(MalformedRequest):
        read_body(read_event(http_event(body=body, is_base64=True)))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('[callers.crm]\nauth = { scheme = "canary" }\ninstances = ["a"]\n', "callers.crm.auth"),
        ('[callers.crm]\nauth = { scheme = ["canary"] }\ninstances = ["a"]\n', "callers.crm.auth"),
        (
            '[callers.auth]\nauth = { scheme = "ram" }\ninstances = ["a"]\nresponse = "canary"\n',
            "callers.auth.response",
        ),
        (
            '[callers.auth]\nauth = { scheme = "bearer", secrets = ["canary"] }\ninstances = ["a"]\n',
            "callers.auth.auth.secrets",
        ),
        (
            '[callers.open]\nauth = { scheme = "none", allow_anonymous = 1 }\ninstances = ["a"]\n',
            "callers.open.auth.allow_anonymous",
        ),
        ("[callers.crm]\ninstances = " + "[" * 5000, "callers file"),
        ('[callers.crm]\nauth = { scheme = "ram" }\ninstances = [" "]\n', "callers.crm.instances.0"),
        (
            '[callers.crm]\nauth = { scheme = "ram" }\ninstances = ["a"]\ndefaults = { job_id = " " }\n',
            "callers.crm.defaults.job_id",
        ),
    ],
)
def test_a_broken_callers_file_is_told_by_caller_and_key(tmp_path: Path, text: str, place: str) -> None:
    file = tmp_path / "callers.toml"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigurationError) as caught:
        load_callers(file)

    assert place in caught.value.reason
    assert "canary" not in caught.value.reason


@pytest.mark.parametrize("code", ["NotExists.Skill", "NotExists.JobIdx"])
def test_what_else_does_not_exist_is_rejected_with_a_5xx_too(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    content = json.dumps({"Code": code, "RequestId": "A-1"}).encode()
    answer = transport.Answer(500, "", {"content-type": "application/json"}, content)
    monkeypatch.setattr(transport, "send", lambda *_args, **_kwargs: answer)
    settings = read_settings({}, region="cn-shanghai", callers_file="callers.toml")

    with pytest.raises(UpstreamRejected):
        ccc.call(MUTE_CALL, {}, Credentials("id", "secret", "token"), settings, time.monotonic() + 5)


@pytest.mark.parametrize("value", ["%FF", "%ED%A0%80", "\ud800"], ids=ascii)
def test_a_query_that_is_no_utf8_is_malformed_as_a_form_is(tmp_path: Path, value: str) -> None:
    reply = World(tmp_path).http(body="", query={**PAYLOAD, "JobId": value})

    assert reply.code == "malformed_request"


def test_a_wait_that_is_beyond_any_number_is_still_throttled(monkeypatch: pytest.MonkeyPatch) -> None:
    headers = {"content-type": "application/json", "x-acs-retry-after": "9" * 400}
    answer = transport.Answer(429, "", headers, b'{"Code": "Throttling"}')
    monkeypatch.setattr(transport, "send", lambda *_args, **_kwargs: answer)
    settings = read_settings({}, region="cn-shanghai", callers_file="callers.toml")

    with pytest.raises(Throttled) as caught:
        ccc.call(MUTE_CALL, {}, Credentials("id", "secret", "token"), settings, time.monotonic() + 5)

    assert caught.value.headers == {"Retry-After": "3600"}


def test_a_context_that_fails_does_not_make_the_handler_raise(tmp_path: Path) -> None:
    class Failing:
        @property
        def request_id(self) -> str:
            raise RuntimeError

    world = World(tmp_path)

    assert world.send(http_event(), Failing()).status in (200, 500)
    world.function.initialize(Failing())


def test_a_line_is_written_whatever_the_encoding_of_stdout(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)

    log.write({"level": "ERROR", "reason": "callers file /etc/aufrufer-ü.toml\u2028: missing"}, "INFO")

    stream.seek(0)
    (line,) = stream.read().splitlines()
    assert json.loads(line)["reason"].startswith("callers file /etc/aufrufer-ü.toml")
