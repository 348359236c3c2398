"""Whatever is sent: no exception, no 5xx, and one of the documented codes."""

from __future__ import annotations

import base64
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from shared.envelope import is_direct, read_event
from shared.problems import Problem, problem_types
from shared.schemes import Auth, Scheme
from tests.builders import PAYLOAD, TOKEN, Context312, direct_event
from tests.unit.shared.fakes import CALLERS, CCC_REQUEST_ID, NOW, World
from tests.unit.shared.schemes.references import SENDERS, changed

QUICK = settings(max_examples=200, deadline=None, database=None)
CODES = {kind.code: kind.status for kind in problem_types() if kind.status < 500}
FLAT = {"status", "code", "retryable", "request_id"}
# One caller per scheme with a mapping that touches everything, and one without that is always told 200.
EXPRESSIONS = """[callers.{name}.parameters]
device_id = "headers.\\"content-type\\" || path"
instance_id = "body.InstanceId || query.InstanceId || 'ccc-test'"
job_id = "to_string(body.JobId || join('-', [query.JobId, path]))"
user_id = "not_null(body.UserId, sort_by(body.list, &a)[0].a, 'user-test@ccc-test')"
channel_id = "body.ChannelId"
[callers.{name}.defaults]
channel_id = "ch"
"""
MAPPED = "".join(
    sender.toml(f'"env:SECRET_{i}"') + EXPRESSIONS.format(name=sender.name) for i, sender in enumerate(SENDERS)
)
PLAIN = "".join(
    sender.toml(f'"env:SECRET_{i}"').replace(f"[callers.{sender.name}]", f"[callers.{sender.name}-flow]")
    + 'response = "always-200"\n'
    for i, sender in enumerate(SENDERS)
)
ADAPTER: TypeAdapter[Scheme] = TypeAdapter(Auth)
SCHEME_OF = {sender.name: ADAPTER.validate_python({**sender.auth, "secrets": ["env:A"]}) for sender in SENDERS}
OPEN = (
    '[callers.open]\nauth = { scheme = "none", allow_anonymous = true }\ninstances = ["*"]\nmethods = ["POST", "GET"]\n'
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=8,
)
surrogates = st.text(st.characters(codec=None, exclude_categories=()), max_size=20)
names = st.sampled_from([*PAYLOAD, "ChannelId", "channel_id", "jobId"]) | st.text(max_size=10)
payloads = st.dictionaries(names, json_values, max_size=6) | st.builds(
    lambda name, value: {**PAYLOAD, name: value}, names, json_values
)
bodies = st.one_of(
    payloads.map(json.dumps),
    json_values.map(json.dumps),
    surrogates,
    st.binary(max_size=60).map(lambda content: base64.b64encode(content).decode()),
    st.text("JobId=&%+-0Aa", max_size=40),
)
headers = st.dictionaries(
    st.sampled_from(["Content-Type", "content-type", "Content-Encoding", "Authorization", "X-Any"]) | surrogates,
    st.sampled_from(["application/json", "application/x-www-form-urlencoded", "text/plain; charset=x", "Bearer x"])
    | surrogates
    | json_values,
    max_size=4,
)
paths = st.sampled_from(["/", "", "/flow", "/office", "/reader", "/ivr", "/healthz", "/nobody"]) | surrogates


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("callers"), CALLERS)


@pytest.fixture(scope="module")
def everyone(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(
        tmp_path_factory.mktemp("everyone"), CALLERS + MAPPED + PLAIN + OPEN + EXPRESSIONS.format(name="open")
    )
    world.environ.update({f"SECRET_{i}": sender.secrets[0] for i, sender in enumerate(SENDERS)})
    return world


def check_flat(answer: dict[str, Any]) -> None:
    """Assert that this is a direct invocation's answer."""
    assert all(isinstance(value, str) for value in answer.values())
    if answer["status"] == "error":
        assert set(answer) == FLAT
        assert answer["code"] in CODES
    else:
        assert answer["request_id"] == CCC_REQUEST_ID


def check_http(answer: dict[str, Any]) -> None:
    """Assert that this is an answer of the HTTP trigger, and that its body and headers can be sent."""
    assert set(answer) == {"statusCode", "headers", "isBase64Encoded", "body"}
    assert answer["statusCode"] in {200, *CODES.values()}
    body = json.loads(answer["body"].encode())
    if "code" in body and body["status"] != "error":
        assert CODES[body["code"]] == answer["statusCode"] == body["status"]
        assert answer["headers"]["Content-Type"] == "application/problem+json"
    elif "code" in body:
        assert answer["statusCode"] == 200
        check_flat(body)
    else:
        assert answer["statusCode"] == 200
        assert body.get("status") in ("ok", "muted") or set(body) == {"challenge"}
    for name, value in answer["headers"].items():
        assert f"{name}: {value}".isprintable()


@QUICK
@given(event=st.binary(max_size=200))
@example(event=b"[" * 100_000)
@example(event=b'{"a":' * 100_000)
@example(event=b"\xff\xfe{\x00}\x00")
def test_any_bytes_are_answered(world: World, event: bytes) -> None:
    check = check_flat if is_direct(event) else check_http
    check(world.function.handle(event, Context312()))


@settings(parent=QUICK, max_examples=20)
@given(
    filling=st.sampled_from(["a", "=", "+", "[", "\0", '"', "\\", "é", "中", "😀", "\ud800"]),
    size=st.sampled_from([1_000, 262_144, 262_145, 349_528, 400_000, 1_500_000, 4_000_000]),
    end=st.text(max_size=2),
    is_base64=st.booleans(),
    in_ascii=st.booleans(),
    is_http=st.booleans(),
    method=st.sampled_from(["POST", "GET", "PUT"]),
)
def test_any_large_event_is_answered_in_little_memory(world: World, **parts: Any) -> None:
    body = parts["filling"] * (parts["size"] // len(parts["filling"].encode("utf-8", "replace"))) + parts["end"]
    whole: dict[str, Any] = {"body": body}
    if parts["is_http"]:
        whole |= {"isBase64Encoded": parts["is_base64"], "requestContext": {"http": {"method": parts["method"]}}}
    event = json.dumps(whole, ensure_ascii=parts["in_ascii"]).encode("utf-8", "surrogatepass")
    tracemalloc.start()
    answer = world.function.handle(event, Context312())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 4_000_000
    (check_http if parts["is_http"] else check_flat)(answer)


@QUICK
@given(event=json_values | st.none() | st.binary() | surrogates)
def test_any_object_is_answered(world: World, event: object) -> None:
    check_flat(world.function.handle(event, Context312()))


@QUICK
@given(payload=payloads)
def test_any_direct_invocation_is_answered(world: World, payload: dict[str, Any]) -> None:
    event = direct_event(payload)
    if read_event(event).direct:
        check_flat(world.function.handle(event, Context312()))


@QUICK
@given(
    method=st.sampled_from(["POST", "GET", "PUT"]) | st.text(max_size=5),
    path=paths,
    token=st.sampled_from([TOKEN]) | st.none() | surrogates,
    headers=headers,
    query=st.dictionaries(names | surrogates, surrogates, max_size=5),
    body=bodies,
    is_base64=st.booleans(),
    source_ip=st.sampled_from(["203.0.113.9", "2001:db8::1", ""]) | st.text(max_size=20),
)
def test_any_request_in_a_valid_envelope_is_answered(world: World, **parts: Any) -> None:
    http = {"method": parts["method"], "path": parts["path"], "sourceIp": parts["source_ip"]}
    usual = {"Content-Type": "application/json"}
    usual |= {} if parts["token"] is None else {"Authorization": f"Bearer {parts['token']}"}
    event = {
        "version": "v1",
        "rawPath": parts["path"],
        "body": parts["body"],
        "isBase64Encoded": parts["is_base64"],
        "headers": usual | parts["headers"],
        "queryParameters": parts["query"],
        "requestContext": {"http": http},
    }

    check_http(world.function.handle(json.dumps(event).encode(), Context312()))


@QUICK
@given(
    path=st.sampled_from(["/", "/flow", "/reader"]),
    content_type=st.sampled_from(["application/json", "application/x-www-form-urlencoded", ""]),
    body=bodies | st.just(""),
    query=st.dictionaries(names, surrogates, max_size=6),
)
def test_any_body_and_query_behind_the_credential_are_answered(
    world: World, path: str, content_type: str, body: str, query: dict[str, str]
) -> None:
    event = {
        "rawPath": path,
        "body": body,
        "headers": {"Content-Type": content_type, "Authorization": f"Bearer {TOKEN}"},
        "queryParameters": query,
        "requestContext": {"http": {"method": "POST", "sourceIp": "203.0.113.9"}},
    }

    check_http(world.function.handle(json.dumps(event).encode(), Context312()))


@QUICK
@given(
    envelope=st.dictionaries(st.sampled_from(["rawPath", "body", "headers", "queryParameters", "version"]), json_values)
)
def test_any_envelope_is_answered(world: World, envelope: dict[str, Any]) -> None:
    event = {**envelope, "requestContext": {"http": {}}}

    check_http(world.function.handle(json.dumps(event).encode(), Context312()))


@st.composite
def signed_requests(draw: st.DrawFn) -> bytes:
    """An event whose credential is right, and whatever else is in it; some have the credential bent, too."""
    sender = draw(st.sampled_from(SENDERS))
    body = draw(bodies.map(lambda text: text.encode("utf-8", "ignore")) | st.just(sender.body) | st.just(b""))
    flow = draw(st.sampled_from(["", "-flow"]))
    request = changed(
        sender.request,
        headers=draw(st.dictionaries(st.sampled_from(["x-github-event", "x-any"]), st.sampled_from(["ping", "push"]))),
        query=draw(st.dictionaries(names, st.text(max_size=5), max_size=2)),
        raw_path=draw(st.sampled_from(["/", "/a%20b/", "/%ff/"])) + sender.name + flow,
        method=draw(st.sampled_from(["POST", "GET"])),
    )
    scheme = SCHEME_OF[sender.name]
    try:
        request = scheme.sign(request, body, sender.secrets[0], NOW)
    except Problem:
        assert sender.name == "twilio"
    if draw(st.booleans()):
        header = draw(st.sampled_from(sorted(request.headers)))
        request = request.with_headers({header: draw(surrogates)})
    return sender.event(request, body)


@QUICK
@given(event=signed_requests())
def test_any_signed_request_is_answered(everyone: World, event: bytes) -> None:
    check_http(everyone.function.handle(event, Context312()))


@QUICK
@given(
    path=st.sampled_from([f"/{sender.name}{flow}" for sender in SENDERS for flow in ("", "-flow")] + ["/open"]),
    method=st.sampled_from(["POST", "GET"]),
    headers=st.dictionaries(
        st.sampled_from(sorted({header for sender in SENDERS for header in sender.signed().headers})), surrogates
    ),
    query=st.dictionaries(names | st.sampled_from(["key", "bodySHA256"]), surrogates, max_size=4),
    body=bodies,
    content_type=st.sampled_from(["application/json", "application/x-www-form-urlencoded", "x"]),
)
def test_any_request_to_a_caller_of_any_scheme_is_answered(everyone: World, **parts: Any) -> None:
    event = {
        "rawPath": parts["path"],
        "body": parts["body"],
        "headers": {"host": "hooks.example.com", "content-type": parts["content_type"]} | parts["headers"],
        "queryParameters": parts["query"],
        "requestContext": {"http": {"method": parts["method"], "sourceIp": "203.0.113.9"}},
    }

    check_http(everyone.function.handle(json.dumps(event).encode(), Context312()))
