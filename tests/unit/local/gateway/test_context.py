import re
from dataclasses import asdict, fields

import pytest

from local.gateway.context import Context310, Context312, build_context
from local.gateway.settings import Credentials, Settings

CREDENTIALS = Credentials("id", "secret", "token")


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
