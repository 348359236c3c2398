"""A client of the console: one request, everything that comes back."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple, TextIO, cast

from local.console import Console, LogLines
from local.demo.stack import DEMO_TOKEN, TOKEN_VARIABLE, stack
from local.gateway import Gateway
from local.gateway.gateway import Wrap
from local.simulator import Simulator
from tests.integration.wire import Reply, connect, read

Body = str | bytes | Mapping[str, Any]


class Running(NamedTuple):
    """What `make run` serves, on free ports."""

    gateway: Gateway
    simulator: Simulator
    stdout: TextIO
    printed: io.StringIO

    def ask(self, method: str, path: str, body: Body = b"", **headers: str) -> Reply:
        """Send one request; `_` in a header's name stands for `-`."""
        connection = connect(self.gateway.url)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content = json.dumps(body) if isinstance(body, Mapping) else body
        try:
            connection.request(method, path, content, named)
            return read(connection)
        finally:
            connection.close()

    def post(self, body: Body, path: str = "/", **headers: str) -> Reply:
        """Post a webhook as the caller `default` would."""
        usual = {"Authorization": f"Bearer {DEMO_TOKEN}", "Content_Type": "application/json"}
        return self.ask("POST", path, body, **usual | headers)

    def read(self, name: str) -> Any:
        """Return what the page reads."""
        return self.ask("GET", f"/_console/{name}").json

    def write(self, name: str, body: Body) -> Reply:
        """Send what the page sends."""
        return self.ask("POST", f"/_console/{name}", body, Content_Type="application/json", Origin=self.gateway.url)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The list of deliveries, newest first."""
        rows: list[dict[str, Any]] = self.read("state")["deliveries"]
        return rows

    def newest(self) -> dict[str, Any]:
        """Return all that is shown of the last delivery."""
        detail: dict[str, Any] = self.read(f"deliveries/{self.rows[0]['number']}")
        return detail


@contextmanager
def running(callers: Path | None = None, **secrets: str) -> Iterator[Running]:
    """Serve what `make run` serves while the block lasts; what the function prints goes to `printed`."""
    printed = io.StringIO()
    lines = LogLines(cast("TextIO", printed))
    stdout = cast("TextIO", lines)
    variables = {TOKEN_VARIABLE: DEMO_TOKEN, **secrets} | ({"CALLERS_FILE": str(callers)} if callers else {})

    def wrap(gateway: Gateway, simulator: Simulator) -> Wrap:
        return Console(gateway, simulator, lines).wrap

    with redirect_stdout(stdout), stack(variables=variables, wrap=wrap) as started:
        yield Running(*started, stdout, printed)
