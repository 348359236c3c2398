"""The functions of this repository by the names of their folders, for tools that take one of them."""

from __future__ import annotations

from functions.mute_call.index import MUTE_CALL
from functions.unmute_call.index import UNMUTE_CALL

ACTIONS = {"mute_call": MUTE_CALL, "unmute_call": UNMUTE_CALL}
