"""What senders ask before their first webhook."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.shared.callers.schemes.references import BY_NAME, FORM
from tests.unit.shared.fakes import NOW, World

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

    assert asked("slack", CHALLENGE).code == "method_not_allowed"


def test_a_handshake_that_cannot_be_decoded_is_refused(asked: Callable[..., Any]) -> None:
    assert asked("slack", CHALLENGE[:-1]).code == "malformed_request"
    assert asked("slack", CHALLENGE, **{"content-type": "text/plain"}).code == "unsupported_media_type"
