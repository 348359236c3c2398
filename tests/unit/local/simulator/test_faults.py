"""What a fault may say, and what becomes of the request whose turn it meets."""

import gzip
import json
from typing import Any

import pytest

from local.http import Delivery
from local.simulator.delivery import DELIVERIES
from local.simulator.endpoint import Endpoint
from local.simulator.fault import KINDS, FaultQueue, parse
from local.simulator.fault_fields import FaultError
from tests.unit.local.simulator.signing import signed

ERROR = {"kind": "error", "http_status": 429, "code": "Throttling.User"}


def flags(endpoint: Endpoint) -> list[str]:
    found: list[str] = endpoint.snapshot()["calls"][0]["channels"][0]["flags"]
    return found


def meet(endpoint: Endpoint, script: dict[str, Any], **request: Any) -> Delivery:
    endpoint.faults.add(script)
    return endpoint.handle(signed(**request))


def test_every_kind_has_a_delivery() -> None:
    assert set(KINDS) == set(DELIVERIES)


def test_an_error_stands_in_the_place_of_the_action(endpoint: Endpoint) -> None:
    delivery = meet(endpoint, {**ERROR, "headers": {"x-acs-retry-after": "1500", "content-type": "application/x"}})

    assert delivery.answer is not None
    body = json.loads(delivery.answer.body)
    assert delivery.answer.status == 429
    assert delivery.answer.headers == {"x-acs-retry-after": "1500", "content-type": "application/x"}
    assert (body["Code"], body["Message"]) == ("Throttling.User", "Request was denied due to user flow control.")
    assert body["HostId"]
    assert flags(endpoint) == []


def test_an_error_speaks_the_format_and_the_message_asked_for(endpoint: Endpoint) -> None:
    delivery = meet(
        endpoint,
        {"kind": "error", "http_status": 200, "code": "A", "message": "\ud800<"},
        headers={"x-acs-action": "<x>", "accept": "*/*"},
    )

    assert delivery.answer is not None
    assert delivery.answer.body.startswith(b"<?xml version='1.0' encoding='UTF-8'?><Error>")
    assert "<Message>\ufffd&lt;</Message>".encode() in delivery.answer.body


def test_an_empty_message_is_a_message(endpoint: Endpoint) -> None:
    delivery = meet(endpoint, {**ERROR, "message": ""})

    assert delivery.answer is not None
    assert json.loads(delivery.answer.body)["Message"] == ""


def test_a_delayed_answer_is_the_normal_one(endpoint: Endpoint) -> None:
    delivery = meet(endpoint, {"kind": "delay", "ms": 5000})

    assert delivery.answer is not None
    assert (delivery.delay, delivery.answer.status) == (5.0, 200)
    assert flags(endpoint) == ["MUTED"]


@pytest.mark.parametrize(("script", "expected"), [({}, []), ({"when": "before"}, []), ({"when": "after"}, ["MUTED"])])
def test_a_drop_comes_before_or_after_the_action(
    endpoint: Endpoint, script: dict[str, str], expected: list[str]
) -> None:
    delivery = meet(endpoint, {"kind": "drop", **script})

    assert delivery.answer is None
    assert flags(endpoint) == expected
    assert endpoint.record.as_json()[0]["status"] is None


def test_raw_is_sent_as_it_is(endpoint: Endpoint) -> None:
    delivery = meet(
        endpoint,
        {
            "kind": "raw",
            "http_status": 502,
            "content_type": "text/html",
            "body": "<h1>ü</h1>",
            "headers": {"Server": "nginx"},
        },
    )

    assert delivery.answer is not None
    assert (delivery.answer.status, delivery.answer.body) == (502, "<h1>ü</h1>".encode())
    assert delivery.answer.headers == {"Content-Type": "text/html", "Server": "nginx"}
    assert flags(endpoint) == []
    assert endpoint.record.as_json()[0]["status"] == 502


def test_raw_takes_bytes_as_base64(endpoint: Endpoint) -> None:
    delivery = meet(endpoint, {"kind": "raw", "http_status": 200, "body_base64": "77u//w=="})

    assert delivery.answer is not None
    assert delivery.answer.body == b"\xef\xbb\xbf\xff"
    assert delivery.answer.headers == {"Content-Type": "text/plain"}


def test_drip_and_truncate_carry_the_normal_answer(endpoint: Endpoint) -> None:
    dripped = meet(endpoint, {"kind": "drip", "ms": 200})
    truncated = meet(endpoint, {"kind": "truncate"})

    assert dripped.answer is not None
    assert truncated.answer is not None
    assert (dripped.drip, dripped.truncated, truncated.drip, truncated.truncated) == (0.2, False, 0.0, True)
    assert dripped.answer.status == truncated.answer.status == 200
    assert flags(endpoint) == ["MUTED"]


def test_gzip_compresses_the_normal_answer(endpoint: Endpoint) -> None:
    good = meet(endpoint, {"kind": "gzip"}).answer
    broken = meet(endpoint, {"kind": "gzip", "broken": True}).answer

    assert good is not None
    assert broken is not None
    assert good.headers["Content-Encoding"] == broken.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(good.body))["Code"] == "OK"
    with pytest.raises(gzip.BadGzipFile):
        gzip.decompress(broken.body)
    assert flags(endpoint) == ["MUTED"]


@pytest.mark.parametrize(("script", "status"), [({}, 302), ({"http_status": 308}, 308)])
def test_a_redirect_leads_elsewhere(endpoint: Endpoint, script: dict[str, int], status: int) -> None:
    answer = meet(endpoint, {"kind": "redirect", "location": "http://127.0.0.1:1/", **script}).answer

    assert answer is not None
    assert (answer.status, answer.headers, answer.body) == (status, {"Location": "http://127.0.0.1:1/"}, b"")
    assert flags(endpoint) == []


def test_faults_wait_in_a_queue_and_each_counts_its_times(endpoint: Endpoint) -> None:
    assert endpoint.faults.add({**ERROR, "times": 2}) == 2
    assert endpoint.faults.add({"kind": "drop"}) == 3
    answers = [endpoint.handle(signed()).answer for _ in range(4)]

    assert [answer and answer.status for answer in answers] == [429, 429, None, 200]
    assert len(endpoint.faults) == 0


def test_a_fault_may_wait_for_its_action(endpoint: Endpoint) -> None:
    endpoint.faults.add({**ERROR, "action": "UnmuteCall"})
    endpoint.faults.add({"kind": "drop"})
    actions = ("MuteCall", "MuteCall", "UnmuteCall", "UnmuteCall")
    answers = [endpoint.handle(signed(headers={"x-acs-action": action})).answer for action in actions]

    assert [answer and answer.status for answer in answers] == [None, 200, 429, 200]


def test_a_queue_can_be_emptied() -> None:
    queue = FaultQueue()
    queue.add(ERROR)
    queue.clear()

    assert queue.take("MuteCall") is None


@pytest.mark.parametrize(
    ("script", "field"),
    [
        (None, "fault"),
        ({}, "kind"),
        ({"kind": "explode"}, "kind"),
        ({"kind": "error", "http_status": 500}, "code"),
        ({"kind": "delay"}, "ms"),
        ({"kind": "redirect"}, "location"),
        ({"kind": "drop", "ms": 1}, "ms"),
        ({"kind": "drop", "action": "HoldCall"}, "action"),
        ({"kind": "drop", "action": ["MuteCall"]}, "action"),
        ({**ERROR, "body": "x"}, "body"),
        ({**ERROR, "http_status": "429"}, "http_status"),
        ({**ERROR, "http_status": 100}, "http_status"),
        ({**ERROR, "http_status": 600}, "http_status"),
        ({**ERROR, "http_status": 204}, "http_status"),
        ({**ERROR, "code": ""}, "code"),
        ({**ERROR, "message": None}, "message"),
        ({**ERROR, "headers": []}, "headers"),
        ({**ERROR, "headers": {"a b": "c"}}, "headers"),
        ({**ERROR, "headers": {"Content-Length": "1"}}, "headers"),
        ({**ERROR, "headers": {"a": 1}}, "headers"),
        ({**ERROR, "headers": {"a": "b\r\nc: d"}}, "headers"),
        ({**ERROR, "headers": {"a": "无"}}, "headers"),
        ({**ERROR, "times": 0}, "times"),
        ({**ERROR, "times": 1001}, "times"),
        ({"kind": "delay", "ms": -1}, "ms"),
        ({"kind": "delay", "ms": 3_600_001}, "ms"),
        ({"kind": "drop", "when": "never"}, "when"),
        ({"kind": "gzip", "broken": 1}, "broken"),
        ({"kind": "raw", "http_status": 200, "content_type": "a\nb"}, "content_type"),
        ({"kind": "raw", "http_status": 200, "body": {}}, "body"),
        ({"kind": "raw", "http_status": 200, "body": "\ud800"}, "body"),
        ({"kind": "raw", "http_status": 200, "body_base64": "?"}, "body_base64"),
        ({"kind": "raw", "http_status": 200, "body_base64": "ü"}, "body_base64"),
        ({"kind": "raw", "http_status": 200, "body": "a", "body_base64": "YQ=="}, "body_base64"),
        ({"kind": "raw", "http_status": 204, "body": "a"}, "body"),
        ({"kind": "redirect", "location": 1}, "location"),
        ({"kind": "redirect", "location": "/", "http_status": 200}, "http_status"),
    ],
)
def test_an_invalid_fault_is_named_and_not_queued(script: object, field: str) -> None:
    queue = FaultQueue()

    with pytest.raises(FaultError) as caught:
        queue.add(script)

    assert str(caught.value).startswith(f"{field}: ")
    assert len(queue) == 0


@pytest.mark.parametrize(
    "script",
    [
        {"kind": "delay", "ms": 0},
        {"kind": "drip", "ms": 3_600_000},
        {"kind": "drop", "times": 1000},
        {"kind": "raw", "http_status": 200},
        {"kind": "raw", "http_status": 599},
    ],
)
def test_limits_are_allowed(script: dict[str, object]) -> None:
    FaultQueue().add(script)


def test_a_valid_fault_is_read_as_it_is_written() -> None:
    fault, times = parse({"kind": "raw", "http_status": 304, "times": 3})

    assert (fault.kind, fault.http_status, fault.body, times) == ("raw", 304, b"", 3)
