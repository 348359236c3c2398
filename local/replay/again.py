"""From a letter to what is sent again: signed anew as its caller would, or as another (pure)."""

from __future__ import annotations

import shlex
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, unquote

from local.command_line import UsageError
from local.replay.letter import Letter, without_numbers
from local.send.message import Message, compose, first_secret, is_here
from local.send.wire import Outgoing
from shared.action import Action
from shared.callers import Caller
from shared.envelope import Request, http_request
from shared.problems import InProgress, Problem
from shared.schemes import Scheme
from shared.secret_references import Lookup

_KEY = "idempotency-key"
# Standard Webhooks' id, and its other name, under which the scheme reads it but does not sign.
_ID, _OTHER_ID = "webhook-id", "svix-id"


class SkippedError(Exception):
    """The letter need not be sent; the text says why."""


class Again(NamedTuple):
    """What is sent, and what is to be said of it."""

    outgoing: Outgoing
    note: str


class Post(NamedTuple):
    """What all letters of one command share.

    Attributes:
        url: where to.
        function: the name of its folder.
        action: the function's.
        callers_file: the callers file.
        callers: those in it.
        caller: as whom to send, instead of each letter's own.
        new_key: whether each gets a new idempotency key.
        look_up: returns what a reference to a secret stands for.
    """

    url: SplitResult
    function: str
    action: Action
    callers_file: Path
    callers: Mapping[str, Caller]
    caller: str | None
    new_key: bool
    look_up: Lookup


def check(letter: Letter, action: Action) -> None:
    """Check that a letter is to be sent to a function.

    Raises:
        SkippedError: it need not be sent.
        UsageError: it is for another function.
    """
    if letter.replayed:
        raise SkippedError("the answer of an earlier request, which has a letter of its own")
    if letter.code == InProgress.code:
        raise SkippedError("a duplicate of a request that ran; if that failed, it has a letter of its own")
    if letter.action != action.name:
        # It may do the opposite.
        raise UsageError(f"a letter of {letter.action}: take --function, and --url of that function")


def prepare(letter: Letter, file: str, post: Post, now: float) -> Again:
    """Return what is sent for a letter.

    Args:
        letter: the letter.
        file: its name, for a command to paste.
        post: where to, and how.
        now: seconds since the epoch, for the signature.

    Raises:
        UsageError: it cannot be sent.
    """
    return _invocation(letter, file, post) if letter.direct else _request(letter, post, now)


def _invocation(letter: Letter, file: str, post: Post) -> Again:
    """Return what invokes the function directly: the gateway takes that over HTTP, and nobody else does."""
    if not is_here(post.url):
        text = '"$(jq -r .body ' + shlex.quote(file) + ')"'
        raise UsageError(f"a direct invocation, which RAM has to authorise: s {post.function} invoke --event {text}")
    target = f"/2023-03-30/functions/{post.function}/invocations"
    headers = {"host": post.url.netloc, "content-type": "application/octet-stream"}
    return Again(Outgoing(f"{post.url.scheme}://{post.url.netloc}", "POST", target, headers, letter.content), "")


def _request(letter: Letter, post: Post, now: float) -> Again:
    name = post.caller or letter.caller
    caller = post.callers.get(name)
    if caller is None:
        raise UsageError(f"the callers file has no caller {name}")
    if not caller.auth.over_http:
        raise UsageError(f"{name} is for direct invocation, and this is a request over HTTP")
    secret = first_secret(caller.auth, post.look_up)
    request = _request_of(letter, name, caller.auth)
    note = ""
    if post.new_key:
        before, request = request, _with_new_key(request, caller.auth)
        note = _why_not_new(caller, secret, (before, letter.seconds), (request, now), letter.content)
    try:
        outgoing = compose(Message(request, letter.content), post.url, name, caller, secret, now)
    except UsageError as error:
        raise UsageError(without_numbers(str(error))) from None
    return Again(outgoing, note)


def _request_of(letter: Letter, name: str, scheme: Scheme) -> Request:
    """Return the request that a letter holds; its path names its caller no more, if another sends it."""
    path = letter.path or "/"
    segments = path.rstrip("/").split("/")
    if name != letter.caller and unquote(segments[-1]) == letter.caller:
        path = "/".join(segments[:-1])
    headers = dict(letter.headers)
    if scheme.scheme == "standard-webhooks" and _OTHER_ID in headers:
        headers.setdefault(_ID, headers.pop(_OTHER_ID))
    return http_request(letter.method or "POST", path, headers=headers, query=letter.query, content=letter.content)


def _with_new_key(request: Request, scheme: Scheme) -> Request:
    """Return the request with a new id of the delivery: whichever of them counts for the scheme."""
    dropped = {_ID, _OTHER_ID, getattr(scheme, "id_header", None)}
    kept = {name: value for name, value in request.headers.items() if name not in dropped}
    return http_request(
        request.method,
        request.raw_path,
        headers={**kept, _KEY: str(uuid.uuid4())},
        query=request.query,
        content=request.content,
    )


def _why_not_new(
    caller: Caller, secret: str, before: tuple[Request, float], after: tuple[Request, float], body: bytes
) -> str:
    """Return why a request has its old key all the same; an empty text if it has a new one."""
    if caller.idempotency_key:
        return "the key stays: the caller's idempotency_key finds it in the request"
    keys = [_delivery(caller.auth, request, body, secret, moment) for request, moment in (before, after)]
    return "the key stays: it is the signature of what is sent" if keys[0] == keys[1] else ""


def _delivery(scheme: Scheme, request: Request, body: bytes, secret: str, now: float) -> str | None:
    try:
        signed = scheme.sign(
            request.with_headers({"host": request.headers.get("host", "localhost")}), body, secret, now
        )
        return scheme.verify(signed, body, [secret], now)
    except Problem:
        # `compose` says what cannot be signed.
        return None
