"""The log service for tests: indexes, dashboards and alarms of one project, by its documented paths and signature."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any

from typing_extensions import Self

from tests.builders import CREDENTIALS

# Of the tool that deploys: some of the keys that it gives the index of `auto`.
KEYS: dict[str, dict[str, Any]] = {
    "durationMs": {"type": "double", "doc_value": True, "alias": ""},
    "functionName": {"type": "text", "doc_value": True, "caseSensitive": True, "chn": False, "token": [" ", '"']},
}
INDEX: dict[str, Any] = {
    "index_mode": "v2",
    "lastModifyTime": 1_700_000_000,
    "ttl": 90,
    "max_text_len": 2048,
    "line": {"caseSensitive": False, "chn": False, "token": [",", " "]},
    "keys": KEYS,
}


class SlsServer:
    """A server on a free port; what is refused says so with a code, as the service does.

    Attributes:
        project: the one that is there.
        logstore: likewise.
        index: of the logstore, `None` where there is none.
        resources: dashboards and alarms, by their paths.
        requests: method and path of each.
        refusal: status and code of every answer, if set.
    """

    def __init__(self, project: str, logstore: str = "default-logs") -> None:
        self.project, self.logstore = project, logstore
        self.index: Any = json.loads(json.dumps(INDEX))
        self.resources: dict[str, Any] = {}
        self.requests: list[str] = []
        self.refusal: tuple[int, str] | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, Any]:
        """Return status and content of an answer."""
        self.requests.append(f"{method} {path}")
        if self.refusal:
            return self.refusal[0], {"errorCode": self.refusal[1], "errorMessage": "canary in a message"}
        if not _is_signed(method, path, headers, body):
            return 401, {"errorCode": "SignatureNotMatch", "errorMessage": ""}
        if headers["Host"].partition(".")[0] != self.project:
            return 404, {"errorCode": "ProjectNotExist", "errorMessage": ""}
        content = json.loads(body) if body else None
        if path.startswith("/logstores/"):
            return self._index(method, path, content)
        return self._resource(method, path, content)

    def _index(self, method: str, path: str, content: Any) -> tuple[int, Any]:
        if path != f"/logstores/{self.logstore}/index":
            return 404, {"errorCode": "LogStoreNotExist", "errorMessage": ""}
        if (self.index is None) != (method == "POST"):
            return (404, {"errorCode": "IndexConfigNotExist"}) if self.index is None else (400, {"errorCode": "No"})
        if method != "GET":
            self.index = {**content, "index_mode": "v2"}
        return 200, self.index

    def _resource(self, method: str, path: str, content: Any) -> tuple[int, Any]:
        named = path if method != "POST" else f"{path}/{content.get('name') or content['dashboardName']}"
        if (named in self.resources) == (method == "POST"):
            return (400, {"errorCode": "AlreadyThere"}) if method == "POST" else (404, {"errorCode": "NotThere"})
        if method != "GET":
            self.resources[named] = {**self.resources.get(named, {}), **content}
        return 200, self.resources[named] if method == "GET" else None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, content = service.answer(self.command, self.path, self.headers, body)
                told = b"" if content is None else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            do_GET = do_POST = do_PUT = _serve  # noqa: N815 - the names that the library calls

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def _is_signed(method: str, path: str, headers: Any, body: bytes) -> bool:
    """Whether the signature is that of the request, as the service's page on V1 has it."""
    digest = hashlib.md5(body, usedforsecurity=False).hexdigest().upper() if body else ""
    names = sorted(name.lower() for name in headers if name.lower().startswith(("x-log-", "x-acs-")))
    lines = [method, digest, headers.get("Content-Type", ""), headers["Date"], *(f"{n}:{headers[n]}" for n in names)]
    secret = CREDENTIALS["ALIBABA_CLOUD_ACCESS_KEY_SECRET"].encode()
    expected = base64.b64encode(hmac.new(secret, "\n".join([*lines, path]).encode(), "sha1").digest()).decode()
    key = CREDENTIALS["ALIBABA_CLOUD_ACCESS_KEY_ID"]
    return (headers["Authorization"], headers.get("Content-MD5", "")) == (f"LOG {key}:{expected}", digest)
