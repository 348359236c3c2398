"""Dead letters in a bucket, written by the function with the real SDK: what is kept, of whom, and what never is."""

from __future__ import annotations

import base64
import itertools
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import pytest

from shared import dead_letters
from shared.callers.file import load_callers
from shared.callers.schemes import SCHEMES
from shared.callers.schemes.vendors import VENDORS
from shared.function import Function
from shared.problems import JobNotFound, Problem, Throttled, Upstream, UpstreamTimeout
from shared.runtime.context import Credentials
from shared.runtime.event import Request
from shared.server.wsgi import application
from shared.settings import Settings
from tests.builders import LOG_KEYS, PAYLOAD, REQUEST_ID, Context310, Context312, direct_event, environment, http_event
from tests.peers import Behaviour, answering, dripping, peer, silent
from tests.s3_server import BUCKET, S3Server
from tests.unit.shared.fakes import CALLERS, CCC_REQUEST_ID, MUTE_CALL, NOW, sample

URL = f"oss://{BUCKET}/letters/mute"
DAY = "2023-09-05"
KEY = re.compile(rf"letters/mute/{DAY}/20230905T064111\.895Z-{REQUEST_ID}-[0-9a-f]{{8}}\.json")
NOT_FOUND = JobNotFound(
    "CCC answered NotExists.JobId with HTTP 404", upstream=Upstream("NotExists.JobId", CCC_REQUEST_ID)
)
ANYBODY = 'auth = { scheme = "none", allow_anonymous = true }\n'
SOMEBODY = 'auth = { scheme = "bearer", secrets = ["env:MUTE_CALL_TOKEN"] }\n'
NEAR = 'networks = ["192.0.2.0/24"]\n'
TIMEOUT = UpstreamTimeout("no complete answer: TimeoutError")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
# What tells of the credentials of `environment`: the role's and the default caller's.
CREDENTIALS = ("local-secret", "local-token", "token-of-the-default-caller")
DEAD_LETTER_KEYS = ["timestamp", "level", "event", "action", "request_id", "caller", "code", "reason"]


@dataclass
class Ccc:
    """Stands in for CCC: raises its outcome if that is a problem, and knows the deadline it was given."""

    outcome: dict[str, Any] | Problem = field(default_factory=lambda: NOT_FOUND)
    deadlines: list[float] = field(default_factory=list)
    held_until_the_deadline: bool = False

    def __call__(
        self, _action: object, _parameters: object, _credentials: object, _settings: object, deadline: float
    ) -> dict[str, Any]:
        self.deadlines.append(deadline)
        if self.held_until_the_deadline:
            time.sleep(max(0.0, deadline - time.monotonic()))
        if isinstance(self.outcome, Problem):
            raise self.outcome
        return self.outcome


class World:
    """The function with its bucket."""

    def __init__(self, folder: Path, oss: str, callers: str = CALLERS, **variables: str) -> None:
        self.callers_file = folder / "callers.toml"
        self.callers_file.write_text(callers, encoding="utf-8")
        self.environ = environment(DEAD_LETTER_URL=URL, OSS_ENDPOINT=oss, **variables)
        self.ccc = Ccc()
        self.function = Function(MUTE_CALL, self.callers_file, environ=self.environ, now=lambda: NOW, call=self.ccc)

    def send(self, event: bytes, context: object = None) -> dict[str, Any]:
        return self.function.handle(event, Context312() if context is None else context)


@pytest.fixture(scope="module")
def running() -> Iterator[S3Server]:
    with S3Server() as server:
        yield server


@pytest.fixture
def bucket(running: S3Server) -> Iterator[S3Server]:
    yield running
    running.empty()


@pytest.fixture
def world(tmp_path: Path, bucket: S3Server) -> World:
    # A loaded machine takes its time to import the library, and a dead letter has a tenth of this.
    return World(tmp_path, bucket.endpoint, DEADLINE_MS="60000")


Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_failed_request_is_found_in_the_bucket_with_everything_to_send_it_again(
    world: World, bucket: S3Server, lines: Lines
) -> None:
    headers = {"Idempotency-Key": "key-1", "X-Call": "phone 13188888888", "traceparent": "00-a-b-01"}
    body = json.dumps({**PAYLOAD, "DeviceId": "静音"}, ensure_ascii=False)
    context = SimpleNamespace(request_id=REQUEST_ID, region="cn-shanghai", function=SimpleNamespace(name="mute-call"))
    answer = world.send(http_event(body=body, headers=headers, query={"a": "b ß"}, path="/x%20y/default/"), context)
    assert answer["statusCode"] == 404
    (key,) = bucket.keys()
    assert KEY.fullmatch(key)
    assert bucket.content_type(key) == "application/json"
    assert bucket.letters() == [
        {
            "version": 1,
            "time": "2023-09-05T06:41:11.895Z",
            "function": "mute-call",
            "action": "MuteCall",
            "request_id": REQUEST_ID,
            "caller": "default",
            "code": "job_not_found",
            "status": 404,
            "retryable": False,
            "reason": "CCC answered NotExists.JobId with HTTP 404",
            "upstream": {"code": "NotExists.JobId", "request_id": CCC_REQUEST_ID},
            "replayed": False,
            "direct": False,
            "method": "POST",
            "path": "/x%20y/default/",
            "query": {"a": "b ß"},
            "headers": {
                "content-type": "application/json",
                "idempotency-key": "key-1",
                "x-call": "phone 13188888888",
                "traceparent": "00-a-b-01",
            },
            "omitted": ["authorization"],
            "body": body,
            "body_encoding": "utf-8",
        }
    ]
    # The one line is the request's own.
    assert [list(line) for line in lines()] == [LOG_KEYS]


@pytest.mark.parametrize(
    "event",
    [
        http_event(token="wrong"),
        http_event(path="/nobody"),
        http_event(method="PUT"),
        http_event(body="!", is_base64=True),
        b"no event",
    ],
)
def test_what_nobody_is_known_to_have_sent_is_not_kept(
    world: World, bucket: S3Server, lines: Lines, event: bytes
) -> None:
    world.send(event)
    assert bucket.keys() == []
    assert [line["event"] for line in lines()] == ["webhook"]


def test_without_a_failure_or_without_a_url_nothing_is_kept(world: World, bucket: S3Server, lines: Lines) -> None:
    del world.environ["DEAD_LETTER_URL"]
    assert world.send(http_event())["statusCode"] == 404
    world.environ["DEAD_LETTER_URL"], world.ccc.outcome = URL, sample("typed")
    assert world.send(http_event())["statusCode"] == 200
    assert bucket.keys() == []
    assert [line["event"] for line in lines()] == ["webhook"] * 2


def test_a_handshake_leaves_no_letter(tmp_path: Path, bucket: S3Server) -> None:
    callers = '[callers.default]\nauth = { scheme = "github", secrets = ["env:MUTE_CALL_TOKEN"] }\ninstances = ["*"]\n'
    world = World(tmp_path, bucket.endpoint, callers)
    auth = load_callers(world.callers_file).callers["default"].auth
    request = Request(headers={"x-github-event": "ping", "content-type": "application/json"})
    signed = auth.sign(replace(request, body=b"{}"), world.environ["MUTE_CALL_TOKEN"], NOW)
    assert world.send(http_event(body="{}", token=None, headers=signed.headers))["statusCode"] == 200
    # Nor if there is no answer to it: what it proves itself by would be in the letter.
    more = '[[callers.default.handshakes]]\nwhen = "body"\ntext = "body.challenge"\n'
    world.callers_file.write_text(callers + more, encoding="utf-8")
    signed = auth.sign(replace(request, body=b'{"a": 1}'), world.environ["MUTE_CALL_TOKEN"], NOW)
    got = world.send(http_event(body='{"a": 1}', token=None, headers=signed.headers))
    assert json.loads(got["body"])["code"] == "invalid_parameters"
    assert bucket.keys() == []


def test_what_proves_a_handshake_is_in_no_letter_of_a_webhook(tmp_path: Path, bucket: S3Server) -> None:
    places = ("header.x-one", "query.two", "body.three")
    world = World(
        tmp_path,
        bucket.endpoint,
        f'[callers.default]\n{SOMEBODY}instances = ["*"]\n'
        + "".join(
            f'[[callers.default.handshakes]]\nwhen = "body.ask"\n'
            f'auth = {{ scheme = "api-key", key = "{place}", secrets = ["env:HANDSHAKE"] }}\n'
            for place in places
        ),
        HANDSHAKE="planted-handshake",
    )
    planted = "planted-handshake"
    world.send(http_event({**PAYLOAD, "three": planted}, headers={"X-One": planted}, query={"two": planted}))
    (content,) = map(bucket.content, bucket.keys())
    letter = json.loads(content)
    assert (letter["code"], json.loads(letter["body"])) == ("job_not_found", dict(PAYLOAD))
    assert planted not in content.decode()


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (http_event({"JobId": "1"}), "invalid_parameters"),
        (http_event(method="GET"), "method_not_allowed"),
        (http_event(path="/office", source_ip="192.0.2.1"), "forbidden"),
        (http_event(path="/reader", method="GET", body="", query={"JobId": "1"}), "invalid_parameters"),
    ],
)
def test_every_failure_of_somebody_known_is_kept(world: World, bucket: S3Server, event: bytes, code: str) -> None:
    world.send(event)
    (letter,) = bucket.letters()
    assert letter["code"] == code


def test_a_flow_that_is_always_answered_200_has_its_letter(world: World, bucket: S3Server) -> None:
    world.ccc.outcome = Throttled("CCC answered Throttling.User with HTTP 429")
    answer = world.send(http_event(path="/flow"))
    assert (answer["statusCode"], json.loads(answer["body"])["status"]) == (200, "error")
    (letter,) = bucket.letters()
    assert (letter["caller"], letter["code"], letter["status"], letter["retryable"]) == ("flow", "throttled", 429, True)


def test_a_direct_invocation_has_its_letter(world: World, bucket: S3Server) -> None:
    answer = world.send(direct_event())
    assert answer["code"] == "job_not_found"
    (letter,) = bucket.letters()
    told = {name: letter[name] for name in ("direct", "caller", "method", "path", "query", "headers")}
    assert told == {"direct": True, "caller": "ivr", "method": None, "path": None, "query": {}, "headers": {}}
    assert letter["body"] == direct_event().decode()


def test_the_answer_of_an_earlier_request_is_kept_again_and_says_so(world: World, bucket: S3Server) -> None:
    for _ in range(2):
        world.send(http_event(headers={"Idempotency-Key": "1"}))
    assert sorted(letter["replayed"] for letter in bucket.letters()) == [False, True]
    assert len(world.ccc.deadlines) == 1


def test_a_body_that_is_no_text_is_kept_byte_by_byte(world: World, bucket: S3Server) -> None:
    body = b"\xff\x00{}"
    world.send(http_event(body=base64.b64encode(body).decode(), is_base64=True))
    (letter,) = bucket.letters()
    assert letter["body_encoding"] == "base64"
    assert base64.b64decode(letter["body"]) == body


@pytest.mark.parametrize("request_id", [None, "../../up", "ä" * 300, "x" * 300])
def test_no_request_id_leads_out_of_the_day(world: World, bucket: S3Server, request_id: Any) -> None:
    world.environ["DEAD_LETTER_URL"] = f"oss://{BUCKET}"
    world.send(http_event(), Context312(request_id=request_id))
    (key,) = bucket.keys()
    assert re.fullmatch(rf"{DAY}/[A-Za-z0-9.-]{{1,120}}\.json", key)


@pytest.mark.parametrize(
    ("caller", "source", "letters"),
    [
        (f"{ANYBODY}{NEAR}", "192.0.2.1", 0),
        (f"{ANYBODY}dead_letters = true\n", "192.0.2.1", 2),
        (f"{ANYBODY}{NEAR}dead_letters = true\n", "192.0.2.1", 2),
        (f"{ANYBODY}{NEAR}dead_letters = true\n", "198.51.100.1", 0),
        (f"{SOMEBODY}{NEAR}dead_letters = true\n", "198.51.100.1", 2),
        (f"{SOMEBODY}dead_letters = false\n", "192.0.2.1", 0),
    ],
)
def test_callers_without_proof_leave_no_letters_but_where_the_file_says_so(
    tmp_path: Path, bucket: S3Server, lines: Lines, caller: str, source: str, letters: int
) -> None:
    world = World(tmp_path, bucket.endpoint, f'[callers.default]\ninstances = ["*"]\n{caller}')
    world.function.initialize(Context312())
    for method in ("POST", "PUT", "GET"):
        world.send(http_event(source_ip=source, method=method))
    assert len(bucket.keys()) == letters
    # Nothing is wrong where nothing is to be kept.
    assert [line["event"] for line in lines()] == ["webhook"] * 3


# Credentials.

SECRET = "canary-secret-0123456789"
PASSWORD = "canary password"
BASE64 = "whsec_Y2FuYXJ5IG9mIGF0IGxlYXN0IDI0IGJ5dGVz"


def of(scheme: str, settings: str = "", secret: str = SECRET) -> tuple[str, str]:
    return f'{{ scheme = "{scheme}", secrets = ["env:A"]{settings} }}', secret


SEAL = ', signature = "header.X-Seal", content = '
AUTHS = {
    **{name: of(name) for name in ("bearer", "api-key", "stripe", "slack", "hubspot", "twilio", "plivo")},
    "basic": of("basic", secret=f"user:{PASSWORD}"),
    "api-key in a header": of("api-key", ', key = "header.X-Open-Sesame"'),
    "api-key in the query": of("api-key", ', key = "query.open"'),
    "api-key in the body": of("api-key", ', key = "body.token"'),
    "standard-webhooks": of("standard-webhooks", secret=BASE64),
    "hmac": of("hmac", SEAL + '"{id}.{timestamp}.{body}", timestamp = "header.X-Time", id = "header.X-Id"'),
    "hash": of("hash", SEAL + '"{body}{secret}"'),
    "jwt": of("jwt", ', body_hash = "sha", token = "header.X-Open-Sesame"'),
    "jwt in the query": of("jwt", ', covers_body = false, token = "query.open"'),
    "none": ('{ scheme = "none", allow_anonymous = true }', SECRET),
}
# What a signature covers and is no credential: it is sent again, or made anew.
NO_CREDENTIALS = {"webhook-id", "webhook-timestamp", "x-id", "x-time", "x-slack-request-timestamp"}
NO_CREDENTIALS |= {
    "x-plivo-signature-v3-nonce",
    "x-hubspot-request-timestamp",
    "x-zendesk-webhook-signature-timestamp",
    "host",
    "content-type",
}
PLANTED = {
    "Cookie": "a=b",
    "Proxy-Authorization": "Basic eDp5",
    **dict.fromkeys(
        (
            *("X-Auth", "X-Access-Token", "X-Session-Id", "X-Api-Key-2", "X-Apikey", "X-Shared-Secret", "X-Password"),
            *("X-Other-Signature", "X-Credential", "X-Fc-Security-Token", "X-Fc-Account-Id", "X-Acs-Date", "Jwt"),
            *("Ocp-Apim-Subscription-Key", "X-Functions-Key", "X-Private-Key", "X-Otp", "X-Userpwd", "X-Hmac"),
        ),
        "planted-1",
    ),
}


def values(text: str) -> set[str]:
    """Return a text and what it consists of, as far as that may be a credential by itself."""
    return {text, *(part for part in re.split(r"[\s,;]|(?<=[a-z0-9])=(?=.)", text) if len(part) > 15)}


def test_every_scheme_is_tried() -> None:
    assert {name.split(" ")[0] for name in AUTHS} >= SCHEMES.keys() - VENDORS.keys() - {"ram"}


@pytest.mark.parametrize("name", AUTHS)
def test_nothing_of_credentials_is_in_the_letter(tmp_path: Path, bucket: S3Server, name: str, lines: Lines) -> None:
    auth, secret = AUTHS[name]
    callers = f'[callers.default]\nauth = {auth}\ninstances = ["*"]\ndead_letters = true\n'
    world = World(tmp_path, bucket.endpoint, callers, A=secret)
    scheme = load_callers(world.callers_file).callers["default"].auth
    is_form = name == "plivo"
    body = (urlencode(PAYLOAD) if is_form else json.dumps(PAYLOAD)).encode()
    content_type = "application/x-www-form-urlencoded" if is_form else "application/json"
    planted = {**PLANTED, **{f"X-Odd-{n}": form for n, form in enumerate(forms(secret) if scheme.secrets else ())}}
    bare = Request(headers={"host": "function.example", "content-type": content_type}, query={"kept": "1"})
    signed = scheme.sign(replace(bare, body=body), secret, NOW)
    query = dict(signed.query)
    if name not in ("hubspot", "twilio", "plivo"):
        # Those sign it.
        query |= {"access_token": "planted-q", **({"odd": f"x{secret}"} if scheme.secrets else {})}
    event = http_event(body=signed.body.decode(), token=None, headers={**planted, **signed.headers}, query=query)
    assert json.loads(world.send(event)["body"])["code"] == "job_not_found", lines()
    (content,) = map(bucket.content, bucket.keys())
    letter = json.loads(content)
    given = {**signed.headers, **{field: text for field, text in signed.query.items() if field != "kept"}}
    credentials = {part for field, text in given.items() if field not in NO_CREDENTIALS for part in values(text)}
    assert credentials or name == "none" or scheme.credential_paths()
    text = json.dumps(letter, ensure_ascii=False)
    forbidden = {*credentials, *(forms(secret) if scheme.secrets else ()), *CREDENTIALS[:2], "planted-"}
    assert [part for part in forbidden if part in text or part in content.decode()] == []
    assert letter["query"] == {"kept": "1"}
    # All else is there.
    kept = {field: text for field, text in signed.headers.items() if field in NO_CREDENTIALS}
    assert letter["headers"] == {"content-type": content_type, **kept}
    assert (dict(parse_qsl(letter["body"])) if is_form else json.loads(letter["body"])) == PAYLOAD
    # What is not, is told by its name; with a secret in it that is not told either.
    planted_too = {field.lower() for field in (*planted, *query) if field != "kept"}
    assert set(letter["omitted"]) == (planted_too | signed.headers.keys()) - NO_CREDENTIALS
    assert letter["omitted"] == sorted(letter["omitted"])


def forms(secret: str) -> list[str]:
    encoded = base64.b64encode(secret.encode()).decode()
    return [secret, f"is {secret}!", quote(secret), encoded, *([PASSWORD] if PASSWORD in secret else [])]


@pytest.mark.parametrize("context", [Context310(), Context312()])
def test_credentials_of_the_role_are_in_no_letter(world: World, bucket: S3Server, context: object) -> None:
    world.send(http_event(headers={"X-Odd": "a local-token b", "X-Odder": "local-secret"}), context)
    (letter,) = bucket.letters()
    assert letter["headers"] == {"content-type": "application/json"}


@pytest.mark.parametrize(
    "event",
    [
        http_event({**PAYLOAD, "DeviceId": "x token-of-the-default-caller"}),
        http_event(path="/token%252Dof-the-default-caller/default"),
        http_event(body='{"DeviceId": "\\u0074oken-of-the-default-caller"}'),
    ],
)
def test_a_secret_in_what_has_to_stay_as_it_is_costs_the_letter(
    world: World, bucket: S3Server, lines: Lines, event: bytes
) -> None:
    world.send(event)
    assert bucket.keys() == []
    _, told = lines()
    assert told["reason"] == "path or body contains a secret"


def test_what_the_request_needs_is_kept_though_its_name_tells_a_credential(tmp_path: Path, bucket: S3Server) -> None:
    callers = """
[callers.default]
auth = { scheme = "hmac", secrets = ["env:A"], signature = "header.X-Seal", content = "{id}.{timestamp}.{body}", \
id = "header.X-Signature-Nonce", timestamp = "header.X-Signature-Time" }
instances = ["*"]
event_time = 'headers."x-session-start"'
max_age_seconds = 60
parameters = { job_id = "query.session_id", user_id = "query.sig", device_id = 'headers."x-token"' }
defaults = { instance_id = "ccc-test" }
"""
    world = World(tmp_path, bucket.endpoint, callers, A=SECRET)
    scheme = load_callers(world.callers_file).callers["default"].auth
    needed = {"x-session-start": "2023-09-05T06:41:00Z", "x-token": "device"}
    bare = Request(headers={"x-signature-nonce": "delivery-1", **needed})
    signed = scheme.sign(bare, SECRET, NOW)
    query = {"session_id": "job-1", "sig": f"a {SECRET}", "session": "planted", "author": "a", "Auth": "b", "x": "c"}
    query[SECRET] = "a name that is a secret is not named either"
    world.send(http_event(body="", token=None, headers={**signed.headers, "X-Session": "planted"}, query=query))
    (letter,) = bucket.letters()
    kept = {name: text for name, text in signed.headers.items() if name != "x-seal"}
    assert letter["headers"] == {"content-type": "application/json", **kept}
    # By its value even what is read is a credential, and an author is none by its name.
    assert letter["query"] == {"session_id": "job-1", "author": "a", "x": "c"}
    assert letter["omitted"] == ["auth", "session", "sig", "x-seal", "x-session"]


# OSS down: the same answer, in time, and one line.


DOWN: dict[str, tuple[Behaviour | None, str]] = {
    "refused": (None, "nothing was sent: ConnectionRefusedError"),
    "silent": (silent, "(no usable answer: .+|no time was left)"),
    "dripping": (dripping, "(no usable answer: .+|no time was left)"),
    "403": (
        answering(
            "403 Forbidden",
            b"<Error><Code>AccessDenied</Code></Error>",
            "Content-Type: application/xml",
            "Date: Wed, 25 Nov 2026 03:00:00 GMT",
        ),
        "OSS answered AccessDenied with HTTP 403",
    ),
}


EVENTS = {"http": http_event(), "always-200": http_event(path="/flow"), "direct": direct_event()}


@pytest.mark.parametrize(("name", "kind"), [*zip(DOWN, itertools.cycle(EVENTS), strict=False)])
def test_oss_down_changes_nothing_in_the_answer(tmp_path: Path, lines: Lines, name: str, kind: str) -> None:
    behave, told = DOWN[name]
    event = EVENTS[kind]
    with peer(behave or silent) as endpoint:
        world = World(tmp_path, f"http://{endpoint if behave else '127.0.0.1:1'}", DEADLINE_MS="5000")
        world.function.initialize(Context312())
        began = time.monotonic()
        answer = world.send(event)
        assert time.monotonic() - began < 7
    line, letter_line = lines()
    del world.environ["DEAD_LETTER_URL"]
    assert world.send(event) == answer
    assert list(letter_line) == DEAD_LETTER_KEYS
    assert {**letter_line, "reason": ""} == {
        "timestamp": "2023-09-05T06:41:11.895Z",
        "level": "ERROR",
        "event": "dead_letter",
        "action": "MuteCall",
        "request_id": REQUEST_ID,
        "caller": {"http": "default", "always-200": "flow", "direct": "ivr"}[kind],
        "code": "job_not_found",
        "reason": "",
    }
    assert re.fullmatch(told, letter_line["reason"])
    assert list(line) == LOG_KEYS
    (alone,) = lines()
    differing = {key for key in LOG_KEYS if alone[key] != line[key]}
    assert differing <= {"duration_ms", "cold_start", "upstream_ms"}


def test_a_role_that_is_not_there_is_told(world: World, bucket: S3Server, lines: Lines) -> None:
    del world.environ["ALIBABA_CLOUD_SECURITY_TOKEN"]
    answer = world.send(http_event())
    assert answer["statusCode"] == 500
    line, told = lines()
    assert (told["code"], line["code"]) == ("configuration_error", "configuration_error")
    assert told["reason"].startswith("no role credentials")
    assert bucket.keys() == []


def test_a_library_that_is_not_there_is_told(tmp_path: Path, lines: Lines) -> None:
    world = World(tmp_path, "127.0.0.1:1")

    def absent(_: Settings) -> dead_letters.WriteDeadLetter:
        raise ModuleNotFoundError("No module named 'alibabacloud_oss_v2'", name="alibabacloud_oss_v2")

    world.function._open_dead_letters = absent  # noqa: SLF001 - as a package without it has it
    assert world.send(http_event())["statusCode"] == 404
    assert lines()[1]["reason"] == "ModuleNotFoundError"
    world.function.initialize(Context312())
    (line,) = lines()
    assert (line["event"], line["reason"].split(" ")[0]) == ("initialize", "ModuleNotFoundError")


# Its share of the deadline.


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "1"}])
def test_ccc_has_to_answer_earlier_where_letters_are_kept(world: World, headers: dict[str, str]) -> None:
    world.environ["DEADLINE_MS"] = "10000"
    began = time.monotonic()
    world.send(http_event(headers=headers))
    del world.environ["DEAD_LETTER_URL"]
    again = time.monotonic()
    world.send(http_event(headers={"Idempotency-Key": "2"} if headers else {}))
    with_letters, without = world.ccc.deadlines[0] - began, world.ccc.deadlines[1] - again
    # Where there is a key, a tenth of what is left is kept for the answer to be stored, as ever.
    of_the_rest = 0.9 if headers else 1.0
    assert with_letters == pytest.approx(9 * of_the_rest, abs=0.5)
    assert without == pytest.approx(10 * of_the_rest, abs=0.5)


# A tenth of the deadline is the letter's; a busy machine needs a second for it.
@pytest.mark.slow
def test_a_timeout_of_ccc_is_kept_and_the_answer_comes_by_the_deadline(world: World, bucket: S3Server) -> None:
    world.environ["DEADLINE_MS"] = "10000"
    world.function.initialize(Context312())
    world.ccc.outcome, world.ccc.held_until_the_deadline = TIMEOUT, True
    began = time.monotonic()
    assert world.send(http_event())["statusCode"] == 504
    assert 8.5 < time.monotonic() - began < 15
    (letter,) = bucket.letters()
    assert letter["code"] == "upstream_timeout"


def test_a_letter_takes_no_more_than_its_share(tmp_path: Path, lines: Lines) -> None:
    with peer(silent) as endpoint:
        world = World(tmp_path, f"http://{endpoint}", DEADLINE_MS="10000")
        world.function.initialize(Context312())
        began = time.monotonic()
        world.send(http_event())
        assert 0.9 < time.monotonic() - began < 5
    assert len(lines()) == 2


def test_without_time_nothing_is_written(world: World, bucket: S3Server, lines: Lines) -> None:
    world.environ["DEADLINE_MS"] = "500"

    def late(*arguments: Any) -> dict[str, Any]:
        time.sleep(0.5)
        return world.ccc(*arguments)

    world.function._call = late  # noqa: SLF001 - as a process that was frozen
    world.send(http_event())
    assert bucket.keys() == []
    assert lines()[1]["reason"] == "no time was left"


def test_an_import_that_takes_long_cannot_hold_the_answer(tmp_path: Path, lines: Lines) -> None:
    world = World(tmp_path, "127.0.0.1:1", DEADLINE_MS="1000")
    ended = threading.Event()

    def open_letters(_: Settings) -> dead_letters.WriteDeadLetter | None:
        ended.wait(30)
        return None

    world.function._open_dead_letters = open_letters  # noqa: SLF001 - a slow disk
    began = time.monotonic()
    world.send(http_event())
    assert time.monotonic() - began < 10
    ended.set()
    assert lines()[1]["reason"] == "no time was left"


def test_credentials_are_those_of_each_invocation(tmp_path: Path) -> None:
    used: list[Credentials] = []
    world = World(tmp_path, "127.0.0.1:1")
    world.function._open_dead_letters = lambda _: lambda _key, _content, own, _deadline: used.append(own)  # noqa: SLF001 - notes them
    for token in ("one", "two"):
        world.environ["ALIBABA_CLOUD_SECURITY_TOKEN"] = token
        world.send(http_event())
    assert [own.security_token for own in used] == ["one", "two"]


def test_a_custom_runtime_keeps_letters_without_the_platforms_headers(world: World, bucket: S3Server) -> None:
    body = json.dumps(PAYLOAD).encode()
    environ = {
        "REQUEST_METHOD": "POST",
        "RAW_URI": "/default?a=b",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_AUTHORIZATION": "Bearer token-of-the-default-caller",
        "HTTP_X_FC_REQUEST_ID": REQUEST_ID,
        "HTTP_X_FC_REGION": "cn-shanghai",
        "HTTP_X_FC_FUNCTION_NAME": "mute-call-concurrent",
        "HTTP_X_FC_ACCESS_KEY_ID": "STS.header",
        "HTTP_X_FC_ACCESS_KEY_SECRET": "header-secret",
        "HTTP_X_FC_SECURITY_TOKEN": "header-token",
        "HTTP_X_ODD": "header-token",
        "wsgi.input": BytesIO(body),
    }
    statuses: list[str] = []
    b"".join(application(world.function)(environ, lambda status, _: statuses.append(status)))
    assert [status.split()[0] for status in statuses] == ["404"]
    (letter,) = bucket.letters()
    assert letter["function"] == "mute-call-concurrent"
    assert letter["query"] == {"a": "b"}
    assert letter["headers"] == {"content-type": "application/json", "content-length": str(len(body))}
    assert "header-" not in json.dumps(letter)
