"""The options of the simulator: the access key, and an answer to each question that the documentation leaves open."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args, get_type_hints


class OptionError(ValueError):
    """An option that does not exist, or a value it does not take; the text names it."""


@dataclass(frozen=True)
class AccessKey:
    """The one access key the endpoint knows: an STS key with its token; an empty token stands for a long-term key."""

    access_key_id: str = "STS.local"
    access_key_secret: str = field(default="local-secret", repr=False)
    security_token: str = field(default="local-token", repr=False)


@dataclass(frozen=True)
class Options:
    """The switches for what no public capture of the live endpoint settles; the defaults are the likeliest behaviour.

    Attributes:
        business_errors: a business error's HTTP status: its own (404, 400), or 200 with `Code` other than `OK`.
        repeated_mute: muting a muted channel (unmuting an unmuted one): `OK`, or `InvalidOperation.ChannelState`.
    """

    business_errors: Literal["http-status", "http-200"] = "http-status"
    repeated_mute: Literal["ok", "error"] = "ok"

    def changed(self, changes: object) -> "Options":
        """Return these options with the changes of a decoded JSON object.

        Raises:
            OptionError: no object, an unknown option, or a value that the option does not take.
        """
        if not isinstance(changes, Mapping):
            raise OptionError("options: must be a JSON object")
        known: dict[str, Any] = {}
        for name, value in changes.items():
            if name not in CHOICES:
                raise OptionError(f"{name}: unknown option, known are {', '.join(CHOICES)}")
            if value not in CHOICES[name]:
                raise OptionError(f"{name}: must be one of {', '.join(CHOICES[name])}")
            known[name] = value
        return replace(self, **known)

    def as_json(self) -> dict[str, str]:
        """Return the options as the control plane shows and takes them."""
        return asdict(self)


# The type hints define the values of each option.
CHOICES: dict[str, tuple[str, ...]] = {name: get_args(hint) for name, hint in get_type_hints(Options).items()}
