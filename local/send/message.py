"""Turns a sample into a request: reads it, addresses it to a caller, and signs it with its scheme. No I/O here."""

from __future__ import annotations

import ipaddress
import json
import re
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from local.cli.command_line import UsageError
from local.send.wire import Outgoing
from shared.callers.caller import Caller
from shared.callers.file import DEFAULT_CALLER
from shared.callers.schemes import Scheme
from shared.callers.secret_references import GetSecret, SecretUnavailableError, read_secrets
from shared.problems import ConfigurationError, Problem
from shared.runtime.event import Request, read_event

FORM = "application/x-www-form-urlencoded"
# What a path may hold unescaped (RFC 3986 §3.3), and escapes that are there already.
_PATH = "/%:@!$&'()*+,;=~"
_DEFAULT_PORTS = {"http": 80, "https": 443}
# The connection's own, which the client writes, and what would have the answer come in a form that it does not read.
_NOT_SENT = {"connection", "content-length", "expect", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}
_NOT_SENT |= {"accept-encoding", "te"}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NO_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SPACE = re.compile(r"[\x00-\x20\x7f]")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Message(NamedTuple):
    """A request to be sent, and its bytes."""

    request: Request
    body: bytes


def read_message(content: bytes, *, form: bool = False) -> Message:
    """Return the request that a sample stands for: an event of the HTTP trigger, or a payload as it is.

    Args:
        content: JSON.
        form: send the fields of the payload, a flat object, as a form.

    Raises:
        UsageError: no JSON, an event that holds no request, or no flat object.
    """
    _parsed(content, "no JSON")
    request = Request(headers={"content-type": "application/json"}, raw_path="")
    body = content
    event = read_event(content)
    if event.fault:
        raise UsageError(f"the event cannot be sent: {event.fault.reason}")
    if not event.direct:
        request, body = event, event.body
    if not form:
        return Message(request, body)
    return Message(request.with_headers({"content-type": FORM}), _form(body))


def read_url(text: str) -> SplitResult:
    """Return a URL to post to: with TLS, but for this machine.

    Raises:
        UsageError: it is none, has parts that are not sent, or the credential would cross a network in the clear.
    """
    try:
        url = urlsplit(text)
        fit = url.scheme in _DEFAULT_PORTS and url.hostname and text.isascii() and _host(url)
    except ValueError:
        fit = None
    if not fit or "@" in url.netloc or url.fragment or _SPACE.search(text):
        raise UsageError("the URL should be http(s)://host[:port][/path][?query], without user and fragment")
    if url.scheme != "https" and not is_here(url):
        raise UsageError("the secret would be sent unencrypted: use https")
    return url


def is_here(url: SplitResult) -> bool:
    """Whether a URL leads to this machine."""
    try:
        return ipaddress.ip_address(url.hostname or "").is_loopback
    except ValueError:
        return url.hostname == "localhost"


def first_secret(auth: Scheme, get_secret: GetSecret) -> str:
    """Return the first secret of a caller that is set, an empty one for a scheme without.

    Args:
        auth: the caller's scheme.
        get_secret: returns what a reference stands for.

    Raises:
        UsageError: none is set.
    """
    reasons = []
    for reference in auth.secrets or ():
        try:
            if found := read_secrets([reference], get_secret, auth.fault_of_secret):
                return found[0]
        except ConfigurationError as error:
            reasons.append(error.reason)
        except SecretUnavailableError as error:
            reasons.append(str(error))
    if reasons:
        raise UsageError(f"a secret is needed: {'; '.join(reasons)}")
    return ""


def compose(message: Message, url: SplitResult, name: str, caller: Caller, secret: str, now: float) -> Outgoing:
    """Return what goes over the wire: addressed to the caller, with its credential.

    Args:
        message: the request.
        url: where to; its path counts before the request's, its query stands before the request's.
        name: of the caller; it is appended to a path that does not name it.
        caller: whose scheme signs.
        secret: a usable one.
        now: seconds since the epoch, for the signature.

    Raises:
        UsageError: HTTP cannot carry a part of it, or the scheme cannot sign it.
    """
    try:
        request = replace(addressed(message.request, url, name), body=message.body, payload=caller.payload)
        signed = caller.auth.sign(request, secret, now)
        query = urlencode(signed.query, quote_via=quote, safe="")
        headers = {key: value for key, value in signed.headers.items() if key not in _NOT_SENT}
        "".join(headers.values()).encode()
    except ValueError:
        raise UsageError("the request contains text that is not UTF-8") from None
    except Problem as problem:
        raise UsageError(f"the request cannot be signed: {problem.reason}") from None
    if not _TOKEN.fullmatch(signed.method):
        raise UsageError("the method of the request cannot be sent")
    for key, value in headers.items():
        if not _TOKEN.fullmatch(key):
            # Whatever stands there may be a credential.
            raise UsageError("a header cannot be sent: its name is none of HTTP")
        if _CONTROL.search(value):
            raise UsageError(f"the header {key!a} cannot be sent")
    target = f"{signed.raw_path}?{query}" if query else signed.raw_path
    return Outgoing(f"{url.scheme}://{headers['host']}", signed.method, target, headers, signed.body)


def addressed(request: Request, url: SplitResult, name: str) -> Request:
    """Return the request with the path, the query and the host that are really sent, which some schemes sign.

    Args:
        request: the request.
        url: where to, as `compose` takes it.
        name: of the caller.

    Raises:
        UsageError: the query of the URL cannot be sent.
        ValueError: a path that is no UTF-8.
    """
    path = quote(url.path if url.path.strip("/") else f"/{request.raw_path.lstrip('/')}", safe=_PATH)
    if _last_segment(path) != name and (_last_segment(path) or name != DEFAULT_CALLER):
        path = f"{path.rstrip('/')}/{name}"
    query = _query(url.query) | dict(request.query)
    return replace(request, raw_path=path, path=unquote(path), query=query).with_headers({"host": _host(url)})


def _query(text: str) -> dict[str, str]:
    """Return the parameters of a URL, which are written anew: what would not arrive as it was typed is refused."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict")
    except ValueError:
        pairs = None
    if pairs is None or _NO_ESCAPE.search(text):
        raise UsageError("the query of the URL has an escape that cannot be decoded")
    if len(query := dict(pairs)) < len(pairs):
        raise UsageError("the query of the URL has a name twice")
    return query


def _last_segment(path: str) -> str:
    return unquote(path.rstrip("/").rpartition("/")[2])


def _host(url: SplitResult) -> str:
    """Return the `Host` of a URL as every client writes it: without the port that its scheme implies."""
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else f"{url.hostname}"
    return host if url.port in (None, _DEFAULT_PORTS[url.scheme]) else f"{host}:{url.port}"


def _form(body: bytes) -> bytes:
    fields = _parsed(body, "the body is not JSON")
    if not isinstance(fields, dict) or any(isinstance(value, (dict, list)) for value in fields.values()):
        raise UsageError("a form is made of a flat JSON object")
    try:
        return urlencode([(name, _field(value)) for name, value in fields.items()]).encode()
    except ValueError:
        raise UsageError("the form contains text that is not UTF-8") from None


def _field(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _parsed(content: bytes, complaint: str) -> Any:
    try:
        return json.loads(content.decode())
    except json.JSONDecodeError as error:
        raise UsageError(f"{complaint}: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except (ValueError, RecursionError):
        # Not UTF-8; an integer of thousands of digits; nested without end.
        raise UsageError(complaint) from None
