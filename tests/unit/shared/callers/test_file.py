from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from shared.callers.file import Callers, load_callers
from shared.callers.schemes import SCHEMES, keys_of
from shared.problems import ConfigurationError, Forbidden, Unauthorized
from shared.runtime.event import Request

BEARER = 'auth = { scheme = "bearer", secrets = ["env:TOKEN"] }\n'
INSTANCES = 'instances = ["ccc-test"]\n'
CRM = f"[callers.crm]\n{BEARER}{INSTANCES}"
RAM = 'auth = { scheme = "ram" }\ninstances = ["*"]\n'
CANARY = "canary-4711"


class File(NamedTuple):
    """A callers file that a test writes and loads."""

    path: Path

    def load(self, text: str) -> Callers:
        self.path.write_text(text, encoding="utf-8")
        return load_callers(self.path)

    def reason(self, text: str) -> str:
        """Return why the text is refused."""
        with pytest.raises(ConfigurationError) as caught:
            self.load(text)
        assert caught.value.__suppress_context__
        return caught.value.reason


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path / "callers.toml")


def test_a_caller_has_the_documented_defaults(file: File) -> None:
    caller = file.load(CRM).callers.get("crm")

    assert caller is not None
    assert caller.methods == ["POST"]
    assert caller.response == "status-codes"
    assert caller.networks is None
    assert caller.defaults.model_dump(exclude_none=True) == {}


def test_every_key_of_this_version_is_taken(file: File) -> None:
    caller = file.load(
        CRM
        + 'networks = ["203.0.113.0/24", "2001:db8::/32", "198.51.100.7"]\n'
        + 'methods = ["POST", "GET"]\nresponse = "always-200"\n'
        + '[callers.crm.defaults]\ndevice_id = "crm"\ninstance_id = "ccc-test"\njob_id = 5\nuser_id = "a@b"\n'
        + 'channel_id = "ch"\n'
    ).callers.get("crm")

    assert caller is not None
    assert caller.methods == ["POST", "GET"]
    assert caller.response == "always-200"
    assert caller.defaults.model_dump() == {
        "device_id": "crm",
        "instance_id": "ccc-test",
        "job_id": "5",
        "user_id": "a@b",
        "channel_id": "ch",
    }


@pytest.mark.parametrize("name", ["a", "0", "crm", "crm-2", "a_b", "initialize2", "default"])
def test_a_name_has_lower_case_letters_digits_dashes(file: File, name: str) -> None:
    assert file.load(f'[callers."{name}"]\n{BEARER}{INSTANCES}').callers.get(name) is not None


@pytest.mark.parametrize(
    "name", ["CRM", "-crm", "_crm", "a b", "a.b", "ü", "", "a/b", "crm\\n", "healthz", "initialize", "openapi.json"]
)
def test_other_names_are_refused(file: File, name: str) -> None:
    assert "callers." in file.reason(f'[callers."{name}"]\n{BEARER}{INSTANCES}')


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f"[callers.crm]\n{INSTANCES}", "callers.crm.auth"),
        (f'[callers.crm]\nauth = "{CANARY}"\n{INSTANCES}', "callers.crm.auth"),
        (f"[callers.crm]\nauth = {{}}\n{INSTANCES}", "callers.crm.auth"),
        (f'[callers.crm]\nauth = {{ secrets = ["{CANARY}"] }}\n{INSTANCES}', "callers.crm.auth"),
        (f'[callers.crm]\nauth = {{ scheme = "bearer" }}\n{INSTANCES}', "callers.crm.auth.secrets"),
        (f'[callers.crm]\nauth = {{ scheme = "bearer", secrets = [] }}\n{INSTANCES}', "callers.crm.auth.secrets"),
        (
            f'[callers.crm]\nauth = {{ scheme = "bearer", secrets = "{CANARY}" }}\n{INSTANCES}',
            "callers.crm.auth.secrets",
        ),
        (
            f'[callers.crm]\nauth = {{ scheme = "bearer", secrets = ["{CANARY}"] }}\n{INSTANCES}',
            "callers.crm.auth.secrets.0",
        ),
        (
            f'[callers.crm]\nauth = {{ scheme = "bearer", secrets = ["env:A", "env:{CANARY}"] }}\n{INSTANCES}',
            "callers.crm.auth.secrets.1",
        ),
        (
            f'[callers.crm]\nauth = {{ scheme = "bearer", secrets = ["env:A", 4711] }}\n{INSTANCES}',
            "callers.crm.auth.secrets.1",
        ),
        (
            '[callers.crm]\nauth = { scheme = "bearer", secrets = ["env:A?", "env:B?"] }\n' + INSTANCES,
            "callers.crm.auth.secrets",
        ),
        (
            '[callers.crm]\nauth = { scheme = "bearer", secrets = [' + '"env:A", ' * 6 + "] }\n" + INSTANCES,
            "callers.crm.auth.secrets",
        ),
        (
            f'[callers.crm]\nauth = {{ scheme = "bearer", secrets = ["env:A"], token = "{CANARY}" }}\n{INSTANCES}',
            "callers.crm.auth.token",
        ),
        (
            '[callers.crm]\nauth = { scheme = "bearer", secrets = ["env:A"], allow_anonymous = true }\n' + INSTANCES,
            "callers.crm.auth.allow_anonymous",
        ),
        (
            f'[callers.crm]\nauth = {{ scheme = "ram", secrets = ["{CANARY}"] }}\n{INSTANCES}',
            "callers.crm.auth.secrets",
        ),
        (f'[callers.crm]\nauth = {{ scheme = "none" }}\n{INSTANCES}', "callers.crm.auth.allow_anonymous"),
        (
            f'[callers.crm]\nauth = {{ scheme = "none", allow_anonymous = false }}\n{INSTANCES}',
            "callers.crm.auth.allow_anonymous",
        ),
        (
            f'[callers.crm]\nauth = {{ scheme = "none", allow_anonymous = "{CANARY}" }}\n{INSTANCES}',
            "callers.crm.auth.allow_anonymous",
        ),
        (f"[callers.crm]\n{BEARER}", "callers.crm.instances"),
        (f"[callers.crm]\n{BEARER}instances = []\n", "callers.crm.instances"),
        (f'[callers.crm]\n{BEARER}instances = "{CANARY}"\n', "callers.crm.instances"),
        (f'[callers.crm]\n{BEARER}instances = ["{CANARY}", "*"]\n', "callers.crm.instances"),
        (f"[callers.crm]\n{BEARER}instances = [true]\n", "callers.crm.instances.0"),
        (f'[callers.crm]\n{BEARER}instances = ["a", ""]\n', "callers.crm.instances.1"),
        (f'{CRM}networks = "10.0.0.0/8"\n', "callers.crm.networks"),
        (f'{CRM}networks = ["{CANARY}"]\n', "callers.crm.networks.0"),
        (f'{CRM}networks = ["10.0.0.0/8", "10.0.0.1/8"]\n', "callers.crm.networks.1"),
        (f"{CRM}networks = []\n", "callers.crm.networks"),
        (f'{CRM}networks = ["::ffff:203.0.113.0/120"]\n', "callers.crm.networks.0"),
        (f"{CRM}networks = [167772160]\n", "callers.crm.networks.0"),
        (f"{CRM}methods = []\n", "callers.crm.methods"),
        (f'{CRM}methods = ["{CANARY}"]\n', "callers.crm.methods.0"),
        (f'{CRM}methods = ["POST", "PUT"]\n', "callers.crm.methods.1"),
        (f'{CRM}methods = ["post"]\n', "callers.crm.methods.0"),
        (f'{CRM}response = "{CANARY}"\n', "callers.crm.response"),
        (f'{CRM}defaults = "{CANARY}"\n', "callers.crm.defaults"),
        (f'{CRM}defaults = {{ user_id = "{CANARY}" }}\n', "callers.crm.defaults.user_id"),
        (f'{CRM}defaults = {{ device_id = "" }}\n', "callers.crm.defaults.device_id"),
        (f"{CRM}defaults = {{ job_id = true }}\n", "callers.crm.defaults.job_id"),
        (f'{CRM}defaults = {{ JobId = "{CANARY}" }}\n', "callers.crm.defaults.JobId"),
        (f'{CRM}token = "{CANARY}"\n', "callers.crm.token"),
        (f'{CRM}instance = ["{CANARY}"]\n', "callers.crm.instance"),
        (f'{CRM}[caller.crm]\na = "{CANARY}"\n', "caller:"),
        (f'version = "{CANARY}"\n{CRM}', "version"),
        (f'callers = "{CANARY}"\n', "callers"),
        (f'callers = ["{CANARY}"]\n', "callers"),
        ("[callers]\n", "callers"),
        ("", "callers"),
        (f'[callers]\ncrm = "{CANARY}"\n', "callers.crm"),
    ],
)
def test_an_error_names_the_caller_and_the_key_and_never_the_value(file: File, text: str, place: str) -> None:
    reason = file.reason(text)

    assert f"callers file: {place}" in reason
    assert CANARY not in reason
    assert "4711" not in reason


@pytest.mark.parametrize("key", ["methods", "networks", "payload"])
def test_a_direct_caller_has_no_http_settings(file: File, key: str) -> None:
    value = {"methods": '["POST"]', "networks": '["10.0.0.0/8"]', "payload": '"form"'}[key]

    reason = file.reason(f"[callers.ivr]\n{RAM}{key} = {value}\n")

    assert "callers.ivr" in reason
    assert key in reason


def test_two_direct_callers_are_one_too_many(file: File) -> None:
    reason = file.reason(f"[callers.ivr]\n{RAM}[callers.ops]\n{RAM}")

    assert "ivr, ops" in reason
    assert "ram" in reason


def test_one_error_lists_everything(file: File) -> None:
    reason = file.reason(
        f'[callers.a]\n{BEARER}[callers.b]\n{RAM}token = 1\n[callers.C]\n{BEARER}{INSTANCES}methods = ["X"]'
    )

    assert all(place in reason for place in ("callers.a.instances", "callers.b.token", "callers.C"))


@pytest.mark.parametrize("text", ["[callers", f'[callers.crm]\nauth = "{CANARY}', f"{CRM}{CRM}", "= 1", "\x00"])
def test_a_file_that_is_no_toml_is_refused_with_its_place(file: File, text: str) -> None:
    reason = file.reason(text)

    assert "callers file: " in reason
    assert CANARY not in reason


@pytest.mark.parametrize(
    ("right", "wrong", "line", "hint"),
    [
        ('["ccc-test"]', "[\u201cccc-test\u201d]", 3, "English"),
        ('", secrets', '"\uff0csecrets', 2, "English"),
        ("instances =", "instances \uff1d", 3, "English"),
        ('["ccc-test"]', '\u3010"ccc-test"\u3011', 3, "English"),
        ("instances = ", "instances =\u3000", 3, "English"),
        ("callers.crm", "callers.\u5ba2\u670d", 1, "English"),
        ('"ccc-test"', "ccc-test", 3, "in quotes"),
        ("instances =", "instances:", 3, "KEY = VALUE"),
        ('"ccc-test"', '"ccc\ntest"', 3, "in one line"),
        ('"ccc-test"', '"ccc"test"', 3, "comma"),
        ('"ccc-test"', '"ccc\\dest"', 3, "'…'"),
        (INSTANCES, f'{INSTANCES}response = "a"b"\n', 4, "'…'"),
        (INSTANCES, INSTANCES + INSTANCES, 4, "remove one"),
        (INSTANCES, f"{INSTANCES}[callers.crm]\n", 4, "one table"),
        (INSTANCES, f"{INSTANCES}dead_letters = True\n", 4, "lower case"),
        (CRM, '{"callers": {}}', 1, "[callers.NAME]"),
        (CRM, "callers:\n  crm:\n", 1, "KEY = VALUE"),
        (INSTANCES, f"{INSTANCES}defaults = {{ job_id = 'a' user_id = 'b' }}\n", 4, "comma"),
    ],
)
def test_a_file_that_is_no_toml_is_told_with_its_line_and_what_to_write(
    file: File, right: str, wrong: str, line: int, hint: str
) -> None:
    reason = file.reason(CRM.replace(right, wrong))

    assert f"(at line {line}, column " in reason
    assert hint in reason
    assert "test" not in reason


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        (f'{CRM}event_time = "body.t"\nmax_age_seconds = "60"\n', "max_age_seconds", "whole number"),
        (f'{CRM}event_time = "body.t"\nmax_age_seconds = true\n', "max_age_seconds", "whole number"),
        (f'{CRM}dead_letters = "yes"\n', "dead_letters", "true or false"),
        (f"{CRM}dead_letters = 1\n", "dead_letters", "true or false"),
        (f"{CRM}[[callers.crm.handshakes]]\nwhen = 'body'\nstatus = '200'\n", "handshakes.0.status", "whole number"),
        (f"{CRM}[callers.crm.handshakes]\nwhen = 'body'\n", "handshakes", "[[callers.crm.handshakes]]"),
        (CRM.replace("[callers.crm]", "[[callers.crm]]"), "callers.crm", "[callers.crm]"),
        (CRM.replace('["ccc-test"]', '"ccc-test"'), "instances", '["…"]'),
        (CRM.replace("env:TOKEN", "env:"), "auth.secrets.0", "letters, digits and _"),
        (CRM.replace("env:TOKEN", "env:MY-TOKEN"), "auth.secrets.0", "letters, digits and _"),
        ('[callers.crm]\nauth = { scheme = "none" }\n' + INSTANCES, "auth.allow_anonymous", "true"),
    ],
)
def test_a_value_of_another_type_is_told_with_the_right_one(file: File, text: str, place: str, hint: str) -> None:
    reason = file.reason(text)

    assert f"{place}: " in reason
    assert hint in reason


def test_a_file_that_is_no_utf8_is_refused(file: File) -> None:
    file.path.write_bytes(b'# \xff\nsecret = "canary"\n')

    with pytest.raises(ConfigurationError) as caught:
        load_callers(file.path)

    assert caught.value.reason == "callers file: not UTF-8; save it as UTF-8"


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_a_file_that_cannot_be_read_is_refused_with_its_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_callers(tmp_path / name)

    assert str(tmp_path / name) in caught.value.reason


def test_a_changed_file_is_read_again(file: File) -> None:
    assert set(file.load(CRM).callers) == {"crm"}

    assert set(file.load(f"[callers.other]\n{BEARER}{INSTANCES}").callers) == {"other"}


def test_a_change_that_keeps_size_and_time_is_seen(file: File) -> None:
    file.load(CRM)
    before = file.path.stat()
    file.path.write_text(CRM.replace("crm", "drm"), encoding="utf-8")
    # As a copy that keeps its times.
    os.utime(file.path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert set(load_callers(file.path).callers) == {"drm"}


def test_a_file_that_did_not_change_is_parsed_once(file: File) -> None:
    assert file.load(CRM) is load_callers(file.path)


def test_a_repaired_file_is_read_again(file: File) -> None:
    file.reason("[callers")

    assert set(file.load(CRM).callers) == {"crm"}


@pytest.mark.parametrize(
    ("networks", "address", "allowed"),
    [
        ([], "203.0.113.9", True),
        ([], "", True),
        (["203.0.113.0/24"], "203.0.113.0", True),
        (["203.0.113.0/24"], "203.0.113.255", True),
        (["203.0.113.0/24"], "203.0.114.0", False),
        (["203.0.113.0/24"], "::ffff:203.0.113.9", True),
        (["203.0.113.0/24"], "::ffff:203.0.114.9", False),
        (["203.0.113.0/24"], "2001:db8::1", False),
        (["203.0.113.9"], "203.0.113.9", True),
        (["203.0.113.9"], "203.0.113.8", False),
        (["0.0.0.0/0"], "198.51.100.1", True),
        (["0.0.0.0/0"], "2001:db8::1", False),
        (["2001:db8::/32"], "2001:db8:ffff::1", True),
        (["2001:db8::/32"], "2001:DB8::0:1", True),
        (["2001:db8::/32"], "2001:db9::1", False),
        (["2001:db8::/32"], "203.0.113.9", False),
        (["10.0.0.0/8", "2001:db8::/32"], "10.255.0.1", True),
        (["10.0.0.0/8", "2001:db8::/32"], "2001:db8::1", True),
        (["10.0.0.0/8"], "", False),
        (["10.0.0.0/8"], "unknown", False),
        (["10.0.0.0/8"], "10.0.0.1:443", False),
        (["10.0.0.0/8"], "10.0.0.1, 203.0.113.9", False),
        (["10.0.0.0/8"], "010.0.0.1", False),
    ],
)
def test_networks_limit_where_a_caller_comes_from(
    file: File,
    networks: list[str],
    address: str,
    allowed: bool,  # noqa: FBT001 - a column of the table
) -> None:
    text = CRM + (f"networks = {networks}\n" if networks else "")
    caller = file.load(text).callers.get("crm")

    assert caller is not None
    assert caller.may_come_from(address) is allowed


@pytest.mark.parametrize(
    ("instances", "instance_id", "allowed"),
    [
        (["ccc-test"], "ccc-test", True),
        (["ccc-test"], "ccc-tes", False),
        (["ccc-test"], "CCC-TEST", False),
        (["ccc-test"], "*", False),
        (["a", "ccc-test"], "ccc-test", True),
        (["*"], "anything", True),
        (["ccc-*"], "ccc-test", False),
    ],
)
def test_instances_are_an_allow_list(
    file: File,
    instances: list[str],
    instance_id: str,
    allowed: bool,  # noqa: FBT001 - a column of the table
) -> None:
    caller = file.load(f"[callers.crm]\n{BEARER}instances = {instances}\n").callers.get("crm")

    assert caller is not None
    assert caller.may_use_instance(instance_id) is allowed


def test_the_direct_caller_is_the_one_with_scheme_ram(file: File) -> None:
    callers = file.load(f"{CRM}[callers.ivr]\n{RAM}")

    assert callers.of(Request(direct=True)) == ("ivr", callers.callers["ivr"])


def test_without_scheme_ram_there_is_no_direct_caller(file: File) -> None:
    with pytest.raises(Forbidden):
        file.load(CRM).of(Request(direct=True))


def test_an_unknown_name_is_nobody(file: File) -> None:
    with pytest.raises(Unauthorized):
        file.load(CRM).of(Request(caller_path="nobody"))


def test_anonymous_callers_have_to_be_asked_for_twice(file: File) -> None:
    text = f'[callers.open]\nauth = {{ scheme = "none", allow_anonymous = true }}\n{INSTANCES}'

    assert file.load(text).callers.get("open") is not None


def test_the_shipped_file_is_valid() -> None:
    shipped = Path(__file__).parents[4] / "functions" / "mute_call" / "callers.toml"

    assert set(load_callers(shipped).callers) == {"default", "ivr"}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('[callers.crm]\nauth = { scheme = "canary" }\ninstances = ["a"]\n', "callers.crm.auth"),
        ('[callers.crm]\nauth = { scheme = ["canary"] }\ninstances = ["a"]\n', "callers.crm.auth"),
        (
            '[callers.auth]\nauth = { scheme = "ram" }\ninstances = ["a"]\nresponse = "canary"\n',
            "callers.auth.response",
        ),
        (
            '[callers.auth]\nauth = { scheme = "bearer", secrets = ["canary"] }\ninstances = ["a"]\n',
            "callers.auth.auth.secrets.0",
        ),
        (
            '[callers.open]\nauth = { scheme = "none", allow_anonymous = 1 }\ninstances = ["a"]\n',
            "callers.open.auth.allow_anonymous",
        ),
        ("[callers.crm]\ninstances = " + "[" * 5000, "callers file"),
        ('[callers.crm]\nauth = { scheme = "ram" }\ninstances = [" "]\n', "callers.crm.instances.0"),
        (
            '[callers.crm]\nauth = { scheme = "ram" }\ninstances = ["a"]\ndefaults = { job_id = " " }\n',
            "callers.crm.defaults.job_id",
        ),
    ],
)
def test_a_strange_file_is_told_by_caller_and_key_too(file: File, text: str, place: str) -> None:
    reason = file.reason(text)

    assert f"{place}: " in reason
    assert "canary" not in reason


# Settings of the schemes, mapping


def scheme_of(name: str, **settings: object) -> str:
    """Return a caller of this scheme; `...` leaves a setting out."""
    table = {"scheme": name, "secrets": ["env:A"], **settings}
    auth = ", ".join(f"{key} = {json.dumps(value)}" for key, value in table.items() if value is not ...)
    return f"[callers.crm]\nauth = {{ {auth} }}\n{INSTANCES}"


@pytest.mark.parametrize(
    "text",
    [
        *(
            scheme_of(name)
            for name in ("bearer", "basic", "api-key", "github", "stripe", "slack", "hubspot", "zendesk")
        ),
        *(scheme_of(name) for name in ("standard-webhooks", "twilio")),
        scheme_of("api-key", key="header.X-Key"),
        scheme_of("api-key", key="query.key"),
        *(
            scheme_of(name, tolerance_seconds=seconds)
            for name in ("standard-webhooks", "stripe", "slack", "hubspot", "zendesk")
            for seconds in (1, 86_400)
        ),
        *(scheme_of(name, public_url="https://h.example/x") for name in ("hubspot", "twilio")),
        scheme_of("hmac", signature="header.X-Sig"),
        scheme_of("none", secrets=..., allow_anonymous=True),
        scheme_of("ram", secrets=...),
        scheme_of("bearer", secrets=["env:A", "env:B?", "env:C?", "env:D?", "env:E?"]),
    ],
)
def test_every_scheme_has_its_settings(file: File, text: str) -> None:
    assert file.load(text).callers.get("crm") is not None


@pytest.mark.parametrize(
    ("text", "place"),
    [
        *((scheme_of(name, secrets=...), "secrets") for name in ("basic", "api-key", "github", "twilio", "slack")),
        (scheme_of("hmac", secrets=..., signature="header.X-Sig"), "secrets"),
        (scheme_of("standard-webhooks", secrets=[]), "secrets"),
        (scheme_of("stripe", secrets=["whsec_canary4711"]), "secrets.0"),
        (scheme_of("none", allow_anonymous=True), "secrets"),
        (scheme_of("api-key", key="canary 4711"), "key"),
        (scheme_of("api-key", key="part.canary4711"), "key"),
        (scheme_of("bearer", header="canary4711"), "header"),
        (scheme_of("github", tolerance_seconds=4711), "tolerance_seconds"),
        (scheme_of("twilio", tolerance_seconds=4711), "tolerance_seconds"),
        (scheme_of("basic", tolerance_seconds=4711), "tolerance_seconds"),
        (scheme_of("slack", tolerance_seconds=0), "tolerance_seconds"),
        (scheme_of("slack", tolerance_seconds=-1), "tolerance_seconds"),
        (scheme_of("slack", tolerance_seconds=4711.5), "tolerance_seconds"),
        (scheme_of("slack", tolerance_seconds="4711"), "tolerance_seconds"),
        (scheme_of("slack", tolerance_seconds=86_401), "tolerance_seconds"),
        (scheme_of("slack", public_url="https://canary-4711.example/"), "public_url"),
        (scheme_of("stripe", public_url="https://canary-4711.example/"), "public_url"),
        (scheme_of("hubspot", public_url="canary-4711"), "public_url"),
        (scheme_of("twilio", public_url="https://canary-4711.example/?a=1"), "public_url"),
        (scheme_of("hmac"), "signature"),
        (scheme_of("hmac", signature="header.X-Sig", algorithm="canary-4711"), "algorithm"),
        (scheme_of("hmac", signature="header.X-Sig", encoding="canary-4711"), "encoding"),
        (scheme_of("hmac", signature="header.X-Sig", key_encoding="canary-4711"), "key_encoding"),
        (scheme_of("hmac", signature="header.X-Sig", timestamp_format="canary-4711"), "timestamp_format"),
        (scheme_of("hmac", signature="header.X-Sig", timestamp="header.canary 4711"), "timestamp"),
        (scheme_of("hmac", signature="header.X-Sig", id="header.canary 4711"), "id"),
        (scheme_of("hmac", signature="header.X-Sig", content=""), "content"),
        (scheme_of("hmac", signature="header.X-Sig", prefix=4711), "prefix"),
        (scheme_of("hmac", signature="header.X-Sig", canary=4711), "canary"),
    ],
)
def test_a_wrong_setting_of_a_scheme_is_told_by_its_name(file: File, text: str, place: str) -> None:
    reason = file.reason(text)

    assert f"callers.crm.auth.{place}: " in reason
    assert "4711" not in reason


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (scheme_of("hmac", signature="header.X-Sig", content="canary-4711"), ("content", "body")),
        (scheme_of("hmac", signature="header.X-Sig", content="{body}{canary-4711}"), ("content",)),
        (scheme_of("hmac", signature="header.X-Sig", content="{body}{timestamp}"), ("content", "timestamp")),
        (scheme_of("hmac", signature="header.X-Sig", id="header.X-Canary-4711"), ("content", "id")),
        (scheme_of("hmac", signature="header.X-Sig", tolerance_seconds=4711), ("tolerance_seconds", "timestamp")),
        (
            scheme_of("hmac", signature="header.X-Sig", public_url="https://canary-4711.example"),
            ("public_url", "content"),
        ),
    ],
)
def test_settings_that_do_not_go_together_are_told_by_their_names(
    file: File, text: str, names: tuple[str, ...]
) -> None:
    reason = file.reason(text)

    assert "callers.crm.auth: " in reason
    assert all(name in reason for name in names)
    assert "4711" not in reason


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (scheme_of("shopify", tolerance_seconds=4711), "`shopify` takes no `tolerance_seconds`: remove it"),
        (scheme_of("bearer", key="header.x"), "`bearer` takes no `key`: remove it"),
        (scheme_of("github", signature="header.x"), "`github` takes no `signature`: remove it"),
        (scheme_of("ram"), "`ram` takes no `secrets`: remove it"),
        (scheme_of("shopify", tolerance_second=4711), "tolerance_second: Key is unknown; `shopify` takes `secrets`"),
        (scheme_of("slack", tolerance=4711), "did you mean `tolerance_seconds`?"),
        (scheme_of("bearer", secrets=..., secret="4711"), "did you mean `secrets`?"),
        (scheme_of("bearer", secrets=..., colour="4711"), "`bearer` takes `secrets`"),
        (scheme_of("bearer4711"), "callers.crm.auth: Unknown scheme"),
        (f"{CRM}secrets = []\n", "callers.crm.secrets: Key belongs in auth"),
        (f"{CRM}tolerance_seconds = 3\n", "callers.crm.tolerance_seconds: Key belongs in auth"),
        (f"{CRM}job_id = '4711'\n", "callers.crm.job_id: Key belongs in [callers.crm.parameters]"),
        (f"{CRM}reply = '4711'\n", "callers.crm.reply: Key belongs in [[callers.crm.handshakes]]"),
        (f"{CRM}[callers.crm.defaults]\ninstances = '4711'\n", "instances: Key belongs in [callers.crm], above"),
        (f"{CRM}[callers.crm.parameters]\nevent_time = '4711'\n", "event_time: Key belongs in [callers.crm], above"),
        (
            f"{CRM}[[callers.crm.handshakes]]\nwhen = 'body'\nresponse = '4711'\n",
            "callers.crm.handshakes.0.response: Key belongs in [callers.crm], above",
        ),
        (f"{CRM}[callers.crm.defaults]\nJobId = '4711'\n", "did you mean `job_id`?"),
        (f"{CRM}[callers.crm.defaults]\ncolour = '4711'\n", "Key is unknown; this table takes device_id, instance_id"),
        (f"{CRM}colour = '4711'\n", "Key is unknown; this table takes auth, instances"),
        (CRM.replace("callers.", ""), "crm: Key is unknown; each caller has a table [callers.NAME]"),
        (CRM.replace("callers.", "caller."), "did you mean `callers`?"),
        ("", "callers: Value is required; each caller has a table [callers.NAME]"),
    ],
)
def test_a_key_in_the_wrong_place_is_told_with_the_right_one(file: File, text: str, line: str) -> None:
    reason = file.reason(text)

    assert line in reason
    assert "4711" not in reason


@pytest.mark.parametrize("name", SCHEMES)
def test_a_suggestion_is_a_key_that_the_scheme_takes(file: File, name: str) -> None:
    every = sorted({key for each in SCHEMES for key in keys_of(each)})
    others = [key for key in every if key not in keys_of(name)]
    table = {"secrets": ..., **dict.fromkeys(others, "4711"), **{f"{key}s": "4711" for key in every}}

    reason = file.reason(scheme_of(name, **{key: value for key, value in table.items() if key not in keys_of(name)}))

    assert all(f"`{name}` takes no `{key}`" in reason for key in others)
    assert set(re.findall("did you mean `([a-z_]+)`", reason)) <= {*keys_of(name)}


def test_an_unknown_key_hides_no_other_fault(file: File) -> None:
    for name in ("bearer", "slack"):
        reason = file.reason(scheme_of(name, secrets=["canary"], colour="x"))

        assert "callers.crm.auth.colour: " in reason
        assert "callers.crm.auth.secrets.0: " in reason


@pytest.mark.parametrize(
    ("place", "hint"),
    [
        ("body.canary.b[0]", "indices"),
        ("body.canary[]", "indices"),
        ("body.[0]", "indices"),
        ("body.canary b", "double quotes"),
        ('body."canary', "double quotes"),
        ("body.'canary'", "double quotes"),
        ("body.\u201ccanary\u201d", "straight double quotes"),
        ("query.\u201ccanary\u201d", "straight double quotes"),
        ('query."canary', "straight double quotes"),
        ('query.""', "straight double quotes"),
        ("query. canary", "spaces"),
        ("headers.canary", "begin with header."),
        ("Header.canary", "begin with header."),
        (" header.canary", "begin with header."),
        ("QUERY.canary", "begin with query."),
        ("params.canary", "begin with query."),
        ("payload.canary", "begin with body."),
        ("header.can ary", "without spaces"),
        ("header.\u201ccanary\u201d", "quotes"),
        ("canary", "header.NAME, query.NAME or body.PATH"),
        ("canary.a", "header.NAME, query.NAME or body.PATH"),
        ("body", "header.NAME, query.NAME or body.PATH"),
        ("body.", "header.NAME, query.NAME or body.PATH"),
        (4711, "header.NAME, query.NAME or body.PATH"),
        (["header.canary"], "header.NAME, query.NAME or body.PATH"),
    ],
)
def test_a_wrong_place_is_told_with_what_to_write(file: File, place: object, hint: str) -> None:
    reason = file.reason(scheme_of("api-key", key=place))

    assert "callers.crm.auth.key: " in reason
    assert hint in reason
    assert "can" not in reason.replace("callers", "")
    assert "4711" not in reason


@pytest.mark.parametrize("place", ['body."a[0]".b', 'body."it\'s"', "body.\u901a\u8bdd-id", "query.a[]", 'query." a"'])
def test_a_strange_name_may_be_quoted(file: File, place: str) -> None:
    assert file.load(scheme_of("api-key", key=place)).callers.get("crm") is not None


@pytest.mark.parametrize("name", ["header.x y", "query.\u201ca\u201d", 'query."a'])
def test_a_wrong_place_in_a_content_is_told_as_one_of_the_content(file: File, name: str) -> None:
    reason = file.reason(scheme_of("hmac", signature="header.x-sig", content=f"{{{name}}}.{{body}}"))

    assert "callers.crm.auth: content: " in reason


FOUR = ("device_id", "instance_id", "job_id", "user_id")
CONSTANTS = {"instance_id": "ccc-test", "user_id": "a@b"}


def mapping(**changes: object) -> str:
    """Return a caller with an expression for each parameter that is required; `...` leaves one out."""
    expressions = {**dict.fromkeys(FOUR, "body.x"), **changes}
    lines = [f"{key} = {json.dumps(value)}\n" for key, value in expressions.items() if value is not ...]
    return f"{CRM}[callers.crm.parameters]\n{''.join(lines)}"


def test_expressions_defaults_and_key_are_taken(file: File) -> None:
    key = 'idempotency_key = "body.id"\n[callers.crm.parameters]'
    text = mapping(channel_id="body.c", job_id=...).replace("[callers.crm.parameters]", key)

    caller = file.load(text + '[callers.crm.defaults]\njob_id = "x"\n').callers.get("crm")

    assert caller is not None
    assert caller.idempotency_key.search({"body": {"id": "1"}}) == "1"
    assert caller.parameters is not None
    assert set(caller.parameters.given()) == {"device_id", "instance_id", "user_id", "channel_id"}
    assert caller.constants() == {"job_id": "x"}


def test_defaults_alone_may_fill_everything(file: File) -> None:
    constants = "".join(f'{name} = "{CONSTANTS.get(name, "x")}"\n' for name in FOUR)

    assert (
        file.load(f"{CRM}[callers.crm.parameters]\n[callers.crm.defaults]\n{constants}").callers.get("crm") is not None
    )


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (mapping(job_id="canary4711"), "parameters.job_id"),
        (mapping(job_id="body.[canary4711"), "parameters.job_id"),
        (mapping(job_id="canary4711(body)"), "parameters.job_id"),
        (mapping(job_id=""), "parameters.job_id"),
        (mapping(job_id=4711), "parameters.job_id"),
        (mapping(job_id=["body.canary4711"]), "parameters.job_id"),
        (mapping(channel_id="canary4711"), "parameters.channel_id"),
        (mapping(JobId="body.canary4711"), "parameters.JobId"),
        (mapping(canary="body.x4711"), "parameters.canary"),
        (f'{CRM}parameters = "body.canary4711"\n', "parameters"),
        (f'{CRM}idempotency_key = "canary4711"\n', "idempotency_key"),
        (f"{CRM}idempotency_key = 4711\n", "idempotency_key"),
        (f'{CRM}idempotency_key = ""\n', "idempotency_key"),
        (f'{CRM}idempotency_key = "body.x[{"9" * 4400}4711]"\n', "idempotency_key"),
    ],
)
def test_a_wrong_expression_is_told_by_its_key(file: File, text: str, place: str) -> None:
    reason = file.reason(text)

    assert f"callers.crm.{place}: " in reason
    assert "4711" not in reason


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (mapping(instance_id="'ccc-4711'"), "parameters.instance_id"),
        (mapping(instance_id="join('-', ['ccc', '4711'])"), "parameters.instance_id"),
        (mapping(instance_id=...) + "[callers.crm.defaults]\ninstance_id = 'ccc-4711'\n", "defaults.instance_id"),
        (f"{CRM}defaults = {{ instance_id = 'ccc-4711' }}\n", "defaults.instance_id"),
    ],
)
def test_a_constant_instance_is_on_the_callers_own_list(file: File, text: str, key: str) -> None:
    reason = file.reason(text)

    assert f"callers.crm: {key} " in reason
    assert "4711" not in reason
    for instances in ('["a", "ccc-4711"]', '["*"]'):
        assert file.load(text.replace('["ccc-test"]', instances)).callers.get("crm") is not None


@pytest.mark.parametrize("name", FOUR)
def test_a_required_parameter_needs_an_expression_or_a_default(file: File, name: str) -> None:
    assert f"callers.crm: parameters: {name} needs an expression or a default" in file.reason(mapping(**{name: ...}))
    assert (
        file.load(
            mapping(**{name: ...}) + f'[callers.crm.defaults]\n{name} = "{CONSTANTS.get(name, "x")}"\n'
        ).callers.get("crm")
        is not None
    )


def test_every_parameter_without_a_source_is_named(file: File) -> None:
    assert "parameters: device_id, instance_id, job_id, user_id needs" in file.reason(
        f"{CRM}[callers.crm.parameters]\nchannel_id = 'body.x'\n"
    )


def test_the_channel_needs_no_source(file: File) -> None:
    assert file.load(mapping()).callers.get("crm") is not None
