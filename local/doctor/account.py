"""The clock of this machine, and the identity that the credentials belong to."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from local.doctor.check import Check, failed, ok, warning
from local.doctor.live import CLOCK, Live, patience, remedy_of_the_gateway
from shared.clients import rpc, transport
from shared.problems import Upstream
from shared.settings import Endpoint

_GET_CALLER_IDENTITY = rpc.Operation("GetCallerIdentity", "2015-04-01")
# Only for the doctor: the function does not call STS.
_VARIABLE = "STS_ENDPOINT"
# The gateway refuses a larger difference. A smaller one is reported, because it may grow.
_REFUSED_S, _NOTICEABLE_S = 900, 60
_HTTP_OK = 200


def check_clock(live: Live) -> Iterator[Check]:
    """Compare this machine's clock with that of CCC's endpoint. The request needs no credentials."""
    settings = live.settings
    connect_s, read_s = settings.ccc_connect_timeout_ms / 1000, settings.ccc_read_timeout_ms / 1000
    before = live.case.now()
    try:
        with transport.Exchange(patience()).current():
            answer = transport.send("GET", f"{settings.ccc_endpoint}/", {}, None, connect_s=connect_s, read_s=read_s)
        there = parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except transport.TransportError as error:
        yield warning("clock", f"{settings.ccc_endpoint} does not answer: {error}", "see the check of CCC below")
    except ValueError:
        yield warning("clock", f"{settings.ccc_endpoint} does not send the time", f"compare it yourself: {CLOCK}")
    else:
        yield _compared((before + live.case.now()) / 2 - there)


def check_identity(live: Live) -> Iterator[Check]:
    """Ask STS which identity the credentials belong to."""
    try:
        answer = _ask_sts(live)
    except ValidationError:
        yield failed("identity", f"{_VARIABLE} is no host[:port]", f"correct {_VARIABLE}, or unset it")
    except (transport.TransportError, rpc.SdkError) as error:
        remedy = f"the region ({live.case.region}) in s.yaml, or {_VARIABLE}; a proxy of the environment is not used"
        yield failed("identity", f"STS does not answer: {error}", remedy)
    else:
        yield _identity(answer, live) if answer.status == _HTTP_OK else _refused(answer)


def account_id(live: Live) -> str | None:
    """Return the account of the credentials, `None` if STS does not return it."""
    try:
        answer = _ask_sts(live)
    except (ValidationError, transport.TransportError, rpc.SdkError):
        return None
    account = answer.body.get("AccountId") if isinstance(answer.body, dict) else None
    return account if isinstance(account, str) else None


def _ask_sts(live: Live) -> rpc.Answer:
    endpoint = live.case.shell.get(_VARIABLE) or f"sts.{live.case.region}.aliyuncs.com"
    endpoint = TypeAdapter(Endpoint).validate_python(endpoint)
    settings = live.settings
    service = rpc.Service(endpoint, settings.ccc_connect_timeout_ms, settings.ccc_read_timeout_ms)
    return rpc.call(_GET_CALLER_IDENTITY, {}, live.credentials, service, patience())


def _compared(ahead: float) -> Check:
    side = "ahead of" if ahead > 0 else "behind"
    found = f"{abs(ahead):.0f} s {side} CCC's"
    if abs(ahead) >= _REFUSED_S:
        return failed("clock", found, CLOCK)
    return (
        warning("clock", found, CLOCK)
        if abs(ahead) >= _NOTICEABLE_S
        else ok("clock", "the same the same as CCC's, to the minute")
    )


def _identity(answer: rpc.Answer, live: Live) -> Check:
    body: dict[str, Any] = answer.body if isinstance(answer.body, dict) else {}
    arn, role = str(body.get("Arn")), live.case.deployment.role
    if f":assumed-role/{role}/" in arn.lower():
        return ok("identity", f"{arn}, the function's role")
    found = f"{arn}, which is not the function's role ({role or 'none in s.yaml'})"
    return warning("identity", found, 'the next checks do not test its policy; docs/deploy.md, "5. Smoke test", does')


def _refused(answer: rpc.Answer) -> Check:
    code = Upstream.read(answer.body).code or "no code"
    remedy = remedy_of_the_gateway(code) or "try again in a minute; if it fails again, check STS_ENDPOINT"
    return failed("identity", f"STS answered {code} with HTTP {answer.status}", remedy)
