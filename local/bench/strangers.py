"""The cost of a request without a credential: CPU of each kind, relative to a wrong bearer token without a body."""

from __future__ import annotations

import base64
import json
import os
import random
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TextIO

from functions.mute_call.index import MUTE_CALL
from local.bench.subjects import ROOT
from shared.function import Function
from shared.runtime.event import Request, http_request

BASELINE = "wrong bearer token, no body"
SIZE = 65_536
PAGES = ("healthz", "openapi.json")
# Kinds with this ending: every secret takes a hash of the whole body.
HASHED = ", 64 KiB of JSON"
_SECRETS = 5
_HEADER = 8000
_CONTEXT = SimpleNamespace(request_id="1-0", region="cn-shanghai")
_ROUNDS = 7
_ROUND_S = 0.02
_SHOWN = 20
_JSON, _FORM = "application/json", "application/x-www-form-urlencoded"
_AUTH = {
    "bearer": 'scheme = "bearer"',
    "basic": 'scheme = "basic"',
    "api-key": 'scheme = "api-key"',
    "api-key-query": 'scheme = "api-key", key = "query.key"',
    "standard-webhooks": 'scheme = "standard-webhooks"',
    "github": 'scheme = "github"',
    "stripe": 'scheme = "stripe"',
    "slack": 'scheme = "slack"',
    "hubspot": 'scheme = "hubspot"',
    "zendesk": 'scheme = "zendesk"',
    "twilio": 'scheme = "twilio"',
    "hmac": 'scheme = "hmac", signature = "header.X-Sign", timestamp = "header.X-Time", '
    'content = "{timestamp}.{url} {body}"',
}


def callers_toml() -> str:
    """Return a callers file with every scheme, each with as many secrets as it may have."""
    return "".join(
        f"[callers.{name}]\nauth = {{ {auth}, secrets = {json.dumps(_references(name))} }}\n"
        'instances = ["ccc-test"]\nmethods = ["POST", "GET"]\n'
        for name, auth in _AUTH.items()
    )


def _references(caller: str) -> list[str]:
    return [f"env:{'LOGIN' if caller == 'basic' else 'SECRET'}_{number}" for number in range(_SECRETS)]


def environ() -> dict[str, str]:
    """Return the secrets, as variables."""
    keys = [base64.b64encode(bytes([number]) * 32).decode() for number in range(1, _SECRETS + 1)]
    return {f"SECRET_{number}": f"whsec_{key}" for number, key in enumerate(keys)} | {
        f"LOGIN_{number}": f"user:{key}" for number, key in enumerate(keys)
    }


def requests(now: float) -> Iterator[tuple[str, Request]]:
    """Yield every kind of request without a credential, by name; the first one is what all others are compared with.

    All are within what the platform lets through, and within 64 KiB.
    """
    yield BASELINE, _request("bearer", {"authorization": "Bearer wrong"})
    signed = _signed(now)
    for name, headers in signed.items():
        yield f"{name}, no body", _request(name, headers)
        yield f"{name}{HASHED}", _request(name, headers, b'{"a": "' + b"x" * (SIZE - 9) + b'"}')
    yield from _headers(signed)
    for what, body in _FORMS.items():
        yield f"twilio, a form: {what}", _request("twilio", {**signed["twilio"], "content-type": _FORM}, body)
    for name in ("hubspot", "twilio", "hmac"):
        for what, query in _QUERIES.items():
            yield f"{name}, a query: {what}", _request(name, signed[name], query=query)
            with_body = _request(name, signed[name], b'{"a": "' + b"x" * 4080 + b'"}', query=query)
            yield f"{name}, a query: {what}, 4 KB of JSON", with_body
        dear = _request(
            name, signed[name], b'{"a": "' + b"x" * 4080 + b'"}', query=_DEAR, path=f"/{'%3A' * 900}/{name}"
        )
        yield f"{name}, a path and a query of escapes, 4 KB of JSON", dear
        for what, raw in _RAW.items():
            yield f"{name}, a raw query: {what}", _request(name, signed[name], raw_query=raw)
        yield f"{name}, a path of escapes", _request(name, signed[name], path=f"/{'%3A' * 1360}/{name}")
    for what, key in (("escapes", "%41" * 1360), ("percent signs", "%" * 4080)):
        yield f"api-key-query, 4 KB of {what}", _request("api-key-query", {}, query={"key": key})


def _signed(now: float) -> dict[str, dict[str, str]]:
    """Return headers for each scheme that signs, correct except for the signature."""
    seconds, iso = str(int(now)), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    digits, wrong = "0" * 64, base64.b64encode(bytes(32)).decode()
    return {
        "standard-webhooks": {"webhook-id": "m", "webhook-timestamp": seconds, "webhook-signature": f"v1,{wrong}"},
        "github": {"x-hub-signature-256": f"sha256={digits}"},
        "stripe": {"stripe-signature": f"t={seconds},v1={digits}"},
        "slack": {"x-slack-signature": f"v0={digits}", "x-slack-request-timestamp": seconds},
        "hubspot": {"x-hubspot-signature-v3": wrong, "x-hubspot-request-timestamp": f"{seconds}000"},
        "zendesk": {"x-zendesk-webhook-signature": wrong, "x-zendesk-webhook-signature-timestamp": iso},
        "twilio": {"x-twilio-signature": wrong[:28]},
        "hmac": {"x-sign": digits, "x-time": seconds},
    }


def _headers(signed: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, Request]]:
    seconds = signed["hmac"]["x-time"]
    for name, headers in (
        ("standard-webhooks", {"webhook-signature": "v1, " * (_HEADER // 4)}),
        ("stripe", {"stripe-signature": f"t={seconds}" + ",v1=" * (_HEADER // 4)}),
        ("bearer", {"authorization": "Bearer " + "a" * _HEADER}),
        ("basic", {"authorization": "Basic " + "a" * _HEADER}),
        ("api-key", {"x-api-key": "a" * _HEADER}),
        ("github", {"x-hub-signature-256": "sha256=" + "a" * _HEADER}),
        ("hubspot", {"x-hubspot-request-timestamp": "1" * _HEADER}),
        ("zendesk", {"x-zendesk-webhook-signature-timestamp": "1" * _HEADER}),
        ("hmac", {"host": "a:1" * (_HEADER // 3)}),
        ("twilio", {"content-type": _FORM + ";a" * (_HEADER // 2)}),
    ):
        yield f"{name}, 8 KB in a header", _request(name, {**signed.get(name, {}), **headers})


_FORMS = {
    "13,000 fields": b"&".join(b"%d=" % number for number in range(SIZE // 7)),
    "65,000 empty fields": b"&" * SIZE,
    "100 fields of escapes": b"&".join(b"a%d=" % number + b"%c3%bc" * 32 for number in range(100)),
    "20 KiB of escapes": b"a=" + b"%41" * 6800,
    "20 KiB of backslashes": b"a=" + b"\\" * 20_400,
    "64 KiB of escapes": b"a=" + b"%41" * (SIZE // 3),
    "64 KiB in one field": b"a=" + b"x" * (SIZE - 2),
    "64 KiB that are no UTF-8": b"a=" + b"\xff" * (SIZE - 2),
}
# On the platform, path and query have at most 4 KB.
_QUERIES = {
    "1,300 parameters": {f"{number}": "" for number in range(1300)},
    "50 parameters": {f"a{number}": " @!é(x)*" * 2 for number in range(50)},
    "characters to escape": {"a": "@! (é" * 170},
    "escapes": {"a": "%40" * 341},
}
_DEAR = {"a": "@! (é" * 140}
# Over HTTP, a request line has at most 8190 bytes.
_RAW = {"4,000 parameters": "&a" * 4000, "escapes": "a=" + "%3A" * 2600}


def events(now: float) -> Iterator[tuple[str, bytes]]:
    """Yield the same as events of the HTTP trigger, and others; a raw query has no event."""
    for name, request in requests(now):
        if request.raw_query is None:
            yield name, event_of(request)
    wrong = {"authorization": "Bearer wrong"}
    for what, path in (("slashes", "/" * 4096), ("escapes", "/" + "%41" * 1360), ("64 KiB", "/" + "%41" * (SIZE // 3))):
        yield f"a path: {what}", event_of(_request("bearer", wrong, path=path))
    many = {f"x-{number}": "" for number in range(1000)}
    yield "1,000 headers", event_of(_request("bearer", many | wrong))
    yield "1,000 parameters", event_of(_request("bearer", wrong, query=many))
    yield "a body of 64 KiB", event_of(_request("bearer", wrong, b"\xff" * SIZE))
    text = event_of(_request("bearer", wrong, b""))
    yield (
        "a body of 64 KiB in escapes",
        text.replace(b'"body": ""', b'"body": "' + b"\\u0000" * SIZE + b'"').replace(b"true", b"false"),
    )
    yield "an event that is no JSON", b"[" * SIZE
    yield "an unknown caller", event_of(_request("nobody", wrong))
    for page in PAGES:
        yield f"GET /{page}", event_of(replace(_request(page, {}), method="GET"))


def event_of(request: Request) -> bytes:
    """Return the event of the HTTP trigger for a request."""
    return json.dumps(
        {
            "version": "v1",
            "rawPath": request.raw_path,
            "headers": dict(request.headers),
            "queryParameters": dict(request.query),
            "body": base64.b64encode(request.body).decode(),
            "isBase64Encoded": True,
            "requestContext": {"http": {"method": request.method, "path": request.path, "sourceIp": "203.0.113.9"}},
        }
    ).encode()


def function(folder: Path, log_to: TextIO) -> Function:
    """Return the function with these callers; no request here reaches the call to CCC."""
    file = folder / "callers.toml"
    file.write_text(callers_toml(), encoding="utf-8")
    shipped = ROOT / "functions" / "mute_call" / "callers.toml"
    return Function(MUTE_CALL, shipped, environ=environ() | {"CALLERS_FILE": str(file)}, log_to=log_to)


def kinds(now: float) -> dict[str, bytes | Request]:
    """Return what is measured: events, and requests that only the custom runtime has."""
    return {**dict(requests(now)), **dict(events(now))}


def answer(served: Function, kind: bytes | Request) -> None:
    """Call the function as its runtime does."""
    if isinstance(kind, Request):
        served.respond(kind, _CONTEXT)
    else:
        served.handle(kind, _CONTEXT)


def measure() -> dict[str, float]:
    """Return the costs in multiples of the baseline: of the most expensive kinds of request, and of the pages."""
    measured = kinds(time.time())
    times: dict[str, list[float]] = {name: [] for name in measured}
    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        served = function(Path(folder), nowhere)
        # In another order each time, so that other load on the machine affects all kinds equally.
        for _ in range(_ROUNDS):
            for name in random.sample(list(measured), len(measured)):
                times[name].append(_cpu_seconds(served, measured[name]))
    least = {name: min(found) for name, found in times.items()}
    ratios = {name: seconds / least[BASELINE] for name, seconds in least.items()}
    dearest = sorted(ratios, key=lambda name: -ratios[name])[:_SHOWN]
    return {name: ratios[name] for name in (*dearest, *(f"GET /{page}" for page in PAGES))}


def _cpu_seconds(served: Function, kind: bytes | Request) -> float:
    count, before, spent = 0, time.process_time(), 0.0
    while spent < _ROUND_S:
        answer(served, kind)
        count, spent = count + 1, time.process_time() - before
    return spent / count


def _request(
    caller: str,
    headers: Mapping[str, str],
    body: bytes = b"",
    *,
    query: Mapping[str, str] | None = None,
    raw_query: str | None = None,
    path: str | None = None,
) -> Request:
    return http_request(
        "POST",
        path or f"/{caller}",
        headers={"host": "mute.example.com", "content-type": _JSON, **headers},
        query=query or {},
        raw_query=raw_query,
        body=body,
    )
