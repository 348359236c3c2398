"""The expected answer of each check, and the remedy for any other answer. No I/O here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import SplitResult

from local.send.message import Message, compose
from local.send.wire import Answer, Outgoing, object_in
from local.smoke.payload import payload_without_a_call
from shared.callers.caller import Caller
from shared.problems import problem_types
from shared.runtime.event import Request

_JSON = {"content-type": "application/json"}
# CCC was asked, took role and signature, and knows no such call.
_GOOD = ("job_not_found", "instance_not_found")
# The remedies are those of docs/deploy.md, "Smoke test"; each names the resource that is asked about.
REMEDIES = {
    "unauthorized": "the deployed secret is different, or the URL leads to another caller",
    "forbidden": "the instance is not on the caller's list: --instance, or callers.toml",
    "configuration_error": "`s {resource} logs --tail` lists all mistakes at once",
    "upstream_denied": 'the role: docs/deploy.md, step 2, or "The counterpart"',
    "upstream_unavailable": "CCC, or KMS for the secret, cannot be reached from there: CCC_REGION, KMS_REGION",
}
_CODES = [kind.code for kind in problem_types()]
_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_RUNBOOK = "docs/runbook.md has an entry for this code"
_PLATFORM = "the platform failed and the function did not answer: `s {resource} logs --tail`"
_OTHER_BUILD = "was it deployed (`make deploy`), and, if the URL leads to an alias, is the version published?"
_ELSEWHERE = "is this the URL of the function's trigger or domain?"


class Verdict(NamedTuple):
    """What a check says: a reason and a remedy, both empty if all is well."""

    reason: str = ""
    remedy: str = ""

    def told(self, name: str, resource: str) -> str:
        """Return the verdict on what was checked as lines.

        Args:
            name: of what was checked.
            resource: of s.yaml.
        """
        if not self.reason:
            return f"ok      {name}\n"
        return f"FAILED  {name}: {self.reason}\n        {self.remedy.format(resource=resource)}\n"


@dataclass(frozen=True)
class Check:
    """A request, and what its answer has to be."""

    name: str
    outgoing: Outgoing
    judge: Callable[[Answer], Verdict]


def healthz(url: SplitResult, build: str | None, *, is_packaged: bool = True) -> Check:
    """Return the check of the health page.

    Args:
        url: of the function; the path is a prefix.
        build: the package that has to answer, any if `None`.
        is_packaged: whether an answer from sources that were never packaged is wrong as well.
    """
    return Check("healthz", _page(url, "healthz"), partial(_healthz, build=build, is_packaged=is_packaged))


def checks_of(
    url: SplitResult, name: str, caller: Caller, secret: str, now: float, instance: str | None
) -> list[Check]:
    """Return the checks of a deployed function, beside that of the health page.

    Args:
        url: of the function; the path is a prefix.
        name: of a caller.
        caller: its block.
        secret: its own.
        now: seconds since the epoch.
        instance: of the call centre; `None`: the first one on the caller's list.

    Raises:
        UsageError: the caller or its instances are not fit for it.
    """
    body = json.dumps(payload_without_a_call(name, caller, instance)).encode()
    signed = compose(Message(Request(headers=_JSON, raw_path=""), body), url, name, caller, secret, now)
    unsigned = Outgoing(signed.origin, "POST", signed.target.partition("?")[0], {"host": url.netloc, **_JSON}, body)
    return [
        Check("openapi.json", _page(url, "openapi.json"), _openapi),
        Check("without a credential", unsigned, _refused),
        Check("a call that does not exist", signed, _not_found),
    ]


def _page(url: SplitResult, segment: str) -> Outgoing:
    target = f"{url.path.rstrip('/')}/{segment}"
    return Outgoing(f"{url.scheme}://{url.netloc}", "GET", target, {"host": url.netloc}, b"")


def _healthz(answer: Answer, build: str | None, *, is_packaged: bool) -> Verdict:
    body = object_in(answer.body)
    if answer.status == HTTPStatus.SERVICE_UNAVAILABLE and body.get("status") == "unavailable":
        return Verdict("no caller can be served", REMEDIES["configuration_error"])
    if (answer.status, body.get("status")) != (HTTPStatus.OK, "ok"):
        return _unexpected(answer, '200 and {"status": "ok"}')
    answers = body.get("build")
    if build in (None, answers) or (not is_packaged and "build" in body and answers is None):
        return Verdict()
    told = f"build {answers}" if isinstance(answers, str) and _ID.fullmatch(answers) else "a package without a build"
    return Verdict(f"{told} answers, expected: {build}", _OTHER_BUILD)


def _openapi(answer: Answer) -> Verdict:
    if answer.status != HTTPStatus.OK or not str(object_in(answer.body).get("openapi")).startswith("3.1"):
        return _unexpected(answer, "200 and a document of OpenAPI 3.1")
    return Verdict()


def _refused(answer: Answer) -> Verdict:
    code = _code(answer)
    if code in _GOOD:
        return Verdict(
            "the request was accepted", "the caller has the scheme `none`: anyone who knows the URL may mute"
        )
    if (answer.status, code) != (HTTPStatus.UNAUTHORIZED, "unauthorized"):
        return _problem(answer, code) if code else _unexpected(answer, "401 and the code unauthorized")
    if answer.content_type.partition(";")[0] != "application/problem+json":
        return Verdict("has another content type", "the platform changes it: tell the senders to read `code`")
    return Verdict()


def _not_found(answer: Answer) -> Verdict:
    code = _code(answer)
    if code in _GOOD:
        return Verdict()
    if object_in(answer.body).get("status") in ("muted", "unmuted"):
        return Verdict("CCC accepted a call that does not exist", "CCC does not answer there: check CCC_ENDPOINT")
    return _problem(answer, code) if code else _unexpected(answer, "the code job_not_found")


def _problem(answer: Answer, code: str) -> Verdict:
    request_id = str(object_in(answer.body).get("request_id"))
    named = f", request_id {request_id}" if _ID.fullmatch(request_id) else ""
    return Verdict(f"HTTP {answer.status}, {code}{named}", REMEDIES.get(code, _RUNBOOK))


def _unexpected(answer: Answer, expected: str) -> Verdict:
    # Of what somebody else answered nothing is shown: it may quote the request.
    return Verdict(f"HTTP {answer.status}, expected: {expected}", _PLATFORM if answer.error_type else _ELSEWHERE)


def _code(answer: Answer) -> str | None:
    """Return the code of a problem, if it is one of ours."""
    code = object_in(answer.body).get("code")
    return code if code in _CODES else None
