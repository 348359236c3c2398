"""The function behind the gateway against its OpenAPI document: schemathesis makes the requests and judges the answers.

What is left out, and why:

* Other methods at `/healthz` and `/openapi.json`: `POST …/<segment>` is a caller's request whatever the segment, so
  that the function answers 401 there, or an `Allow` that names POST; schemathesis wants 405 and GET alone.
* Methods that the HTTP trigger does not pass on, and queries over its limit: the platform answers these itself.
* Text beyond Latin-1: what of Unicode can be printed is a table, and no pattern that importers could read.
* Integers written as `1.0`: JSON Schema takes them for integers, the function does not.
* `Idempotency-Key`: with one, an answer depends on the requests before.
* Stateful tests: no answer leads to another request.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard
from urllib.request import urlopen

import pytest

from local.demo.stack import DEMO_TOKEN, HANDLER, TOKEN_VARIABLE
from local.gateway import Gateway
from local.gateway.settings import METHODS
from local.simulator import Simulator

CALLERS = f"""
[callers.default]
auth = {{ scheme = "bearer", secrets = ["env:{TOKEN_VARIABLE}"] }}
instances = ["*"]
methods = ["POST", "GET"]
"""
PAGES = {"GET /healthz", "GET /openapi.json"}
CALLS = {f"{method} {path}" for method in ("GET", "POST") for path in ("/", "/{caller}")}
# Names the answers that are not the function's.
PLATFORM = "x-fc-error-type"
pytestmark = pytest.mark.slow
Statuses = dict[str, set[int]]


@pytest.fixture
def url(simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return where the function is served, with one caller that may use every instance and both methods."""
    callers = tmp_path / "callers.toml"
    callers.write_text(CALLERS, encoding="utf-8")
    for name, value in {
        "CALLERS_FILE": str(callers),
        "CCC_ENDPOINT": simulator.url,
        "LOG_LEVEL": "ERROR",
        TOKEN_VARIABLE: DEMO_TOKEN,
    }.items():
        monkeypatch.setenv(name, value)
    with Gateway(HANDLER, methods=METHODS) as gateway:
        yield gateway.url


def served(url: str) -> dict[str, Any]:
    with urlopen(f"{url}/openapi.json") as answer:  # noqa: S310 - a loopback address
        document: dict[str, Any] = json.load(answer)
    return document


def run(url: str, document: dict[str, Any], max_examples: int, **settings: Any) -> tuple[list[str], Statuses]:
    """Make requests of the document and return what violates it, and which statuses each operation answered."""
    import schemathesis  # noqa: PLC0415 - takes seconds, in every process of a run
    from schemathesis.config import SchemathesisConfig  # noqa: PLC0415 - likewise
    from schemathesis.engine import events, from_schema  # noqa: PLC0415 - likewise

    config = SchemathesisConfig.from_dict(
        {
            "base-url": url,
            "seed": 1,
            "continue-on-failure": True,
            "generation": {
                "max-examples": max_examples,
                "deterministic": True,
                "database": "none",
                "codec": "iso8859-1",
            },
            "phases": {
                "stateful": {"enabled": False},
                "coverage": {"unexpected-methods": ["put", "delete", "patch", "options"]},
            },
            "operations": [
                {"include-name": page, "phases": {"coverage": {"unexpected-methods": []}}} for page in sorted(PAGES)
            ],
            **settings,
        }
    )
    schema = schemathesis.openapi.from_dict(_without_keys(document), config=config)
    schema.hooks.hook("map_body")(_without_whole_doubles)
    violations: list[str] = []
    statuses: Statuses = defaultdict(set)
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            for case_id, exchange in event.recorder.interactions.items():
                if exchange.response and PLATFORM in exchange.response.headers:
                    continue
                statuses[event.recorder.label].add(exchange.response.status_code if exchange.response else 0)
                checks = event.recorder.checks.get(case_id, [])
                found = [(check.name, check.failure_info) for check in checks if check.failure_info]
                violations += [f"{name}: {info.failure}\n{info.code_sample}" for name, info in found]
        elif isinstance(event, events.NonFatalError):
            violations.append(str(event.value))
        elif isinstance(event, events.FatalError):
            violations.append(repr(event.exception))
    return violations, statuses


def _without_keys(document: dict[str, Any]) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(document))
    for path in copy["paths"].values():
        for operation in path.values():
            if "parameters" in operation:
                operation["parameters"] = [item for item in operation["parameters"] if item["in"] != "header"]
    return copy


def _without_whole_doubles(_context: object, body: object) -> object:
    if not isinstance(body, dict):
        return body
    return {name: int(value) if _is_whole(value) else value for name, value in body.items()}


def _is_whole(value: object) -> TypeGuard[float]:
    return isinstance(value, float) and value.is_integer()


def test_a_caller_with_its_credential_gets_what_the_document_says(url: str) -> None:
    # That the credential is not ignored shows only where the document has no alternative to it.
    document = served(url) | {"security": [{"bearer": []}]}

    violations, statuses = run(
        url,
        document,
        max_examples=10,
        headers={"Authorization": f"Bearer {DEMO_TOKEN}"},
        parameters={"path.caller": "default"},
    )

    assert violations == []
    assert {label: statuses[label] for label in CALLS if not {200, 401, 404, 422} <= statuses[label]} == {}
    assert {label: statuses[label] for label in PAGES} == {label: {200} for label in PAGES}


def test_whoever_has_no_credential_gets_what_the_document_says(url: str) -> None:
    violations, statuses = run(url, served(url), max_examples=3)

    assert violations == []
    assert {label: statuses[label] for label in CALLS if not {401} <= statuses[label] <= {401, 405}} == {}
    assert {label: statuses[label] for label in PAGES} == {label: {200} for label in PAGES}
