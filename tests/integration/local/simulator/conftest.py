import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.simulator import Simulator
from local.simulator.request import Request
from tests.unit.local.simulator.signing import NOW

Reply = tuple[http.client.HTTPResponse, bytes]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(clock=lambda: NOW) as running:
        yield running


@pytest.fixture
def connection(simulator: Simulator) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(simulator.endpoint, timeout=60)
    yield connection
    connection.close()


@pytest.fixture
def send(connection: http.client.HTTPConnection) -> Callable[[Request], Reply]:
    """Send a request over the connection, exactly as it was signed, and return the answer read to its end."""

    def send(request: Request) -> Reply:
        connection.putrequest(request.method, request.target, skip_host=True)
        for name, value in request.headers:
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(request.body)))
        connection.endheaders(request.body)
        response = connection.getresponse()
        return response, response.read()

    return send


@pytest.fixture
def control(connection: http.client.HTTPConnection) -> Callable[..., tuple[int, Any]]:
    """Ask the control plane and return status and decoded JSON."""

    def control(method: str, name: str, body: object = None) -> tuple[int, Any]:
        connection.request(method, f"/_simulator/{name}", None if body is None else json.dumps(body))
        response = connection.getresponse()
        return response.status, json.loads(response.read())

    return control
