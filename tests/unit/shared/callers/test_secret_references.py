from __future__ import annotations

from collections.abc import Mapping

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.callers.secret_references import GetSecret, SecretReferences, from_environment, read_secrets
from shared.problems import ConfigurationError

ADAPTER = TypeAdapter(SecretReferences)


def usable(value: str) -> str | None:
    return "is of no use" if " " in value else None


@pytest.mark.parametrize(
    "references",
    [
        ["kms:crm"],
        ["kms:crm/prod_1+2=3.4@a-b"],
        ["kms:" + "a" * 64],
        ["kms:crm", "env:A", "kms:old?"],
        ["env:A"],
        ["env:_a9"],
        ["env:A", "env:B?"],
        ["env:B?", "env:A"],
        ["env:A", "env:B", "env:C", "env:D", "env:E"],
    ],
)
def test_one_to_five_references_are_taken(references: list[str]) -> None:
    assert ADAPTER.validate_python(references) == references


@pytest.mark.parametrize(
    "references",
    [
        [],
        ["env:A"] * 6,
        ["env:A?"],
        ["env:A?", "env:B?"],
        ["env:"],
        ["env:?"],
        ["env:9A"],
        ["env:A-B"],
        ["env:A B"],
        ["env:A??"],
        ["env:A\n"],
        ["env:Ä"],
        [" env:A"],
        ["ENV:A"],
        ["A"],
        ["file:A"],
        ["kms:"],
        ["kms:?"],
        ["kms:a b"],
        ["kms:a?b"],
        ["kms:ä"],
        ["kms:" + "a" * 65],
        ["kms:a?"],
        ["KMS:a"],
        [""],
    ],
)
def test_other_references_are_refused(references: list[str]) -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(references)


@pytest.mark.parametrize(
    ("references", "environ", "secrets"),
    [
        (["env:A"], {"A": "a"}, ("a",)),
        (["env:A", "env:B"], {"A": "a", "B": "b"}, ("a", "b")),
        (["env:A", "env:B?"], {"A": "a", "B": "b"}, ("a", "b")),
        (["env:A", "env:B?"], {"A": "a"}, ("a",)),
        (["env:A", "env:B?"], {"A": "a", "B": ""}, ("a",)),
        (["env:A", "env:B?"], {"A": "a", "B": "not usable"}, ("a",)),
        ([], {}, ()),
    ],
)
def test_secrets_are_what_the_environment_holds_now(
    references: list[str], environ: dict[str, str], secrets: tuple[str, ...]
) -> None:
    assert read_secrets(references, from_environment(environ), usable) == secrets


@pytest.mark.parametrize(
    ("references", "environ", "reason"),
    [
        (["env:A"], {}, "A is unset"),
        (["env:A"], {"A": ""}, "A is unset"),
        (["env:A"], {"A": "not usable"}, "A is of no use"),
        (["env:A", "env:B"], {"A": "a"}, "B is unset"),
        (["env:A", "env:B?"], {"B": "b"}, "A is unset"),
        (["env:A", "env:B"], {"B": "no use"}, "A is unset; B is of no use"),
    ],
)
def test_a_secret_that_is_not_optional_must_be_there(
    references: list[str], environ: dict[str, str], reason: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_secrets(references, from_environment(environ), usable)

    assert caught.value.reason == reason


def both(values: Mapping[str, tuple[str, ...]]) -> GetSecret:
    return lambda reference: values.get(reference, ())


def test_all_versions_of_a_secret_count_in_their_order() -> None:
    get_secret = both({"kms:crm": ("new", "of no use", "old"), "env:A": ("a",)})

    assert read_secrets(["kms:crm", "env:A", "kms:other?"], get_secret, usable) == ("new", "old", "a")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ((), "kms:crm is unset"),
        (("of no use",), "kms:crm is of no use"),
        (("of no use", "this neither"), "kms:crm is of no use"),
    ],
)
def test_a_secret_of_kms_is_told_with_where_it_is(values: tuple[str, ...], reason: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_secrets(["kms:crm"], both({"kms:crm": values}), usable)

    assert caught.value.reason == reason


def test_one_usable_version_is_enough() -> None:
    assert read_secrets(["kms:crm"], both({"kms:crm": ("of no use", "old")}), usable) == ("old",)
