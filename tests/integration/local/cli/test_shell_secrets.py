"""Secrets of KMS in the tools of whoever types a command: `local.send` and `local.explain` against the simulator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.cli.shell_secrets import shell_getter
from local.demo.stack import stack
from local.explain import __main__ as explain
from local.send import __main__ as send
from local.simulator import Simulator
from shared.problems import ConfigurationError
from tests.builders import CREDENTIALS, PAYLOAD, TOKEN, http_event

CALLERS = """
[callers.desk]
auth = { scheme = "bearer", secrets = ["kms:desk"] }
instances = ["ccc-test"]
"""


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture
def callers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "callers.toml"
    file.write_text(CALLERS, encoding="utf-8")
    for name, value in {**CREDENTIALS, "CALLERS_FILE": str(file)}.items():
        monkeypatch.setenv(name, value)
    return file


def test_a_webhook_is_sent_with_the_secret_that_kms_has(
    callers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = tmp_path / "payload.json"
    sample.write_text(json.dumps(dict(PAYLOAD)), encoding="utf-8")
    with stack() as (gateway, simulator):
        simulator.put_secret("desk", TOKEN)
        arguments = [str(sample), "--caller", "desk", "--callers", str(callers), "--url", gateway.url]
        assert send.main(arguments) == 0
    assert TOKEN not in capsys.readouterr().out


def test_what_is_explained_is_held_against_the_secret_that_kms_has_and_shows_nothing_of_it(
    callers: Path, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KMS_ENDPOINT", simulator.url)
    simulator.put_secret("desk", TOKEN)
    event = http_event(path="/desk", headers={"X-Note": f"<{TOKEN}>"}).decode()
    assert explain.main([event, "--callers", str(callers)]) == 0
    simulator.put_secret("desk", "another")
    simulator.put_secret("desk", "one-more")
    assert explain.main([event, "--callers", str(callers)]) == 1
    shown = capsys.readouterr().out
    assert "would send  MuteCall" in shown
    assert "verify: bearer token does not match" in shown
    assert [secret for secret in ("another", "one-more") if secret in shown] == []
    assert TOKEN not in shown.partition("verify: bearer token does not match")[0]


def test_a_kms_that_cannot_be_asked_is_told(
    callers: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Simulator() as gone:
        monkeypatch.setenv("KMS_ENDPOINT", gone.url)
    event = http_event(path="/desk").decode()
    assert explain.main([event, "--callers", str(callers)]) == 1
    assert "secrets: callers.desk.auth.secrets: kms:desk: KMS does not answer: " in capsys.readouterr().out
    with pytest.raises(SystemExit):
        send.main([json.dumps(dict(PAYLOAD)), "--caller", "desk", "--callers", str(callers)])
    assert "a secret is needed: kms:desk: KMS does not answer: " in capsys.readouterr().err


def test_kms_is_asked_for_its_own_references_alone(simulator: Simulator) -> None:
    get_secret = shell_getter({"KMS_ENDPOINT": simulator.url, "A": "a"})
    assert get_secret("env:A") == ("a",)
    with pytest.raises(ConfigurationError, match="no role credentials"):
        get_secret("kms:desk")
    assert simulator.requests == []
