"""The one resend over the wire: expired credentials, and a listener that comes up in between."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from functions.mute_call.index import MUTE_CALL
from local.simulator import AccessKey, Simulator
from shared.clients import ccc
from shared.clients.retry import with_one_retry
from shared.function import Function
from shared.problems import UpstreamUnavailable
from shared.runtime.context import Credentials
from shared.settings import read_settings
from tests.builders import PAYLOAD, Context310, RoleCredentials, environment, http_event
from tests.unit.shared.fakes import BEARER

EXPIRED = {"kind": "error", "http_status": 400, "code": "InvalidSecurityToken.Expired"}
CREDENTIALS = Credentials("STS.local", "local-secret", "local-token")


class Renewing(RoleCredentials):
    """Credentials whose token is another one from the second look on, as when the platform renews them."""

    def __init__(self, *tokens: str) -> None:
        super().__init__()
        self._tokens = list(tokens)

    @property
    def security_token(self) -> str:
        return self._tokens.pop(0) if len(self._tokens) > 1 else self._tokens[0]

    @security_token.setter
    def security_token(self, token: str) -> None:
        """Taken by the builder's constructor."""


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(access_key=AccessKey(security_token="renewed")) as running:
        yield running


@pytest.mark.parametrize(
    ("tokens", "code", "requests"),
    [
        # Looked at before the claim, and before a second attempt.
        (("old", "renewed"), "muted", 2),
        (("old",), "upstream_denied", 1),
        # Gone: the environment of python3.12 is no way out, since it has none either.
        (("old", ""), "upstream_denied", 1),
    ],
    ids=["renewed", "the same", "gone"],
)
def test_an_expired_token_is_tried_again_only_if_there_is_another(
    simulator: Simulator,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    tokens: tuple[str, ...],
    code: str,
    requests: int,
) -> None:
    callers = tmp_path / "callers.toml"
    callers.write_text(f"[callers.default]{BEARER}", encoding="utf-8")
    simulator.faults.add(EXPIRED)
    environ = environment(CCC_ENDPOINT=simulator.url)
    environ = {name: value for name, value in environ.items() if not name.startswith("ALIBABA")}
    context = Context310(credentials=Renewing(*tokens))

    Function(MUTE_CALL, callers, environ=environ).handle(http_event(), context)

    line = json.loads(capsys.readouterr().out)
    assert (line["code"], line["attempts"]) == (code, requests)
    assert len(simulator.requests) == requests


def test_who_comes_up_in_between_gets_the_second_attempt() -> None:
    with ExitStack() as stack:
        with Simulator() as gone:
            endpoint = gone.endpoint
        settings = read_settings({"CCC_ENDPOINT": f"http://{endpoint}"}, region="cn-shanghai")
        deadline = time.monotonic() + 5
        started: list[Simulator] = []

        def come_up(_seconds: float) -> None:
            started.append(stack.enter_context(Simulator(port=int(endpoint.rpartition(":")[2]))))

        answer = with_one_retry(
            lambda credentials: ccc.call(MUTE_CALL, PAYLOAD, credentials, settings, deadline),
            CREDENTIALS,
            lambda: CREDENTIALS,
            deadline,
            come_up,
        )

        assert answer["Code"] == "OK"
        assert len(started[0].requests) == 1


def test_without_time_for_it_there_is_no_second_attempt() -> None:
    with Simulator() as gone:
        endpoint = gone.endpoint
    settings = read_settings({"CCC_ENDPOINT": f"http://{endpoint}"}, region="cn-shanghai")
    deadline = time.monotonic() + 0.5
    paused: list[float] = []

    with pytest.raises(UpstreamUnavailable):
        with_one_retry(
            lambda credentials: ccc.call(MUTE_CALL, PAYLOAD, credentials, settings, deadline),
            CREDENTIALS,
            lambda: CREDENTIALS,
            deadline,
            paused.append,
        )

    assert paused == []
