"""A secret rotates at KMS while its sender goes on: HTTP → gateway → handler → KMS and CCC at the simulator."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

import pytest

from local.gateway import Gateway
from local.send.message import compose, read_message
from local.send.wire import Outgoing, exchange
from local.simulator import Simulator
from shared.callers.file import load_callers
from tests.builders import PAYLOAD
from tests.e2e.test_custom_runtime import running

CALLERS = """
[callers.crm]
auth = { scheme = "standard-webhooks", secrets = ["kms:crm"] }
instances = ["ccc-test"]
[callers.desk]
auth = { scheme = "bearer", secrets = ["env:MUTE_CALL_TOKEN", "kms:desk?"] }
instances = ["ccc-test"]
[callers.none]
auth = { scheme = "bearer", secrets = ["kms:nowhere"] }
instances = ["ccc-test"]
"""
FIRST_SLOW = """
[callers.first]
auth = { scheme = "bearer", secrets = ["kms:slow"] }
instances = ["ccc-test"]
[callers.late]
auth = { scheme = "standard-webhooks", secrets = ["kms:crm"] }
instances = ["ccc-test"]
"""
ONLY_KMS = """
[callers.crm]
auth = { scheme = "standard-webhooks", secrets = ["kms:crm"] }
instances = ["ccc-test"]
"""
# None of them may stand in an answer or in a log line.
FIRST, SECOND, THIRD = (f"whsec_{letter * 40}" for letter in "BCD")
Start = Callable[[str], Gateway]


@pytest.fixture
def callers(tmp_path: Path, simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "callers.toml"
    file.write_text(CALLERS, encoding="utf-8")
    monkeypatch.setenv("CALLERS_FILE", str(file))
    monkeypatch.setenv("KMS_ENDPOINT", simulator.url)
    return file


class Sender:
    """A sender that signs with the secret that it has at the moment."""

    def __init__(self, url: str, callers: Path, name: str = "crm") -> None:
        self._url, self._name = urlsplit(url), name
        self._caller = load_callers(callers).callers[name]

    def post(self, secret: str, headers: Mapping[str, str] = MappingProxyType({})) -> tuple[int, str]:
        message = read_message(json.dumps(dict(PAYLOAD)).encode(), form=False)
        sent = compose(message, self._url, self._name, self._caller, secret, time.time())
        answer = exchange(replace(sent, headers={**sent.headers, **headers}))
        assert "whsec_" not in answer.body
        body = json.loads(answer.body)
        return answer.status, body.get("code") or body["status"]


def reads(simulator: Simulator) -> int:
    """How often the versions of the CRM's secret were asked for; it takes two requests to read them both."""
    return sum(request["parameters"].get("SecretName") == "crm" for request in simulator.requests)


@pytest.mark.parametrize("runtime", ["python3.12", "custom.debian11"])
def test_the_old_and_the_new_secret_pass_and_the_one_before_does_not(
    simulator: Simulator, gateway: Start, callers: Path, runtime: str
) -> None:
    simulator.put_secret("crm", FIRST)
    simulator.put_secret("crm", SECOND)
    sender = Sender(gateway(runtime).url, callers)
    assert [sender.post(secret) for secret in (SECOND, FIRST)] == [(200, "muted")] * 2
    simulator.put_secret("crm", THIRD)
    assert [sender.post(secret) for secret in (THIRD, SECOND, THIRD)] == [(200, "muted")] * 3
    assert sender.post(FIRST) == (401, "unauthorized")


def test_no_request_is_lost_while_it_rotates_under_traffic(simulator: Simulator, gateway: Start, callers: Path) -> None:
    simulator.put_secret("crm", FIRST)
    sender = Sender(gateway("python3.12").url, callers)
    rotated = threading.Event()
    answers: dict[str, list[tuple[int, str]]] = {"old": [], "new": []}

    def send_with_the_old_one() -> None:
        while len(answers["new"]) < 20:
            answers["old"].append(sender.post(FIRST))

    def send_with_the_new_one() -> None:
        rotated.wait()
        for _ in range(10):
            answers["new"].append(sender.post(SECOND))

    threads = [threading.Thread(target=send_with_the_old_one) for _ in range(2)]
    threads += [threading.Thread(target=send_with_the_new_one) for _ in range(2)]
    for thread in threads:
        thread.start()
    while len(answers["old"]) < 10:
        time.sleep(0.001)
    simulator.put_secret("crm", SECOND)
    rotated.set()
    for thread in threads:
        thread.join()
    assert len(answers["old"]) >= 20
    assert {*answers["old"], *answers["new"]} == {(200, "muted")}
    # At the start, and once when the new one came.
    assert reads(simulator) == 4


def test_many_forgeries_cost_kms_next_to_nothing(simulator: Simulator, gateway: Start, callers: Path) -> None:
    simulator.put_secret("crm", FIRST)
    sender = Sender(gateway("python3.12").url, callers)
    assert sender.post(FIRST) == (200, "muted")
    began = time.monotonic()
    assert {sender.post(SECOND) for _ in range(40)} == {(401, "unauthorized")}
    early = 1 + int((time.monotonic() - began) / 10)
    assert reads(simulator) <= 2 * (1 + early)


ROLE = {
    "x-fc-access-key-id": "STS.local",
    "x-fc-access-key-secret": "local-secret",
    "x-fc-security-token": "local-token",
}
FORGED = [
    {**ROLE, "x-fc-access-key-id": "STS.forged"},
    {**ROLE, "x-fc-access-key-secret": "forged"},
    {**ROLE, "x-fc-security-token": "forged"},
    {**ROLE, "x-fc-security-token": "\xfc"},
    {**ROLE, "x-fc-access-key-id": "STS.forged", "x-fc-region": "cn-beijing"},
]


def attempts(simulator: Simulator) -> int:
    """How often it was begun to read the CRM's secret."""
    asked = [request["parameters"] for request in simulator.requests if request["action"] == "GetSecretValue"]
    return sum((each["SecretName"], each["VersionStage"]) == ("crm", "ACSCurrent") for each in asked)


@pytest.mark.parametrize(
    "first", [pytest.param(ROLE, id="the role's"), pytest.param(FORGED[0], id="forged", marks=pytest.mark.slow)]
)
def test_forged_credentials_use_nothing_that_the_roles_have_read(
    simulator: Simulator, callers: Path, first: dict[str, str]
) -> None:
    simulator.put_secret("crm", FIRST)
    with running(simulator.endpoint) as server:
        sender = Sender(f"http://{server.address}", callers)
        began = time.monotonic()
        if first is not ROLE:
            assert sender.post(FIRST, first) == (500, "configuration_error")
            # The budget is spent. Whoever comes now is told to come again, the role as well.
            assert sender.post(FIRST, ROLE) == (503, "upstream_unavailable")
            time.sleep(10.5)
        assert sender.post(FIRST, ROLE) == (200, "muted")
        # A right signature, and credentials that do not open the secret; as many as the pipe of the log takes unread.
        with ThreadPoolExecutor(10) as pool:
            answers = {*pool.map(lambda number: sender.post(FIRST, FORGED[number % len(FORGED)]), range(60))}
        assert answers <= {(500, "configuration_error"), (503, "upstream_unavailable")}
        assert sender.post(SECOND, FORGED[0])[0] in (500, 503)
        assert sender.post(FIRST, ROLE) == (200, "muted")
        assert sender.post(SECOND, ROLE) == (401, "unauthorized")
        assert attempts(simulator) <= 2 + (time.monotonic() - began) / 10
        _, errors = server.end()
    assert errors == ""


def test_the_health_check_asks_nobody_and_nobody_turns_it(simulator: Simulator, callers: Path) -> None:
    callers.write_text(ONLY_KMS, encoding="utf-8")
    with running(simulator.endpoint) as server:
        url = f"http://{server.address}"

        def health(headers: dict[str, str]) -> int:
            return exchange(Outgoing(url, "GET", "/healthz", headers, b"")).status

        assert [health(headers) for headers in (ROLE, {}, *FORGED)] == [200] * (2 + len(FORGED))
        assert attempts(simulator) == 0
        simulator.put_secret("crm", FIRST)
        assert Sender(url, callers).post(FIRST, FORGED[0])[0] == 500
        assert [health(headers) for headers in (ROLE, FORGED[0])] == [200, 503]
        assert attempts(simulator) == 1
        written, _ = server.end()
    assert [json.loads(line)["event"] for line in written.splitlines()] == ["webhook"]


def test_without_kms_nobody_passes_who_needs_it(
    simulator: Simulator, gateway: Start, callers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simulator.faults.add({"kind": "drop", "times": 50, "action": "GetSecretValue"})
    sender = Sender(gateway("python3.12").url, callers)
    simulator.put_secret("crm", FIRST)
    assert sender.post(FIRST) == (503, "upstream_unavailable")
    assert [request["action"] for request in simulator.requests if request["action"] == "MuteCall"] == []
    log = capsys.readouterr().out
    assert "callers.crm.auth.secrets: kms:crm: KMS does not answer" in log
    assert FIRST not in log


def test_a_secret_that_kms_does_not_have_stops_its_caller_alone(
    simulator: Simulator, gateway: Start, callers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUTE_CALL_TOKEN", "a-token")
    running = gateway("python3.12")
    assert Sender(running.url, callers, "none").post("anything") == (500, "configuration_error")
    assert Sender(running.url, callers, "desk").post("a-token") == (200, "muted")
    simulator.put_secret("desk", "another-token")
    assert Sender(running.url, callers, "desk").post("another-token") == (200, "muted")


def test_a_secret_is_read_once_for_the_initializer_and_all_requests(
    simulator: Simulator, gateway: Start, callers: Path
) -> None:
    simulator.put_secret("crm", FIRST)
    sender = Sender(gateway("python3.12").url, callers)
    assert [sender.post(FIRST) for _ in range(3)] == [(200, "muted")] * 3
    assert reads(simulator) == 2


def test_a_request_without_a_credential_does_not_have_kms_asked(
    simulator: Simulator, gateway: Start, callers: Path
) -> None:
    simulator.put_secret("crm", FIRST)
    running = gateway("python3.12")
    sender = Sender(running.url, callers)
    assert sender.post(FIRST) == (200, "muted")
    before = reads(simulator)
    unsigned = Outgoing(running.url, "POST", "/crm", {"content-type": "application/json"}, b"{}")
    for _ in range(5):
        assert exchange(unsigned).status == 401
    assert reads(simulator) == before
    simulator.put_secret("crm", SECOND)
    assert sender.post(SECOND) == (200, "muted")


def test_one_slow_secret_takes_no_more_than_its_share_and_nothing_from_the_others(
    simulator: Simulator, gateway: Start, callers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEADLINE_MS", "4000")
    callers.write_text(FIRST_SLOW, encoding="utf-8")
    simulator.put_secret("crm", FIRST)
    running = gateway("python3.12")
    simulator.faults.add({"kind": "delay", "ms": 3000, "action": "GetSecretValue"})
    began = time.monotonic()
    healthz = exchange(Outgoing(running.url, "GET", "/healthz", {}, b""))
    # The initializer has a share of the deadline, and the page asks nobody.
    assert time.monotonic() - began < 4
    assert healthz.status == 200
    assert Sender(running.url, callers, "late").post(FIRST) == (200, "muted")
