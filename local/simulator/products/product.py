"""The interface of a product: a version, a host, and the behaviour of each action."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.simulator.errors import GatewayError
from local.simulator.options import Options
from local.simulator.state import State

Body = dict[str, Any]


@dataclass(frozen=True)
class Order:
    """What an action is asked for, once the gateway has let it pass.

    Attributes:
        state: of every product; an action may change it.
        parameters: of the request.
        options: in force.
        request_id: of the answer.
    """

    state: State
    parameters: Mapping[str, str]
    options: Options = field(default_factory=Options)
    request_id: str = ""

    def require(self, *names: str) -> None:
        """Refuse an order in which one of these parameters is absent or blank, as the gateway does.

        Raises:
            GatewayError: `Missing{Param}`, of the first.
        """
        for name in names:
            if not self.parameters.get(name, "").strip():
                raise GatewayError.missing(name)


@dataclass(frozen=True)
class Reply:
    """What an action answers: an HTTP status, and a body that is not yet text."""

    status: int
    body: Body


# Carries an order out. Raises GatewayError for what is refused in the gateway's shape.
Perform = Callable[[Order], Reply]


@dataclass(frozen=True)
class Product:
    """One product of the platform.

    Attributes:
        name: as the gateway calls it.
        version: of its API.
        host_id: its host, as an error of the gateway shows it.
        actions: each by its name.
    """

    name: str
    version: str
    host_id: str
    actions: Mapping[str, Perform]
