from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from shared import configuration
from shared.callers import secret_cache
from shared.callers.file import load_callers
from shared.callers.secret_cache import SecretCache
from shared.callers.secret_references import SecretUnavailableError, from_environment
from shared.clients import kms
from shared.problems import ConfigurationError
from shared.settings import read_settings
from tests.builders import Context310, Context312, environment
from tests.unit.shared.fakes import BEARER, CALLERS

SIGNED = '[callers.a]\nauth = { scheme = "slack", secrets = ["env:MUTE_CALL_TOKEN"] }\ninstances = ["x"]\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "callers.toml"
    path.write_text(CALLERS, encoding="utf-8")
    return path


def test_settings_and_callers_are_loaded_together(file: Path) -> None:
    settings, callers = configuration.load(environment(), Context312(region="eu-west-1"), file)

    assert settings.ccc_region == "eu-west-1"
    assert "default" in callers.callers


def test_the_variable_names_another_callers_file(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(f"[callers.other]{BEARER}", encoding="utf-8")

    callers = configuration.load(environment(CALLERS_FILE=str(other)), Context312(), file).callers

    assert set(callers.callers) == {"other"}


def test_an_empty_variable_means_the_default_file(file: Path) -> None:
    assert "default" in configuration.load(environment(CALLERS_FILE=""), None, file).callers.callers


def test_one_error_lists_what_is_wrong_with_variables_and_file(file: Path) -> None:
    file.write_text("[callers.crm]\nmethod = 1\n", encoding="utf-8")

    with pytest.raises(ConfigurationError) as caught:
        configuration.load(environment(DEADLINE_MS="x", LOG_LEVEL="y"), Context312(), file)

    assert all(
        place in caught.value.reason
        for place in ("DEADLINE_MS", "LOG_LEVEL", "callers.crm.auth", "callers.crm.instances", "callers.crm.method")
    )


def test_callers_without_their_secrets_are_stopped(file: Path) -> None:
    file.write_text(
        f"[callers.a]{BEARER}"
        '[callers.b]\nauth = { scheme = "bearer", secrets = ["env:B", "env:B_OLD?", "env:C"] }\ninstances = ["x"]\n'
        '[callers.c]\nauth = { scheme = "none", allow_anonymous = true }\ninstances = ["x"]\n',
        encoding="utf-8",
    )

    settings = read_settings({}, region="cn-shanghai")
    get_secret = from_environment({"MUTE_CALL_TOKEN": "", "B_OLD": "b"})

    stopped = configuration.stopped_callers(load_callers(file), get_secret, settings)

    assert stopped == {
        "a": ("callers.a.auth.secrets: MUTE_CALL_TOKEN is unset",),
        "b": ("callers.b.auth.secrets: B is unset", "callers.b.auth.secrets: C is unset"),
    }


@pytest.mark.parametrize(
    ("callers", "environ", "serves"),
    [
        (CALLERS, {}, True),
        (CALLERS, {"MUTE_CALL_TOKEN": ""}, True),
        (f"[callers.a]{BEARER}", {}, True),
        (f"[callers.a]{BEARER}", {"MUTE_CALL_TOKEN": "short"}, True),
        (f"[callers.a]{BEARER}", {"MUTE_CALL_TOKEN": ""}, False),
        (SIGNED, {"IDEMPOTENCY_TTL_SECONDS": "600"}, True),
        (SIGNED, {"IDEMPOTENCY_TTL_SECONDS": "599"}, False),
        (CALLERS, {"LOG_LEVEL": "loud"}, False),
        (CALLERS, {"CCC_PROTOCOL": "http"}, False),
        (CALLERS, {"CALLERS_FILE": "/nowhere/callers.toml"}, False),
        ("[callers", {}, False),
        ("", {}, False),
    ],
)
def test_somebody_is_served_unless_file_or_variables_stop_everybody(
    file: Path,
    callers: str,
    environ: dict[str, str],
    serves: bool,  # noqa: FBT001 - a column of the table
) -> None:
    file.write_text(callers, encoding="utf-8")

    assert (
        configuration.serves_anybody(environment(**environ), Context312(), file, SecretCache(kms.read_secret)) is serves
    )


def test_a_good_configuration_has_no_faults(file: Path) -> None:
    assert configuration.faults(environment(), Context312(), file, SecretCache(kms.read_secret)) == []


def test_all_faults_are_told_at_once(file: Path) -> None:
    file.write_text("[callers", encoding="utf-8")

    faults = configuration.faults({"LOG_LEVEL": "loud"}, Context312(), file, SecretCache(kms.read_secret))

    assert len(faults) == 3
    assert all(place in fault for place, fault in zip(("LOG_LEVEL", "callers file", "role"), faults, strict=True))


def test_unset_secrets_are_faults(file: Path) -> None:
    faults = configuration.faults({}, Context310(), file, SecretCache(kms.read_secret))

    assert faults[0] == "callers.default.auth.secrets: MUTE_CALL_TOKEN is unset"
    assert len(faults) == CALLERS.count("env:MUTE_CALL_TOKEN")


KMS_CALLERS = """
[callers.a]
auth = { scheme = "bearer", secrets = ["kms:crm"] }
instances = ["x"]
[callers.b]
auth = { scheme = "basic", secrets = ["kms:other", "kms:crm?"] }
instances = ["x"]
"""


def kept(values: Mapping[str, tuple[str, ...] | Exception]) -> SecretCache:
    def read(name: str, *_: object) -> tuple[str, ...]:
        value = values[name]
        if isinstance(value, Exception):
            raise value
        return value

    return SecretCache(read)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            {"crm": ("t",), "other": ("u:p",)},
            ["callers.b.auth.secrets: kms:crm: its current version is not username:password"],
        ),
        (
            {"crm": ("t\n", "t"), "other": ("u:p",)},
            ["callers.a.auth.secrets: kms:crm: its current version", "callers.b"],
        ),
        ({"crm": ("t", "old"), "other": ("u",)}, ["callers.b.auth.secrets: kms:other is not username:password"]),
        ({"crm": (), "other": ("u:p",)}, ["callers.a.auth.secrets: kms:crm is unset"]),
        (
            {"crm": SecretUnavailableError("kms:crm: KMS does not answer: X"), "other": ("u:p",)},
            ["callers.a.auth.secrets: kms:crm: KMS does not answer: X", "callers.b.auth.secrets: kms:crm: KMS does"],
        ),
        ({"crm": ("t",), "other": ("u:p", "u")}, ["callers.b.auth.secrets: kms:crm: its current"]),
    ],
)
def test_what_is_wrong_with_secrets_of_kms_is_told_of_each_caller(
    file: Path, values: dict[str, tuple[str, ...] | Exception], expected: list[str]
) -> None:
    file.write_text(KMS_CALLERS, encoding="utf-8")

    faults = configuration.faults(environment(), Context312(), file, kept(values))

    assert len(faults) == len(expected)
    assert all(fault.startswith(start) for fault, start in zip(faults, expected, strict=True))


@pytest.mark.parametrize(
    ("key", "is_constant"),
    [("`7`", True), ("'event'", True), ("join('-', ['a', 'b'])", True), ("body.id", False), ("to_string(@)", False)],
)
def test_a_constant_key_is_hinted_at(file: Path, key: str, is_constant: bool) -> None:  # noqa: FBT001 - a row
    file.write_text(CALLERS.replace("instances", f'idempotency_key = "{key}"\ninstances', 1), encoding="utf-8")

    told = configuration.hints(environment(), file)

    assert [hint.partition(": ")[0] for hint in told] == ["callers.default.idempotency_key"] * is_constant


def test_nothing_is_said_of_secrets_for_which_there_was_no_time(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(KMS_CALLERS, encoding="utf-8")
    monkeypatch.setattr(secret_cache, "SHARE", 0.0)

    assert configuration.faults(environment(), Context312(), file, kept({})) == []


DOWN = SecretUnavailableError("kms:crm: KMS does not answer: X")


@pytest.mark.parametrize(
    ("secrets", "values", "serves"),
    [
        (["kms:crm"], None, True),
        (["kms:crm", "env:UNSET"], None, False),
        (["kms:crm", "env:UNSET?"], None, True),
        (["kms:crm"], ("t",), True),
        (["kms:crm"], (), False),
        (["kms:crm"], ("not usable\n",), False),
        (["env:MUTE_CALL_TOKEN", "kms:crm?"], (), True),
        (["kms:crm"], DOWN, False),
        (["kms:crm"], ConfigurationError("kms:crm: KMS answered NoPermission with HTTP 403"), False),
        (["env:MUTE_CALL_TOKEN", "kms:crm?"], DOWN, False),
    ],
)
def test_whether_somebody_is_served_is_known_from_what_was_read_and_nobody_is_asked(
    file: Path, secrets: list[str], values: tuple[str, ...] | Exception | None, *, serves: bool
) -> None:
    file.write_text(
        f'[callers.a]\nauth = {{ scheme = "bearer", secrets = {json.dumps(secrets)} }}\ninstances = ["x"]\n'
    )
    asked: list[str] = []

    def read(name: str, *_: object) -> tuple[str, ...]:
        asked.append(name)
        if values is None or isinstance(values, Exception):
            raise values or AssertionError(name)
        return values

    kept = SecretCache(read)
    other, nobody = environment(ALIBABA_CLOUD_SECURITY_TOKEN="other"), environment(ALIBABA_CLOUD_SECURITY_TOKEN="")
    for environ in (environment(), other, nobody):
        # Nothing was read yet.
        assert configuration.serves_anybody(environ, Context312(), file, kept) is ("env:UNSET" not in secrets)
    if values is not None:
        configuration.faults(environment(), Context312(), file, kept)
    before = len(asked)
    assert configuration.serves_anybody(environment(), Context312(), file, kept) is serves
    assert configuration.serves_anybody(other, Context312(), file, kept) is ("env:UNSET" not in secrets)
    assert len(asked) == before


def test_the_first_caller_that_is_served_is_enough(file: Path) -> None:
    file.write_text("\n".join(f"[callers.a{number}]{BEARER}" for number in range(50)), encoding="utf-8")
    looked: list[str] = []

    class Environ(dict[str, str]):
        def get(self, name: str, default: Any = None) -> Any:
            looked.append(name)
            return super().get(name, default)

    assert configuration.serves_anybody(Environ(environment()), Context312(), file, SecretCache(kms.read_secret))
    assert looked.count("MUTE_CALL_TOKEN") == 1
