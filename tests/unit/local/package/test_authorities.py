from __future__ import annotations

import contextlib
import shutil
import ssl
from pathlib import Path

import certifi
import pytest
import trustme

from local.package.authorities import FOLDER, split_authorities


def test_an_authority_is_named_as_openssl_looks_it_up(tmp_path: Path) -> None:
    tmp_path.joinpath("certifi").mkdir()
    shutil.copy(certifi.where(), tmp_path / "certifi" / "cacert.pem")

    split_authorities(tmp_path)

    # As `openssl x509 -subject_hash` has it, of ISRG Root X1.
    assert tmp_path.joinpath(FOLDER, "4042bcee.0").is_file()


def test_openssl_finds_each_in_the_folder_and_those_of_the_same_name(tmp_path: Path) -> None:
    authorities = [trustme.CA(organization_name=name) for name in ("Größe  &  Co", "x" * 60, "Größe  &  Co")]
    tmp_path.joinpath("certifi").mkdir()
    text = "".join(f"# a comment\n{authority.cert_pem.bytes().decode()}" for authority in authorities)
    tmp_path.joinpath("certifi", "cacert.pem").write_text(text, encoding="utf-8")

    split_authorities(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == [FOLDER]
    for authority in authorities:
        shake_hands(authority, tmp_path / FOLDER)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(trustme.CA(), tmp_path / FOLDER)


def shake_hands(authority: trustme.CA, folder: Path) -> None:
    """Let a client that trusts the folder meet a server that the authority vouches for."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(serving)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = serving.wrap_bio(to_server, to_client, server_side=True)
    client = ssl.create_default_context(capath=folder).wrap_bio(to_client, to_server, server_hostname="127.0.0.1")
    for end in (client, server, client):
        with contextlib.suppress(ssl.SSLWantReadError):
            end.do_handshake()
    assert client.version()
