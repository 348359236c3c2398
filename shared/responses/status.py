"""The slim status: the part of CCC's answer that a caller gets.

CCC's answer has phone numbers, extensions and channel ids in many places, so only the fields named here are passed on.
The reader is tolerant: the published samples have strings where the SDK's models have numbers, booleans and lists.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from shared.action import Action
from shared.outcome import Success
from shared.payload.parameters import CallParameters
from shared.problems import Upstream

# States and types of CCC are words (TALKING, ANSWERED, OUTBOUND), unlike the reference's placeholder 无.
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_MUTED = "MUTED"
# Of several channels the one that talks counts first, and one that is over last; a state that is not known is between.
_TALKING, _OVER = "ANSWERED", frozenset({"RELEASED", "RETIRED", "NONE"})


class SlimStatus(TypedDict):
    """What a caller learns of a call that CCC accepted; `null` is what CCC left out."""

    status: Annotated[str, Field(description="CCC accepted the action.")]
    muted: Annotated[bool | None, Field(description="Whether the channel was muted at that moment.", examples=[True])]
    instance_id: Annotated[str, Field(description="The instance in the request.", examples=["ccc-test"])]
    job_id: Annotated[str, Field(description="The call in the request.", examples=["job-65815360847228928"])]
    user_id: Annotated[str, Field(description="The agent in the request.", examples=["user-test@ccc-test"])]
    call_type: Annotated[str | None, Field(description="The type of the call.", examples=["OUTBOUND"])]
    channel_state: Annotated[
        str | None,
        Field(
            description="The state of the channel in the request, or of the agent's own channel.", examples=["ANSWERED"]
        ),
    ]
    user_state: Annotated[str | None, Field(description="The state of the agent.", examples=["TALKING"])]
    request_id: Annotated[
        str | None, Field(description="CCC's request id.", examples=["A275B008-A25B-494D-AB53-93CE253815B6"])
    ]
    replayed: Annotated[
        bool,
        Field(
            description="Whether this is the answer to an earlier request with the same idempotency key; the call"
            " may have changed since.",
            examples=[False],
        ),
    ]


def slim_status(action: Action, parameters: CallParameters, answer: Mapping[str, Any]) -> Success:
    """Return the flat status of an accepted call: CCC has carried it out, even if its answer is odd."""
    try:
        return _status_of(action, parameters, answer)
    except Exception:  # noqa: BLE001 - an odd answer must not turn a completed call into a failure
        return _status_of(action, parameters, {})


def _status_of(action: Action, parameters: CallParameters, answer: Mapping[str, Any]) -> Success:
    """Return the flat status of an accepted call.

    Args:
        action: what was asked for.
        parameters: which call and agent.
        answer: CCC's answer, `Code` being `OK`.

    Returns:
        Its fields are strings, and `muted` a boolean; `None` for what CCC left out. `call_type` is the call's,
        `user_state` the agent's, `channel_state` and `muted` those of the channel asked for, else of the agent's own.
    """
    data = _object(answer.get("Data"))
    call = _object(data.get("CallContext"))
    channel = _channel(call, parameters)
    request_id = Upstream.read(answer).request_id
    fields: SlimStatus = {
        "status": action.status,
        "muted": _is_muted(channel.get("ChannelFlags")),
        "instance_id": parameters.instance_id,
        "job_id": parameters.job_id,
        "user_id": parameters.user_id,
        "call_type": _word(call.get("CallType")),
        "channel_state": _word(channel.get("ChannelState")),
        "user_state": _word(_object(data.get("UserContext")).get("UserState")),
        "request_id": request_id,
        # What is answered from the store says otherwise (`shared.responses.render`).
        "replayed": False,
    }
    return Success(action.status, dict(fields), Upstream("OK", request_id))


def _channel(call: Mapping[str, Any], parameters: CallParameters) -> dict[str, Any]:
    channels = [_object(channel) for channel in _list(call.get("ChannelContexts"))]
    if parameters.channel_id is not None:
        name, wanted = "ChannelId", parameters.channel_id
    else:
        name, wanted = "UserId", parameters.user_id
    return _newest([channel for channel in channels if channel.get(name) == wanted])


def _newest(channels: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the channel that counts: by its state, then the one created last, or changed last where that is unknown.

    An agent who was transferred to, or called again, has more than one in a call.
    """
    if len(channels) <= 1:
        return channels[0] if channels else {}
    most = max(map(_liveness, channels))
    channels = [channel for channel in channels if _liveness(channel) == most]
    is_counted = all(_number(channel.get("Index")) is not None for channel in channels)
    order = ("Index", "Timestamp") if is_counted else ("Timestamp",)
    return max(channels, key=lambda channel: [_number(channel.get(name)) or 0 for name in order])


def _liveness(channel: Mapping[str, Any]) -> int:
    state = channel.get("ChannelState")
    word = state.upper() if isinstance(state, str) else ""
    return 2 if word == _TALKING else 0 if word in _OVER else 1


def _number(value: object) -> int | None:
    try:
        return int(value) if isinstance(value, (int, str)) else None
    except ValueError:
        return None


def _is_muted(flags: object) -> bool | None:
    """Return whether MUTED is among the flags, in any case; `None` if there are none.

    They are a list, JSON text, or text in which anything but letters separates them.
    """
    value = _parsed(flags)
    if not isinstance(value, (list, str)):
        return None
    words = re.findall(r"\w+", str(value).upper(), re.ASCII)
    return _MUTED in words if words or isinstance(value, list) else None


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None


def _object(value: object) -> dict[str, Any]:
    value = _parsed(value)
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    value = _parsed(value)
    # A list of one, rendered from XML, may have lost its list.
    return value if isinstance(value, list) else [value]


def _parsed(value: object) -> object:
    """Return the value of JSON text, and anything else unchanged."""
    # CCC's words begin with a capital: trying to parse each of them would cost more than all else here.
    if isinstance(value, str) and not value[:1].isupper():
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            pass
    return value
