"""The certificate authorities, each in a file that OpenSSL finds by its name.

certifi has all of them in one file. A first request over TLS would read that whole file to use one of them.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import ssl
from collections import Counter
from pathlib import Path

FOLDER = "authorities"
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\n.+?-----END CERTIFICATE-----\n", re.DOTALL)
# Tags of DER.
_SEQUENCE, _SET, _UTF8, _VERSION = 0x30, 0x31, 0x0C, 0xA0
_ENCODINGS = {_UTF8: "utf-8", 0x13: "ascii", 0x14: "latin-1", 0x16: "ascii", 0x1E: "utf-16-be"}
_SHORT_LENGTH = 0x80


def split_authorities(folder: Path) -> None:
    """Replace certifi in a package, where it is one, by a folder of its authorities."""
    source = folder / "certifi" / "cacert.pem"
    if not source.is_file():
        return
    authorities = _CERTIFICATE.findall(source.read_text(encoding="utf-8"))
    folder.joinpath(FOLDER).mkdir()
    names: Counter[str] = Counter()
    for text in authorities:
        name = subject_hash(ssl.PEM_cert_to_DER_cert(text))
        folder.joinpath(FOLDER, f"{name}.{names[name]}").write_text(text, encoding="ascii")
        names[name] += 1
    shutil.rmtree(folder / "certifi")


def subject_hash(certificate: bytes) -> str:
    """Return what OpenSSL looks a certificate (in DER) up by: eight hex digits from its subject, `X509_NAME_hash`."""
    ((_, signed),) = _elements(certificate)
    (_, to_be_signed), *_ = _elements(signed)
    # RFC 5280: serial number, signature, issuer, validity, subject; before them a version, if it is not the first.
    _, _, _, _, (_, names), *_ = (element for element in _elements(to_be_signed) if element[0] != _VERSION)
    digest = hashlib.sha1(_canonical(names), usedforsecurity=False).digest()
    return digest[3::-1].hex()


def _canonical(der: bytes) -> bytes:
    """Return names with all text in UTF-8 and lower case, and with single spaces."""
    found = b""
    for tag, content in _elements(der):
        if tag in (_SEQUENCE, _SET):
            found += _element(tag, _canonical(content))
        elif tag in _ENCODINGS:
            found += _element(_UTF8, b" ".join(content.decode(_ENCODINGS[tag]).encode().lower().split()))
        else:
            found += _element(tag, content)
    return found


def _elements(der: bytes) -> list[tuple[int, bytes]]:
    found = []
    while der:
        length, start = der[1], 2
        if length >= _SHORT_LENGTH:
            start += length - _SHORT_LENGTH
            length = int.from_bytes(der[2:start], "big")
        found.append((der[0], der[start : start + length]))
        der = der[start + length :]
    return found


def _element(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < _SHORT_LENGTH:
        return bytes([tag, length]) + content
    digits = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, _SHORT_LENGTH + len(digits)]) + digits + content
