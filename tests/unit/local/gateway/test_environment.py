import os

import pytest

from local.gateway.environment import apply_variables, provided_variables
from local.gateway.settings import Credentials, Settings

CREDENTIALS = Credentials("id", "secret", "token")
ROLE = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN")
COMMON = {
    "FC_ACCOUNT_ID": "1234567890123456",
    "FC_FUNCTION_HANDLER": "index.handler",
    "FC_FUNCTION_MEMORY_SIZE": "512",
    "FC_FUNCTION_NAME": "mute",
    "FC_INSTANCE_ID": "c-1",
    "FC_REGION": "cn-shanghai",
}


def test_python312_has_the_credentials_and_the_version() -> None:
    variables = provided_variables(Settings("mute.index:handler"), CREDENTIALS, "c-1")
    code_path = variables.pop("FC_FUNC_CODE_PATH")
    assert code_path
    assert variables == {
        **COMMON,
        "FC_FUNCTION_VERSION": "LATEST",
        "FC_VER_ID": None,
        **dict(zip(ROLE, ("id", "secret", "token"), strict=True)),
    }


def test_python310_has_none_of_them() -> None:
    variables = provided_variables(Settings("mute.index:handler", runtime="python3.10"), CREDENTIALS, "c-1")
    del variables["FC_FUNC_CODE_PATH"]
    assert variables == {**COMMON, "FC_FUNCTION_VERSION": None, "FC_VER_ID": "LATEST", **dict.fromkeys(ROLE)}


def test_a_function_without_a_role_has_no_credentials() -> None:
    variables = provided_variables(Settings("index:handler"), None, "c-1")
    assert [variables[name] for name in ROLE] == [None, None, None]


def test_variables_are_set_and_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_TEST_A", "before")
    monkeypatch.setenv("GATEWAY_TEST_B", "before")
    monkeypatch.setenv("GATEWAY_TEST_C", "before")
    apply_variables({"GATEWAY_TEST_A": "after", "GATEWAY_TEST_B": None, "GATEWAY_TEST_D": None})
    found = [os.environ.get(f"GATEWAY_TEST_{letter}") for letter in "ABCD"]
    assert found == ["after", None, "before", None]
