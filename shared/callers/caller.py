"""One caller: its authentication, its permissions, and its mapping from payload to parameters."""

import contextlib
import ipaddress
import math
import re
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    create_model,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from shared.callers import handshakes
from shared.callers.handshakes import Document, Handshake, Secrets
from shared.callers.schemes import Anonymous, Auth, Scheme
from shared.callers.schemes.places import without
from shared.payload.decode import decode_body, decode_json, decode_query
from shared.payload.event_time import read_time
from shared.payload.mapping import KEYED, Compiled, Expression, evaluate, is_constant, names_read, origin
from shared.payload.parameters import (
    CallParameters,
    Identifier,
    ParametersT,
    is_absent,
    read_parameters,
)
from shared.problems import (
    ConfigurationError,
    CredentialUnchecked,
    FieldError,
    Forbidden,
    InvalidParameters,
    MethodNotAllowed,
    Problem,
    UpstreamUnavailable,
)
from shared.runtime.event import PayloadFormat, Request
from shared.validation import Table, once_each, whole_number

_NETWORK = re.compile(r"[0-9A-Fa-f.:]+(/[0-9]{1,3})?")
ANY_INSTANCE = "*"
_MAX_KEY_CHARACTERS = 255


def _wildcard_alone(instances: list[str]) -> list[str]:
    if ANY_INSTANCE in instances and len(instances) > 1:
        raise PydanticCustomError("wildcard", 'Value "*" stands for every instance: remove the others')
    return instances


def _network(text: object) -> object:
    try:
        # Of what the library takes, neither masks nor scopes.
        network = ipaddress.ip_network(text if isinstance(text, str) and _NETWORK.fullmatch(text) else "")
    except ValueError:
        raise PydanticCustomError(
            "network", "Network should be an address or a CIDR block without host bits, such as 203.0.113.0/24"
        ) from None
    if getattr(network.network_address, "ipv4_mapped", None):
        # It would never match: such a source is taken for the IPv4 address that it is.
        raise PydanticCustomError("network", "Network should be in its IPv4 form, without ::ffff:")
    return network


Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]


class _ByParameter(Table):
    """A table with one optional key for each parameter of the action."""

    def given(self) -> dict[str, Any]:
        """Return what the file has, by parameter."""
        return {name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set}


def _table(name: str, doc: str, value_of: Callable[[FieldInfo], Any]) -> type[_ByParameter]:
    """Return the model of a table whose keys are the parameters of the action's model."""
    fields: dict[str, Any] = {key: (value_of(field), None) for key, field in CallParameters.model_fields.items()}
    return create_model(name, __base__=_ByParameter, __doc__=doc, **fields)


if TYPE_CHECKING:
    Defaults = _ByParameter
    Expressions = _ByParameter
else:

    def _optional(field: FieldInfo) -> Any:
        rules = (field.annotation, *field.metadata)
        return Annotated[rules] | None

    # An empty channel: if the expression finds none, use the agent's own channel.
    _CONSTANTS = "Constants for parameters that the sender does not know, under the parameters' own rules."
    Defaults = _table("Defaults", _CONSTANTS, _optional)
    Expressions = _table("Expressions", "Where the sender's payload has each parameter.", lambda _: Expression)


class Caller(Table):
    """One caller: its authentication, its limits, its mapping, and how it wants its answers."""

    auth: Auth
    instances: Annotated[list[Identifier], Field(min_length=1), AfterValidator(_wildcard_alone)]
    methods: Annotated[list[Literal["POST", "GET"]], Field(min_length=1), AfterValidator(once_each)] = Field(["POST"])
    networks: Annotated[list[Network], Field(min_length=1)] | None = None
    response: Literal["status-codes", "always-200"] = "status-codes"
    payload: PayloadFormat = "auto"
    parameters: Expressions | None = None
    defaults: Defaults = Defaults()
    idempotency_key: Expression = None
    event_time: Expression = None
    max_age_seconds: Annotated[int, whole_number(1, 86_400)] | None = None
    dead_letters: bool | None = None
    handshakes: list[Handshake] = Field([])

    @model_validator(mode="after")
    def _required_parameters_are_found(self) -> "Caller":
        if self.parameters is not None:
            known = self.parameters.model_fields_set | self.defaults.model_fields_set
            missing = [name for name, field in CallParameters.model_fields.items() if field.is_required()]
            missing = [name for name in missing if name not in known]
            if missing:
                raise PydanticCustomError(
                    "parameters",
                    "parameters: {names} needs an expression or a default",
                    {"names": ", ".join(missing)},
                )
        return self

    @model_validator(mode="after")
    def _constant_instances_are_allowed(self) -> "Caller":
        constants = {"defaults.instance_id": self.constants().get("instance_id")}
        expression = self.parameters.given().get("instance_id") if self.parameters else None
        if expression is not None and is_constant(expression):
            with contextlib.suppress(InvalidParameters):
                constants["parameters.instance_id"] = evaluate({"instance_id": expression}, {})["instance_id"]
        for key, value in constants.items():
            if isinstance(value, str) and not self.may_use_instance(value):
                raise PydanticCustomError(
                    "instance", "{key} is an instance that is not in instances: write the same in both", {"key": key}
                )
        return self

    @model_validator(mode="after")
    def _http_settings_need_http(self) -> "Caller":
        if not self.auth.over_http and self.model_fields_set & {"methods", "networks", "handshakes", "payload"}:
            raise PydanticCustomError(
                "direct", "methods, networks, payload and handshakes have no meaning for direct invocation: remove them"
            )
        return self

    @model_validator(mode="after")
    def _forms_are_flat(self) -> "Caller":
        if self.payload == "form" and any(place.path[1:] for each in self.schemes for place in each.places()):
            raise PydanticCustomError(
                "place",
                'payload = "form": a field of a form has no fields of its own: a place body.A.B is never found; '
                "a name with a dot stands in quotes",
            )
        return self

    @model_validator(mode="after")
    def _keyed_functions_have_a_key(self) -> "Caller":
        for index, each in enumerate(self.handshakes):
            if self.auth.secrets is None and each.auth is None and each.is_keyed:
                raise PydanticCustomError(
                    "handshake",
                    "handshakes.{index}: {function} is keyed with the secret of auth, and scheme {scheme} has none:"
                    " remove {function}, or name a scheme with secrets",
                    {"index": index, "function": KEYED, "scheme": self.auth.scheme},
                )
        return self

    @model_validator(mode="after")
    def _age_needs_a_time(self) -> "Caller":
        if (self.event_time is None) != (self.max_age_seconds is None):
            raise PydanticCustomError(
                "age", "event_time and max_age_seconds need each other: add the one that is missing"
            )
        return self

    @property
    def has_expressions(self) -> bool:
        """Whether an expression may look at the query of a request that has a body."""
        own = (self.parameters, self.idempotency_key, self.event_time)
        return bool(self.handshakes) or any(each is not None for each in own)

    @property
    def all_handshakes(self) -> list[Handshake]:
        """The file's handshakes, then those of the vendor."""
        return [*self.handshakes, *handshakes.of_vendor(self.auth.scheme)]

    @property
    def schemes(self) -> list[Scheme]:
        """How the caller proves itself, and how its handshakes do."""
        return [self.auth, *(each.auth for each in self.all_handshakes if each.auth)]

    def references(self) -> list[str]:
        """Return the references to all secrets that the caller names."""
        return [reference for scheme in self.schemes for reference in scheme.secrets or ()]

    def takes(self, method: str) -> bool:
        """Whether a request with this method may be the caller's."""
        return method in self.methods or any(method in each.methods for each in self.all_handshakes)

    def check_method(self, request: Request) -> None:
        """Refuse a method that is not the caller's; raises `MethodNotAllowed`."""
        if not request.direct and request.method not in self.methods:
            raise MethodNotAllowed(tuple(self.methods))

    def check_method_of_any(self, request: Request) -> None:
        """Refuse a method that neither the caller nor a handshake takes; raises `MethodNotAllowed`."""
        if not self.takes(request.method):
            self.check_method(request)

    def handshake(self, request: Request, document: Document, secret: str | None) -> Handshake | None:
        """Return the handshake that a request is and that the caller's own auth has proved, `None` if it is none.

        Raises:
            InvalidParameters: an expression fails on it.
        """
        without_auth = (each for each in self.all_handshakes if each.auth is None)
        return next((each for each in without_auth if each.takes(request, document, secret)), None)

    def handshake_with_its_own_proof(
        self, request: Request, secrets_of: Secrets, now: float
    ) -> tuple[Handshake, Document] | None:
        """Return the handshake that a request is and has proved, and the decoded request; `None` if it is none.

        Args:
            request: one that is no handshake by the caller's own auth.
            secrets_of: returns the secrets of a scheme.
            now: seconds since the epoch.

        Raises:
            CredentialUnchecked: it is none, and a secret of one that it might be cannot be used.
        """
        reasons: list[str] = []
        for each in self.all_handshakes:
            if each.auth is None or request.method not in each.methods:
                continue
            try:
                each.auth.verify(request, secrets_of(each.auth), now)
                self.check_network(request)
                document = self.decode(request)
                if each.takes(request, document, None):
                    return each, document
            except (ConfigurationError, UpstreamUnavailable) as error:
                reasons.append(error.reason)
            except Problem:
                # Every fault gets the same answer: a stranger learns only that the credential was not accepted.
                continue
        if reasons:
            raise CredentialUnchecked("; ".join(reasons))
        return None

    def check_network(self, request: Request) -> None:
        """Refuse an address that is not in the caller's networks; raises `Forbidden`."""
        if not request.direct and not self.may_come_from(request.source_ip):
            raise Forbidden("source address is not in the caller's networks")

    @cached_property
    def credential_headers(self) -> frozenset[str]:
        """The headers that contain a credential of the caller or of a handshake."""
        return frozenset[str]().union(*(each.credential_headers() for each in self.schemes))

    @cached_property
    def credential_query(self) -> frozenset[str]:
        """The query parameters that contain a credential."""
        return frozenset[str]().union(*(each.credential_query() for each in self.schemes))

    @cached_property
    def credential_paths(self) -> list[tuple[str, ...]]:
        """The paths of the body that contain a credential."""
        return [path for each in self.schemes for path in each.credential_paths()]

    def decode(self, request: Request) -> dict[str, Any]:
        """Return `body`, `query`, `headers` and `path` of a request, as expressions see them: without any credential.

        Raises:
            UnsupportedMediaType, MalformedRequest: the body or the query cannot be decoded.
        """
        is_mapped = self.parameters is not None
        if request.direct:
            body = decode_json(request.body, any_value=is_mapped)
            return {"body": body, "query": {}, "headers": {}, "path": ""}
        hidden = self.credential_query
        query: Mapping[str, str] = {}
        if self.has_expressions or not request.body:
            # What proves the sender need not be UTF-8.
            query = _without(decode_query(_without(request.query, hidden), request.raw_query), hidden)
        payload = decode_body(request.body, request.headers, self.payload, has_expressions=is_mapped)
        for path in self.credential_paths:
            payload = without(payload, path)
        return {
            "body": payload,
            "query": query,
            "headers": _without(request.headers, self.credential_headers),
            "path": request.path,
        }

    def select(self, document: Mapping[str, Any], *, has_body: bool) -> Mapping[str, Any]:
        """Return the parameters in a request, by name, without absent ones.

        Args:
            document: the request's `body`, `query`, `headers` and `path`.
            has_body: without `parameters`, the top level of the body counts, or the query where there is no body and
                no signature that leaves the query out.

        Raises:
            InvalidParameters: an expression fails, or the one for the channel finds nothing: it was meant to find one,
                and the agent's own channel is another.
        """
        if self.parameters is None:
            return cast("Mapping[str, Any]", document["query" if not has_body and self.auth.signs_query else "body"])
        found = evaluate(self.parameters.given(), document)
        if is_absent(found.get("channel_id", ...)) and "channel_id" not in self.defaults.model_fields_set:
            raise InvalidParameters(
                (FieldError("channel_id", f"was not found; {self._origin_of(document, 'channel_id')}"),)
            )
        return {name: value for name, value in found.items() if value is not None}

    def read(self, model: type[ParametersT], fields: Mapping[str, Any], document: Mapping[str, Any]) -> ParametersT:
        """Return the parameters in the fields that `select` has found, and in the defaults.

        Raises:
            InvalidParameters: they break the model's rules; an error names the expression that it comes from.
        """
        origin_of = partial(self._origin_of, document) if self.parameters else None
        return read_parameters(model, fields, self.constants(), origin_of)

    def _origin_of(self, document: Mapping[str, Any], name: str) -> str:
        """Return which expression a parameter comes from, and where that stopped if it found nothing; else nothing."""
        expression = self.parameters.given().get(name) if self.parameters else None
        return origin(expression, document) if expression else ""

    def constants(self) -> dict[str, str]:
        """Return the defaults that the file has."""
        return self.defaults.model_dump(exclude_none=True)

    def check_age(self, document: Mapping[str, Any], now: float) -> None:
        """Refuse an event that is older than the caller allows: a queue that is replayed must not mute another call.

        One from as far ahead is refused too: a clock that is wrong, or a time zone left out, would stretch the window.

        Args:
            document: the request's `body`, `query`, `headers` and `path`.
            now: seconds since the epoch.

        Raises:
            InvalidParameters: too old, too far ahead, or no time at all.
        """
        if self.max_age_seconds is None:
            return
        found = evaluate({"event_time": self.event_time}, document)["event_time"]
        moment = read_time(found)
        if is_absent(found):
            reason = f"was not found; {origin(self.event_time, document)}"
        elif moment is None:
            reason = "must be ISO 8601 with an offset, RFC 2822, or seconds or milliseconds since 1970"
        elif abs(now - moment) > self.max_age_seconds:
            reason = "is too old" if moment < now else "is too far ahead"
        else:
            return
        problem = InvalidParameters((FieldError("event_time", reason),))
        if moment is not None:
            # Only for the log.
            problem.reason += f", {math.ceil(abs(now - moment))} s by this clock; at most {self.max_age_seconds} s"
        raise problem

    def key_of(self, document: Mapping[str, Any], delivery: str | None) -> str | None:
        """Return the request's idempotency key: from the caller's expression, or `delivery`.

        Args:
            document: the request's `body`, `query`, `headers` and `path`.
            delivery: from the caller's scheme, `None` if it has none.

        Raises:
            InvalidParameters: the expression finds no key: never silently without one.
        """
        if self.idempotency_key is None:
            return delivery
        found = evaluate({"idempotency_key": self.idempotency_key}, document)["idempotency_key"]
        if is_absent(found):
            reason = f"was not found; {origin(self.idempotency_key, document)}"
        elif isinstance(found, bool) or not isinstance(found, (str, int)):
            reason = "must be a string or an integer"
        elif len(str(found)) > _MAX_KEY_CHARACTERS:
            reason = f"must have at most {_MAX_KEY_CHARACTERS} characters"
        else:
            return str(found)
        raise InvalidParameters((FieldError("idempotency_key", reason),))

    def reads(self, root: str) -> dict[str, frozenset[str]]:
        """Return the names that expressions may look up in `headers` or `query`, by what the expression is for."""
        given: dict[str, Compiled | None] = dict(self.parameters.given() if self.parameters else {})
        given |= {"idempotency_key": self.idempotency_key, "event_time": self.event_time}
        return {name: names_read(expression, root) for name, expression in given.items() if expression is not None}

    def leaves_dead_letters(self, address: str) -> bool:
        """Whether a failed request from this address is kept.

        Without proof only where the file says so, and never from outside the networks: strangers could fill the bucket.
        """
        if isinstance(self.auth, Anonymous):
            return self.dead_letters is True and self.may_come_from(address)
        return self.dead_letters is not False

    def may_use_instance(self, instance_id: str) -> bool:
        """Whether the caller may touch this instance."""
        return instance_id in self.instances or self.instances == [ANY_INSTANCE]

    def check_instance(self, instance_id: str) -> None:
        """Refuse an instance that is not on the caller's list; raises `Forbidden`."""
        if not self.may_use_instance(instance_id):
            raise Forbidden("instance is not on the caller's list")

    def may_come_from(self, address: str) -> bool:
        """Whether the caller may come from this address: from everywhere where it names no networks."""
        if self.networks is None:
            return True
        try:
            source = ipaddress.ip_address(address)
        except ValueError:
            return False
        # A dual-stack listener shows an IPv4 peer as ::ffff:203.0.113.9.
        source = getattr(source, "ipv4_mapped", None) or source
        return any(source in network for network in self.networks)


def _without(fields: Mapping[str, str], hidden: frozenset[str]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if name not in hidden}
