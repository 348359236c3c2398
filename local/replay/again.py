"""Turns a dead letter into a request, signed again as its caller or as another one (pure)."""

from __future__ import annotations

import shlex
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, unquote

from local.cli.command_line import UsageError
from local.gateway.trigger import invocation_path
from local.replay.dead_letter import DeadLetter, without_numbers
from local.send.message import Message, addressed, compose, first_secret, is_here
from local.send.wire import Outgoing
from shared.action import Action
from shared.callers.caller import Caller
from shared.callers.schemes import Scheme
from shared.callers.secret_references import GetSecret
from shared.problems import InProgress, Problem
from shared.runtime.event import Request, http_request

_KEY = "idempotency-key"
# The id header of Standard Webhooks, and its other name: the scheme reads both but signs only with the first.
_ID, _OTHER_ID = "webhook-id", "svix-id"


class SkippedError(Exception):
    """The dead letter need not be sent; the text says why."""


class Again(NamedTuple):
    """The request to send, and a note on it."""

    outgoing: Outgoing
    note: str


class Post(NamedTuple):
    """The options that apply to all dead letters of one command.

    Attributes:
        url: the URL to send to.
        function: the name of the function's folder.
        action: the function's action.
        callers_file: the callers file.
        callers: the callers in it.
        caller: the caller to send as; `None` for the caller of each dead letter.
        new_key: whether each request gets a new idempotency key.
        get_secret: returns the values of a reference to a secret.
    """

    url: SplitResult
    function: str
    action: Action
    callers_file: Path
    callers: Mapping[str, Caller]
    caller: str | None
    new_key: bool
    get_secret: GetSecret


def check(letter: DeadLetter, action: Action) -> None:
    """Check that a dead letter should be sent to this function.

    Raises:
        SkippedError: the dead letter need not be sent.
        UsageError: the dead letter is for another function.
    """
    if letter.replayed:
        raise SkippedError("the answer of an earlier request, which has its own dead letter")
    if letter.code == InProgress.code:
        raise SkippedError("a duplicate of a request that ran; if that request failed, it has its own dead letter")
    if letter.action != action.name:
        # The other function may do the opposite.
        raise UsageError(f"a dead letter of {letter.action}: use --function, and --url of that function")


def prepare(letter: DeadLetter, file: str, post: Post, now: float) -> Again:
    """Return the request for a dead letter.

    Args:
        letter: the dead letter.
        file: the name of its file, for a command to paste.
        post: the options.
        now: seconds since the epoch, for the signature.

    Raises:
        UsageError: the dead letter cannot be sent.
    """
    return _invocation(letter, file, post) if letter.direct else _request(letter, post, now)


def _invocation(letter: DeadLetter, file: str, post: Post) -> Again:
    """Return a direct invocation. Only the local gateway accepts it over HTTP."""
    if not is_here(post.url):
        text = '"$(jq -r .body ' + shlex.quote(file) + ')"'
        raise UsageError(f"a direct invocation, which RAM must authorize: s {post.function} invoke --event {text}")
    target = invocation_path(post.function)
    headers = {"host": post.url.netloc, "content-type": "application/octet-stream"}
    return Again(Outgoing(f"{post.url.scheme}://{post.url.netloc}", "POST", target, headers, letter.content), "")


def _request(letter: DeadLetter, post: Post, now: float) -> Again:
    name = post.caller or letter.caller
    caller = post.callers.get(name)
    if caller is None:
        raise UsageError(f"the callers file has no caller {name}")
    if not caller.auth.over_http:
        raise UsageError(f"{name} is for direct invocation, and this is a request over HTTP")
    left_out = _left_out(letter, caller, new_key=post.new_key)
    secret = first_secret(caller.auth, post.get_secret)
    request = replace(_request_of(letter, name, caller.auth), payload=caller.payload)
    sent = _with_new_key(request, caller.auth) if post.new_key else request
    try:
        outgoing = compose(Message(sent, letter.content), post.url, name, caller, secret, now)
    except UsageError as error:
        raise UsageError(without_numbers(str(error))) from None
    # One second apart, so that keys differ if the signature contains a timestamp.
    keys = [
        _delivery(caller.auth, one, secret, moment)
        for one, moment in ((request, now - 1), (addressed(sent, post.url, name), now))
    ]
    key = _about_key(caller, is_new=keys[0] != keys[1], wanted=post.new_key)
    return Again(outgoing, "; ".join(filter(None, (left_out, key))))


def _left_out(letter: DeadLetter, caller: Caller, *, new_key: bool) -> str:
    """Return a note on omitted parts that the caller's expressions read; empty if there are none.

    Raises:
        UsageError: the omitted part is the idempotency key, or a parameter without a default.
    """
    added = {*caller.auth.credential_headers(), *caller.auth.credential_query()}
    gone = {*letter.omitted} - {name.lower() for name in added}
    ids = caller.auth.id_headers()
    if not new_key and gone & ids and not ids & letter.headers.keys():
        raise UsageError(f"left out: {_listed(gone & ids)}, the id of the delivery; --new-key sets another")
    read = {"headers": letter.headers, "query": letter.query}
    missing: set[str] = set()
    for root, given in read.items():
        for purpose, names in caller.reads(root).items():
            lacking = {name for name in names - given.keys() if name.lower() in gone}
            if lacking and purpose not in caller.constants():
                raise UsageError(f"left out: {_listed(lacking)}, which {purpose} reads")
            missing |= lacking
    return f"left out: {_listed(missing)}" if missing else ""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _request_of(letter: DeadLetter, name: str, scheme: Scheme) -> Request:
    """Return the request in a dead letter. If another caller sends it, the path no longer has the caller's name."""
    path = letter.path or "/"
    segments = path.rstrip("/").split("/")
    if name != letter.caller and unquote(segments[-1]) == letter.caller:
        path = "/".join(segments[:-1])
    headers = dict(letter.headers)
    if scheme.scheme == "standard-webhooks" and _OTHER_ID in headers:
        headers.setdefault(_ID, headers.pop(_OTHER_ID))
    return http_request(letter.method or "POST", path, headers=headers, query=letter.query, body=letter.content)


def _with_new_key(request: Request, scheme: Scheme) -> Request:
    """Return the request with a new `Idempotency-Key` and without the scheme's id, so signing adds a new one."""
    kept = {name: value for name, value in request.headers.items() if name not in scheme.id_headers()}
    return replace(request, headers={**kept, _KEY: str(uuid.uuid4())})


def _about_key(caller: Caller, *, is_new: bool, wanted: bool) -> str:
    """Return a note if a key is new or stays the same, contrary to what was asked for; else an empty text."""
    if caller.idempotency_key:
        return "the key stays: the caller's idempotency_key finds it in the request" if wanted else ""
    if is_new == wanted:
        return ""
    return "a new signature, and so a new key" if is_new else "the key stays: it is made from what is signed"


def _delivery(scheme: Scheme, request: Request, secret: str, now: float) -> str | None:
    try:
        signed = scheme.sign(request.with_headers({"host": request.headers.get("host", "localhost")}), secret, now)
        return scheme.verify(signed, [secret], now).delivery
    except Problem:
        # `compose` reports what cannot be signed.
        return None
