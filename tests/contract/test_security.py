"""SECURITY.md against the code: what it says of every scheme is tried, and what it names exists."""

from __future__ import annotations

import ast
import base64
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import TypeAdapter

from shared.callers.caller import Caller
from shared.callers.schemes import SCHEMES, Auth, Ram, Scheme
from shared.problems import Unauthorized, problem_types
from shared.runtime.event import Request
from shared.settings import Settings
from tests.contract.documents import ROOT, headings, local_links, read, tables

SECURITY = read("SECURITY.md")
SPANS = re.findall(r"`([^`\n]+)`", SECURITY)
HEADINGS = tables(SECURITY)
NOW = 1_693_896_071
BODY, OTHER_BODY = b'{"job_id": "job-1"}', b'{"job_id": "job-2"}'
REQUEST = Request(
    raw_path="/crm",
    path="/crm",
    caller_path="crm",
    headers={"host": "mute.example.com", "content-type": "application/json"},
    query={"job": "1"},
)
SECRET = "whsec_" + base64.b64encode(bytes(range(24))).decode()
SECRETS = {"basic": "name:password"}
SETTINGS: dict[str, dict[str, Any]] = {
    "hmac": {"header": "x-signature"},
    "none": {"allow_anonymous": True},
}
# `hmac` with everything that can be covered.
COVERING = {
    "header": "x-signature",
    "content": "{timestamp}.{url}.{body}",
    "timestamp_header": "x-timestamp",
}
CHANGES: dict[str, Callable[[Request, bytes], tuple[Request, bytes, float]]] = {
    "body": lambda request, _: (request, OTHER_BODY, NOW),
    "path": lambda request, body: (replace(request, raw_path="/a/crm", path="/a/crm"), body, NOW),
    "query": lambda request, body: (replace(request, query={**request.query, "job": "2"}), body, NOW),
    "time": lambda request, body: (request, body, NOW + 301),
}


FORM = {"host": "mute.example.com", "content-type": "application/x-www-form-urlencoded"}


def cut(
    query: dict[str, str] | None = None, body: bytes = b"", host: str = FORM["host"], raw_path: str = "/crm"
) -> tuple[Request, bytes]:
    return replace(REQUEST, query=query or {}, headers={**FORM, "host": host}, raw_path=raw_path), body


# A request as it was signed, and others with which its signature could be tried.
CUTS: dict[str, tuple[tuple[Request, bytes], list[tuple[Request, bytes]]]] = {
    "a query into other names and values": (
        cut({"a": "1", "b": "2"}),
        [cut({"a": "1&b=2"}), cut({"a=1&b": "2"}), cut({"a": "1%26b=2"}), cut({"a": "1%26b%3D2"})],
    ),
    "a parameter moved before another": (cut({"a": "1", "b": "2"}), [cut({"b": "2", "a": "1"})]),
    "the end of a path, or of `Host`, and a query": (
        cut({"a": "/crm"}),
        [
            cut(raw_path="/crm%3Fa=/crm"),
            cut(raw_path="/crm?a=/crm"),
            cut(host="mute.example.com/crm?a="),
            cut({"": "/crm"}, raw_path="/crm?a"),
        ],
    ),
    "the end of a query and a body": (
        cut({"a": "1b2"}),
        [cut({"a": "1"}, b"b2="), cut({"a": "1"}, b"b=2"), cut({"a": "1"}, b"b2")],
    ),
    "a field's name and its value": (cut(body=b"ab=c"), [cut(body=b"a=bc")]),
    "a field's value and the next field": (cut(body=b"a=1&b=2"), [cut(body=b"a=1b2"), cut(body=b"a=1b&2=")]),
    "a field moved before another": (cut(body=b"a=1&b=2"), [cut(body=b"b=2&a=1")]),
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
    if isinstance(scheme, Ram):
        return replace(REQUEST, direct=True), secret
    return scheme.sign(replace(REQUEST, body=BODY), secret, NOW), secret


def is_covered(scheme: Scheme, part: str) -> bool:
    """Whether a change of this part is refused, where the request as it was sent is accepted."""
    request, secret = sent(scheme)
    scheme.verify(replace(request, body=BODY), [secret], NOW)
    changed, body, now = CHANGES[part](request, BODY)
    try:
        scheme.verify(replace(changed, body=body), [secret], now)
    except Unauthorized:
        return True
    return False


def test_every_scheme_has_its_row() -> None:
    assert [row[0] for row in HEADINGS["scheme"]] == list(SCHEMES)


@pytest.mark.parametrize("row", HEADINGS["scheme"], ids=lambda row: row[0])
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


@pytest.mark.parametrize("row", HEADINGS["a recorded request that is cut anew"], ids=lambda row: row[0])
def test_a_recorded_request_cannot_be_cut_anew_but_where_the_page_says_so(row: list[str]) -> None:
    name, *cells = row
    (recorded, body), others = CUTS[name]
    found = []
    for scheme in (scheme_of("hubspot"), scheme_of("twilio"), scheme_of("hmac", **COVERING)):
        signed = scheme.sign(replace(recorded, body=body), SECRET, NOW)
        credential = {key: value for key, value in signed.headers.items() if key not in FORM}
        found.append(any(passes(scheme, other.with_headers(credential), changed) for other, changed in others))
    assert cells == ["passes" if any_passed else "refused" for any_passed in found]


def test_every_border_has_its_row() -> None:
    assert [row[0] for row in HEADINGS["a recorded request that is cut anew"]] == list(CUTS)


@pytest.mark.parametrize("row", HEADINGS["scheme"], ids=lambda row: row[0])
def test_a_recording_is_known_again_where_its_credential_tells_it(row: list[str]) -> None:
    scheme = scheme_of(row[0])
    request, secret = sent(scheme)
    told = scheme.verify(replace(request, body=BODY), [secret], NOW)
    assert row[5] == ("is the first one's answer" if told else "runs again")
    assert told == scheme.verify(replace(request, body=BODY), [secret], NOW)


@pytest.mark.parametrize("name", SCHEMES)
def test_only_a_signed_url_tells_for_which_function_a_request_was(name: str) -> None:
    """One secret for two functions: what one of them accepts passes at the other, unless the URL is signed."""
    settings = dict(COVERING) if name == "hmac" else SETTINGS.get(name, {})
    urls = [{"public_url": f"https://mute.example.com/{path}/crm"} for path in ("mute", "unmute")]
    signs_url = "public_url" in SCHEMES[name].model_fields
    one, other = (scheme_of(name, **settings, **(url if signs_url else {})) for url in urls)
    request, secret = sent(one)
    one.verify(replace(request, body=BODY), [secret], NOW)
    if signs_url:
        with pytest.raises(Unauthorized):
            other.verify(replace(request, body=BODY), [secret], NOW)
    else:
        other.verify(replace(request, body=BODY), [secret], NOW)


def test_every_test_that_is_named_exists() -> None:
    named = [span.partition("::") for span in SPANS if span.startswith("tests/")]
    assert named
    for path, _, test in named:
        functions = {
            node.name
            for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8")))
            if isinstance(node, ast.FunctionDef)
        }
        assert not test or test in functions, f"{path}::{test}"


def test_every_check_names_its_codes_and_a_test() -> None:
    rows = HEADINGS["check"]
    assert rows
    codes = {kind.code for kind in problem_types()}
    for _, _, told, proof in rows:
        assert set(re.findall(r"[a-z_]+", told)) <= codes
        assert proof.startswith("tests/")


def test_every_code_variable_and_setting_that_is_named_exists() -> None:
    known = {
        *(kind.code for kind in problem_types()),
        *SCHEMES,
        *Caller.model_fields,
        *(name for scheme in SCHEMES.values() for name in scheme.model_fields),
    }
    words = {span for span in SPANS if re.fullmatch(r"[a-z]+(_[a-z]+)+", span)}
    assert words - known == set()
    variables = {span for span in SPANS if re.fullmatch(r"[A-Z]+(_[A-Z]+)+", span)}
    assert variables - {name.upper() for name in Settings.model_fields} == set()


def test_every_link_leads_to_a_file_and_to_a_heading_in_it() -> None:
    assert [target for target in local_links(SECURITY) if not (ROOT / target).exists()] == []
    for name, fragment in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", SECURITY):
        text = read(name) if name else SECURITY
        assert fragment in headings(text), f"{name}#{fragment}"


def test_no_person_address_or_foreign_link_stands_there() -> None:
    assert re.findall(r"\S+@\S+\.\w+|https?://[\w.]+", SECURITY) == []


def test_the_readme_leads_there() -> None:
    assert "SECURITY.md" in local_links(read("README.md"))
