import os
import re
from dataclasses import asdict, fields

import pytest

from local.gateway.context import Context310, Context312, apply_variables, build_context, provided_variables
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


def test_the_context_of_python310_has_credentials_and_service() -> None:
    context = build_context(Settings("mute.index:handler", runtime="python3.10", timeout=7), "1-2-3", CREDENTIALS)
    assert isinstance(context, Context310)
    assert asdict(context) == {
        "request_id": "1-2-3",
        "credentials": {"access_key_id": "id", "access_key_secret": "secret", "security_token": "token"},
        "function": {"name": "mute", "handler": "index.handler", "memory": 512, "timeout": 7},
        "service": {"name": "", "log_project": "", "log_store": "", "qualifier": "LATEST", "version_id": "LATEST"},
        "region": "cn-shanghai",
        "account_id": "1234567890123456",
    }


def test_the_context_of_python312_has_neither_but_a_logger() -> None:
    context = build_context(Settings("mute.index:handler", region="cn-beijing", timeout=0.5), "1-2-3", CREDENTIALS)
    assert isinstance(context, Context312)
    assert not hasattr(context, "credentials")
    assert not hasattr(context, "service")
    assert [field.name for field in fields(context)] == [
        "request_id", "function", "region", "account_id", "logger", "log_project", "log_store",
    ]  # fmt: skip
    function = {"name": "mute", "handler": "index.handler", "memory": 512, "timeout": 0.5}
    assert asdict(context.function) == {**function, "version_id": "LATEST", "qualifier": "LATEST"}
    assert (context.request_id, context.region, context.account_id) == ("1-2-3", "cn-beijing", "1234567890123456")


def test_a_function_without_a_role_has_empty_credentials() -> None:
    context = build_context(Settings("index:handler", runtime="python3.10"), "1", None)
    assert isinstance(context, Context310)
    assert context.credentials == Credentials("", "", "")


def test_the_logger_is_made_on_request_and_writes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    context = build_context(Settings("index:handler"), "1-2-3", None)
    assert isinstance(context, Context312)
    assert vars(context)["logger"] is None
    logger = context.getLogger()
    assert context.getLogger() is logger is context.logger
    logger.info("hello %s", "world")
    logger.debug("unseen")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d .* 1-2-3 \[INFO\] hello world\n", capsys.readouterr().out)


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
