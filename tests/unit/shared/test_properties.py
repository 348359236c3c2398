"""Whatever is sent: no exception, no 5xx, and one of the documented codes."""

from __future__ import annotations

import base64
import json
import re
import time
import tracemalloc
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from shared.callers.schemes import Auth, Scheme
from shared.problems import Problem, problem_types
from shared.runtime.event import read_event
from tests.builders import PAYLOAD, TOKEN, Context312, direct_event
from tests.unit.shared.callers.schemes.references import SENDERS, changed
from tests.unit.shared.fakes import CALLERS, CCC_REQUEST_ID, NOW, World

QUICK = settings(max_examples=40, deadline=None, database=None)
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

# Whatever an operator may write: each is tried as the key, as the time, and as every parameter.
NASTY = [
    *("body", "body.a", "body.*", "body.a.b.c", "body.a[]", "body.a[0]", "body.a[-1]", "body.a[::-1]", "body.a[::0]"),
    *("body.a[?a > b]", "body.a[?a == `1`].b | [0]", "body.a[*].[a, b]", "[body, query, headers, path]"),
    *("{a: body, b: body.a}", "[[[[[[body.a]]]]]]", "body.a && body.b", "!body.a", "body.a == body.b"),
    *("&body.a", "to_array(&body.a)", "type(&body.a)", "type(body.a)", "not_null(&body.a, body.b)", "`1e999`"),
    *("to_number(body.a)", "to_number(body.b)", "to_string(body.a)", "to_string(body)", "to_array(body.a)"),
    *("abs(to_number(body.a))", "ceil(to_number(body.a))", "floor(to_number(body.a))", "abs(body.a)"),
    *("sum([to_number(body.a), to_number(body.b)])", "avg([to_number(body.a), to_number(body.b)])", "sum(body.a)"),
    *("max([to_number(body.a), to_number(body.b)])", "min(body.a)", "avg(body.a)", "sort(body.a)", "reverse(body.a)"),
    *("sort_by(body.a, &a)", "max_by(body.a, &to_number(a))", "min_by(body.a, &b)", "map(&to_number(@), body.a)"),
    *("sum(map(&to_number(@), to_array(body.a)))", "join('', body.a)", "join(body.a, keys(body))", "keys(body.a)"),
    *("values(body.a)", "length(body.a)", "length(body)", "merge(body, query, headers)", "merge(body.a, body.b)"),
    *("contains(body.a, body.b)", "ends_with(body.a, 'x')", "body.a > body.b", "body.a[99999999999999999999]"),
    *("body.a[:99999999999999999999]", "query.a", "query | a", 'headers."x-a"', 'to_number(headers."x-a")', "path"),
]
OPEN_CALLER = """[callers.{use}{number}]
auth = {{ scheme = "none", allow_anonymous = true }}
instances = ["*"]
"""
USES = {
    "key": "idempotency_key = {e}\n",
    "time": "event_time = {e}\nmax_age_seconds = 60\n",
    "parameters": "".join(f"parameters.{name} = {{e}}\n" for name in ("device_id", "job_id", "user_id", "channel_id")),
}
FIXED = {"device_id": "d", "instance_id": "ccc-test", "job_id": "j", "user_id": "a@b", "channel_id": "ch"}
DEFAULTS = "".join(f"parameters.{name} = \"'{value}'\"\n" for name, value in FIXED.items())
EXPRESSIVE = "".join(
    OPEN_CALLER.format(use=use, number=number)
    + text.format(e=json.dumps(expression))
    + ("parameters.instance_id = \"'ccc-test'\"\n" if use == "parameters" else DEFAULTS)
    for use, text in USES.items()
    for number, expression in enumerate(NASTY)
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=8,
)
digits = st.builds(
    lambda sign, digit, count, rest: sign + digit * count + rest,
    *(
        st.sampled_from(["", "-", "+", " "]),
        st.sampled_from("09\u0663"),
        st.sampled_from([1, 15, 20, 300, 309, 400, 4300]),
    ),
    st.sampled_from(["", ".5", "e5", "e999", "_0", "x"]),
)
odd_numbers = digits | st.sampled_from(["nan", "inf", "-inf", "1e308", "-1", "1693896071"])
odd_values = st.recursive(
    odd_numbers
    | st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.sampled_from("abc"), children, max_size=3),
    max_leaves=6,
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
    world = World(tmp_path_factory.mktemp("everyone"), CALLERS + MAPPED + PLAIN)
    world.environ.update({f"SECRET_{i}": sender.secrets[0] for i, sender in enumerate(SENDERS)})
    return world


@pytest.fixture(scope="module")
def expressive(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("expressive"), EXPRESSIVE)


def check_flat(answer: dict[str, Any]) -> None:
    """Assert that this is a direct invocation's answer."""
    assert all(isinstance(value, str) for value in answer.values())
    if answer["status"] == "error":
        assert set(answer) - {"errors"} == FLAT
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
    check = check_flat if read_event(event).direct else check_http
    check(world.function.handle(event, Context312()))


@settings(parent=QUICK, max_examples=10)
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
    check = check_flat if read_event(event).direct else check_http
    check(world.function.handle(event, Context312()))


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
        request = scheme.sign(replace(request, body=body), sender.secrets[0], NOW)
    except Problem:
        assert sender.name in ("twilio", "hubspot", "square", "twitch")
    if draw(st.booleans()):
        header = draw(st.sampled_from(sorted(request.headers)))
        request = request.with_headers({header: draw(surrogates)})
    return sender.event(request, body)


@QUICK
@given(event=signed_requests())
def test_any_signed_request_is_answered(everyone: World, event: bytes) -> None:
    check_http(everyone.function.handle(event, Context312()))


def expressed(use: str, number: int, body: object, **fields: dict[str, str]) -> bytes:
    """An event for the caller that has this expression for this use."""
    return json.dumps(
        {
            "rawPath": f"/{use}{number}",
            "body": json.dumps(body),
            "headers": {"content-type": "application/json"} | fields.get("headers", {}),
            "queryParameters": fields.get("query", {}),
            "requestContext": {"http": {"method": "POST", "sourceIp": "203.0.113.9"}},
        }
    ).encode()


@settings(QUICK, max_examples=80)
@given(
    use=st.sampled_from(sorted(USES)),
    number=st.integers(0, len(NASTY) - 1),
    body=st.fixed_dictionaries({"a": odd_values, "b": odd_values}) | st.just({}),
    headers=st.dictionaries(st.just("x-a"), surrogates | odd_numbers),
    query=st.dictionaries(st.just("a"), surrogates | odd_numbers),
)
@example(use="time", number=NASTY.index("to_number(body.a)"), body={"a": "9" * 400}, headers={}, query={})
@example(
    use="key",
    number=NASTY.index("sum([to_number(body.a), to_number(body.b)])"),
    body={"a": "9" * 4300, "b": "9" * 4300},
    headers={},
    query={},
)
@example(use="parameters", number=NASTY.index('headers."x-a"'), body={}, headers={"x-a": "\ud800"}, query={})
def test_any_expression_over_any_request_is_answered(
    expressive: World, use: str, number: int, body: object, headers: dict[str, str], query: dict[str, str]
) -> None:
    answer = expressive.function.handle(expressed(use, number, body, headers=headers, query=query), Context312())
    check_http(answer)
    # Of what a validator or Python itself says of a value nothing is passed on.
    assert not re.search("Input should|Value error|Exceeds", answer["body"])


LONG, MANY = "9" * 250_000, [str(number) for number in range(25_000)]


@pytest.mark.parametrize(
    ("expression", "a"),
    [
        ("to_number(body.a)", LONG),
        ("to_string(body)", LONG),
        ("sort(body.a)", MANY),
        ("sum(map(&to_number(@), to_array(body.a)))", MANY),
        ("join('', body.a)", MANY),
    ],
    ids=["to_number", "to_string", "sort", "sum", "join"],
)
def test_no_expression_over_a_large_body_takes_long_or_much(expressive: World, expression: str, a: object) -> None:
    event = expressed("parameters", NASTY.index(expression), {"a": a})
    tracemalloc.start()
    began = time.process_time()
    check_http(expressive.function.handle(event, Context312()))
    spent, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (spent < 10, peak < 32 * 2**20) == (True, True)
