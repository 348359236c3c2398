"""A fast replacement for CCC: one fixed answer after a fixed wait.

    python -m local.bench.upstream --wait-ms 50

The simulator checks signatures, which takes more time than the function under test. This one only looks for the end of
a request. Prints `listening on http://127.0.0.1:PORT` and serves until SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import ssl
import sys

_JOB = "job-65815360847228928"


_CHANNEL = {
    "Index": 0,
    "ChannelId": f"ch:0:80011474:1609253204816:{_JOB}",
    "ChannelState": "ANSWERED",
    "ChannelFlags": "MUTED",
    "CallType": "OUTBOUND",
    "JobId": _JOB,
    "Originator": "80011474",
    "Destination": "80011475",
    "UserId": "user-test@ccc-test",
    "UserExtension": "80011474",
    "SkillGroupId": "skg-default@ccc-test",
    "Timestamp": 1609253212511,
    "ReleaseInitiator": "",
    "ReleaseReason": "",
}
# As large as CCC's answer, so the figures include the cost of reading it.
_BODY = json.dumps(
    {
        "RequestId": "A275B008-A25B-494D-AB53-93CE253815B6",
        "HttpStatusCode": 200,
        "Code": "OK",
        "Message": "",
        "Params": [],
        "Data": {
            "CallContext": {
                "CallType": "OUTBOUND",
                "InstanceId": "ccc-test",
                "JobId": _JOB,
                "ChannelContexts": [_CHANNEL, _CHANNEL],
            },
            "UserContext": {"InstanceId": "ccc-test", "UserId": "user-test@ccc-test", "UserState": "TALKING"},
        },
    }
).encode()
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=utf-8\r\nContent-Length: %d\r\n\r\n" % len(_BODY)
) + _BODY
_END = b"\r\n\r\n"


class Connection(asyncio.Protocol):
    """One connection: every request without a body gets the answer."""

    def __init__(self, wait_s: float) -> None:
        self._wait_s = wait_s
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream's
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer as many requests as have ended."""
        self._received += data
        while _END in self._received:
            _, _, self._received = self._received.partition(_END)
            if self._wait_s:
                asyncio.get_running_loop().call_later(self._wait_s, self._answer)
            else:
                self._answer()

    def _answer(self) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.write(_ANSWER)


async def serve(wait_s: float, certificate: str | None) -> None:
    """Serve until SIGTERM."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if certificate else None
    if tls and certificate:
        tls.load_cert_chain(certificate)
    server = await loop.create_server(lambda: Connection(wait_s), "127.0.0.1", 0, ssl=tls, backlog=512)
    port = server.sockets[0].getsockname()[1]
    sys.stdout.write(f"listening on http://127.0.0.1:{port}\n")
    sys.stdout.flush()
    await stopped.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m local.bench.upstream", description=__doc__)
    parser.add_argument("--wait-ms", type=float, default=0, help="before each answer (default: %(default)s)")
    parser.add_argument("--certificate", help="to serve over TLS: a file with certificate and key")
    options = parser.parse_args()
    asyncio.run(serve(options.wait_ms / 1000, options.certificate))
