"""From a failure to a mute: the letter found in the bucket, fetched, and sent again as its sender would."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from local.demo.stack import DEMO_TOKEN, UNMUTE_HANDLER, stack
from local.gateway import Gateway
from local.replay.__main__ import main as replay
from local.send.__main__ import main as send
from local.send.wire import Answer, Outgoing
from local.simulator import Simulator
from shared.callers.schemes import SCHEMES
from shared.callers.schemes.vendors import VENDORS
from tests.builders import PAYLOAD, http_event
from tests.e2e.posting import post
from tests.peers import answering, hanging_up, peer
from tests.s3_server import BUCKET, S3Server

ROOT = Path(__file__).parent.parent.parent
TIMEOUT_S = 60
DOWN = {"kind": "error", "http_status": 500, "code": "InternalService.Error"}
PHONE = "13188888888"
SECRET = "canary-secret-of-a-caller"
BASE64 = "whsec_Y2FuYXJ5IG9mIGF0IGxlYXN0IDI0IGJ5dGVz"
AUTHS = {
    "bearer": '{ scheme = "bearer", secrets = ["env:A"] }',
    "basic": '{ scheme = "basic", secrets = ["env:B"] }',
    "api-key": '{ scheme = "api-key", secrets = ["env:A"] }',
    "api-key-query": '{ scheme = "api-key", secrets = ["env:A"], key = "query.open" }',
    "standard-webhooks": '{ scheme = "standard-webhooks", secrets = ["env:C"] }',
    "github": '{ scheme = "github", secrets = ["env:A"] }',
    "stripe": '{ scheme = "stripe", secrets = ["env:A"] }',
    "slack": '{ scheme = "slack", secrets = ["env:A"] }',
    "hubspot": '{ scheme = "hubspot", secrets = ["env:A"] }',
    "zendesk": '{ scheme = "zendesk", secrets = ["env:A"] }',
    "twilio": '{ scheme = "twilio", secrets = ["env:A"] }',
    "hmac": (
        '{ scheme = "hmac", secrets = ["env:A"], signature = "header.X-Seal", content = "{id}.{timestamp}.{body}",'
        ' timestamp = "header.X-Time", id = "header.X-Id" }'
    ),
    "jwt": '{ scheme = "jwt", secrets = ["env:A"], body_hash = "payload_hash" }',
    "api-key-body": '{ scheme = "api-key", secrets = ["env:A"], key = "body.token" }',
    "none": '{ scheme = "none", allow_anonymous = true }\ndead_letters = true',
}
# Their key is made from what is signed: another each second, and no id among it.
TIMED = {"stripe", "slack", "hubspot", "zendesk", "jwt"}
NEW_SIGNATURE = "a new signature, and so a new key"
OTHERS = """
[callers.keyed]
auth = { scheme = "bearer", secrets = ["env:A"] }
instances = ["ccc-test"]
idempotency_key = "body.event"
parameters = { job_id = "body.job", user_id = "'user-test@ccc-test'" }
defaults = { instance_id = "ccc-test", device_id = "device" }
[callers.reader]
auth = { scheme = "bearer", secrets = ["env:A"] }
instances = ["ccc-test"]
methods = ["POST", "GET"]
[callers.flow]
auth = { scheme = "bearer", secrets = ["env:A"] }
instances = ["ccc-test"]
response = "always-200"
[callers.ivr]
auth = { scheme = "ram" }
instances = ["ccc-test"]
[callers.nonce]
instances = ["ccc-test"]
[callers.nonce.auth]
scheme = "hmac"
secrets = ["env:A"]
signature = "header.X-Seal"
content = "{id}.{body}"
id = "header.X-Signature-Nonce"
[callers.session]
auth = { scheme = "api-key", secrets = ["env:A"] }
instances = ["ccc-test"]
methods = ["GET"]
idempotency_key = 'headers."x-token-id"'
parameters = { job_id = "query.session_id", user_id = "query.author", device_id = "query.auth" }
defaults = { instance_id = "ccc-test", device_id = "device" }
[callers.timed]
auth = { scheme = "stripe", secrets = ["env:A"] }
instances = ["ccc-test"]
idempotency_key = "body.DeviceId"
"""
SECRETS = {"A": SECRET, "B": f"user:{SECRET}", "C": BASE64}
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def running() -> Iterator[S3Server]:
    with S3Server() as server:
        yield server


@pytest.fixture
def bucket(running: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    monkeypatch.setenv("DEAD_LETTER_URL", f"oss://{BUCKET}/letters")
    monkeypatch.setenv("OSS_ENDPOINT", running.endpoint)
    yield running
    running.empty()


class Place:
    """A function with every kind of caller, its simulator, and its bucket."""

    def __init__(self, url: str, simulator: Simulator, bucket: S3Server, folder: Path) -> None:
        self.url = url
        self.simulator = simulator
        self.bucket = bucket
        self.folder = folder

    def fail(self, caller: str, payload: object = None, **request: Any) -> None:
        """Have a request of a caller fail: CCC is down."""
        self.simulator.faults.add(DOWN)
        # Its own for each: the same payload with the same signature would be a duplicate.
        payload = payload or {**PAYLOAD, "DeviceId": uuid4().hex}
        event = http_event(payload, path="/", token=None, **request).decode()
        assert send([event, "--caller", caller, "--url", self.url]) == (0 if caller == "flow" else 1)

    def fetch(self) -> Path:
        """Copy the bucket, as `ossutil cp -r` does."""
        found = self.bucket.keys()
        for key in found:
            path = self.folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.bucket.content(key))
        return self.folder / "letters"

    def is_muted(self) -> bool:
        channel, *_ = self.simulator.snapshot()["calls"][0]["channels"]
        return bool(channel["flags"] == ["MUTED"])

    def replay(self, *options: str) -> int:
        return replay([str(self.fetch()), "--url", self.url, *options])


@pytest.fixture
def place(bucket: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    callers = tmp_path / "callers.toml"
    tables = [f'[callers.{name}]\nauth = {auth}\ninstances = ["ccc-test"]\n' for name, auth in AUTHS.items()]
    callers.write_text("".join(tables) + OTHERS, encoding="utf-8")
    for name, value in {"CALLERS_FILE": str(callers), **SECRETS}.items():
        monkeypatch.setenv(name, value)
    with stack() as (gateway, simulator):
        yield Place(gateway.url, simulator, bucket, tmp_path)


def rows(capsys: Capture) -> list[dict[str, Any]]:
    """Return the rows that `--json` prints, after checking that they hold nothing that is nobody's business."""
    printed = capsys.readouterr().out
    # The function's own log comes before.
    shown = printed[printed.index('{\n  "ok"') :]
    found: list[dict[str, Any]] = json.loads(shown)["letters"]
    check_private(shown)
    return found


def check_private(shown: str) -> None:
    assert [text for text in (PHONE, SECRET, BASE64, "job-65815360847228928", "Bearer") if text in shown] == []


@pytest.mark.parametrize("runtime", ["python3.12", "custom.debian11"])
def test_a_failed_request_is_found_in_the_bucket_replayed_and_muted(
    simulator: Simulator,
    gateway: Callable[[str], Gateway],
    bucket: S3Server,
    tmp_path: Path,
    capsys: Capture,
    runtime: str,
) -> None:
    url = gateway(runtime).url
    place = Place(url, simulator, bucket, tmp_path)
    simulator.faults.add(DOWN)
    assert post(url, json.loads(http_event(token=DEMO_TOKEN))).status == 503
    assert not place.is_muted()
    (letter,) = bucket.letters()
    assert (letter["code"], letter["caller"], letter["function"]) == ("upstream_unavailable", "default", "mute_call")
    assert [text for text in (DEMO_TOKEN, "local-secret", "local-token") if text in json.dumps(letter)] == []
    capsys.readouterr()
    assert place.replay() == 0
    shown = capsys.readouterr().out
    assert re.search(r"Z  default +upstream_unavailable  muted +200 +ok ", shown), shown
    assert place.is_muted()
    assert len(bucket.keys()) == 1


def test_every_scheme_is_tried_here() -> None:
    # Plivo signs forms alone.
    assert SCHEMES.keys() - VENDORS.keys() - {"ram", "hash", "plivo"} <= set(AUTHS)


@pytest.mark.parametrize("name", AUTHS)
def test_a_letter_of_every_scheme_is_signed_anew(place: Place, capsys: Capture, name: str) -> None:
    place.fail(name, {**PAYLOAD, "DeviceId": f"静音 {PHONE}"}, query={} if name == "hubspot" else {"q": "a b&="})
    (letter,) = place.bucket.letters()
    capsys.readouterr()
    assert place.replay("--json") == 0
    (row,) = rows(capsys)
    told = {key: row[key] for key in ("caller", "was", "now", "status", "end", "note")}
    assert told == {
        "caller": name,
        "was": "upstream_unavailable",
        "now": "muted",
        "status": 200,
        "end": "ok",
        "note": NEW_SIGNATURE if name in TIMED else "",
    }
    assert row["time"] == letter["time"]
    assert place.is_muted()
    assert place.simulator.requests[-1]["parameters"]["DeviceId"] == f"静音 {PHONE}"


def test_a_request_that_had_its_parameters_in_the_query_is_sent_so(place: Place, capsys: Capture) -> None:
    place.fail("reader", method="GET", body="", query=dict(PAYLOAD))
    capsys.readouterr()
    assert place.replay("--json") == 0
    assert [row["now"] for row in rows(capsys)] == ["muted"]
    assert place.is_muted()


def test_a_flow_that_is_always_answered_200_is_judged_by_its_status(place: Place, capsys: Capture) -> None:
    place.fail("flow")
    place.simulator.faults.add(DOWN)
    capsys.readouterr()
    assert place.replay("--json") == 1
    (row,) = rows(capsys)
    assert (row["now"], row["status"], row["end"]) == ("upstream_unavailable", 200, "failed")


def test_a_body_that_is_no_text_is_sent_byte_by_byte(place: Place, capsys: Capture) -> None:
    event = http_event(body="AP/+", is_base64=True, token=None, headers={"Content-Type": "application/octet-stream"})
    assert send([event.decode(), "--caller", "github", "--url", place.url]) == 1
    capsys.readouterr()
    assert place.replay("--json") == 1
    (row,) = rows(capsys)
    # Its signature holds, so that it is judged by its type.
    assert (row["was"], row["now"], row["status"]) == ("unsupported_media_type", "unsupported_media_type", 415)


def test_letters_are_sent_in_the_order_of_their_time(place: Place, capsys: Capture) -> None:
    for name in ("bearer", "github", "stripe"):
        place.fail(name)
    folder = place.fetch()
    # By name the other way round, in folders of any depth.
    for index, path in enumerate(sorted(folder.rglob("*.json"))):
        (folder / f"{9 - index}" / "deep").mkdir(parents=True)
        path.rename(folder / f"{9 - index}" / "deep" / "letter.json")
    capsys.readouterr()
    assert replay([str(folder), "--url", place.url, "--json"]) == 0
    found = rows(capsys)
    assert [row["caller"] for row in found] == ["bearer", "github", "stripe"]
    assert [row["time"] for row in found] == sorted(row["time"] for row in found)


def test_a_direct_invocation_is_repeated_at_the_gateway_and_elsewhere_only_told(place: Place, capsys: Capture) -> None:
    place.simulator.faults.add(DOWN)
    url = f"{place.url}/2023-03-30/functions/mute_call/invocations"
    event = json.loads(http_event(path="/2023-03-30/functions/mute_call/invocations", token=None))
    assert json.loads(post(place.url, event).body)["code"] == "upstream_unavailable", url
    capsys.readouterr()
    assert replay([str(place.fetch()), "--url", "https://function.example", "--json"]) == 1
    (row,) = rows(capsys)
    assert (row["end"], row["status"]) == ("failed", None)
    command = row["note"].partition("RAM must authorize: ")[2]
    assert shlex.split(command)[:4] == ["s", "mute_call", "invoke", "--event"]
    path = re.search(r"jq -r \.body (.*)\)", shlex.split(command)[4])
    assert path
    assert json.loads(json.loads(Path(path[1]).read_text())["body"]) == PAYLOAD
    assert not place.is_muted()
    assert place.replay("--json") == 0
    (row,) = rows(capsys)
    assert (row["caller"], row["now"], row["end"]) == ("ivr", "muted", "ok")
    assert place.is_muted()


# Keys.


def test_keys_stay_as_they_were_so_that_nothing_is_carried_out_twice(place: Place) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    place.fail("bearer", PAYLOAD, headers=headers)
    # The sender has sent it again meanwhile.
    event = http_event(token=None, headers=headers).decode()
    assert send([event, "--caller", "bearer", "--url", place.url]) == 0
    before = len(place.simulator.requests)
    assert place.replay() == 0
    assert len(place.simulator.requests) == before
    assert place.replay("--new-key") == 0
    assert len(place.simulator.requests) == before + 1


@pytest.mark.parametrize("prefix", ["webhook", "svix"])
def test_the_id_of_a_webhook_stays_as_it_was(place: Place, prefix: str) -> None:
    place.fail("standard-webhooks", headers={"webhook-id": f"msg_{uuid4().hex}"})
    (path,) = place.fetch().rglob("*.json")
    letter = json.loads(path.read_text())
    letter["headers"][f"{prefix}-id"] = letter["headers"].pop("webhook-id")
    path.write_text(json.dumps(letter))
    for times, options in ((1, []), (1, []), (2, ["--new-key"]), (3, ["--new-key"])):
        assert replay([str(path), "--url", place.url, *options]) == 0
        # The first request of all failed at CCC.
        assert len(place.simulator.requests) == 1 + times


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("keyed", "the key stays: the caller's idempotency_key finds it in the request"),
        ("github", "the key stays: it is made from what is signed"),
        ("stripe", ""),
        ("hmac", ""),
        ("basic", ""),
        ("none", ""),
    ],
)
def test_a_key_that_cannot_be_new_is_told(place: Place, capsys: Capture, name: str, note: str) -> None:
    payload = {"event": uuid4().hex, "job": PAYLOAD["JobId"]} if name == "keyed" else None
    place.fail(name, payload)
    (path,) = place.fetch().rglob("*.json")
    letter = json.loads(path.read_text())
    # Signatures with a timestamp are new ones in any case.
    path.write_text(json.dumps({**letter, "time": "2026-11-01T00:00:00.000Z"}))
    capsys.readouterr()
    assert replay([str(path), "--url", place.url, "--new-key", "--json"]) == 0
    assert [row["note"] for row in rows(capsys)] == [note]


@pytest.mark.parametrize(
    ("name", "note"), [("stripe", NEW_SIGNATURE), ("timed", ""), ("github", ""), ("twilio", ""), ("nonce", "")]
)
def test_a_key_that_cannot_stay_is_told(place: Place, capsys: Capture, name: str, note: str) -> None:
    place.fail(name)
    folder = place.fetch()
    for options in ([], ["--dry-run"]):
        capsys.readouterr()
        assert replay([str(folder), "--url", place.url, "--json", *options]) == 0
        assert [row["note"] for row in rows(capsys)] == [note]


def test_a_signature_over_another_url_is_another_key(place: Place, capsys: Capture) -> None:
    place.fail("twilio")
    capsys.readouterr()
    assert place.replay("--json", "--url", f"{place.url}/elsewhere") == 0
    assert [row["note"] for row in rows(capsys)] == [NEW_SIGNATURE]


def test_an_id_whose_name_tells_a_credential_stays_as_it_was(place: Place, capsys: Capture) -> None:
    place.fail("nonce", headers={"X-Signature-Nonce": uuid4().hex})
    folder = place.fetch()
    for times, options in ((1, []), (1, []), (2, ["--new-key"])):
        capsys.readouterr()
        assert replay([str(folder), "--url", place.url, "--json", *options]) == 0
        assert [row["note"] for row in rows(capsys)] == [""]
        # The first request of all failed at CCC.
        assert len(place.simulator.requests) == 1 + times


QUERY = {"session_id": PAYLOAD["JobId"], "author": PAYLOAD["UserId"], "auth": "sender"}


def test_parameters_whose_names_tell_a_credential_are_found_again(place: Place) -> None:
    place.fail("session", method="GET", body="", query=QUERY, headers={"X-Token-Id": uuid4().hex})
    assert place.replay() == 0
    assert place.replay() == 0
    assert place.is_muted()
    assert len(place.simulator.requests) == 2
    assert place.simulator.requests[-1]["parameters"]["DeviceId"] == "sender"


@pytest.mark.parametrize(
    ("name", "change", "note"),
    [
        ("session", {"query": {"session_id": f"a{SECRET}"}}, "left out: session_id, which job_id reads"),
        ("session", {"headers": {"x-token-id": SECRET}}, "left out: x-token-id, which idempotency_key reads"),
        ("nonce", {"headers": {"x-signature-nonce": SECRET}}, "left out: x-signature-nonce, the id of the delivery"),
    ],
)
def test_what_lacks_what_it_needs_is_not_sent(
    place: Place, capsys: Capture, name: str, change: dict[str, dict[str, str]], note: str
) -> None:
    sent = (
        {"query": QUERY, "headers": {"X-Token-Id": uuid4().hex}} if name == "session" else {"query": {}, "headers": {}}
    )
    whole = {kind: {**fields, **change.get(kind, {})} for kind, fields in sent.items()}
    method = {"method": "GET", "body": ""} if name == "session" else {}
    place.fail(name, **whole, **method)
    folder = place.fetch()
    before = len(place.simulator.requests)
    for options in ([], ["--dry-run"]):
        capsys.readouterr()
        assert replay([str(folder), "--url", place.url, "--json", *options]) == 1
        (row,) = rows(capsys)
        assert (row["status"], row["note"].partition(";")[0]) == (None, note)
    assert len(place.simulator.requests) == before
    # An id can be had anew, what an expression reads cannot.
    assert replay([str(folder), "--url", place.url, "--new-key"]) == (0 if name == "nonce" else 1)


def test_what_was_left_out_and_has_a_default_is_told(place: Place, capsys: Capture) -> None:
    query = {**QUERY, "auth": SECRET, "other": SECRET}
    place.fail("session", method="GET", body="", query=query, headers={"X-Token-Id": uuid4().hex})
    capsys.readouterr()
    assert place.replay("--json") == 0
    assert [row["note"] for row in rows(capsys)] == ["left out: auth"]
    assert place.simulator.requests[-1]["parameters"]["DeviceId"] == "device"


# What is not sent.

# A page has no steps that an explanation could name.
PAGE = '{"requestContext": {"http": {"method": "GET", "path": "/healthz"}}}'
FORGED = "not a dead letter: Value error, A direct invocation is not an event of the HTTP trigger"


def changed(place: Place, **changes: object) -> Path:
    """Return a letter with something changed."""
    place.fail("bearer")
    (path,) = place.fetch().rglob("*.json")
    letter = json.loads(path.read_text())
    path.write_text(json.dumps({key: value for key, value in {**letter, **changes}.items() if value is not ...}))
    return path


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"replayed": True}, "the answer of an earlier request, which has its own dead letter"),
        (
            {"code": "in_progress"},
            "a duplicate of a request that ran; if that request failed, it has its own dead letter",
        ),
    ],
)
def test_what_need_not_be_sent_is_skipped(
    place: Place, capsys: Capture, changes: dict[str, object], reason: str
) -> None:
    path = changed(place, **changes)
    for options in ([], ["--dry-run"]):
        capsys.readouterr()
        assert replay([str(path), "--url", place.url, "--json", *options]) == 0
        (row,) = rows(capsys)
        assert (row["end"], row["note"], row["status"]) == ("skipped", reason, None)
    assert not place.is_muted()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"action": "UnmuteCall"}, "a dead letter of UnmuteCall: use --function, and --url of that function"),
        ({"caller": "gone"}, "the callers file has no caller gone"),
        ({"caller": "ivr"}, "ivr is for direct invocation, and this is a request over HTTP"),
        ({"method": "A B"}, "the method of the request cannot be sent"),
        ({"headers": {f"x {PHONE}": "a"}}, "a header cannot be sent: its name is none of HTTP"),
        ({"headers": {f"x-{PHONE}": "a\n"}}, "the header 'x-…' cannot be sent"),
        ({"version": 2}, "not a dead letter: version: Value should be at most 1"),
        ({"version": True}, "not a dead letter: version: Value should be a whole number"),
        ({"version": 1.0}, "not a dead letter: version: Value should be a whole number"),
        ({"omitted": "ab"}, "not a dead letter: omitted: Value should be a list"),
        ({"headers": {"x": "\ud800"}}, "the request contains text that is not UTF-8"),
        ({"caller": "../x"}, "not a dead letter: caller: Value does not have the required form"),
        ({"code": PHONE}, "not a dead letter: code: Value does not have the required form"),
        ({"body": ...}, "not a dead letter: body: Value is required"),
        ({"method": None}, "not a dead letter: Value error, A request over HTTP has method and path"),
        *(({"direct": True, "body": body}, FORGED) for body in (PAGE, http_event(token="x").decode())),
        ({"body_encoding": "base64"}, "not a dead letter: Value error, Body or time cannot be read"),
        ({"time": "2026-13-01T00:00:00.000Z"}, "not a dead letter: Value error, Body or time cannot be read"),
        ({"headers": {f"x-{PHONE}": 1}}, "not a dead letter: headers: Value should be a text in quotes"),
    ],
)
def test_what_cannot_be_sent_is_told_in_a_line(
    place: Place, capsys: Capture, changes: dict[str, object], reason: str
) -> None:
    path = changed(place, **changes)
    for options in ([], ["--dry-run"]):
        capsys.readouterr()
        assert replay([str(path), "--url", place.url, "--json", *options]) == 1
        (row,) = rows(capsys)
        assert (row["end"], row["note"]) == ("failed", reason.replace("Value error, ", ""))
    assert not place.is_muted()


def test_what_is_no_letter_does_not_hold_up_the_others(place: Place, capsys: Capture) -> None:
    place.fail("bearer")
    folder = place.fetch()
    contents = {"a": b"", "b": b"[]", "c": b"\xff", "d": b'{"a":' * 100_000, "e": b"{}", "f": b" " * 2_000_000}
    for name, content in contents.items():
        (folder / f"{name}.json").write_bytes(content)
    (folder / "g.json").symlink_to(folder / "nowhere")
    (folder / "doctor.json").write_text("{}")
    (folder / "readme.txt").write_text("{}")
    capsys.readouterr()
    assert replay([str(folder), "--url", place.url]) == 1
    shown = capsys.readouterr().out.splitlines()
    assert shown[-1] == "1 ok, 6 failed"
    assert len([line for line in shown if " failed " in line]) == 6
    assert place.is_muted()


def test_a_folder_without_letters_and_a_file_that_is_not_there_are_told(tmp_path: Path, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as exited:
        replay([str(tmp_path)])
    assert exited.value.code == 2
    assert capsys.readouterr().err == f"python -m local.replay: no dead letters below {tmp_path}\n"
    assert replay([str(tmp_path / "none.json")]) == 1
    assert "cannot be read: No such file or directory" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--caller", "nobody"], "has no caller nobody"),
        (["--url", "ftp://x"], "the URL should be http(s)://"),
        (["--callers", "nowhere.toml"], "nowhere.toml: No such file"),
    ],
)
def test_a_command_that_cannot_be_carried_out_sends_nothing(
    place: Place, capsys: Capture, options: list[str], told: str
) -> None:
    path = changed(place)
    capsys.readouterr()
    with pytest.raises(SystemExit) as exited:
        replay([str(path), "--url", place.url, *options])
    assert exited.value.code == 2
    assert told in capsys.readouterr().err
    assert not place.is_muted()


def test_another_caller_sends_them_with_its_own_secret(place: Place, capsys: Capture) -> None:
    place.fail("bearer")
    capsys.readouterr()
    assert place.replay("--caller", "stripe", "--json") == 0
    assert [(row["caller"], row["now"]) for row in rows(capsys)] == [("stripe", "muted")]
    # Its letter says how it came.
    place.simulator.faults.add(DOWN)
    assert place.replay("--caller", "github") == 1
    assert [(one["caller"], one["path"]) for one in place.bucket.letters()] == [
        ("bearer", "/bearer"),
        ("github", "/github"),
    ]


def test_a_secret_that_is_not_set_is_told(place: Place, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    path = changed(place)
    monkeypatch.delenv("A")
    capsys.readouterr()
    assert replay([str(path), "--url", place.url, "--json"]) == 1
    assert [row["note"] for row in rows(capsys)] == ["a secret is needed: A is unset"]


def test_what_may_not_be_looked_at_is_told_in_a_line(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("unlisted", "unopened"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "letter.json").write_text("{}")
    (tmp_path / "long.json").symlink_to("x" * 300)
    (tmp_path / "callers.toml").write_text('[callers.a]\nauth = { scheme = "ram" }\ninstances = ["*"]\n')
    # A path that needs none of the folders above, which may be closed.
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)
    (tmp_path / "unlisted").chmod(0o311)
    (tmp_path / "unopened").chmod(0o644)
    told = []
    with as_nobody():
        for place in (".", "unopened/letter.json", "unopened/folder"):
            assert replay([place, "--callers", "callers.toml", "--json"]) == 1
            told += [(row["file"], row["note"]) for row in rows(capsys)]
    assert told == [
        ("long.json", "cannot be read: File name too long"),
        ("unopened/letter.json", "cannot be read: Permission denied"),
        ("./unlisted", "cannot be read: Permission denied"),
        ("unopened/letter.json", "cannot be read: Permission denied"),
        ("unopened/folder", "cannot be read: Permission denied"),
    ]


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Be somebody who may not do everything."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(was)


def test_who_does_not_answer_is_told(place: Place, capsys: Capture) -> None:
    path = changed(place)
    with peer(hanging_up) as gone, peer(answering("502 Bad", f"<p>{PHONE}</p>".encode())) as foreign:
        for url, told in (
            ("http://127.0.0.1:1", ("", None, "no answer: Connection refused")),
            (f"http://{gone}", ("", None, "no answer: RemoteDisconnected")),
            (f"http://{foreign}", ("unreadable", 502, "")),
        ):
            capsys.readouterr()
            assert replay([str(path), "--url", url, "--json"]) == 1
            (row,) = rows(capsys)
            assert (row["now"], row["status"], row["note"]) == told


@pytest.mark.parametrize("body", [b"[]", b'"muted"', b'{"status": "ok"}', b'{"status": 5}', b"{"])
def test_only_the_functions_own_success_is_one(place: Place, capsys: Capture, body: bytes) -> None:
    path = changed(place)
    with peer(answering("200 OK", body)) as endpoint:
        assert replay([str(path), "--url", f"http://{endpoint}", "--json"]) == 1
    assert [row["end"] for row in rows(capsys)] == ["failed"]


def test_a_letter_of_the_counterpart_goes_to_the_counterpart(place: Place, capsys: Capture) -> None:
    path = changed(place, action="UnmuteCall")
    with Gateway(UNMUTE_HANDLER) as counterpart:
        capsys.readouterr()
        arguments = [str(path), "--url", counterpart.url, "--callers", str(place.folder / "callers.toml"), "--json"]
        assert replay([*arguments, "--function", "unmute_call"]) == 0
    assert [row["now"] for row in rows(capsys)] == ["unmuted"]


# Explained.


@pytest.mark.parametrize("name", ["bearer", "api-key-query", "hmac"])
def test_a_dry_run_tells_that_it_would_be_sent_and_sends_nothing(place: Place, capsys: Capture, name: str) -> None:
    place.fail(name)
    before = len(place.simulator.requests)
    capsys.readouterr()
    assert place.replay("--dry-run", "--json") == 0
    (row,) = rows(capsys)
    assert (row["caller"], row["now"], row["status"], row["end"]) == (name, "would call MuteCall", None, "ok")
    assert len(place.simulator.requests) == before
    assert len(place.bucket.keys()) == 1


def test_a_dry_run_tells_which_check_would_fail(place: Place, capsys: Capture) -> None:
    path = changed(place, body=json.dumps({**PAYLOAD, "UserId": f"{PHONE}"}))
    capsys.readouterr()
    assert replay([str(path), "--url", place.url, "--dry-run", "--json"]) == 1
    (row,) = rows(capsys)
    assert (row["now"], row["note"]) == ("invalid_parameters", "parameters: UserId must have the form name@domain")
    # What is only explained has not failed.
    assert len(place.bucket.keys()) == 1


def test_a_dry_run_takes_direct_invocations_too(place: Place, capsys: Capture) -> None:
    path = changed(place, caller="ivr", direct=True, method=None, path=None, headers={}, query={})
    capsys.readouterr()
    assert replay([str(path), "--url", "https://function.example", "--dry-run", "--json"]) == 0
    assert [row["now"] for row in rows(capsys)] == ["would call MuteCall"]


# As a process.


def test_on_a_terminal_there_are_a_bar_and_a_table(place: Place) -> None:
    path = changed(place)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "local.replay", str(path), "--url", place.url]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "160"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=theirs, stderr=theirs, stdin=theirs) as process:  # noqa: S603 - our own module
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 65_536)
            except OSError:
                break
            if not piece:
                break
            shown += piece
    os.close(ours)
    text = shown.decode()
    assert process.returncode == 0
    assert "letters" in text
    assert "┃" in text
    assert "muted" in text
    assert "1 ok" in text
    check_private(text)


def test_elsewhere_it_is_plain(place: Place) -> None:
    path = changed(place)
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "local.replay", str(path), "--url", place.url],
        cwd=ROOT,
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    heading, line, blank, count = done.stdout.splitlines()
    assert heading.split() == ["time", "caller", "was", "now", "status", "end", "letter", "note"]
    assert line.split()[1:6] == ["bearer", "upstream_unavailable", "muted", "200", "ok"]
    assert (blank, count) == ("", "1 ok")
    check_private(done.stdout)


def test_an_interrupt_tells_what_was_sent_and_what_was_not(
    place: Place, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for caller in ("bearer", "github", "stripe"):
        place.fail(caller)
    answers = iter([Answer(200, "application/json", '{"status": "muted"}')])

    def interrupted(_: Outgoing) -> Answer:
        try:
            return next(answers)
        except StopIteration:
            raise KeyboardInterrupt from None

    monkeypatch.setattr("local.replay.__main__.exchange", interrupted)
    capsys.readouterr()
    assert place.replay("--json") == 1
    assert [row["note"] for row in rows(capsys)] == ["", "interrupted, outcome unknown", "not sent"]
