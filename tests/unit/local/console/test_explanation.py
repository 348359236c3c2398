from __future__ import annotations

import json
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from local.console.deliveries import Delivery
from local.console.explanation import steps
from local.gateway.message import Request
from local.gateway.settings import Settings
from local.http import Answer
from tests.builders import PAYLOAD, TOKEN

SETTINGS = Settings("functions.mute_call.index:handler")
ENVIRON = {"TOKEN": TOKEN}
CALLERS = """
[callers.default]
auth = { scheme = "bearer", secrets = ["env:TOKEN"] }
instances = ["ccc-test"]
[callers.late]
auth = { scheme = "stripe", secrets = ["env:TOKEN"] }
instances = ["ccc-test"]
[callers.kept]
auth = { scheme = "bearer", secrets = ["kms:elsewhere"] }
instances = ["ccc-test"]
[callers.ivr]
auth = { scheme = "ram" }
instances = ["ccc-test"]
"""
HEADERS = (("Content-Type", "application/json"), ("Authorization", f"Bearer {TOKEN}"))
INVOCATION = "/2023-03-30/functions/mute_call/invocations"


@pytest.fixture
def callers(tmp_path: Path) -> Path:
    path = tmp_path / "callers.toml"
    path.write_text(CALLERS, encoding="utf-8")
    return path


def delivered(code: str | None = None, **request: Any) -> Delivery:
    usual = {"method": "POST", "target": "/", "headers": HEADERS, "body": json.dumps(PAYLOAD).encode()}
    return Delivery(1, Request(**{**usual, **request}), Answer(200, {}, json.dumps({"code": code}).encode()), 1.0)


def explained(callers: Path, environ: dict[str, str] | None = None, **request: Any) -> list[dict[str, Any]]:
    found = steps(delivered(**request), [], SETTINGS, callers, ENVIRON if environ is None else environ)
    assert found is not None
    return found


def line(code: str, reason: str | None = None, caller: str | None = None, attempts: int = 0) -> dict[str, Any]:
    return {"event": "webhook", "code": code, "reason": reason, "caller": caller, "attempts": attempts}


def test_each_step_is_told_with_what_is_harmless(callers: Path) -> None:
    assert [(step["name"], step["passed"], step["found"]) for step in explained(callers)] == [
        ("body", True, f"{len(json.dumps(PAYLOAD))} bytes"),
        ("caller", True, "default"),
        ("verify", True, "bearer"),
        ("decode", True, None),
        ("map", True, None),
        ("parameters", True, "device_id, instance_id, job_id, user_id"),
        ("age", True, "any"),
        ("key", True, "none"),
    ]


def test_a_refusal_is_told_with_its_reason(callers: Path) -> None:
    assert explained(callers, headers=HEADERS[:1])[-1] == {
        "name": "verify",
        "passed": False,
        "reason": "no bearer credential",
        "code": "unauthorized",
    }


def test_a_direct_invocation_is_explained_as_one(callers: Path) -> None:
    assert explained(callers, target=INVOCATION, headers=())[1]["found"] == "ivr"


def test_a_request_that_cannot_be_an_event_has_no_steps(callers: Path) -> None:
    assert explained(callers, target="/%zz") == []


def test_a_signature_is_judged_by_the_time_it_came(callers: Path) -> None:
    headers = (*HEADERS[:1], ("Stripe-Signature", f"t=1693896071,v1={'0' * 64}"))
    moment = datetime.fromtimestamp(1_693_896_071, timezone.utc)
    then = explained(callers, target="/late", headers=headers, received=moment)[-1]
    now = explained(callers, target="/late", headers=headers)[-1]
    assert then["name"] == now["name"] == "verify"
    assert then["reason"] != now["reason"]


class Interrupted(dict[str, str]):
    """An environment in which another request leaves its log line when a secret of KMS is first looked for."""

    interrupted = False

    def get(self, name: str, default: Any = None) -> Any:
        if name.startswith("ALIBABA_CLOUD_") and not self.interrupted:
            self.interrupted = True
            sys.stdout.write(json.dumps({"request_id": "another"}) + "\n")
        return super().get(name, default)


def test_the_log_of_what_is_served_meanwhile_is_printed(callers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explained(callers, Interrupted(), target="/kept")[-1]["code"] == "configuration_error"
    assert json.loads(capsys.readouterr().out) == {"request_id": "another"}


WRONG = {"headers": (HEADERS[0], ("Authorization", "Bearer wrong"))}
MISMATCH = "bearer token does not match"


@pytest.mark.parametrize(
    ("told", "request_"),
    [
        (line("muted", caller="default", attempts=1), {}),
        (line("job_not_found", "NotExists", "default", 1), {}),
        (line("upstream_unavailable", "refused", "default", 2), {}),
        (line("in_progress", "another", "default"), {}),
        (line("unauthorized", MISMATCH), WRONG),
    ],
)
def test_what_the_configuration_of_now_explains_is_explained(
    callers: Path, told: dict[str, Any], request_: dict[str, Any]
) -> None:
    assert steps(delivered(**request_), [told], SETTINGS, callers, ENVIRON)
    assert steps(delivered(told["code"], **request_), [], SETTINGS, callers, ENVIRON)


@pytest.mark.parametrize(
    ("told", "request_"),
    [
        # It was let through, and would not be now.
        (line("muted", caller="default", attempts=1), WRONG),
        # It was refused, and would be let through now.
        (line("unauthorized", MISMATCH), {}),
        (line("configuration_error", "TOKEN is unset"), {}),
        (line("upstream_unavailable", "KMS does not answer"), {}),
        # It was refused, and would be for another reason now.
        (line("unauthorized", "no such caller"), WRONG),
        (line("forbidden", "source", "default"), WRONG),
        # It was another's.
        (line("muted", caller="another", attempts=1), {}),
    ],
)
def test_what_the_configuration_of_now_would_end_otherwise_is_not_explained(
    callers: Path, told: dict[str, Any], request_: dict[str, Any]
) -> None:
    assert steps(delivered(**request_), [told], SETTINGS, callers, ENVIRON) is None


def test_without_a_log_line_the_code_of_the_answer_counts(callers: Path) -> None:
    assert steps(delivered("muted", **WRONG), [], SETTINGS, callers, ENVIRON) is None
    assert steps(delivered("unauthorized"), [], SETTINGS, callers, ENVIRON) is None
