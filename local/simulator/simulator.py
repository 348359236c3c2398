"""The simulator as an object: started on entering a `with` block, gone with all its threads on leaving it."""

from types import TracebackType
from typing import Any, final

from local import http
from local.http import LOOPBACK, Answer, Delivery, Server
from local.simulator import control
from local.simulator.endpoint import Endpoint, utc_now
from local.simulator.fault import FaultQueue
from local.simulator.gatekeeper import Clock
from local.simulator.options import AccessKey, Options
from local.simulator.request import Request
from local.simulator.state import State

LARGEST_BODY = 1 << 20
_CLOSE_SECONDS = 5


@final
class Simulator:
    """An endpoint of CCC, KMS and STS on a loopback port, for the time of a `with` block.

    Args:
        options: the answers to what the documentation leaves open.
        access_key: the one key it knows.
        port: to listen on; 0 picks a free one.
        clock: returns the current time, timezone-aware.
    """

    def __init__(
        self,
        options: Options | None = None,
        *,
        access_key: AccessKey | None = None,
        port: int = 0,
        clock: Clock = utc_now,
    ) -> None:
        self._endpoint = Endpoint(options, access_key, clock)
        self._port = port
        self._server: Server | None = None

    def __enter__(self) -> "Simulator":
        """Listen and serve; the first request may follow at once.

        Raises:
            OSError: the port cannot be bound.
        """
        self._server = Server(self._port, self._respond, _refuse, LARGEST_BODY)
        self._port = self._server.server_port
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close(_CLOSE_SECONDS)
            self._server = None

    @property
    def endpoint(self) -> str:
        """`127.0.0.1:PORT`, as an SDK's endpoint setting takes it."""
        return f"{LOOPBACK}:{self._port}"

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`, without a trailing slash."""
        return f"http://{self.endpoint}"

    @property
    def state(self) -> State:
        """The call centre and the secrets, to read and, between requests, to change; another object after a reset."""
        return self._endpoint.state

    @property
    def options(self) -> Options:
        """The options in force."""
        return self._endpoint.options

    @property
    def faults(self) -> FaultQueue:
        """The queue of faults: `faults.add({"kind": "delay", "ms": 50})`."""
        return self._endpoint.faults

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The API requests received so far, secrets redacted, oldest first."""
        return self._endpoint.record.as_json()

    @property
    def requests_total(self) -> int:
        """How many API requests were received, also those that the record no longer holds."""
        return self._endpoint.record.total

    def put_secret(self, name: str, value: str) -> None:
        """Create a secret of KMS, or put a new version of it, as `POST /_simulator/secrets` does.

        Raises:
            SecretError: no name or no value that KMS would take.
        """
        self._endpoint.put_secret(name, value)

    def snapshot(self) -> dict[str, Any]:
        """Return what `GET /_simulator/state` answers."""
        return self._endpoint.snapshot()

    def reset(self, **options: str) -> None:
        """Start over, as `POST /_simulator/reset` does: with the initial options, changed as given.

        Raises:
            OptionError: an unknown option, or a value it does not take.
        """
        self._endpoint.reset(options)

    def _respond(self, received: http.Request) -> Answer | Delivery:
        try:
            if received.path.startswith(control.PREFIX):
                return control.handle(self._endpoint, received)
            return self._endpoint.handle(Request(**vars(received)))
        except Exception as error:  # noqa: BLE001 - a bug here must reach the client as an answer, not stderr
            return control.problem(500, f"bug in the simulator: {type(error).__name__}")


def _refuse(error: http.MalformedError) -> Answer:
    return control.problem(error.status, str(error))
