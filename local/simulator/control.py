"""The control plane under `/_simulator/`: read the state, start over, add faults, set secrets."""

import json
from collections.abc import Callable

from local.http import Answer, Request
from local.same_origin import is_foreign
from local.simulator.endpoint import Endpoint
from local.simulator.fault_fields import FaultError
from local.simulator.options import OptionError
from local.simulator.state import SecretError

PREFIX = "/_simulator/"


def handle(endpoint: Endpoint, request: Request) -> Answer:
    """Answer a request whose path begins with `PREFIX`; always JSON, an error as `{"error": "…"}`."""
    # The control plane needs no signature.
    if is_foreign(request.header("host"), request.header("origin")):
        return problem(403, "the request comes from a page of another site")
    name = request.path.removeprefix(PREFIX)
    if name not in ROUTES:
        return problem(404, f"no such path, known are {', '.join(PREFIX + each for each in ROUTES)}")
    allowed, act = ROUTES[name]
    if request.method != allowed:
        return problem(405, f"method must be {allowed}").with_headers({"Allow": allowed})
    try:
        return act(endpoint, request.body)
    except (FaultError, OptionError, SecretError) as error:
        return problem(400, str(error))


def problem(status: int, text: str) -> Answer:
    """Return an error of the simulator itself, as JSON."""
    return _json({"error": text}, status)


def _state(endpoint: Endpoint, _: bytes) -> Answer:
    return _json(endpoint.snapshot())


def _reset(endpoint: Endpoint, body: bytes) -> Answer:
    endpoint.reset(_decoded(body) if body.strip() else {})
    return _json({"options": endpoint.options.as_json()})


def _faults(endpoint: Endpoint, body: bytes) -> Answer:
    return _json({"pending_faults": endpoint.faults.add(_decoded(body))})


def _secrets(endpoint: Endpoint, body: bytes) -> Answer:
    given = _decoded(body)
    if not isinstance(given, dict) or set(given) != {"name", "value"}:
        raise SecretError("secret: must be a JSON object of name and value")
    version = endpoint.put_secret(**given)
    return _json({"name": given["name"], "version_id": version.version_id, "stage": version.stage})


def _decoded(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # also bytes that are no text, numbers and nesting beyond reason
        raise FaultError("body: must be JSON") from None


def _json(value: object, status: int = 200) -> Answer:
    return Answer(status, {"Content-Type": "application/json"}, json.dumps(value).encode())


ROUTES: dict[str, tuple[str, Callable[[Endpoint, bytes], Answer]]] = {
    "state": ("GET", _state),
    "reset": ("POST", _reset),
    "faults": ("POST", _faults),
    "secrets": ("POST", _secrets),
}
