from __future__ import annotations

import io
import json
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from local.cli.command_line import UsageError
from local.send import __main__ as command
from local.send.message import Message, compose, first_secret, read_message, read_url
from local.send.wire import Answer, Outgoing, curl
from shared.callers.caller import Caller
from shared.callers.schemes import SCHEMES
from shared.callers.secret_references import from_environment
from shared.runtime.event import Request, read_event
from tests.builders import PAYLOAD, http_event

NOW = 1_693_896_071.895
SECRET = "c2VjcmV0IG9mIGF0IGxlYXN0IDI0IGJ5dGVz"
URL = "http://127.0.0.1:9000"


def caller(scheme: str = "bearer", **settings: Any) -> Caller:
    auth = {"scheme": scheme, "secrets": ["env:SECRET"], **settings}
    return Caller.model_validate({"auth": auth, "instances": ["*"]})


ANONYMOUS = Caller.model_validate({"auth": {"scheme": "none", "allow_anonymous": True}, "instances": ["*"]})


def composed(content: bytes, url: str = URL, name: str = "crm", to: Caller = ANONYMOUS, **kwargs: Any) -> Outgoing:
    return compose(read_message(content, **kwargs), read_url(url), name, to, SECRET, NOW)


@pytest.mark.parametrize("content", [json.dumps(PAYLOAD).encode(), b'{"a":\t"\xe4\xb8\xad" }\n', b" [1]", b'"text"'])
def test_a_payload_is_sent_as_it_is(content: bytes) -> None:
    message = read_message(content)
    assert message.body == content
    assert message.request.method == "POST"
    assert message.request.headers == {"content-type": "application/json"}


def test_an_event_is_sent_as_the_request_that_it_stands_for() -> None:
    event = http_event(
        body="eyJhIjogMX0=", is_base64=True, method="GET", path="/x/crm", query={"q": "a b&c"}, headers={"X-A": "中"}
    )
    out = composed(event)
    assert (out.method, out.target, out.body) == ("GET", "/x/crm?q=a%20b%26c", b'{"a": 1}')
    assert out.headers["x-a"] == "中"


def test_a_form_is_made_of_a_flat_object() -> None:
    content = json.dumps({"a": "x y&z=ü", "n": 7, "t": True, "e": None}).encode()
    message = read_message(content, form=True)
    assert dict(parse_qsl(message.body.decode(), keep_blank_values=True)) == {
        "a": "x y&z=ü",
        "n": "7",
        "t": "true",
        "e": "",
    }
    assert message.request.headers == {"content-type": "application/x-www-form-urlencoded"}


def test_a_form_is_made_of_the_body_of_an_event_too() -> None:
    message = read_message(http_event({"a": "b"}), form=True)
    assert message.body == b"a=b"
    assert message.request.headers["content-type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("content", "form", "complaint"),
    [
        (b"{", False, "no JSON"),
        (b"\xff", False, "no JSON"),
        (b"[" * 100_000, False, "no JSON"),
        (http_event(body="?", is_base64=True), False, "the event cannot be sent: body is not base64 or not UTF-8"),
        (http_event(body="\ud800"), False, "the event cannot be sent: body is not base64 or not UTF-8"),
        (http_event(body="x" * 262_145), False, "the event cannot be sent: body has 262145 bytes"),
        (b"[1]", True, "a form is made of a flat JSON object"),
        (b'{"a": {}}', True, "a form is made of a flat JSON object"),
        (b'{"a": "\\ud800"}', True, "the form contains text that is not UTF-8"),
        (http_event(body="a=b"), True, "the body is not JSON"),
    ],
    ids=range(10),
)
def test_a_sample_that_cannot_be_sent_is_told(content: bytes, form: bool, complaint: str) -> None:  # noqa: FBT001 - a column
    with pytest.raises(UsageError) as caught:
        read_message(content, form=form)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("url", "path", "name", "target"),
    [
        (URL, "/", "crm", "/crm"),
        (URL, "", "crm", "/crm"),
        (URL, "/", "default", "/"),
        (URL, "/other", "default", "/other/default"),
        (URL, "/crm", "crm", "/crm"),
        (URL, "/a/crm/", "crm", "/a/crm/"),
        (URL, "/crm/a/", "crm", "/crm/a/crm"),
        (URL, "/%63rm", "crm", "/%63rm"),
        (URL, "/a b/ü?#", "crm", "/a%20b/%C3%BC%3F%23/crm"),
        (URL, "//a", "crm", "/a/crm"),
        (f"{URL}/", "/a", "crm", "/a/crm"),
        (f"{URL}/prefix/", "/a", "crm", "/prefix/crm"),
        (f"{URL}/prefix/crm", "/a", "crm", "/prefix/crm"),
        (f"{URL}?code=1&b=", "/", "crm", "/crm?code=1&b=&q=2"),
        (f"{URL}?q=1&r=3", "/", "crm", "/crm?q=2&r=3"),
    ],
)
def test_the_path_names_the_caller(url: str, path: str, name: str, target: str) -> None:
    query = {"q": "2"} if "?" in url else {}
    assert composed(http_event(path=path, query=query), url, name).target == target


@pytest.mark.parametrize(
    ("query", "target"),
    [("a=b&%C3%BC=%20", "/crm?a=b&%C3%BC=%20"), ("a&b=+", "/crm?a=&b=%20"), ("a=%2525", "/crm?a=%2525"), ("", "/crm")],
)
def test_the_query_of_the_url_is_sent(query: str, target: str) -> None:
    assert composed(b"{}", f"{URL}?{query}").target == target


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("a=1&a=2", "has a name twice"),
        ("a=1&%61=1", "has a name twice"),
        ("a=%ff", "has an escape that cannot be decoded"),
        ("%ff=a", "has an escape that cannot be decoded"),
        ("a=%zz", "has an escape that cannot be decoded"),
        ("a=%4", "has an escape that cannot be decoded"),
    ],
)
def test_a_query_that_would_arrive_as_another_is_told(query: str, complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        composed(b"{}", f"{URL}?{query}")
    assert str(caught.value) == f"the query of the URL {complaint}"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://LocalHost", "http://localhost"),
        ("http://localhost:80/x", "http://localhost"),
        ("https://example.com:443", "https://example.com"),
        ("https://example.com:80", "https://example.com:80"),
        ("http://[::1]:9000", "http://[::1]:9000"),
    ],
)
def test_the_host_is_the_one_that_every_client_writes(url: str, origin: str) -> None:
    out = composed(b"{}", url)
    assert out.origin == origin
    assert out.headers["host"] == origin.partition("//")[2]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:9000",
        "ftp://host",
        "http://",
        "http://:9000",
        "http://host:port",
        "http://host:70000",
        "http://[::1",
        "http://user:password@host",
        "http://host/#part",
        "http://host/a b",
        "http://host/\n",
        "http://hößt/",
    ],
)
def test_a_url_that_cannot_be_posted_to_is_told(url: str) -> None:
    with pytest.raises(UsageError, match=r"^the URL should be"):
        read_url(url)


@pytest.mark.parametrize("scheme", sorted(set(SCHEMES) - {"ram", "none", "basic"}))
def test_what_is_sent_is_what_was_signed(scheme: str) -> None:
    settings = {
        "hmac": {"signature": "header.X-Sig", "content": "{method}{url}{body}"},
        "hash": {"signature": "header.X-Sig", "content": "{body}{secret}"},
        "jwt": {"body_hash": "hash"},
        "api-key": {"key": "query.key"},
    }.get(scheme, {})
    to = caller(scheme, **settings)
    # It signs nothing but forms.
    out = composed(http_event(path="/ü b", query={"a": "1 +/ü", "b": ""}), to=to, form=scheme == "plivo")
    path, _, query = out.target.partition("?")
    # As the platform shows it to the function.
    received = read_event(
        http_event(path=path, query=dict(parse_qsl(query, keep_blank_values=True)), headers=out.headers)
    )
    to.auth.verify(replace(received, body=out.body), [SECRET], NOW)


def test_the_public_url_is_signed_where_there_is_one() -> None:
    to = caller("hubspot", public_url="https://public.example/hook")
    out = composed(b"{}", to=to)
    assert out.headers["host"] == "127.0.0.1:9000"
    to.auth.verify(Request(headers={**out.headers, "host": "any"}, raw_path="/any", body=out.body), [SECRET], NOW)


def test_the_credential_of_a_sample_gives_way() -> None:
    out = composed(http_event(token="of-the-sample"), to=caller())
    assert out.headers["authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize(
    ("request_", "complaint"),
    [
        (Request(method="GET / HTTP/1.1\r\nX:"), "the method of the request cannot be sent"),
        (Request(method=""), "the method of the request cannot be sent"),
        (Request(headers={"a b": ""}), "a header cannot be sent: its name is none of HTTP"),
        (Request(headers={"x": "a\r\nb: c"}), "the header 'x' cannot be sent"),
        (Request(headers={"x": "\ud800"}), "the request contains text that is not UTF-8"),
        (Request(query={"x": "\ud800"}), "the request contains text that is not UTF-8"),
        (Request(raw_path="/\ud800"), "the request contains text that is not UTF-8"),
    ],
    ids=range(7),
)
def test_what_http_cannot_carry_is_told(request_: Request, complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        compose(Message(request_, b""), read_url(URL), "crm", ANONYMOUS, "", NOW)
    assert str(caught.value) == complaint


def test_what_belongs_to_the_connection_of_the_sample_is_not_sent() -> None:
    names = ("Accept-Encoding", "TE", "Proxy-Connection", "Connection", "Transfer-Encoding", "Content-Length", "Host")
    kept = {"accept": "*/*", "content-encoding": "identity"}
    out = composed(http_event(headers={**dict.fromkeys(names, "gzip"), **kept}), to=caller())
    assert out.headers.keys() == {"accept", "content-encoding", "content-type", "host", "authorization"}
    assert out.headers["host"] == "127.0.0.1:9000"


@pytest.mark.parametrize(
    ("references", "environ", "secret"),
    [
        (["env:A"], {"A": "one"}, "one"),
        (["env:A", "env:B"], {"A": "one", "B": "two"}, "one"),
        (["env:A", "env:B"], {"B": "two"}, "two"),
        (["env:A?", "env:B"], {"A": "", "B": "two"}, "two"),
        (["env:A", "env:B?"], {"A": "of no use", "B": "two"}, "two"),
    ],
)
def test_the_first_secret_that_is_set_signs(references: list[str], environ: Mapping[str, str], secret: str) -> None:
    assert first_secret(caller(secrets=references).auth, from_environment(environ)) == secret


def test_a_caller_without_a_check_has_no_secret() -> None:
    assert first_secret(ANONYMOUS.auth, from_environment({})) == ""


def test_secrets_that_are_unset_are_named() -> None:
    auth = caller(secrets=["env:A", "env:B?", "env:C"]).auth
    with pytest.raises(UsageError) as caught:
        first_secret(auth, from_environment({"C": "of no use"}))
    assert str(caught.value) == ("a secret is needed: A is unset; C has characters that no bearer token has")


def outgoing(body: bytes = b"", method: str = "POST", target: str = "/", **headers: str) -> Outgoing:
    return Outgoing(
        "http://h", method, target, {name.replace("_", "-"): value for name, value in headers.items()}, body
    )


def test_a_command_says_what_is_sent() -> None:
    words = shlex.split(curl(outgoing(b"{}", host="h", content_type="application/json", x_empty="")))
    assert words == [
        *("curl", "-sS", "--noproxy", "*", "-X", "POST", "http://h/"),
        *("-H", "host: h", "-H", "content-type: application/json", "-H", "x-empty;"),
        *("--data-raw", "{}"),
    ]


@pytest.mark.parametrize(
    ("request_", "end"),
    [
        (outgoing(method="GET"), ["http://h/"]),
        (outgoing(method="HEAD"), ["--head", "http://h/"]),
        (outgoing(), ["-H", "Content-Type:", "--data-raw", ""]),
        (outgoing(target="/a/../b", method="GET"), ["http://h/a/../b", "--path-as-is"]),
        (outgoing('a\'b $x `y` \\ "中"\n'.encode(), content_type="a/b"), ["--data-raw", 'a\'b $x `y` \\ "中"\n']),
        (outgoing(b"@file", content_type="a/b"), ["--data-raw", "@file"]),
    ],
    ids=range(6),
)
def test_a_command_ends_with_the_body(request_: Outgoing, end: list[str]) -> None:
    assert shlex.split(curl(request_))[-len(end) :] == end


@pytest.mark.parametrize("body", [bytes(range(256)), b"a\0b", b"\xff%s\\n", "ü".encode() * 60_000], ids=range(4))
def test_a_body_that_is_no_argument_is_piped(body: bytes) -> None:
    first, pipe, rest = curl(outgoing(body)).partition(" | ")
    assert pipe
    assert shlex.split(rest)[-2:] == ["--data-binary", "@-"]
    printed = subprocess.run(["/bin/sh"], input=first.encode(), capture_output=True, check=True)
    assert printed.stdout == body


CALLERS = """
[callers.default]
auth = { scheme = "bearer", secrets = ["env:SECRET"] }
instances = ["*"]
[callers.open]
auth = { scheme = "none", allow_anonymous = true }
instances = ["*"]
[callers.tw]
auth = { scheme = "twilio", secrets = ["env:SECRET"] }
instances = ["*"]
[callers.ivr]
auth = { scheme = "ram" }
instances = ["*"]
"""
UNSIGNABLE = http_event(body="a=%ff", headers={"Content-Type": "application/x-www-form-urlencoded"}).decode()


@pytest.fixture
def callers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "callers.toml"
    path.write_text(CALLERS, encoding="utf-8")
    monkeypatch.setenv("CALLERS_FILE", str(path))
    monkeypatch.setenv("SECRET", SECRET)
    return path


def stopped(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        command.main(arguments)
    assert isinstance(caught.value.code, int)
    return caught.value.code


@pytest.mark.usefixtures("callers")
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["{}"], "the following arguments are required: --caller"),
        (["{", "--caller", "open"], "no JSON"),
        (["no/such.json", "--caller", "open"], "cannot read no/such.json: No such file or directory"),
        (["a\0b", "--caller", "open"], "cannot read a file of this name"),
        (["{}", "--caller", "open", "--url", "nowhere"], "the URL should be http(s)://host"),
        (["{}", "--caller", "open", "--url", f"{URL}?a=1&a=2"], "the query of the URL has a name twice"),
        ([UNSIGNABLE, "--caller", "tw"], "the request cannot be signed: form is malformed"),
        (["{}", "--caller", "open", "--age", "long"], "argument --age: invalid number of seconds value: 'long'"),
        (["{}", "--caller", "open", "--age", "nan"], "argument --age: invalid number of seconds value: 'nan'"),
        (["{}", "--caller", "open", "--age", "1e12"], "argument --age: invalid number of seconds value: '1e12'"),
        (["{}", "--caller", "nobody"], "callers.toml has no caller nobody; it has default, open, tw, ivr"),
        (
            ["{}", "--caller", "ivr"],
            "the gateway takes one: curl -sS http://127.0.0.1:9000/2023-03-30/functions/mute_call/invocations --data",
        ),
        (
            ["{}", "--caller", "ivr", "--function", "unmute_call"],
            "/2023-03-30/functions/unmute_call/invocations --data",
        ),
        (["{}", "--caller", "open", "--callers", "no.toml"], "callers file no.toml: No such file or directory"),
    ],
)
def test_a_wrong_command_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    assert stopped(*arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("python -m local.send: ")
    assert complaint in printed.err
    assert printed.err.count("\n") == 1


def test_the_errors_of_a_callers_file_are_told_with_its_name(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[callers.crm]\nauth = { scheme = "berer" }\ninstances = "x"\n', encoding="utf-8")

    assert stopped("{}", "--caller", "crm", "--callers", str(path)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f" {path}: callers.crm.auth: " in line
    assert "; callers.crm.instances: " in line


@pytest.mark.usefixtures("callers")
@pytest.mark.parametrize("status", [204, 302, 500])
def test_the_answer_is_printed_and_tells_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    sent: list[Outgoing] = []

    def exchange(request: Outgoing) -> Answer:
        sent.append(request)
        return Answer(status, "text/plain", "静音")

    monkeypatch.setattr(command, "exchange", exchange)
    assert command.main(["{}", "--caller", "default"]) == (0 if status < 300 else 1)
    assert capsys.readouterr().out == f"HTTP {status} text/plain\n静音\n"
    assert sent[0].headers["authorization"] == f"Bearer {SECRET}"


@pytest.mark.usefixtures("callers")
@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused; start it with `make run`"),
        (TimeoutError("timed\nout"), "timed out"),
        (UnicodeError("label too long"), "label too long"),
        (OSError(), "OSError"),
    ],
)
def test_the_lack_of_an_answer_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, cause: str
) -> None:
    def exchange(_: Outgoing) -> Answer:
        raise error

    monkeypatch.setattr(command, "exchange", exchange)
    assert command.main(["{}", "--caller", "default"]) == 1
    assert capsys.readouterr().err == f"python -m local.send: no answer from http://127.0.0.1:9000: {cause}\n"


@pytest.mark.usefixtures("callers")
def test_a_sample_may_come_from_stdin_or_from_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    content = '{"a": "中"}\n'.encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    (tmp_path / "payload.json").write_bytes(content)
    printed = []
    for sample in ("-", str(tmp_path / "payload.json")):
        assert command.main([sample, "--caller", "open", "--print-curl"]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert shlex.split(printed[0])[-1].encode() == content


@pytest.mark.parametrize("url", ["http://example.com", "http://10.0.0.1:9000/x", "http://127.0.0.1.example.com"])
def test_no_secret_crosses_a_network_in_the_clear(url: str) -> None:
    with pytest.raises(UsageError, match="unencrypted"):
        read_url(url)


@pytest.mark.parametrize(
    "url", ["https://example.com", "http://127.0.0.1:9000", "http://localhost", "http://[::1]:9000"]
)
def test_tls_or_this_machine_is_fine(url: str) -> None:
    assert read_url(url).geturl() == url
