"""A browser, and `make run` as a process of its own for it to look at."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from local.demo.senders import CALLERS
from local.demo.stack import DEMO_TOKEN
from tests.builders import PAYLOAD

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium")
FLAGS = [
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
TIMEOUT_S = 60
# The page asks ten times as often as for people: most of a test would be waiting for it.
HASTE = "const later = setTimeout; window.setTimeout = (task, ms) => later(task, ms / 10);"
# What the process needs of the developer's shell: to be found, and to be measured.
_KEPT = re.compile(r"PATH|COV_.*|COVERAGE_.*")


class Served:
    """`make run`, and whoever sends webhooks to it."""

    def __init__(self, gateway: str, simulator: str) -> None:
        self.gateway = gateway
        self.simulator = simulator
        self.console = f"{gateway}/_console"

    def post(self, token: str = DEMO_TOKEN, **headers: str) -> None:
        """Post the webhook that mutes the simulated call."""
        usual = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        _send("POST", self.gateway, "/", PAYLOAD, usual | named)

    def ask(self, method: str, path: str) -> None:
        """Send a request without a body."""
        _send(method, self.gateway, path, None, {})

    def fault(self, **script: Any) -> None:
        """Script a fault of the simulator."""
        _send("POST", self.simulator, "/_simulator/faults", script, {})

    def start_over(self) -> None:
        """Begin as if nothing had happened."""
        _send("POST", self.gateway, "/_console/reset", {}, {"Content-Type": "application/json"})


def _send(method: str, url: str, path: str, body: object, headers: dict[str, str]) -> None:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_S)
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    connection.getresponse().read()
    connection.close()


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    printed = tmp_path_factory.mktemp("run") / "stdout"
    environment = {name: value for name, value in os.environ.items() if _KEPT.fullmatch(name)}
    environment |= {"CALLERS_FILE": str(CALLERS), "DEADLINE_MS": "15000"}
    command = [sys.executable, "-m", "local.run", "--gateway-port", "0", "--simulator-port", "0"]
    with (
        printed.open("w") as stdout,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=stdout) as process,  # noqa: S603 - our own module
    ):
        try:
            deadline = time.monotonic() + TIMEOUT_S
            while "Ctrl-C" not in printed.read_text(encoding="utf-8"):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
            addresses = dict(re.findall(r"^(\w+) +(http://[\d.:]+)", printed.read_text(encoding="utf-8"), re.MULTILINE))
            yield Served(addresses["gateway"], addresses["simulator"])
        finally:
            process.terminate()
            assert process.wait(TIMEOUT_S) == 0


@pytest.fixture
def served(process: Served) -> Served:
    process.start_over()
    return process


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium here: apt install chromium")
    expect.set_options(timeout=TIMEOUT_S * 1000 / 2)
    with sync_playwright() as playwright:
        # A folder of its own for the browser's data, gone with it.
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complains of; none when the test ends, unless it has cleared them."""
    return []


@pytest.fixture
def visit(browser: Browser, served: Served, complaints: list[str]) -> Iterator[Callable[..., Page]]:
    """Return what opens the console as somebody with these preferences would.

    A `script` runs before those of the page; endpoints that are `held` give no answer, those `refused` fail at once.
    """
    contexts = []
    asked: list[str] = []

    def open_page(
        script: str = "", held: Collection[str] = (), refused: Collection[str] = (), **preferences: Any
    ) -> Page:
        context = browser.new_context(**{"locale": "en-GB", "viewport": {"width": 1280, "height": 900}, **preferences})
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type != "log" else None)
        page.add_init_script(HASTE + script)
        for name in held:
            page.route(f"**/_console/{name}", lambda _: None)
        for name in refused:
            page.route(f"**/_console/{name}", lambda route: route.abort())
        page.goto(served.console)
        if held or refused:
            return page
        expect(page.locator(".party")).to_have_count(2)
        # The form is the last to be ready.
        expect(page.locator("#caller option")).not_to_have_count(0)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert asked
    assert [url for url in asked if not url.startswith(f"{served.gateway}/_console")] == []
    assert complaints == []


@pytest.fixture
def page(visit: Callable[..., Page]) -> Page:
    return visit()
