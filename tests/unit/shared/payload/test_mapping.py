"""From a sender's payload to parameters: the expressions of the callers file, on their own and in the pipeline."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.payload.mapping import Compiled, Expression, evaluate, names_read
from shared.problems import InvalidParameters
from tests.builders import PAYLOAD
from tests.unit.shared.fakes import OWN_CHANNEL, Reply, World

ADAPTER: TypeAdapter[Compiled] = TypeAdapter(Expression)
DOCUMENT: dict[str, Any] = {
    "body": {
        "call": {"id": "job"},
        "list": [{"a": "1"}, {"a": "2"}],
        "n": 5,
        "null": None,
        "text": "x",
        "bad": [1, "a"],
        "json": '{"a": ["1"]}',
        "twice": '{"a": 1, "a": 2}',
        "deep": "[" * 33 + "]" * 33,
        "large": "[1e999]",
        "base64": "PDw/Pz8+Pg==",
        "base64url": "PDw_Pz8-Pg",
        "escaped": "%7B%22a%22%3A+1%7D",
    },
    "query": {"q": "1"},
    "headers": {"x-user": "a@b"},
    "path": "/crm/eu",
}


def find(text: str) -> Any:
    return evaluate({"job_id": ADAPTER.validate_python(text)}, DOCUMENT)["job_id"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("body.call.id", "job"),
        ("query.q", "1"),
        ('headers."x-user"', "a@b"),
        ("path", "/crm/eu"),
        ("'constant'", "constant"),
        ("`5`", 5),
        ("body.n", 5),
        ("body.null", None),
        ("body.missing.deeper", None),
        ("body.list[0].a", "1"),
        ("body.list[-1].a", "2"),
        ("body.list[9].a", None),
        ("body.list[?a=='2'] | [0].a", "2"),
        ("body.list[].a", ["1", "2"]),
        ("body.list[1:].a", ["2"]),
        ("body.missing || query.q", "1"),
        ("not_null(body.missing, body.null, path)", "/crm/eu"),
        ("join('-', [body.call.id, query.q])", "job-1"),
        ("sort_by(body.list, &a)[0].a", "1"),
        ("map(&a, body.list)", ["1", "2"]),
        ("body.[n, text]", [5, "x"]),
        ("body.{n: n}", {"n": 5}),
        ("to_string(body.n)", "5"),
        ("to_number(query.q)", 1),
        ("body.call.*", ["job"]),
        ("@.path", "/crm/eu"),
        ("!(body.missing)", True),
        (" body.call.id\n", "job"),
        ("from_json(body.json).a[0]", "1"),
        ("from_json(body.text)", None),
        ("from_json(body.n)", None),
        ("from_json(body.twice)", None),
        ("from_json(body.deep)", None),
        ("from_json(body.large)", None),
        ("from_json(body.missing).a", None),
        ("from_base64(body.base64)", "<<???>>"),
        ("from_base64(body.base64url)", "<<???>>"),
        ("from_base64('/w==')", None),
        ("from_base64('a b=')", None),
        ("from_base64(body.n)", None),
        ("url_decode('a+b%20%E5%8F%B7')", "a b 号"),
        ("url_decode('%zz')", None),
        ("url_decode('%ff')", None),
        ("url_decode(body.null)", None),
        ("from_json(url_decode(body.escaped)).a", 1),
    ],
)
def test_an_expression_finds(text: str, found: object) -> None:
    assert find(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "length(body.n)",
        "join('-', body.bad)",
        "sort(body.bad)",
        "sort_by(body.list, &b)",
        "keys(body.null)",
        "body.list[::0]",
        "starts_with(body.n, 'a')",
        "merge(body.null)",
        "ceil(to_number('1e999'))",
    ],
)
def test_an_expression_that_fails_on_a_request_is_the_requests_fault(text: str) -> None:
    with pytest.raises(InvalidParameters) as caught:
        find(text)

    assert [error.field for error in caught.value.errors] == ["job_id"]
    assert ("`" in caught.value.errors[0].reason) == ("'" not in text)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not valid JMESPath"),
        ("body..a", "not valid JMESPath"),
        ("body.a-b", """'body."a-b"'"""),
        ("body.通话ID.x", """'body."通话ID".x'"""),
        ("headers.x-call", """'headers."x-call"'"""),
        ('body."a', r"not valid JMESPath at character 6; .* body.a.b"),
        ("body.`{", "not valid JMESPath at character 6;"),
        ("body.a = b", "not valid JMESPath at character 8;"),
        ("body.a.", "not valid JMESPath at character 8;"),
        ("body['a']", "not valid JMESPath at character 6;"),
        ("{{body}}", "not valid JMESPath at character 2;"),
        ("ccc-test", "constants stand in single quotes"),
        ("ccctest", "constant stands in single quotes"),
        (f"body.x[{'9' * 4400}]", "not valid JMESPath; paths"),
        ("$.body.a", r"character 1; .* body.a.b"),
        ("(" * 5000 + "body" + ")" * 5000, "not valid JMESPath"),
        ("foo(body)", r"an unknown function; docs/contract.md"),
        ("map(&foo(a), body.list)", "an unknown function"),
        ("from_jsn(body.a)", "did you mean `from_json`"),
        ("hmac_sha256(body.a)", "hmac_sha256, which only handshakes have"),
        ("from_json()", "`from_json` with 0 arguments; it takes 1"),
        ("join(body.a, body.b, body.c)", "`join` with 3 arguments; it takes 2"),
        ("merge()", "`merge` with 0 arguments; it takes 1 or more"),
        *(
            (text, "begin with body, query, headers or path")
            for text in ("Body.id", "body || call", "{a: body, b: call}", "length(call)", "call[1:2]", "@.call.id")
        ),
        (5, "should be a string"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_can_be_told_of_an_expression_is_told_when_the_file_loads(text: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ADAPTER.validate_python(text)


@pytest.mark.parametrize(
    "text",
    [
        "body.list[?call=='1']",
        "body.call | id",
        "body.[id, call]",
        "map(&call, body.list)",
        "sort_by(body.list, &call)",
    ],
)
def test_names_further_in_are_the_senders(text: str) -> None:
    assert ADAPTER.validate_python(text).expression == text


@pytest.mark.parametrize("text", ['headers."X-Call"', "query.a || headers.Host"])
def test_a_header_that_no_request_can_have_is_seen_when_the_file_loads(text: str) -> None:
    with pytest.raises(ValidationError, match="lower case"):
        ADAPTER.validate_python(text)


@pytest.mark.parametrize("text", ["length()", "to_number(path, path)", "not_null()"])
def test_a_function_with_other_arguments_than_it_takes_is_seen_when_the_file_loads(text: str) -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(text)


QUICK = settings(max_examples=50, deadline=None, database=None)
TOKENS = [
    *("body", "query", "path", "headers", "length", "sort_by", "a", "'x'", "`1`", "0", "-1", "99999999999999999999"),
    *([".", "[", "]", "*", "@", "&", "|", "||", "(", ")", "{", "}", ",", ":", "?", "!", "==", "<", '"', "`"]),
    *(" ", "\ud800"),
]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.sampled_from("abc"), children, max_size=3),
    max_leaves=6,
)


# JMESPath warns of a literal that it takes for text.
@pytest.mark.filterwarnings("ignore:deprecated string literal:PendingDeprecationWarning")
@QUICK
@given(text=st.lists(st.sampled_from(TOKENS), max_size=12).map("".join) | st.text(max_size=12))
@example(text="body[" + "9" * 5000 + "]")
@example(text="\ud800")
def test_any_text_is_an_expression_or_an_error_of_the_file(text: str) -> None:
    try:
        compiled = ADAPTER.validate_python(text)
    except ValidationError:
        return
    try:
        evaluate({"job_id": compiled}, DOCUMENT)
    except InvalidParameters:
        return


CALLS = [
    "abs(body.a)", "avg(body.a)", "ceil(body.a)", "contains(body.a, body.b)", "ends_with(body.a, body.b)",
    "floor(body.a)", "join(body.a, body.b)",
    "keys(body.a)", "length(body.a)", "map(&a, body.a)", "max(body.a)",
    "max_by(body.a, &a)", "merge(body.a, body.b)", "min(body.a)", "min_by(body.a, &b)", "not_null(body.a)",
    "reverse(body.a)", "sort(body.a)", "sort_by(body.a, &a)", "starts_with(body.a, body.b)", "sum(body.a)",
    "from_json(body.a)", "from_base64(body.a)", "url_decode(body.a)",
    "to_array(body.a)", "to_string(body.a)", "to_number(body.a)", "type(body.a)", "values(body.a)",
    "body.a < body.b", "body.a == body.b", "body.a[?a > b]", "body.a[::2]", "body.*.a[]", "body.a[-9]",
]  # fmt: skip
COMPILED = {text: ADAPTER.validate_python(text) for text in CALLS}


@settings(QUICK, max_examples=50)
@given(first=json_values, second=json_values)
@example(first=float("inf"), second="9" * 5000)
@example(first="1e999", second=None)
def test_no_body_makes_a_function_raise_anything_else(first: object, second: object) -> None:
    document = {**DOCUMENT, "body": {"a": first, "b": second}}
    for text, compiled in COMPILED.items():
        try:
            evaluate({text: compiled}, document)
        except InvalidParameters as problem:
            assert problem.errors[0].field == text  # noqa: PT017 - some fail, and some do not


# In the pipeline

AUTH = 'auth = { scheme = "bearer", secrets = ["env:MUTE_CALL_TOKEN"] }\n'
CRM = f"""
[callers.crm]
{AUTH}instances = ["ccc-test"]
methods = ["POST", "GET"]
[callers.crm.parameters]
instance_id = "'ccc-test'"
job_id      = "body.call.id"
user_id     = "body.agent || headers.\\"x-agent\\""
channel_id  = "body.call.channel"
[callers.crm.defaults]
device_id = "crm"
"""
BODY: dict[str, Any] = {"call": {"id": "job", "channel": OWN_CHANNEL}, "agent": "user-test@ccc-test", "more": [1, {}]}
MAPPED = {
    "DeviceId": "crm",
    "InstanceId": "ccc-test",
    "JobId": "job",
    "UserId": "user-test@ccc-test",
    "ChannelId": OWN_CHANNEL,
}


@pytest.fixture
def crm(world: World) -> World:
    world.write_callers(CRM)
    return world


def sent(world: World, call: Any = ..., **kwargs: Any) -> Reply:
    body = BODY if call is ... else {**BODY, "call": call}
    return world.http(body, path="/crm", **kwargs)


def errors(reply: Reply) -> list[tuple[str, str]]:
    assert reply.code == "invalid_parameters"
    return [(error["field"], error["reason"]) for error in reply.body["errors"]]


def test_only_what_the_expressions_select_is_sent(crm: World) -> None:
    assert sent(crm).status == 200
    assert crm.call.calls[0].parameters == MAPPED


@pytest.mark.parametrize(
    ("expression", "kwargs", "found"),
    [
        ("query.job", {"query": {"job": "a%20b"}}, "a b"),
        ("path", {"path": "/x%20y/crm"}, "/x y/crm"),
        ("body.n", {}, "5"),
        ("body.big", {}, "9223372036854775807"),
        ("to_number(query.job)", {"query": {"job": "7"}}, "7"),
        ('headers.\\"x-call\\"', {"headers": {"X-CALL": " c "}}, "c"),
        ("join(':', body.list)", {}, "a:b"),
    ],
)
def test_values_come_from_everywhere(world: World, expression: str, kwargs: dict[str, Any], found: str) -> None:
    world.write_callers(CRM.replace("body.call.id", expression))
    # What is called like a parameter does not count.
    body = {**BODY, **PAYLOAD, "n": 5, "big": 2**63 - 1, "list": ["a", "b"]}

    assert world.http(body, **{"path": "/crm", **kwargs}).status == 200
    assert world.call.calls[0].parameters["JobId"] == found


@pytest.mark.parametrize(
    ("call", "field", "reason"),
    [
        ({"id": True}, "job_id", "must be a string or an integer; from `body.call.id`"),
        (
            {"id": 2**63},
            "job_id",
            "must be a string, since it has more than 64 bits as an integer; from `body.call.id`",
        ),
        ({"id": " "}, "job_id", "must not be empty; from `body.call.id`"),
        ({"id": None}, "job_id", "required; from `body.call.id`"),
        ({"ID": "job"}, "job_id", "required; `body.call.id`: `call` has no `id`"),
        ("text", "job_id", "required; `body.call.id`: `call` has no `id`"),
        (None, "job_id", "required; `body.call.id`: `call` has no `id`"),
    ],
)
def test_an_error_names_the_expression_and_where_it_stopped(
    world: World, call: object, field: str, reason: str
) -> None:
    world.write_callers(CRM.replace('channel_id  = "body.call.channel"\n', ""))

    assert errors(sent(world, call)) == [(field, reason)]


def test_an_expression_with_constants_is_not_quoted(world: World) -> None:
    world.write_callers(CRM.replace("body.call.id", "body.calls[?id=='13188888888'] | [0].id"))

    reply = sent(world)

    assert errors(reply) == [("job_id", "required; from its expression")]


@pytest.mark.parametrize(
    ("expression", "stopped"),
    [
        ("body.list[1].id", "`list` has no `1`"),
        ('body.call."the id".x', "`call` has no `the id`"),
        ("query.job", "`query` has no `job`"),
        ("body.none.id", "`none` has no `id`"),
    ],
)
def test_any_plain_path_says_where_it_stopped(world: World, expression: str, stopped: str) -> None:
    world.write_callers(CRM.replace("body.call.id", expression.replace('"', '\\"')))

    ((field, reason),) = errors(world.http({**BODY, "list": [{}], "none": None}, path="/crm"))

    assert (field, reason) == ("job_id", f"required; `{expression}`: {stopped}")


@pytest.mark.parametrize("channel", [{}, {"channel": None}, {"channel": ""}, {"channel": " \t"}])
def test_a_channel_that_is_not_found_is_never_the_agents_own(crm: World, channel: dict[str, object]) -> None:
    assert [field for field, _ in errors(sent(crm, {"id": "job", **channel}))] == ["channel_id"]
    assert not crm.call.calls


@pytest.mark.parametrize("channel", [{}, {"channel": None}, {"channel": ""}])
def test_an_empty_default_makes_it_the_agents_own(world: World, channel: dict[str, object]) -> None:
    world.write_callers(CRM + 'channel_id = ""\n')

    assert sent(world, {"id": "job", **channel}).status == 200
    assert "ChannelId" not in world.call.calls[0].parameters
    assert sent(world, {"id": "job", "channel": []}).code == "invalid_parameters"


@pytest.mark.parametrize("channel", [None, "", " "])
def test_a_channel_that_is_not_found_is_the_default_one(world: World, channel: str | None) -> None:
    world.write_callers(CRM + f'channel_id = "{OWN_CHANNEL}"\n')

    assert sent(world, {"id": "job", "channel": channel}).status == 200
    assert sent(world, {"id": "job", "channel": "other"}).status == 200
    assert [called.parameters["ChannelId"] for called in world.call.calls] == [OWN_CHANNEL, "other"]


def test_defaults_fill_what_an_expression_does_not_find(world: World) -> None:
    world.write_callers(CRM + 'job_id = "default-job"\n')

    for call in (
        {"channel": "x"},
        {"id": None, "channel": "x"},
        {"id": " ", "channel": "x"},
        {"id": "job", "channel": "x"},
    ):
        assert sent(world, call).status == 200
    assert [called.parameters["JobId"] for called in world.call.calls] == ["default-job"] * 3 + ["job"]
    assert [field for field, _ in errors(sent(world, {"id": [], "channel": "x"}))] == ["job_id"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_a_body_the_body_is_an_empty_object(world: World, method: str) -> None:
    world.write_callers(
        CRM.replace("body.call.id", "query.job").replace("body.call.channel", "not_null(body.x, query.ch)")
        + 'job_id = "none"\n'
    )
    query = {"job": "job", "ch": "c", "JobId": "other", "more": "1"}

    assert world.http(path="/crm", body="", method=method, query=query, headers={"x-agent": "a@b"}).status == 200
    called = world.call.calls[0].parameters
    assert (called["JobId"], called["ChannelId"], called["UserId"]) == ("job", "c", "a@b")


def test_headers_and_query_of_a_direct_invocation_are_empty(world: World) -> None:
    world.write_callers(
        CRM.replace(AUTH, 'auth = { scheme = "ram" }\n')
        .replace('methods = ["POST", "GET"]\n', "")
        .replace("body.call.id", "headers.a || query.a || path")
    )

    assert world.direct({**BODY, "call": {"id": "job", "channel": "c"}})["code"] == "invalid_parameters"
    assert world.direct({**BODY, "headers": {"a": "x"}, "path": "x"})["code"] == "invalid_parameters"


def test_values_of_the_request_are_not_told(crm: World, capsys: pytest.CaptureFixture[str]) -> None:
    reply = sent(crm, {"id": ["canary"], "channel": {"canary": 1}}, query={"canary": "canary"})

    assert "canary" not in reply.text
    assert "canary" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "headers", "query"),
    [
        ("query.session_id", set(), {"session_id"}),
        ('headers."x-token" || query.sig || body.key', {"x-token"}, {"sig"}),
        ("join('-', [query.a, headers.b])", {"b"}, {"a"}),
        ("body.items[?token == 'x'].id | [0]", set(), set()),
        ("body.query.token", set(), set()),
        ("path", set(), set()),
        # Wherever it is not plain: every name that stands there.
        ("query | sig", set(), {"query", "sig"}),
        ("query.{a: sig, b: key}.a", set(), {"query", "sig", "key", "a"}),
        ("@.headers.cookie", {"headers", "cookie"}, set()),
        ("query.a && query.[sig]", set(), {"query", "a", "sig"}),
    ],
)
def test_an_expression_tells_the_names_that_it_may_read(text: str, headers: set[str], query: set[str]) -> None:
    expression = ADAPTER.validate_python(text)
    assert names_read(expression, "headers") == headers
    assert names_read(expression, "query") == query
