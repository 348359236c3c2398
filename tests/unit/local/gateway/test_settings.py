from typing import Any

import pytest

from local.gateway.settings import Credentials, Settings


@pytest.mark.parametrize(
    ("handler", "name", "function_name", "function_handler"),
    [
        ("functions.mute_call.index:handler", "", "mute_call", "index.handler"),
        ("functions.mute_call.index:handler", "mute-call", "mute-call", "index.handler"),
        ("index:main", "", "index", "index.main"),
        ("mute.index:main", "", "mute", "index.main"),
    ],
)
def test_name_and_handler_come_from_the_module(
    handler: str, name: str, function_name: str, function_handler: str
) -> None:
    settings = Settings(handler, name=name)
    assert (settings.function_name, settings.function_handler) == (function_name, function_handler)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"runtime": "python3.9"}, "python3.9"),
        ({"methods": ("POST", "BREW")}, "BREW"),
        ({"methods": ()}, "none"),
        ({"timeout": 0}, "timeouts"),
        ({"timeout": float("nan")}, "timeouts"),
        ({"timeout": float("inf")}, "timeouts"),
        ({"initializer_timeout": -1}, "timeouts"),
        ({"initializer_timeout": 86401}, "timeouts"),
    ],
)
def test_what_the_platform_would_refuse_is_an_error(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Settings("index:handler", **fields)


def test_credentials_show_no_secret() -> None:
    assert repr(Credentials()) == "Credentials(access_key_id='STS.local')"
