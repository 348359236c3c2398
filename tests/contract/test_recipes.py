"""`docs/callers`: its blocks load, its samples mute the documented call, and what it names exists."""

from __future__ import annotations

import base64
import json
import re
import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from functions.mute_call.index import FUNCTION, handler
from local.explain import __main__ as explain
from local.send import __main__ as send
from local.simulator import Simulator
from shared.callers.caller import Caller
from shared.callers.file import load_callers
from shared.callers.schemes import SCHEMES
from shared.idempotency import Stores
from shared.problems import ConfigurationError
from shared.runtime.event import Request, read_event
from tests.builders import CHANNEL, PAYLOAD, Context312, environment, http_event
from tests.contract.documents import ROOT, blocks, headings, links, spans, tables

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = "docs/callers"
INDEX = "README.md"
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / FOLDER).glob("*.md"))}
BLOCKS = "blocks.md"
PAGES = [name for name in TEXTS if name not in (INDEX, BLOCKS)]
SAMPLES = {f"events/callers/{path.name}" for path in (ROOT / "events/callers").iterdir()}
# What a scheme can use, and a wrong one.
SECRETS = {
    "basic": ("name:password", "name:another"),
    "standard-webhooks": tuple("whsec_" + base64.b64encode(bytes([n]) * 24).decode() for n in (1, 2)),
}
ANY_SECRETS = ("secret-of-the-recipe", "another-secret")
# What names an event in the sample of a sender that says so; the others' is the delivery, or nothing.
EVENT_NAMES = {
    "events/callers/stripe.json": ("id",),
    "events/callers/github.json": ("client_payload", "event_id"),
    "events/callers/twilio.json": ("SequenceNumber",),
    "events/callers/feishu.json": ("header", "event_id"),
    "events/callers/dingtalk.json": ("msgId",),
    "events/callers/jiandaoyun.json": ("data", "_id"),
    "events/callers/eventbridge.json": ("id",),
}


# What the senders of the page of blocks post, by the caller's name.
PAYLOADS: dict[str, Any] = json.loads((ROOT / "tests/data/recipes.json").read_bytes())
# Those that post it as a form.
FORMS = {"plivo"}
# The requests that the handshakes of the blocks answer, and the answers.
HANDSHAKES: dict[str, Any] = json.loads((ROOT / "tests/data/handshakes.json").read_bytes())


@dataclass(frozen=True)
class Trial:
    """A sample and who sends it, as a page's command has it; no caller: a direct invocation."""

    page: str
    sample: str
    caller: str | None
    form: bool = False

    def __str__(self) -> str:
        return f"{self.page} {self.sample} {self.caller}{' form' if self.form else ''}"


def trials(page: str, text: str) -> Iterator[Trial]:
    """Yield what the page's commands try."""
    for words in (shlex.split(line) for block in blocks(text, "sh") for line in block.splitlines()):
        if words[:3] == ["python", "-m", "local.send"] and "--print-curl" not in words:
            yield Trial(page, words[3], words[words.index("--caller") + 1], form="--form" in words)
        elif words[:3] == ["python", "-m", "local.explain"]:
            yield Trial(page, words[3], None)


def block_of(text: str, caller: str | None) -> str:
    """Return the block that has the caller: by name, or the one for direct invocation."""
    for block in blocks(text, "toml"):
        for name, table in tomllib.loads(block)["callers"].items():
            if name == caller or (caller is None and table["auth"]["scheme"] == "ram"):
                return block
    raise LookupError(caller)


def load(block: str, folder: Path) -> dict[str, Caller]:
    """Return the callers of a block.

    Raises:
        ConfigurationError: it is no valid file; lists everything.
    """
    path = folder / "callers.toml"
    path.write_text(block, encoding="utf-8")
    return load_callers(path).callers


def variables_of(callers: Mapping[str, Caller]) -> set[str]:
    references = [reference for caller in callers.values() for reference in caller.references()]
    return {reference.removeprefix("env:").removesuffix("?") for reference in references}


def secrets_for(caller: Caller) -> tuple[str, ...]:
    return SECRETS.get(caller.auth.scheme, ANY_SECRETS)


def request_of(trial: Trial) -> Request:
    """Return the request that the sender makes of the sample, not signed yet."""
    content = (ROOT / trial.sample).read_bytes()
    if "requestContext" in json.loads(content):
        return read_event(content)
    headers = {"host": "mute.example.com", "content-type": "application/json"}
    if trial.form:
        headers["content-type"] = "application/x-www-form-urlencoded"
        content = urlencode(json.loads(content)).encode()
    path = f"/{trial.caller}"
    return Request(path=path, raw_path=path, headers=headers, body=content)


def event_of(request: Request) -> bytes:
    """Return the event that the platform makes of a request."""
    return http_event(
        method=request.method,
        path=request.raw_path,
        headers={name.title(): value for name, value in request.headers.items()},
        query=request.query,
        token=None,
        body=request.body.decode(),
    )


def signed(request: Request, caller: Caller, *, wrong: bool = False, later_s: int = 0) -> bytes:
    """Return the event of a request that the caller's sender has signed, with a wrong secret or later if wanted.

    For a caller of direct invocations it is the payload, or with a wrong secret what anybody may send over HTTP.
    """
    if not caller.auth.over_http:
        return event_of(request) if wrong else request.body
    now = time.time() + later_s
    return event_of(caller.auth.sign(request, secrets_for(caller)[wrong], now))


def another(trial: Trial) -> Request:
    """Return the request for another event of the same sender: the same call, agent, ticket and record."""
    request, place = request_of(trial), EVENT_NAMES.get(trial.sample)
    if place is None:
        return request
    payload = found = json.loads((ROOT / trial.sample).read_bytes())
    *way, last = place
    for step in way:
        found = found[step]
    found[last] += "9"
    content = urlencode(payload) if trial.form else json.dumps(payload)
    return replace(request, body=content.encode())


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    # Nobody has sent anything yet.
    monkeypatch.setattr(FUNCTION, "_stores", Stores())
    with Simulator() as running:
        variables = environment(CCC_ENDPOINT=running.url)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield running


def configure(block: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Caller]:
    """Let the function run with a block alone, its secrets set."""
    callers = load(block, folder)
    monkeypatch.setenv("CALLERS_FILE", str(folder / "callers.toml"))
    for caller in callers.values():
        for variable in variables_of({"": caller}):
            monkeypatch.setenv(variable, secrets_for(caller)[0])
    return callers


def answer_to(event: bytes) -> dict[str, Any]:
    """Return the body of the function's answer."""
    reply = handler(event, Context312())
    answer: dict[str, Any] = json.loads(reply["body"]) if "statusCode" in reply else reply
    return answer


def flags(simulator: Simulator) -> set[str]:
    """Return the flags of the agent's channel in the documented call."""
    channel = simulator.state.instances[PAYLOAD["InstanceId"]].calls[PAYLOAD["JobId"]].channel(CHANNEL)
    assert channel
    return channel.flags


TRIALS = [trial for page in PAGES for trial in trials(page, TEXTS[page])]


def test_every_block_is_a_valid_callers_file(tmp_path: Path) -> None:
    errors: list[str] = []
    names: list[str] = []
    for page, text in TEXTS.items():
        for number, block in enumerate(blocks(text, "toml"), start=1):
            try:
                names += load(block, tmp_path)
            except ConfigurationError as error:
                errors.append(f"{page}, block {number}: {error.reason}")
    assert errors == []
    assert len(names) == len(set(names)), "two recipes have one caller name"


@pytest.mark.parametrize("trial", TRIALS, ids=str)
def test_a_sample_mutes_the_documented_call(
    trial: Trial, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    callers = configure(block_of(TEXTS[trial.page], trial.caller), tmp_path, monkeypatch)
    event = signed(request_of(trial), callers[trial.caller]) if trial.caller else (ROOT / trial.sample).read_bytes()
    answer = answer_to(event)
    told = {key: answer.get(key) for key in ("status", "code", "errors", "instance_id", "job_id", "user_id")}
    assert told == {
        "status": "muted",
        "code": None,
        "errors": None,
        "instance_id": PAYLOAD["InstanceId"],
        "job_id": PAYLOAD["JobId"],
        "user_id": PAYLOAD["UserId"],
    }
    assert flags(simulator) == {"MUTED"}


@pytest.mark.parametrize("trial", [trial for trial in TRIALS if trial.caller], ids=str)
def test_a_second_mute_of_the_same_call_is_carried_out_and_a_resend_of_the_first_is_not(
    trial: Trial, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = configure(block_of(TEXTS[trial.page], trial.caller), tmp_path, monkeypatch)[trial.caller or ""]
    first = signed(request_of(trial), caller)
    assert answer_to(first)["status"] == "muted"

    flags(simulator).clear()
    if trial.sample in EVENT_NAMES:
        assert answer_to(signed(request_of(trial), caller, later_s=1))["status"] == "muted"
        assert flags(simulator) == set()

    assert answer_to(signed(another(trial), caller, later_s=2))["status"] == "muted"
    assert flags(simulator) == {"MUTED"}


@pytest.mark.parametrize("trial", TRIALS, ids=str)
@pytest.mark.usefixtures("simulator")
def test_the_tools_take_a_pages_command(
    trial: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    configure(block_of(TEXTS[trial.page], trial.caller), tmp_path, monkeypatch)
    sample = str(ROOT / trial.sample)
    if trial.caller:
        options = ["--form"] if trial.form else []
        assert send.main([sample, "--caller", trial.caller, *options, "--print-curl"]) == 0
        assert f"http://127.0.0.1:9000/{trial.caller}".encode() in capfdbinary.readouterr().out
    else:
        assert explain.main([sample]) == 0


@pytest.mark.parametrize("trial", [trial for trial in TRIALS if trial.caller], ids=str)
def test_a_sample_without_its_credential_or_with_a_wrong_one_is_refused(
    trial: Trial, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    callers = configure(block_of(TEXTS[trial.page], trial.caller), tmp_path, monkeypatch)
    request = request_of(trial)
    for event in (event_of(request), signed(request, callers[trial.caller or ""], wrong=True)):
        assert answer_to(event)["code"] == "unauthorized"
    assert flags(simulator) == set()


@pytest.mark.parametrize(
    ("caller", "change"),
    [
        ("twilio", {"StatusCallbackEvent": "participant-unmute"}),
        ("slack", {"user_id": "U0"}),
        ("stripe", {"type": "payment_intent.succeeded"}),
        ("github", {"action": "unmute"}),
        ("ivr", {"agent": None}),
        ("power-automate", {"agent": {}}),
        ("zendesk", {"call": ""}),
        ("hubspot", {"ccc_job_id": None}),
    ],
)
def test_what_a_condition_sorts_out_or_an_empty_field_is_invalid(
    caller: str, change: dict[str, Any], simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = next(trial for trial in TRIALS if caller in (trial.caller, Path(trial.sample).stem))
    callers = configure(block_of(TEXTS[trial.page], trial.caller), tmp_path, monkeypatch)
    payload = {**json.loads((ROOT / trial.sample).read_bytes()), **change}
    event = body = (urlencode(payload) if trial.form else json.dumps(payload)).encode()
    if trial.caller:
        event = signed(replace(request_of(trial), body=body), callers[trial.caller])
    assert answer_to(event)["code"] == "invalid_parameters"
    assert flags(simulator) == set()


@pytest.mark.usefixtures("simulator")
def test_the_answer_shown_is_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = next(trial for trial in TRIALS if trial.caller == "make")
    callers = configure(block_of(TEXTS[trial.page], trial.caller), tmp_path, monkeypatch)
    (shown,) = (json.loads(block) for block in blocks(TEXTS[INDEX], "json"))
    assert answer_to(signed(request_of(trial), callers["make"])) | {"request_id": shown["request_id"]} == shown


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_a_block_a_sample_that_is_tried_and_the_variables_of_its_block(page: str) -> None:
    text = TEXTS[page]
    assert list(trials(page, text))
    referred = {name for block in blocks(text, "toml") for name in re.findall(r"env:([A-Z0-9_]+)", block)}
    assert referred <= set(spans(text))


def sample_of(name: str, good: str | None = None, bad: str = "") -> Request:
    """Return the request of a block's sender, not signed yet; with one text for another if wanted."""
    is_form = name in FORMS
    content_type = "application/x-www-form-urlencoded" if is_form else "application/json"
    headers = {"host": "mute.example.com", "content-type": content_type}
    body = urlencode(PAYLOADS[name]) if is_form else json.dumps(PAYLOADS[name])
    if good is not None:
        assert good in body
        body = body.replace(good, bad)
    return Request(path=f"/{name}", raw_path=f"/{name}", headers=headers, body=body.encode())


def test_every_block_without_a_page_has_a_payload() -> None:
    names = [name for block in blocks(TEXTS[BLOCKS], "toml") for name in tomllib.loads(block)["callers"]]
    assert sorted(names) == sorted(PAYLOADS)


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_signed_sample_of_a_block_mutes_and_a_forged_one_does_not(
    name: str, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = configure(block_of(TEXTS[BLOCKS], name), tmp_path, monkeypatch)[name]
    request = sample_of(name)
    for event in (event_of(request), signed(request, caller, wrong=True)):
        assert answer_to(event)["code"] == "unauthorized"
    assert flags(simulator) == set()

    answer = answer_to(signed(request, caller))
    assert (answer["status"], answer.get("errors"), answer["user_id"]) == ("muted", None, PAYLOAD["UserId"])
    assert flags(simulator) == {"MUTED"}


@pytest.mark.parametrize("name", HANDSHAKES)
def test_a_handshake_of_a_block_is_answered_and_a_forged_one_is_not(
    name: str, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = next(text for text in TEXTS.values() if f"[[callers.{name}.handshakes]]" in text)
    caller = configure(block_of(text, name), tmp_path, monkeypatch)[name]
    asked = HANDSHAKES[name]
    request = Request(
        method=asked.get("method", "POST"),
        path=f"/{name}",
        raw_path=f"/{name}",
        headers={"host": "mute.example.com", "content-type": "application/json"} | asked.get("headers", {}),
        query=asked.get("query", {}),
        body=json.dumps(asked["body"]).encode() if "body" in asked else b"",
    )
    proof = caller.handshakes[0].auth or caller.auth
    secret, wrong = secrets_for(caller)

    for event in (event_of(request), event_of(proof.sign(request, wrong, time.time()))):
        assert answer_to(event)["code"] == "unauthorized"

    reply = handler(event_of(proof.sign(request, secret, time.time())), Context312())
    assert (reply["statusCode"], json.loads(reply["body"])) == (200, asked["answer"])
    assert reply["headers"].items() >= asked.get("answer_headers", {}).items()
    assert flags(simulator) == set()


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("telegram", '"id": 7', '"id": 8'),
        ("meta", "15550100100", "15550100199"),
        ("twitch", "supervisor", "viewer"),
        ("zoom", "meeting.started", "meeting.ended"),
        ("monday", "create_pulse", "delete_pulse"),
        ("vonage", "15550100100", "15550100199"),
    ],
)
def test_another_writer_or_event_does_not_mute(
    name: str, good: str, bad: str, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = configure(block_of(TEXTS[BLOCKS], name), tmp_path, monkeypatch)[name]
    answer = answer_to(signed(sample_of(name, good, bad), caller))
    assert (answer["code"], [error["field"] for error in answer["errors"]]) == ("invalid_parameters", ["job_id"])
    assert flags(simulator) == set()


def test_every_handshake_of_a_block_is_tried() -> None:
    assert {name for text in TEXTS.values() for name in re.findall(r"\[\[callers\.(.+?)\.handshakes]]", text)} == set(
        HANDSHAKES
    )


def test_every_sender_of_the_table_has_its_block_and_every_scheme_its_sender() -> None:
    rows = tables(TEXTS[INDEX])["sender"]
    assert {row[1] for row in rows} | {"none"} >= SCHEMES.keys()
    assert len(rows) >= 40
    linked = {target for target in links(TEXTS[INDEX]) if target.startswith(f"{BLOCKS}#")}
    # Without the page's own heading.
    _, mark, text = TEXTS[BLOCKS].partition("\n## ")
    assert linked == {f"{BLOCKS}#{name}" for name in headings(mark + text)}


def test_every_scheme_has_a_block_but_those_that_nobody_needs(tmp_path: Path) -> None:
    loaded = (load(block, tmp_path) for text in TEXTS.values() for block in blocks(text, "toml"))
    # What Airtable and Notion sign holds nothing of a record.
    needless = {"none", "airtable", "notion"}
    assert {caller.auth.scheme for callers in loaded for caller in callers.values()} >= SCHEMES.keys() - needless


def test_every_sample_is_tried_by_a_page() -> None:
    assert {trial.sample for trial in TRIALS} == SAMPLES
