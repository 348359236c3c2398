"""A server that never lets go of its client, as a process of its own: an address for each way to do that.

`python -m tests.flooding_server CERTIFICATE` prints them as JSON, and ends with its standard input.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import ssl
import struct
import sys
import threading
import time
import zlib
from typing import NamedTuple

# No client may need the server for its end: it is long after every deadline of a test.
GIVES_UP_S = 20
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
LONG = OK + b"Content-Length: 1000000000\r\n"


def encoded(encoding: str) -> bytes:
    return LONG + b"Content-Encoding: " + encoding.encode() + b"\r\n\r\n"


def whole(body: bytes, encoding: str) -> bytes:
    return OK + f"Content-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def deflated(content: bytes, times: int) -> bytes:
    """Compress content again and again, in the time that it takes once."""
    packer = zlib.compressobj(wbits=-15)
    return (packer.compress(content) + packer.flush(zlib.Z_FULL_FLUSH)) * times + packer.flush()


def gzipped(content: bytes, times: int) -> bytes:
    checksum = 0
    for _ in range(times):
        checksum = zlib.crc32(content, checksum)
    end = struct.pack("<II", checksum, len(content) * times % 2**32)
    return gzip.compress(b"")[:10] + deflated(content, times) + end


# A hundred megabytes, as a hundred times one.
MEGABYTE = bytes(1_000_000)
ZEROS = gzipped(MEGABYTE, 100)
EMPTY_MEMBERS = gzip.compress(b"") * 20_000
RECORD_OF_HELLO_REQUESTS = bytes([22, 3, 3, 0x10, 0]) + bytes(0x1000)
CHANGE_CIPHER_SPEC = bytes([20, 3, 3, 0, 1, 1])


class Flood(NamedTuple):
    """What is sent after a request: a beginning, and again and again a part, with a pause after each."""

    head: bytes
    part: bytes = b""
    pause_s: float = 0.0
    # Whether TLS begins with the server's side of it; if not, the flood is all that the client gets.
    tls: bool = True


FLOODS = {
    "100 continue": Flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "100 continue, slowly": Flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.02),
    "100 continue with headers": Flood(b"", b"HTTP/1.1 100 Continue\r\n" + b"A: b\r\n" * 90 + b"\r\n"),
    "103 early hints": Flood(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000),
    "status line, byte by byte": Flood(b"HTTP/1.1 200 ", b"O", 0.02),
    "status line": Flood(b"HTTP/1.1 200 ", b"O" * 65_536),
    "headers": Flood(OK, b"A: b\r\n" * 1000),
    "headers, byte by byte": Flood(OK + b"A: ", b"b", 0.02),
    "one header": Flood(OK + b"A: ", b"b" * 65_536),
    "folded header": Flood(OK + b"A: b\r\n", b" b\r\n" * 1000),
    "body": Flood(LONG + b"\r\n", b"x" * 65_536),
    "body, byte by byte": Flood(LONG + b"\r\n", b"x", 0.02),
    "body without length": Flood(OK + b"\r\n", b"x" * 65_536),
    "body without length, byte by byte": Flood(OK + b"\r\n", b"x", 0.02),
    "body of an error": Flood(b"HTTP/1.1 500 Oops\r\n\r\n", b"x" * 65_536),
    "body of a 204": Flood(b"HTTP/1.1 204 No Content\r\n\r\n", b"x" * 65_536),
    "chunks": Flood(CHUNKED, b"1000\r\n" + b"x" * 0x1000 + b"\r\n"),
    "chunks of a byte": Flood(CHUNKED, b"1\r\nx\r\n" * 10_000),
    "chunk extension": Flood(CHUNKED + b"1;", b"x" * 65_536),
    "chunk extensions": Flood(CHUNKED, b"1;" + b"x" * 60_000 + b"\r\nx\r\n"),
    "chunk extension, byte by byte": Flood(CHUNKED + b"1;", b"x", 0.02),
    "trailers": Flood(CHUNKED + b"0\r\n", b"A: b\r\n" * 1000),
    "trailers, slowly": Flood(CHUNKED + b"0\r\n", b"A: b\r\n", 0.02),
    "trailers of a body": Flood(CHUNKED + b"2\r\n{}\r\n0\r\n", b"A: b\r\n" * 1000),
    "gzip of zeros": Flood(encoded("gzip"), gzip.compress(MEGABYTE)),
    "gzip of nothing": Flood(encoded("gzip"), EMPTY_MEMBERS),
    "gzip of nothing, slowly": Flood(encoded("gzip"), gzip.compress(b""), 0.02),
    "gzip of empty blocks": Flood(encoded("gzip") + gzip.compress(b"")[:10], b"\0\0\0\xff\xff" * 10_000),
    "gzip with a long name": Flood(encoded("gzip") + b"\x1f\x8b\x08\x08" + bytes(6), b"x" * 65_536),
    "deflate of empty blocks": Flood(encoded("deflate"), b"\0\0\0\xff\xff" * 10_000),
    "gzip that ends, of zeros": Flood(whole(ZEROS, "gzip")),
    "gzip that ends, of nothing": Flood(whole(EMPTY_MEMBERS, "gzip")),
    "deflate that ends, of zeros": Flood(whole(deflated(MEGABYTE, 100), "deflate")),
    "gzip of gzip": Flood(whole(gzipped(ZEROS, 100), "gzip, gzip")),
    "gzip of gzip of nothing": Flood(whole(gzipped(EMPTY_MEMBERS, 100), "gzip, gzip")),
    "handshake": Flood(b"", RECORD_OF_HELLO_REQUESTS * 16, tls=False),
    "handshake, byte by byte": Flood(b"", b"\x16", 0.02, tls=False),
    "handshake of other records": Flood(b"", CHANGE_CIPHER_SPEC * 10_000, tls=False),
    "nothing": Flood(b""),
}


def main() -> None:
    """Serve until the standard input ends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1])
    addresses = {}
    for name, flood in FLOODS.items():
        for scheme in ("http", "https"):
            listener = socket.create_server(("127.0.0.1", 0))
            wrap = context if scheme == "https" and flood.tls else None
            threading.Thread(target=_accept, args=(listener, flood, wrap), daemon=True).start()
            addresses[f"{scheme} {name}"] = f"127.0.0.1:{listener.getsockname()[1]}"
    sys.stdout.write(json.dumps(addresses) + "\n")
    sys.stdout.flush()
    sys.stdin.read()


def _accept(listener: socket.socket, flood: Flood, context: ssl.SSLContext | None) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_flood, args=(connection, flood, context), daemon=True).start()


def _flood(connection: socket.socket, flood: Flood, context: ssl.SSLContext | None) -> None:
    until = time.monotonic() + GIVES_UP_S
    with (
        contextlib.suppress(OSError),
        context.wrap_socket(connection, server_side=True) if context else connection as to,
    ):
        # Only the beginning: what never reads all of a long request is one of the floods.
        to.recv(1024)
        to.sendall(flood.head)
        while flood.part and time.monotonic() < until:
            to.sendall(flood.part)
            time.sleep(flood.pause_s)
        time.sleep(max(0.0, until - time.monotonic()))


if __name__ == "__main__":
    main()
