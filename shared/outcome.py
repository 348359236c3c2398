"""The result of every request: a success or a problem."""

from typing import Any, NamedTuple

from shared.problems import Problem, Upstream
from shared.runtime.event import Response


class Success(NamedTuple):
    """An outcome that is not a problem.

    Attributes:
        code: for the log line, the action's word (`muted`) or `handshake`.
        fields: the answer's body.
        upstream: how CCC named its answer.
        response: of a handshake, which has a form of its own.
    """

    code: str
    fields: dict[str, Any]
    upstream: Upstream = Upstream()
    response: Response | None = None


Outcome = Success | Problem
