"""A dead letter as the function stored it, read strictly, because it comes from a bucket (pure)."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from shared.runtime.event import read_event
from shared.validation import sentence_of

# Fields that are printed have patterns that allow neither a secret nor a phone number.
_Time = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$")]
_Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)]
_Code = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")]
_Action = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{1,64}$")]

_LONG_NUMBER = re.compile(r"[0-9]{5,}")


class NotADeadLetterError(Exception):
    """A file is not a dead letter; the text says why, and quotes nothing."""


class DeadLetter(BaseModel):
    """One failed request.

    Attributes:
        time: when it was stored, ISO 8601 in UTC.
        action: the action of its function.
        caller: the name of its caller.
        code: the code of the answer.
        replayed: whether the answer was that of an earlier request.
        direct: whether it was a direct invocation; then only the body is set.
        method, path, query, headers: of the request, without its credential; the path as it was sent.
        omitted: the names of omitted headers and parameters, in lower case.
        body, body_encoding: the body as text, and how its bytes are encoded.
    """

    model_config = ConfigDict(frozen=True, strict=True, hide_input_in_errors=True)

    # Not `Literal[1]`, which accepts `True` and 1.0.
    version: Annotated[int, Field(ge=1, le=1)]
    time: _Time
    action: _Action
    caller: _Name
    code: _Code
    replayed: bool
    direct: bool
    method: str | None
    path: str | None
    query: Mapping[str, str]
    headers: Mapping[str, str]
    omitted: Sequence[str] = ()
    body: str
    body_encoding: Literal["utf-8", "base64"]

    @model_validator(mode="after")
    def _is_whole(self) -> DeadLetter:
        if not self.direct and (self.method is None or self.path is None):
            raise PydanticCustomError("request", "A request over HTTP has method and path")
        try:
            _ = self.content, self.seconds
        except (ValueError, binascii.Error):
            raise PydanticCustomError("content", "Body or time cannot be read") from None
        if self.direct and not read_event(self.content).direct:
            # Not written by the function: somebody could choose the source address and the headers of the request.
            raise PydanticCustomError("event", "A direct invocation is not an event of the HTTP trigger")
        return self

    @cached_property
    def content(self) -> bytes:
        """The bytes of the body."""
        return base64.b64decode(self.body, validate=True) if self.body_encoding == "base64" else self.body.encode()

    @cached_property
    def seconds(self) -> float:
        """The time in seconds since the epoch."""
        return datetime.fromisoformat(self.time.replace("Z", "+00:00")).timestamp()


def read_dead_letter(content: bytes) -> DeadLetter:
    """Return the dead letter in the bytes of a file.

    Raises:
        NotADeadLetterError: the file is not a dead letter.
    """
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        raise NotADeadLetterError("no JSON") from None
    if not isinstance(value, dict):
        raise NotADeadLetterError("no JSON object")
    try:
        return DeadLetter.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        # Only the name of the field: its keys may be names of headers.
        raise NotADeadLetterError(
            f"not a dead letter: {': '.join(map(str, (*first['loc'][:1], sentence_of(first))))}"
        ) from None


def without_numbers(text: str) -> str:
    """Return a text without its long numbers: a header name, for example, may contain a phone number."""
    return _LONG_NUMBER.sub("…", text)
