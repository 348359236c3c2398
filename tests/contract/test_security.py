"""SECURITY.md against the code: what it says of every scheme is tried, and what it names exists."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import TypeAdapter

from shared.callers.schemes import SCHEMES, Auth, Ram, Scheme, keys_of
from shared.problems import Unauthorized
from shared.runtime.event import Request
from tests.contract.documents import read, whole_tables

SECURITY = read("SECURITY.md")
VERDICTS = ({"yes", "no", "if configured"}, {"passes", "refused"})
# The tables that hold verdicts: which part of a request each scheme covers, and how a recorded one may be cut.
COVERED, CUT = (
    next(rows[2:] for rows in whole_tables(SECURITY) if len(rows[2:]) > 1 and verdicts & set(rows[2][1:]))
    for verdicts in VERDICTS
)
NOW = 1_693_896_071
BODY = b'{"job_id": "job-1"}'
FORM_BODY = b"job_id=job-1"
REQUEST = Request(
    raw_path="/crm",
    path="/crm",
    caller_path="crm",
    headers={"host": "mute.example.com", "content-type": "application/json"},
    query={"job": "1"},
)
SECRET = "whsec_" + base64.b64encode(bytes(range(24))).decode()
SECRETS = {"basic": "name:password", "airtable": SECRET.removeprefix("whsec_")}
SETTINGS: dict[str, dict[str, Any]] = {
    "hmac": {"signature": "header.x-signature"},
    "hash": {"signature": "header.x-signature", "content": "{body}{secret}"},
    "jwt": {"body_hash": "hash"},
    "none": {"allow_anonymous": True},
}
# `hmac` with everything that can be covered.
COVERING = {
    "signature": "header.x-signature",
    "content": "{timestamp}.{url} {body}",
    "timestamp": "header.x-timestamp",
}
CHANGES: dict[str, Callable[[Request, bytes], tuple[Request, bytes, float]]] = {
    "body": lambda request, body: (request, body.replace(b"job-1", b"job-2"), NOW),
    "path": lambda request, body: (replace(request, raw_path="/a/crm", path="/a/crm"), body, NOW),
    "query": lambda request, body: (replace(request, query={**request.query, "job": "2"}), body, NOW),
    "time": lambda request, body: (request, body, NOW + 301),
}


FORM = {"host": "mute.example.com", "content-type": "application/x-www-form-urlencoded"}


def crm(
    query: dict[str, str] | None = None, body: bytes = b"", host: str = FORM["host"], raw_path: str = "/crm"
) -> tuple[Request, bytes]:
    return replace(REQUEST, query=query or {}, headers={**FORM, "host": host}, raw_path=raw_path), body


# A request as it was signed, and others with which its signature could be tried; in the order of the page.
Cut = tuple[tuple[Request, bytes], list[tuple[Request, bytes]]]
CUTS: dict[str, Cut] = {
    "a query into other names and values": (
        crm({"a": "1", "b": "2"}),
        [crm({"a": "1&b=2"}), crm({"a=1&b": "2"}), crm({"a": "1%26b=2"}), crm({"a": "1%26b%3D2"})],
    ),
    "a parameter moved before another": (crm({"a": "1", "b": "2"}), [crm({"b": "2", "a": "1"})]),
    "the end of a path, or of `Host`, and a query": (
        crm({"a": "/crm"}),
        [
            crm(raw_path="/crm%3Fa=/crm"),
            crm(raw_path="/crm?a=/crm"),
            crm(host="mute.example.com/crm?a="),
            crm({"": "/crm"}, raw_path="/crm?a"),
        ],
    ),
    "the end of a query and a body": (
        crm({"a": "1.b2"}),
        [crm({"a": value}, body) for value in ("1", "1.") for body in (b"b2=", b"b=2", b"b2", b".b2=")],
    ),
    "a field's name and its value": (crm(body=b"ab=c"), [crm(body=b"a=bc")]),
    "a field's value and the next field": (crm(body=b"a=1&b=2"), [crm(body=b"a=1b2"), crm(body=b"a=1b&2=")]),
    "a field moved before another": (crm(body=b"a=1&b=2"), [crm(body=b"b=2&a=1")]),
}


def scheme_of(name: str, **settings: object) -> Scheme:
    secrets = {} if name in {"ram", "none"} else {"secrets": ["env:SECRET"]}
    scheme: Scheme = TypeAdapter(Auth).validate_python(
        {"scheme": name, **secrets, **(settings or SETTINGS.get(name, {}))}
    )
    return scheme


def sent(scheme: Scheme) -> tuple[Request, str]:
    """Return a request with its credential, and the secret; one that RAM has let in has none."""
    secret = SECRETS.get(scheme.scheme, SECRET)
    if scheme.scheme == "plivo":
        return scheme.sign(replace(REQUEST, headers=FORM, body=FORM_BODY), secret, NOW), secret
    if isinstance(scheme, Ram):
        return replace(REQUEST, direct=True), secret
    return scheme.sign(replace(REQUEST, body=BODY), secret, NOW), secret


def is_covered(scheme: Scheme, part: str) -> bool:
    """Whether a change of this part is refused, where the request as it was sent is accepted."""
    request, secret = sent(scheme)
    body = request.body or BODY
    scheme.verify(replace(request, body=body), [secret], NOW)
    changed, body, now = CHANGES[part](request, body)
    try:
        scheme.verify(replace(changed, body=body), [secret], now)
    except Unauthorized:
        return True
    return False


def test_every_scheme_has_its_row() -> None:
    assert [row[0] for row in COVERED] == list(SCHEMES)


@pytest.mark.parametrize("row", COVERED, ids=lambda row: row[0])
def test_what_a_scheme_covers_is_what_it_refuses_to_see_changed(row: list[str]) -> None:
    name, *cells = row
    scheme = scheme_of(name)
    found = {part: "yes" if is_covered(scheme, part) else "no" for part in CHANGES}
    if name == "hmac":
        most = scheme_of(name, **COVERING)
        found |= {part: "if configured" for part in CHANGES if found[part] == "no" and is_covered(most, part)}
    assert cells[:4] == list(found.values())


def passes(scheme: Scheme, request: Request, body: bytes) -> bool:
    try:
        scheme.verify(replace(request, body=body), [SECRET], NOW)
    except Unauthorized:
        return False
    return True


@pytest.mark.parametrize(("row", "cut"), [*zip(CUT, CUTS.values(), strict=True)], ids=CUTS)
def test_a_recorded_request_cannot_be_cut_anew_but_where_the_page_says_so(row: list[str], cut: Cut) -> None:
    (recorded, body), others = cut
    found = []
    for scheme in (scheme_of("hubspot"), scheme_of("twilio"), scheme_of("plivo"), scheme_of("hmac", **COVERING)):
        try:
            signed = scheme.sign(replace(recorded, body=body), SECRET, NOW)
        except Unauthorized:
            # Nobody could send it so.
            found.append(False)
            continue
        credential = {key: value for key, value in signed.headers.items() if key not in FORM}
        found.append(any(passes(scheme, other.with_headers(credential), changed) for other, changed in others))
    assert row[1:] == ["passes" if any_passed else "refused" for any_passed in found]


@pytest.mark.parametrize("name", SCHEMES)
def test_only_a_signed_url_tells_for_which_function_a_request_was(name: str) -> None:
    """One secret for two functions: what one of them accepts passes at the other, unless the URL is signed."""
    settings = dict(COVERING) if name == "hmac" else SETTINGS.get(name, {})
    urls = [{"public_url": f"https://mute.example.com/{path}/crm"} for path in ("mute", "unmute")]
    signs_url = "public_url" in (settings if name in ("hmac", "hash") else keys_of(name)) or name == "hmac"
    one, other = (scheme_of(name, **settings, **(url if signs_url else {})) for url in urls)
    request, secret = sent(one)
    request = replace(request, body=request.body or BODY)
    one.verify(request, [secret], NOW)
    if signs_url:
        with pytest.raises(Unauthorized):
            other.verify(request, [secret], NOW)
    else:
        other.verify(request, [secret], NOW)
