from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest

from shared.invocation import Invocation
from shared.observability import log
from shared.outcome import Success
from shared.payload.parameters import CallParameters
from shared.problems import ConfigurationError, JobNotFound, Problem, Unauthorized, Upstream, UpstreamTimeout
from shared.runtime.event import Request
from tests.builders import LOG_KEYS
from tests.unit.shared.fakes import MUTE_CALL, NOW

SUCCESS = Success("muted", {"status": "muted", "request_id": "A-1"}, Upstream("OK", "A-1"))

PARAMETERS = CallParameters.model_validate(
    {"device_id": "d", "instance_id": "ccc-test", "job_id": "job-65815360847228928", "user_id": "a@ccc-test"}
)


def invocation(**changes: Any) -> Invocation:
    fields: dict[str, Any] = {"request_id": "1-2", "cold_start": True, **changes}
    return Invocation(MUTE_CALL, **fields)


def line(outcome: Success | Problem, status: int = 200, **changes: Any) -> dict[str, Any]:
    return log.webhook_line(invocation(**changes), outcome, status, NOW)


def test_a_success_is_told() -> None:
    fields = line(SUCCESS, caller_name="crm", parameters=PARAMETERS, attempts=1, upstream_ms=2.5)

    assert list(fields) == LOG_KEYS
    duration = fields.pop("duration_ms")
    assert duration >= 0
    assert fields == {
        "timestamp": "2023-09-05T06:41:11.895Z",
        "level": "INFO",
        "event": "webhook",
        "action": "MuteCall",
        "request_id": "1-2",
        "traceparent": None,
        "caller": "crm",
        "code": "muted",
        "status": 200,
        "retryable": False,
        "instance_id": "ccc-test",
        "job_id": "job-65815360847228928",
        "upstream_code": "OK",
        "upstream_request_id": "A-1",
        "attempts": 1,
        "upstream_ms": 2.5,
        "cold_start": True,
        "replayed": False,
        "reason": None,
    }


@pytest.mark.parametrize(
    ("value", "logged"),
    [
        ("job-1", True),
        ("demo_1551701848918487", True),
        ("13188888888", False),
        ("131-8888-8888", False),
        ("_13188888888", False),
        ("agent@ccc-test", False),
        ("ch:user:13188888888->80011474", False),
        ("ch-customer-01112345678-1010-1618315850388-job-103826849851777024", False),
        ("ch-bank", True),
        ("电话13188888888", False),
        ("\uff11\uff13\uff11", False),
    ],
)
def test_only_what_looks_like_an_id_is_logged(value: str, *, logged: bool) -> None:
    fields = line(SUCCESS, parameters=PARAMETERS.model_copy(update={"instance_id": value, "job_id": value}))

    assert [fields["instance_id"], fields["job_id"]] == [value if logged else None] * 2


def test_there_is_null_where_there_is_nothing() -> None:
    fields = line(Unauthorized("no such caller"), request_id=None, request=Request(direct=True))

    assert [name for name in LOG_KEYS if fields[name] is None] == [
        "request_id",
        "traceparent",
        "caller",
        "status",
        "instance_id",
        "job_id",
        "upstream_code",
        "upstream_request_id",
        "upstream_ms",
    ]
    assert fields["reason"] == "no such caller"


@pytest.mark.parametrize(
    ("outcome", "level", "retryable"),
    [
        (SUCCESS, "INFO", False),
        (Unauthorized("r"), "WARNING", False),
        (JobNotFound("r"), "WARNING", False),
        (ConfigurationError("r"), "ERROR", False),
        (UpstreamTimeout("r"), "ERROR", True),
    ],
)
def test_the_level_follows_the_outcome(
    outcome: Success | Problem,
    level: str,
    retryable: bool,  # noqa: FBT001 - a column of the table
) -> None:
    fields = line(outcome)

    assert (fields["level"], fields["retryable"]) == (level, retryable)


def test_attempts_are_counted_and_timed() -> None:
    noted = invocation()

    with noted.attempt():
        pass
    first = noted.upstream_ms
    with pytest.raises(ValueError, match="lost"), noted.attempt():
        raise ValueError("lost")

    assert noted.attempts == 2
    assert first is not None
    assert noted.upstream_ms is not None
    assert noted.upstream_ms >= first >= 0


@pytest.mark.parametrize(
    ("level", "threshold"), [("INFO", "DEBUG"), ("INFO", "INFO"), ("INFO", "WARNING"), ("ERROR", "CRITICAL")]
)
def test_lines_under_the_threshold_are_not_written(
    level: str, threshold: str, capsys: pytest.CaptureFixture[str]
) -> None:
    order = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]

    log.write({"level": level}, threshold)

    assert bool(capsys.readouterr().out) is (order.index(level) >= order.index(threshold))


def test_a_line_is_written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stream(io.StringIO):
        events: list[str] = []  # noqa: RUF012 - one stream, one list

        def write(self, text: str) -> int:
            self.events.append(text)
            return len(text)

        def flush(self) -> None:
            self.events.append("flush")

    monkeypatch.setattr(sys, "stdout", Stream())

    log.write({"level": "INFO"}, "INFO")

    assert Stream.events == ['{"level": "INFO"}\n', "flush"]


@pytest.mark.parametrize("error", [OSError("no space"), BrokenPipeError(), ValueError("closed")])
def test_a_log_that_cannot_be_written_is_let_go(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stream(io.StringIO):
        def write(self, _text: str) -> int:
            raise error

    monkeypatch.setattr(sys, "stdout", Stream())

    log.write({"level": "INFO"}, "INFO")


def test_the_initializers_line_lists_every_fault() -> None:
    assert log.initialize_line(MUTE_CALL, "1-2", ["one", "two"], NOW) == {
        "timestamp": "2023-09-05T06:41:11.895Z",
        "level": "ERROR",
        "event": "initialize",
        "action": "MuteCall",
        "request_id": "1-2",
        "code": "configuration_error",
        "reason": "one; two",
    }


def test_a_line_is_written_whatever_the_encoding_of_stdout(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)

    log.write({"level": "ERROR", "reason": "callers file /etc/aufrufer-ü.toml\u2028: missing"}, "INFO")

    stream.seek(0)
    (line,) = stream.read().splitlines()
    assert json.loads(line)["reason"].startswith("callers file /etc/aufrufer-ü.toml")
