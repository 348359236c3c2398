"""The event that the platform makes from a request."""

from __future__ import annotations

import os

from local.cli.command_line import UsageError
from local.gateway.errors import RejectionError
from local.gateway.event import build_event
from local.gateway.message import Request
from local.send.wire import Outgoing
from shared.runtime.context import DEFAULT_REGION


def event_of(outgoing: Outgoing) -> bytes:
    """Return the event of a request; its source address is this machine's.

    Raises:
        UsageError: the platform would refuse its path.
    """
    request = Request(outgoing.method, outgoing.target, tuple(outgoing.headers.items()), outgoing.body)
    try:
        return build_event(request, account_id="", region=os.environ.get("FC_REGION") or DEFAULT_REGION)
    except RejectionError:
        raise UsageError("the platform would refuse its path") from None
