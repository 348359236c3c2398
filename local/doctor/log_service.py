"""The log service (SLS): finds the logstore, sends one signed request, and reads the index that the queries need.

It has its own signature (V1), which the generic SDK does not know. Only status and code of an answer are shown.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import uuid
from collections.abc import Mapping
from email.utils import formatdate
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from local.doctor.account import account_id
from local.doctor.live import Live, patience
from shared.clients import transport
from shared.runtime.context import Credentials
from shared.settings import Endpoint

NOT_FOUND, NO_INDEX = 404, "IndexConfigNotExist"

_WANTED = Path(__file__).resolve().parents[2] / "docs/watching/index.json"
_ENDPOINT = "SLS_ENDPOINT"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]")
_CODE = re.compile(r"[A-Za-z]{1,64}")
# The deployment tool's names for `auto`.
_AUTO, _AUTO_LOGSTORE, _LONGEST_PROJECT = "auto", "default-logs", 63
# Fields of an index that an update does not accept.
_READ_ONLY = ("index_mode", "lastModifyTime", "storage")
_CONNECT_S, _READ_S = 5.0, 10.0
_HTTP_ERROR = 400
_MARK = '"'


class LogServiceError(Exception):
    """The log service was not asked, did not answer, or refused; the text quotes nothing of the answer but its code.

    Attributes:
        status: of the answer, `None` without one.
        code: the service's own, `None` without one.
    """

    def __init__(self, text: str, status: int | None = None, code: str | None = None) -> None:
        super().__init__(text)
        self.status, self.code = status, code


class Logstore(NamedTuple):
    """The logstore of a function.

    Attributes:
        address: the service's address in the region, `https://host[:port]`, or `http://` on this machine.
        region: of the project.
        project: its name.
        name: of the logstore.
    """

    address: str
    region: str
    project: str
    name: str

    @property
    def index_path(self) -> str:
        """The path of its index."""
        return f"/logstores/{self.name}/index"


def logstore_of(live: Live) -> Logstore:
    """Return the logstore that the function is deployed with.

    Raises:
        LogServiceError: s.yaml names no logstore, or STS does not return the account.
    """
    region = live.case.region
    endpoint = live.case.shell.get(_ENDPOINT) or f"{region}.log.aliyuncs.com"
    try:
        endpoint = TypeAdapter(Endpoint).validate_python(endpoint)
    except ValidationError:
        raise LogServiceError(f"{_ENDPOINT} is no host[:port]") from None
    named = next((props.get("logConfig") for props in live.case.deployment.resources.values()), None)
    if isinstance(named, str) and named.partition("|")[0].lower() == _AUTO:
        project, name = project_of(region, account_id(live)), _AUTO_LOGSTORE
    else:
        fixed = named if isinstance(named, dict) else {}
        project, name = str(fixed.get("project")), str(fixed.get("logstore"))
    if not _NAME.fullmatch(project) or not _NAME.fullmatch(name):
        raise LogServiceError("logConfig in s.yaml names no project and logstore")
    return Logstore(endpoint, region, project, name)


def project_of(region: str, account: str | None) -> str:
    """Return the project that the tool creates for `auto`: one for all functions of an account in a region."""
    if not account:
        raise LogServiceError("STS does not return the account, which is part of the project's name")
    digest = hashlib.sha1(account.encode(), usedforsecurity=False).digest()
    return f"serverless-{region}-{uuid.UUID(bytes=digest[:16], version=5)}"[:_LONGEST_PROJECT]


def call(logstore: Logstore, credentials: Credentials, method: str, path: str, content: object = None) -> Any:
    """Return the decoded answer to one request about a project, `None` where it has no JSON.

    Args:
        logstore: of the project.
        credentials: of whoever asks.
        method: upper case.
        path: of the resource.
        content: sent as JSON; nothing for `None`.

    Raises:
        LogServiceError: no answer, or a refusal.
    """
    body = b"" if content is None else json.dumps(content).encode()
    where = urlsplit(logstore.address)
    # An address on this machine cannot have the project's name before it.
    host = f"{logstore.project}.{where.netloc}"
    url = f"{where.scheme}://{where.netloc if where.scheme == 'http' else host}{path}"
    headers = {"Host": host, **signed_headers(method, path, body, credentials, formatdate(usegmt=True))}
    try:
        with transport.Exchange(patience()).current():
            answer = transport.send(method, url, headers, body or None, connect_s=_CONNECT_S, read_s=_READ_S)
    except transport.TransportError as error:
        raise LogServiceError(f"{where.hostname} does not answer: {error}") from None
    try:
        told = json.loads(answer.body)
    except ValueError:
        told = None
    if answer.status >= _HTTP_ERROR:
        code = told.get("errorCode") if isinstance(told, dict) else None
        code = code if isinstance(code, str) and _CODE.fullmatch(code) else None
        raise LogServiceError(f"{method} {path}: {code or 'no code'}, HTTP {answer.status}", answer.status, code)
    return told


def signed_headers(method: str, path: str, body: bytes, credentials: Credentials, date: str) -> dict[str, str]:
    """Return the headers of a request: what it is signed with, and the signature (V1, HMAC-SHA1)."""
    own = {
        "x-log-apiversion": "0.6.0",
        "x-log-bodyrawsize": str(len(body)),
        "x-log-signaturemethod": "hmac-sha1",
    }
    if credentials.security_token:
        own["x-acs-security-token"] = credentials.security_token
    digest = hashlib.md5(body, usedforsecurity=False).hexdigest().upper() if body else ""
    kind = "application/json" if body else ""
    lines = [method, digest, kind, date, *(f"{name}:{own[name]}" for name in sorted(own)), path]
    key = credentials.access_key_secret.encode()
    signature = base64.b64encode(hmac.digest(key, "\n".join(lines).encode(), "sha1")).decode()
    of_body = {"Content-Type": kind, "Content-MD5": digest} if body else {}
    return {**own, **of_body, "Date": date, "Authorization": f"LOG {credentials.access_key_id}:{signature}"}


def read_index(logstore: Logstore, credentials: Credentials) -> dict[str, Any] | None:
    """Return the logstore's index, `None` where it has none.

    Raises:
        LogServiceError: no answer, or a refusal.
    """
    try:
        index = call(logstore, credentials, "GET", logstore.index_path)
    except LogServiceError as error:
        if error.code == NO_INDEX:
            return None
        raise
    if not isinstance(index, dict) or not isinstance(index.get("keys", {}), dict):
        raise LogServiceError(f"GET {logstore.index_path}: the answer is not an index")
    return {name: value for name, value in index.items() if name not in _READ_ONLY}


def completed(index: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return an index with its own fields and those that our queries need, because an update replaces all of it."""
    wanted = json.loads(_WANTED.read_text(encoding="utf-8"))
    there = dict(index or {})
    keys = there.get("keys") or {}
    longest = there.get("max_text_len")
    return {
        **there,
        "max_text_len": max(longest if isinstance(longest, int) else 0, wanted["max_text_len"]),
        "keys": {**keys, **{name: _completed(keys.get(name), field) for name, field in wanted["keys"].items()}},
    }


def _completed(there: object, wanted: dict[str, Any]) -> dict[str, Any]:
    """Return the index of a field: what is there, if it finds words, with analytics and the quotation mark.

    The words of a line are JSON's: without the mark as a separator `webhook` is found nowhere.
    """
    if not isinstance(there, dict) or there.get("type") != wanted["type"]:
        return wanted
    separators = there.get("token")
    if not isinstance(separators, list):
        return {**there, "doc_value": True, "token": wanted["token"]}
    return {**there, "doc_value": True, "token": separators + [_MARK] * (_MARK not in separators)}


def missing(index: Mapping[str, Any] | None) -> list[str]:
    """Return the fields that our queries need and an index lacks."""
    there, wanted = index or {}, completed(index)
    fields = there.get("keys") or {}
    lacking = [name for name, field in wanted["keys"].items() if fields.get(name) != field]
    return lacking + [name for name in ("max_text_len",) if there.get(name) != wanted[name]]
