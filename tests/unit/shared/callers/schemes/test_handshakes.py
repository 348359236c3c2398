"""What senders ask before their first webhook."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from shared.callers.secret_references import SecretUnavailableError
from shared.function import Function
from tests.builders import PAYLOAD, Context312, http_event
from tests.unit.shared.callers.schemes.references import BY_NAME, FORM, mac
from tests.unit.shared.fakes import MUTE_CALL, NOW, World

Lines = Callable[[], list[dict[str, Any]]]

SLACK, GITHUB = BY_NAME["slack"], BY_NAME["github"]
CHALLENGE = json.dumps(
    {"token": "t", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P", "type": "url_verification"}
)
PING = json.dumps({"zen": "Keep it logically awesome.", "hook_id": 1, "hook": {}})


@pytest.fixture
def asked(world: World) -> Callable[..., Any]:
    """Return a function that has a sender ask."""
    world.write_callers(SLACK.toml() + GITHUB.toml())
    world.environ["ONE"] = "one"

    def ask(name: str, body: str, secret: str = "one", **headers: str) -> Any:
        sender = BY_NAME[name]
        request = sender.signed(secret, now=NOW, body=body.encode()).with_headers(headers)
        return world.send(sender.event(request, body.encode()))

    return ask


def test_slack_gets_its_challenge_back(asked: Callable[..., Any], world: World, lines: Lines) -> None:
    reply = asked("slack", CHALLENGE)

    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.body == {"challenge": json.loads(CHALLENGE)["challenge"]}
    assert not world.call.calls
    (line,) = lines()
    assert (line["code"], line["caller"], line["status"], line["attempts"]) == ("handshake", "slack", 200, 0)
    assert (line["level"], line["upstream_code"], line["reason"]) == ("INFO", None, None)
    assert "3eZbrw" not in json.dumps(line)


def test_github_s_ping_is_answered(asked: Callable[..., Any], world: World, lines: Lines) -> None:
    reply = asked("github", PING, **{"x-github-event": "ping"})

    assert (reply.status, reply.body) == (200, {"status": "ok"})
    assert not world.call.calls
    assert lines()[0]["code"] == "handshake"


def test_github_may_send_its_ping_as_a_form(asked: Callable[..., Any]) -> None:
    reply = asked("github", "payload=%7B%7D", **{"x-github-event": "ping", "content-type": FORM})

    assert (reply.status, reply.body) == (200, {"status": "ok"})


@pytest.mark.parametrize(("name", "body"), [("slack", CHALLENGE), ("github", PING)])
def test_a_handshake_has_to_be_signed(asked: Callable[..., Any], name: str, body: str) -> None:
    reply = asked(name, body, "two", **{"x-github-event": "ping"})

    assert reply.code == "unauthorized"
    assert "3eZbrw" not in reply.text


@pytest.mark.parametrize(
    "body",
    [
        {"type": "url_verification"},
        {"type": "url_verification", "challenge": 5},
        {"type": "url_verification", "challenge": None},
        {"type": "url_verification", "challenge": ["x"]},
        {"type": "event_callback", "challenge": "x"},
        {"challenge": "x"},
        {},
    ],
)
def test_what_is_no_challenge_is_a_webhook(asked: Callable[..., Any], body: dict[str, Any]) -> None:
    assert asked("slack", json.dumps(body)).code == "invalid_parameters"


@pytest.mark.parametrize("event", ["", "push", "PING", "ping,ping"])
def test_what_is_no_ping_is_a_webhook(asked: Callable[..., Any], event: str) -> None:
    assert asked("github", PING, **{"x-github-event": event}).code == "invalid_parameters"


def test_the_handshake_of_one_sender_means_nothing_to_another(asked: Callable[..., Any]) -> None:
    assert asked("github", CHALLENGE).code == "invalid_parameters"
    assert asked("slack", PING, **{"x-github-event": "ping"}).code == "invalid_parameters"


def test_a_handshake_comes_before_the_mapping(world: World, asked: Callable[..., Any]) -> None:
    expressions = "".join(f'{name}_id = "length(body.x)"\n' for name in ("device", "instance", "job", "user"))
    world.write_callers(f"{SLACK.toml()}[callers.slack.parameters]\n{expressions}")

    assert asked("slack", CHALLENGE).status == 200
    assert asked("slack", "{}").code == "invalid_parameters"


@pytest.mark.parametrize(("name", "body"), [("slack", CHALLENGE), ("github", PING)])
def test_an_always_200_caller_gets_the_same_answer(
    world: World, asked: Callable[..., Any], name: str, body: str
) -> None:
    header = {"x-github-event": "ping"}
    plain = asked(name, body, **header).body
    world.write_callers(BY_NAME[name].toml() + 'response = "always-200"\n')

    reply = asked(name, body, **header)

    assert (reply.status, reply.body) == (200, plain)
    assert asked(name, body, "two", **header).status == 401


def test_networks_and_methods_count_for_a_handshake_too(world: World, asked: Callable[..., Any]) -> None:
    world.write_callers(SLACK.toml() + 'networks = ["198.51.100.0/24"]\n')

    assert asked("slack", CHALLENGE).code == "forbidden"

    world.write_callers(SLACK.toml().replace('["POST", "GET"]', '["GET"]'))

    # A handshake has methods of its own, beside the caller's.
    assert asked("slack", CHALLENGE).status == 200
    assert asked("slack", "{}").code == "method_not_allowed"


def test_a_handshake_that_cannot_be_decoded_is_refused(asked: Callable[..., Any]) -> None:
    assert asked("slack", CHALLENGE[:-1]).code == "malformed_request"
    assert asked("slack", CHALLENGE, **{"content-type": "text/plain"}).code == "unsupported_media_type"


# Those of the callers file

META = """
[[callers.meta.handshakes]]
when = "query.\\"hub.mode\\" == 'subscribe'"
methods = ["GET"]
auth = { scheme = "api-key", key = "query.hub.verify_token", secrets = ["env:VERIFY"] }
text = "query.\\"hub.challenge\\""
"""
GRID = """
[[callers.grid.handshakes]]
when = "headers.\\"webhook-request-origin\\""
methods = ["OPTIONS"]
auth = { scheme = "none", allow_anonymous = true }
headers = { "WebHook-Allowed-Origin" = "headers.\\"webhook-request-origin\\"" }
status = 204
"""
GRID_CALLER = '[callers.grid]\nauth = { scheme = "api-key", secrets = ["env:ONE"] }\ninstances = ["ccc-test"]\n'
TOKEN = "verify-me"


@pytest.fixture
def shaken(world: World) -> World:
    world.write_callers(BY_NAME["meta"].toml().replace('["POST", "GET"]', '["POST"]') + META + GRID_CALLER + GRID)
    world.environ.update(ONE="one", VERIFY=TOKEN)
    return world


def ask_meta(world: World, **query: str) -> Any:
    return world.http(method="GET", path="/meta", token=None, body="", query={"hub.mode": "subscribe", **query})


def answer(world: World, **kwargs: Any) -> dict[str, Any]:
    """Return the raw answer: a text or no body is no JSON."""
    return world.function.handle(http_event(token=None, **{"body": "", **kwargs}), Context312())


def test_a_handshake_may_have_a_proof_of_its_own(shaken: World, lines: Lines) -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": TOKEN, "hub.challenge": "1158201444"}
    got = answer(shaken, method="GET", path="/meta", query=query)

    assert (got["statusCode"], got["body"]) == (200, "1158201444")
    assert got["headers"]["Content-Type"] == "text/plain"
    assert got["headers"]["X-Content-Type-Options"] == "nosniff"
    assert not shaken.call.calls
    (line,) = lines()
    assert (line["code"], line["caller"]) == ("handshake", "meta")
    assert "1158201444" not in json.dumps(line)


@pytest.mark.parametrize(
    ("method", "query"),
    [
        ("GET", {"hub.verify_token": "wrong", "hub.challenge": "1"}),
        ("GET", {"hub.challenge": "1"}),
        ("GET", {"hub.verify_token": TOKEN, "hub.mode": "other"}),
        ("POST", {"hub.verify_token": TOKEN, "hub.challenge": "1"}),
        ("OPTIONS", {"hub.verify_token": TOKEN, "hub.challenge": "1"}),
    ],
)
def test_every_fault_before_that_proof_holds_is_unauthorized(shaken: World, method: str, query: dict[str, str]) -> None:
    got = answer(shaken, method=method, path="/meta", query={"hub.mode": "subscribe", **query})

    assert json.loads(got["body"])["code"] == "unauthorized"


def test_a_challenge_that_is_not_there_is_told(shaken: World) -> None:
    assert ask_meta(shaken, **{"hub.verify_token": TOKEN}).code == "invalid_parameters"


def test_an_unset_secret_is_an_error_of_its_handshake_alone(shaken: World, lines: Lines) -> None:
    del shaken.environ["VERIFY"]
    sender = BY_NAME["meta"]

    assert shaken.send(sender.event(sender.signed())).status == 200
    assert shaken.send(sender.event(sender.signed("two"))).code == "unauthorized"
    assert [line["level"] for line in lines()] == ["INFO", "WARNING"]


@pytest.mark.parametrize("secret", [None, "", f"{TOKEN}\n"])
def test_only_the_operator_learns_that_a_secret_of_a_handshake_is_of_no_use(
    shaken: World, lines: Lines, secret: str | None
) -> None:
    shaken.environ.pop("VERIFY") if secret is None else shaken.environ.update(VERIFY=secret)
    stranger = answer(shaken, path="/nobody")

    assert answer(shaken, method="GET", path="/meta", query={"hub.verify_token": TOKEN}) == stranger
    line = lines()[-1]
    assert (line["level"], line["code"], line["caller"]) == ("ERROR", "unauthorized", None)
    assert "callers.meta.handshakes.auth.secrets: VERIFY" in line["reason"]
    assert TOKEN not in line["reason"]
    shaken.function.initialize(Context312())
    assert "callers.meta.handshakes.auth.secrets: VERIFY" in lines()[-1]["reason"]


def test_a_secret_of_a_handshake_that_cannot_be_read_is_no_strangers_business(shaken: World, lines: Lines) -> None:
    def fail(*_: object) -> Any:
        raise SecretUnavailableError("KMS does not answer")

    shaken.write_callers(shaken.callers_file.read_text().replace("env:VERIFY", "kms:verify"))
    function = Function(MUTE_CALL, shaken.callers_file, environ=shaken.environ, now=lambda: NOW, read_secret=fail)
    event = http_event(token=None, method="GET", path="/meta", query={"hub.verify_token": TOKEN}, body="")

    assert function.handle(event, Context312())["statusCode"] == 401
    assert lines()[0]["level"] == "ERROR"


def test_a_declared_unsigned_ping_gets_its_answer_and_nothing_else(shaken: World) -> None:
    origin = {"WebHook-Request-Origin": "eventgrid.azure.net"}
    got = answer(shaken, method="OPTIONS", path="/grid", headers=origin)

    assert (got["statusCode"], got["body"]) == (204, "")
    assert got["headers"]["WebHook-Allowed-Origin"] == "eventgrid.azure.net"
    assert (
        answer(shaken, method="POST", path="/grid", headers=origin, body=json.dumps(dict(PAYLOAD)))["statusCode"] == 401
    )
    assert not shaken.call.calls


@pytest.mark.parametrize("value", ["a\u00e9", "a\nb", ""])
def test_a_header_of_the_answer_is_one_line_of_ascii(shaken: World, value: str) -> None:
    text = GRID.replace('when = "headers.\\"webhook-request-origin\\""', 'when = "path"')
    shaken.write_callers(GRID_CALLER + text)
    got = answer(shaken, method="OPTIONS", path="/grid", headers={"WebHook-Request-Origin": value})

    assert json.loads(got["body"])["code"] == "invalid_parameters"


def test_whether_somebody_takes_options_is_told_to_nobody(shaken: World) -> None:
    for path in ("/grid", "/meta", "/nobody"):
        assert json.loads(answer(shaken, method="OPTIONS", path=path)["body"])["code"] == "unauthorized"

    shaken.write_callers(BY_NAME["meta"].toml())
    for path in ("/meta", "/nobody"):
        assert answer(shaken, method="OPTIONS", path=path)["statusCode"] == 405


EAGER = """
[callers.grid]
auth = {{ scheme = "api-key", secrets = ["env:ONE"] }}
instances = ["ccc-test"]
{}
[[callers.grid.handshakes]]
when = "{}"
methods = ["OPTIONS"]
"""


@pytest.mark.parametrize(
    ("settings", "when", "sent"),
    [
        ("", "body.x", {}),
        ("", "length(body.x)", {}),
        ('networks = ["198.51.100.0/24"]', "path", {}),
        ("", "path", {"body": "a=1", "headers": {"Content-Type": "text/plain"}}),
        ("", "path", {"body": "{}", "headers": {"Content-Encoding": "gzip"}}),
        ("", "path", {"body": "{"}),
        ("", "path", {"body": "[]"}),
        ("", "path", {"query": {"a": "%ff"}}),
        ('response = "always-200"', "body.x", {}),
        ('response = "always-200"', "path", {"body": "{"}),
        ("", "path", {"path": "/meta"}),
        ("", "path", {"path": "/unset"}),
        ("", "path", {"path": "/late"}),
    ],
)
def test_options_that_nobody_accepts_tell_even_a_known_sender_nothing(
    world: World, lines: Lines, settings: str, when: str, sent: dict[str, Any]
) -> None:
    unset = '[callers.unset]\nauth = { scheme = "api-key", secrets = ["env:NONE"] }\ninstances = ["ccc-test"]\n'
    late = BY_NAME["slack"].toml(tolerance_seconds=86_400).replace("callers.slack", "callers.late")
    world.write_callers(EAGER.format(settings, when) + BY_NAME["meta"].toml() + unset + late)
    world.environ["ONE"] = "one"
    sent = {"method": "OPTIONS", "path": "/grid", **sent, "headers": {"X-Api-Key": "one", **sent.get("headers", {})}}

    assert answer(world, **sent) == answer(world, method="OPTIONS", path="/nobody")
    of_known, of_stranger = lines()
    assert (of_known["code"], of_known["caller"]) == ("unauthorized", None)
    assert of_known["level"] == ("ERROR" if sent["path"] in ("/unset", "/late") else "WARNING")
    assert of_known["reason"] != of_stranger["reason"]


OPEN = """
[callers.open]
auth = { scheme = "none", allow_anonymous = true }
instances = ["ccc-test"]
[[callers.open.handshakes]]
when = "body.ping"
methods = ["GET", "POST", "OPTIONS"]
auth = { scheme = "api-key", key = "query.token", secrets = ["env:VERIFY"] }
reply = { token = "query.token", ping = "body.ping", method = "method" }
"""


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_handshake_with_a_proof_of_its_own_is_tried_though_the_callers_own_holds(world: World, method: str) -> None:
    world.write_callers(OPEN)
    world.environ["VERIFY"] = TOKEN
    asked = {"method": method, "path": "/open", "token": None, "body": '{"ping": "1"}'}

    assert world.http(**asked, query={"token": TOKEN}).body == {"token": None, "ping": "1", "method": method}
    others = {"GET": "method_not_allowed", "POST": "invalid_parameters", "OPTIONS": "unauthorized"}
    assert world.http(**asked, query={"token": "wrong"}).code == others[method]
    del world.environ["VERIFY"]
    # What the caller's own methods have not cannot be a webhook: it is about the handshake.
    others["GET"] = "unauthorized"
    assert world.http(**asked, query={"token": TOKEN}).code == others[method]
    assert world.http(path="/open", token=None).status == 200


def test_handshakes_without_a_proof_of_their_own_come_first(world: World) -> None:
    handshake = '[[callers.open.handshakes]]\nwhen = "body.ping"\nreply = { mine = "method" }\n'
    world.write_callers(OPEN + handshake)
    world.environ["VERIFY"] = TOKEN

    assert world.http({"ping": "1"}, path="/open", token=None, query={"token": TOKEN}).body == {"mine": "POST"}


def test_no_expression_sees_a_credential_of_the_callers_or_of_any_handshakes(world: World) -> None:
    seen = 'reply = { header = "headers.\\"x-api-key\\"", token = "query.token", pin = "body.pin" }\n'
    text = OPEN.replace('scheme = "none", allow_anonymous = true', 'scheme = "api-key", secrets = ["env:ONE"]')
    text = re.sub("reply = .*\n", lambda _: seen, text)
    pin = 'auth = { scheme = "api-key", key = "body.pin", secrets = ["env:ONE"] }\n'
    anybody = 'auth = { scheme = "none", allow_anonymous = true }\n'
    for auth, when in ((pin, "body.never"), (anybody, "body.any"), ("", "body.own")):
        text += f'[[callers.open.handshakes]]\nwhen = "{when}"\n{auth}{seen}'
    world.write_callers(text)
    world.environ.update(ONE="one", VERIFY=TOKEN)
    asked: dict[str, Any] = {"path": "/open", "token": None, "query": {"token": TOKEN}}

    for key in ("one", "nearly-one"):
        for kind in ("ping", "any", "own"):
            reply = world.http({kind: "1", "pin": "one"}, headers={"X-Api-Key": key}, **asked)
            if (key, kind) == ("nearly-one", "own"):
                assert reply.code == "unauthorized"
            else:
                assert reply.body == {"header": None, "token": None, "pin": None}
    assert world.http({**PAYLOAD, "pin": "one"}, headers={"X-Api-Key": "one"}, **asked).status == 200


def test_a_signed_webhook_of_woocommerce_is_no_ping(world: World) -> None:
    woocommerce = BY_NAME["woocommerce"]
    world.write_callers(woocommerce.toml())
    world.environ["ONE"] = "one"
    body = json.dumps({**PAYLOAD, "webhook_id": 7}).encode()

    assert world.send(woocommerce.event(woocommerce.signed(body=body), body)).code == "invalid_parameters"


def test_zoom_gets_its_token_signed_with_the_secret_that_matched(world: World) -> None:
    zoom, body = BY_NAME["zoom"], b'{"event": "endpoint.url_validation", "payload": {"plainToken": "abc"}}'
    world.write_callers(zoom.toml('"env:ONE", "env:TWO"'))
    world.environ.update(ONE="one", TWO="two")

    for secret in ("one", "two"):
        reply = world.send(zoom.event(zoom.signed(secret, now=NOW, body=body), body))
        assert reply.body == {"plainToken": "abc", "encryptedToken": mac(secret.encode(), b"abc").hex()}


def test_twitch_and_woocommerce_bring_theirs(world: World) -> None:
    twitch, body = BY_NAME["twitch"], b'{"challenge": "pogchamp"}'
    world.write_callers(twitch.toml() + BY_NAME["woocommerce"].toml())
    world.environ["ONE"] = "one"
    request = twitch.signed(now=NOW, body=body)
    asked = request.with_headers({"twitch-eventsub-message-type": "webhook_callback_verification"})

    assert world.function.handle(twitch.event(asked, body), Context312())["body"] == "pogchamp"
    form = {"Content-Type": FORM}
    assert answer(world, path="/woocommerce", headers=form, body="webhook_id=7")["statusCode"] == 200
    assert answer(world, path="/woocommerce", headers=form, body="job_id=7")["statusCode"] == 401


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("sum(body.x)", "[1e308, 1e308]"),
        ("[sum(body.x)]", f"[{'9' * 4300}, {'9' * 4300}]"),
        ("&body", "1"),
        ("to_number(body.x)", '"nan"'),
    ],
)
def test_a_reply_is_json_or_an_error(world: World, expression: str, value: str) -> None:
    world.write_callers(
        f'{SLACK.toml()}[[callers.slack.handshakes]]\nwhen = "body.h"\nreply = {{ x = "{expression}" }}\n'
    )
    world.environ["ONE"] = "one"
    body = f'{{"h": 1, "x": {value}}}'.encode()

    reply = world.send(SLACK.event(SLACK.signed(now=NOW, body=body), body))

    assert reply.code == "invalid_parameters"


def test_a_files_handshakes_come_before_the_vendors(world: World, asked: Callable[..., Any]) -> None:
    own = '[[callers.slack.handshakes]]\nwhen = "body.type == \'url_verification\'"\nreply = { mine = "method" }\n'
    world.write_callers(SLACK.toml() + own)

    assert asked("slack", CHALLENGE).body == {"mine": "POST"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('text = "body.a"\nreply = { b = "body.b" }', "exclude"),
        ("status = 301", "status"),
        ('methods = ["PUT"]', "methods"),
        *(
            (f'headers = {{ "{name}" = "body.a" }}', f"headers.{name}: ")
            for name in (
                "Content-Length",
                "content-type",
                "Connection",
                "Transfer-Encoding",
                "Set-Cookie",
                "Location",
                "Cache-Control",
                "X-Content-Type-Options",
                "X-Fc-Status",
                "x y",
                "",
            )
        ),
        ('headers = { "X-Hook" = "body.a", "x-hook" = "body.b" }', "headers: X-Hook and x-hook"),
        ('status = 204\ntext = "body.a"', "status"),
        ('status = 204\nreply = { a = "body.a" }', "status"),
        ('auth = { scheme = "ram" }', "HTTP"),
        ('auth = { scheme = "none", allow_anonymous = true }\ntext = "hmac_sha256(body.a)"', "hmac_sha256"),
        ('reply = { a = "nobody.a" }', "begin with method, body, query, headers or path"),
    ],
)
def test_a_handshake_that_makes_no_sense_is_refused(world: World, text: str, names: str, lines: Lines) -> None:
    world.write_callers(f'{SLACK.toml()}[[callers.slack.handshakes]]\nwhen = "body.a"\n{text}\n')
    world.environ["ONE"] = "one"

    assert world.http(path="/slack", token=None).code == "configuration_error"
    assert names in lines()[0]["reason"]


@pytest.mark.parametrize("where", ['text = "{}"', 'reply = {{ a = "{}" }}', 'headers = {{ x-a = "{}" }}'])
def test_a_keyed_function_needs_a_secret_of_the_caller(world: World, where: str, lines: Lines) -> None:
    keyed = where.format("hmac_sha256(body.a)")
    handshake = f'[[callers.open.handshakes]]\nwhen = "body.a"\n{keyed}\n'
    world.write_callers(
        f'[callers.open]\nauth = {{ scheme = "none", allow_anonymous = true }}\ninstances = ["a"]\n{handshake}'
    )

    assert world.http(path="/open", token=None).code == "configuration_error"
    assert "callers.open: handshakes.0: hmac_sha256" in lines()[0]["reason"]


def test_only_handshakes_have_a_keyed_function(world: World, lines: Lines) -> None:
    world.write_callers(f'{SLACK.toml()}idempotency_key = "hmac_sha256(body.a)"\n')

    assert world.http(path="/slack", token=None).code == "configuration_error"
    assert "which only handshakes have" in lines()[0]["reason"]


# Credentials in the body

FEISHU = """
[callers.feishu]
auth = { scheme = "api-key", key = "body.header.token", secrets = ["env:ONE"] }
instances = ["ccc-test"]
[callers.feishu.parameters]
device_id = "join(',', keys(body.header))"
instance_id = "'ccc-test'"
job_id = "body.event.call"
user_id = "body.event.agent"
"""


def test_a_key_in_the_body_is_not_there_for_expressions(world: World) -> None:
    world.write_callers(FEISHU)
    world.environ["ONE"] = "one"
    body = {"header": {"token": "one", "id": "1"}, "event": {"call": "job-1", "agent": "a@b"}}

    assert world.http(body, path="/feishu", token=None).status == 200
    assert world.call.calls[0].parameters["DeviceId"] == "id"
    others: tuple[Any, ...] = ({}, [], "one", {"header": "one"}, {"header": {"token": ["one"]}})
    for other in others:
        assert world.http(other, path="/feishu", token=None).code == "unauthorized"


AS_JSON, AS_FORM = '{"k": "one", "a": "1"}', "&k=one&a=1"


@pytest.mark.parametrize(
    ("payload", "headers", "taken"),
    [
        ("json", {"Content-Type": "text/plain"}, AS_JSON),
        ("json", {"Content-Type": FORM}, AS_JSON),
        ("form", {"Content-Type": "text/plain"}, AS_FORM),
        ("form", {}, AS_FORM),
        ("auto", {}, AS_JSON),
        ("auto", {"Content-Type": FORM}, AS_FORM),
        ("auto", {"Content-Type": "text/plain"}, None),
        ("json", {"Content-Encoding": "gzip"}, None),
        ("auto", {"Content-Type": f"{FORM}; charset=gbk"}, None),
    ],
)
def test_a_key_is_read_from_the_body_in_the_way_of_the_payload_and_hidden_there(
    world: World, payload: str, headers: dict[str, str], taken: str | None
) -> None:
    text = FEISHU.replace("body.header.token", "body.k").replace("body.header", "body").replace("body.event", "headers")
    world.write_callers(text.replace("instances", f'payload = "{payload}"\ninstances', 1))
    world.environ["ONE"] = "one"
    headers = {"call": "job-1", "agent": "a@b", **headers}

    for body in (AS_JSON, AS_FORM, f"[{AS_JSON}]", f"{AS_FORM}&k=one"):
        reply = world.http(path="/feishu", token=None, headers=headers, body=body)
        assert reply.code == (None if body == taken else "unauthorized"), body
    assert [call.parameters["DeviceId"] for call in world.call.calls] == ["a"] * (taken is not None)


def test_a_key_inside_an_object_leaves_nothing_that_would_be_a_parameter(world: World) -> None:
    world.write_callers(FEISHU.partition("[callers.feishu.parameters]")[0])
    world.environ["ONE"] = "one"

    for header, code in (({"token": "one"}, None), ({"token": "one", "id": "1"}, "invalid_parameters")):
        assert world.http({**PAYLOAD, "header": header}, path="/feishu", token=None).code == code


@pytest.mark.parametrize(
    "auth",
    [
        '{ scheme = "mailgun", secrets = ["env:ONE"] }',
        '{ scheme = "jwt", token = "body.a.b", covers_body = false, secrets = ["env:ONE"] }',
        '{ scheme = "hmac", signature = "header.s", content = "{id} {body}", id = "body.a.b", secrets = ["env:ONE"] }',
    ],
)
def test_a_form_has_no_places_inside_its_fields(world: World, lines: Lines, auth: str) -> None:
    for payload, loads in (("form", False), ("auto", True)):
        world.write_callers(f'[callers.c]\nauth = {auth}\ninstances = ["ccc-test"]\npayload = "{payload}"\n')
        world.environ["ONE"] = "one"
        assert (world.http(path="/c", token=None).status == 401) is loads
        assert ("a field of a form" in lines()[0]["reason"]) is not loads


def test_mailguns_signature_stands_in_the_body(world: World) -> None:
    signature = {"timestamp": str(int(NOW)), "token": "t" * 50}
    signature["signature"] = mac(b"one", f"{int(NOW)}{'t' * 50}".encode()).hex()
    world.write_callers(
        '[callers.mailgun]\nauth = { scheme = "mailgun", secrets = ["env:ONE"] }\ninstances = ["ccc-test"]\n'
        "[callers.mailgun.parameters]\n"
        + "".join(f'{name} = "body.call.{name}"\n' for name in ("device_id", "instance_id", "job_id", "user_id"))
    )
    world.environ["ONE"] = "one"
    call = {"device_id": "d", "instance_id": "ccc-test", "job_id": "j", "user_id": "a@b"}

    assert world.http({"signature": signature, "call": call}, path="/mailgun", token=None).status == 200
    for name, value in signature.items():
        bent = {"signature": signature | {name: f"{value}1"}, "call": call}
        assert world.http(bent, path="/mailgun", token=None).code == "unauthorized"
