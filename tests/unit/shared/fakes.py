"""A function with everything around it replaced, and CCC's answers: what the tests of the pipeline start from."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from shared.action import Action
from shared.function import Function
from shared.payload.parameters import CallParameters
from shared.runtime.context import Credentials
from shared.settings import Settings
from tests.builders import Context312, direct_event, environment, http_event

MUTE_CALL = Action(name="MuteCall", version="2020-07-01", parameters=CallParameters, status="muted")
NOW = 1_693_896_071.895
OWN_CHANNEL = "ch:user:13188888888->80011474:1609253204816:job-65815360847228928"
CCC_REQUEST_ID = "A275B008-A25B-494D-AB53-93CE253815B6"
DATA = Path(__file__).with_name("data")
ROOT = Path(__file__).resolve().parents[3]

BEARER = """
auth = { scheme = "bearer", secrets = ["env:MUTE_CALL_TOKEN"] }
instances = ["ccc-test"]
"""
CALLERS = f"""
[callers.default]{BEARER}
[callers.office]{BEARER}
networks = ["203.0.113.0/24"]
[callers.reader]{BEARER}
methods = ["POST", "GET"]
[callers.flow]{BEARER}
response = "always-200"
[callers.ivr]
auth = {{ scheme = "ram" }}
instances = ["ccc-test"]
response = "always-200"
"""


def sample(name: str) -> dict[str, Any]:
    """Return one of CCC's answers: `typed` as the SDK's models have it, `documented` as the reference prints it."""
    answer: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    return answer


class Called(NamedTuple):
    """What a call of CCC was asked for."""

    action: Action
    parameters: dict[str, str]
    credentials: Credentials
    settings: Settings
    deadline: float


@dataclass
class FakeCall:
    """Stands in for the call of CCC: notes what it gets, and returns or raises its outcome."""

    outcome: dict[str, Any] | Exception = field(default_factory=lambda: sample("typed"))
    calls: list[Called] = field(default_factory=list)

    def __call__(
        self,
        action: Action,
        parameters: Mapping[str, str],
        credentials: Credentials,
        settings: Settings,
        deadline: float,
    ) -> dict[str, Any]:
        self.calls.append(Called(action, dict(parameters), credentials, settings, deadline))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


@dataclass(frozen=True)
class Reply:
    """An answer of the HTTP trigger, its body parsed."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]
    text: str

    @property
    def code(self) -> Any:
        """The problem's code; a success has none."""
        return self.body.get("code")


class World:
    """A function in a folder of its own, with its environment and CCC."""

    def __init__(self, folder: Path, callers: str = CALLERS) -> None:
        self.callers_file = folder / "callers.toml"
        shutil.copy(ROOT / "functions" / "mute_call" / "openapi.json", folder)
        self.environ = environment()
        self.call = FakeCall()
        self.write_callers(callers)
        self.function = Function(MUTE_CALL, self.callers_file, environ=self.environ, now=lambda: NOW, call=self.call)

    def write_callers(self, text: str) -> None:
        """Replace the callers file."""
        self.callers_file.write_text(text, encoding="utf-8")

    def send(self, event: bytes, context: object = None) -> Reply:
        """Hand an HTTP event to the function."""
        answer = self.function.handle(event, Context312() if context is None else context)
        assert set(answer) == {"statusCode", "headers", "isBase64Encoded", "body"}
        assert answer["isBase64Encoded"] is False
        return Reply(answer["statusCode"], answer["headers"], json.loads(answer["body"]), answer["body"])

    def http(self, *args: Any, **kwargs: Any) -> Reply:
        """Send what `http_event` builds."""
        return self.send(http_event(*args, **kwargs))

    def direct(self, payload: object, context: object = None) -> dict[str, Any]:
        """Hand a payload over as a direct invocation does."""
        return self.function.handle(direct_event(payload), Context312() if context is None else context)
