"""One action of CCC that a function calls: its name, its parameters, and the word for a success."""

from __future__ import annotations

from dataclasses import dataclass

from shared.payload.parameters import CallParameters


@dataclass(frozen=True)
class Action:
    """One action of the Cloud Call Center API.

    Attributes:
        name: as the API calls it, `MuteCall`.
        version: of the API, a date.
        parameters: the model of its parameters.
        status: what a success is called in the answer and in the log line, `muted`.
    """

    name: str
    version: str
    parameters: type[CallParameters]
    status: str
