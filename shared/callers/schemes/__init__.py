"""How callers prove who they are: one model per scheme, with its settings and its check.

A scheme is added by writing its model and naming it in `Auth`.
"""

from __future__ import annotations

from typing import Annotated, get_args

from pydantic import Field

from shared.callers.schemes.platform import Anonymous, Ram
from shared.callers.schemes.scheme import Scheme
from shared.callers.schemes.senders import GitHub, Hmac, HubSpot, Slack, StandardWebhooks, Stripe, Zendesk
from shared.callers.schemes.tokens import ApiKey, Basic, Bearer
from shared.callers.schemes.twilio import Twilio

__all__ = ["SCHEMES", "Anonymous", "Auth", "Ram", "Scheme"]

Auth = Annotated[
    Bearer
    | Basic
    | ApiKey
    | StandardWebhooks
    | GitHub
    | Stripe
    | Slack
    | HubSpot
    | Zendesk
    | Twilio
    | Hmac
    | Ram
    | Anonymous,
    Field(discriminator="scheme"),
]

# By the name that the callers file has.
SCHEMES: dict[str, type[Scheme]] = {
    get_args(model.model_fields["scheme"].annotation)[0]: model for model in get_args(get_args(Auth)[0])
}
