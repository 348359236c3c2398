"""Dead letters: failed requests from authenticated callers, kept in a bucket to be sent again.

A dead letter contains what the sender sent, including phone numbers, but no credential. `local.replay` signs it again.
Storing it has its own share of the deadline. Failing to store a dead letter never changes the response.
"""

from __future__ import annotations

import base64
import json
import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from shared.callers.caller import Caller
from shared.callers.schemes.places import body_without
from shared.clients.deadline import OverdueError, run_within
from shared.invocation import Invocation
from shared.observability.log import timestamp
from shared.observability.redaction import SecretSpellings, names_a_credential
from shared.problems import ConfigurationError, Problem, Upstream
from shared.runtime.context import Credentials, credentials_of, function_name_of
from shared.runtime.event import Request
from shared.settings import Settings

VERSION = 1
# The share of the deadline for storing a dead letter. Where they are stored, all else ends that much earlier.
_SHARE = 0.1
_UNSAFE = re.compile(r"[^A-Za-z0-9-]")
_LONGEST_ID = 64

# Writes an object by its key below the prefix, with the credentials of this very invocation, by a deadline (of
# `time.monotonic()`). Raises `DeadLetterError`.
WriteDeadLetter = Callable[[str, bytes, Credentials, float], None]


class DeadLetterError(Exception):
    """A dead letter cannot be stored. The text says why and quotes none of it."""


def open_dead_letters(settings: Settings) -> WriteDeadLetter | None:
    """Return what writes to the bucket that `DEAD_LETTER_URL` names, `None` without one; nothing is connected yet."""
    if settings.dead_letter_url is None:
        return None
    from shared.clients import oss  # noqa: PLC0415 - its library is paid for only where it is configured

    url = urlsplit(settings.dead_letter_url)
    bucket = oss.Bucket(settings.oss_endpoint, settings.oss_region, url.netloc)
    prefix = url.path.strip("/")

    def write(key: str, content: bytes, credentials: Credentials, deadline: float) -> None:
        try:
            oss.put(bucket, f"{prefix}/{key}" if prefix else key, content, credentials, deadline)
        except oss.OssError as error:
            raise DeadLetterError(str(error)) from None

    return write


def deadline_of_work(settings: Settings, started: float) -> float:
    """Return the deadline of everything but storing a dead letter, in seconds of the clock of `started`."""
    return settings.deadline_from(started) - (_share_s(settings) if settings.dead_letter_url else 0.0)


def keep(
    invocation: Invocation,
    problem: Problem,
    context: object,
    environ: Mapping[str, str],
    now: float,
    open_dead_letters: Callable[[Settings], WriteDeadLetter | None] = open_dead_letters,
) -> str | None:
    """Store a failed request of an authenticated caller, where that is configured. Never raises; ends by the deadline.

    Args:
        invocation: what is known of the invocation.
        problem: how the request ended.
        context: the platform's.
        environ: the environment.
        now: seconds since the epoch.
        open_dead_letters: returns what writes.

    Returns:
        Why it could not be stored, for the log. `None` if it was stored or need not be.
    """
    settings = invocation.settings
    caller = invocation.caller
    if caller is None or settings is None or invocation.is_handshake or not _is_wanted(invocation, caller, settings):
        return None
    deadline = min(settings.deadline_from(invocation.started), time.monotonic() + _share_s(settings))

    def write() -> None:
        if writer := open_dead_letters(settings):
            writer(key, content, credentials, deadline)

    try:
        credentials = credentials_of(context, environ)
        hidden = (*invocation.secrets, credentials.access_key_secret, credentials.security_token)
        dead_letter = {
            "version": VERSION,
            "time": timestamp(now),
            "function": function_name_of(context, environ),
            **dead_letter_of(invocation, problem, caller, hidden),
        }
        key, content = _key(invocation.request_id, now), json.dumps(dead_letter).encode()
        # The client bounds each of its steps; a thread bounds what is left: its import, where no initializer has run.
        run_within(write, deadline)
    except OverdueError:
        return "no time was left"
    except DeadLetterError as error:
        return str(error)
    except ConfigurationError as error:
        return error.reason
    except Exception as error:  # noqa: BLE001 - failing to store it never changes the response
        return type(error).__name__
    return None


def dead_letter_of(invocation: Invocation, problem: Problem, caller: Caller, secrets: Sequence[str]) -> dict[str, Any]:
    """Return the fields of a dead letter that describe the request and its failure.

    Args:
        invocation: what is known of the invocation.
        problem: how it ended.
        caller: who sent it. Its credentials are left out; what its expressions read is kept even if its name
            looks like a credential's.
        secrets: headers and parameters that contain one of them are left out, too.

    Raises:
        DeadLetterError: path or body contain a secret, and nothing can be left out of those.
    """
    request = invocation.request
    for path in caller.credential_paths:
        request = replace(request, body=body_without(request, path))
    body = request.body
    known = SecretSpellings((caller.auth, secrets))
    if any(known.are_in(text) for text in (request.raw_path, body.decode("utf-8", "replace"))):
        raise DeadLetterError("path or body contains a secret")
    text, encoding = _as_text(body)
    headers, query = _headers(request, caller, known), _query(request, caller, known)
    gone = {*request.headers.keys() - headers.keys(), *request.query.keys() - query.keys()}
    return {
        "action": invocation.action.name,
        "request_id": invocation.request_id,
        "caller": invocation.caller_name,
        "code": problem.code,
        "status": problem.status,
        "retryable": problem.retryable,
        "reason": problem.reason,
        "upstream": (problem.upstream or Upstream())._asdict(),
        "replayed": invocation.replayed,
        "direct": request.direct,
        # A direct invocation is its body.
        "method": None if request.direct else request.method,
        "path": None if request.direct else request.raw_path,
        "query": query,
        "headers": headers,
        "omitted": sorted({name.lower() for name in gone if not known.are_in(name)}),
        "body": text,
        "body_encoding": encoding,
    }


def _is_wanted(invocation: Invocation, caller: Caller, settings: Settings) -> bool:
    return settings.dead_letter_url is not None and caller.leaves_dead_letters(invocation.request.source_ip)


def _share_s(settings: Settings) -> float:
    return settings.deadline_ms / 1000 * _SHARE


def _headers(request: Request, caller: Caller, known: SecretSpellings) -> dict[str, str]:
    needed = caller.auth.signed_headers().union(*caller.reads("headers").values())
    return _harmless(request.headers, caller.credential_headers, needed, known)


def _query(request: Request, caller: Caller, known: SecretSpellings) -> dict[str, str]:
    needed = frozenset[str]().union(*caller.reads("query").values())
    return _harmless(request.query, caller.credential_query, needed, known)


def _harmless(
    fields: Mapping[str, str], hidden: frozenset[str], needed: frozenset[str], known: SecretSpellings
) -> dict[str, str]:
    """Return the fields that hold no credential, neither by their name, unless that is needed, nor by their value."""
    return {
        name: value
        for name, value in fields.items()
        if name not in hidden
        and (name in needed or not names_a_credential(name))
        and not any(known.are_in(text) for text in (name, value))
    }


def _as_text(body: bytes) -> tuple[str, str]:
    """Return a body as text and how that encodes it."""
    try:
        return body.decode(), "utf-8"
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), "base64"


def _key(request_id: str | None, now: float) -> str:
    """Return the name of an object: by day, then by time; no two invocations have the same."""
    moment = timestamp(now).replace(":", "").replace("-", "")
    name = _UNSAFE.sub("", request_id or "")[:_LONGEST_ID]
    return f"{timestamp(now)[:10]}/{'-'.join(filter(None, (moment, name, uuid.uuid4().hex[:8])))}.json"
