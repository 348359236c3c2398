from __future__ import annotations

from types import SimpleNamespace

import pytest

from shared.problems import ConfigurationError
from shared.runtime.context import Credentials, credentials_of, region_of, request_id_of
from tests.builders import CREDENTIALS, Context310, Context312, RoleCredentials

ROLE = Credentials("STS.local", "local-secret", "local-token")


@pytest.mark.parametrize("context", [None, object(), Context312(request_id=""), SimpleNamespace(request_id=5)])
def test_a_context_may_have_no_request_id(context: object) -> None:
    assert request_id_of(context) is None


@pytest.mark.parametrize(
    ("context", "environ", "region"),
    [
        (Context312(region="eu-west-1"), {"FC_REGION": "us-west-1"}, "eu-west-1"),
        (Context312(region=""), {"FC_REGION": "us-west-1"}, "us-west-1"),
        (None, {"FC_REGION": "us-west-1"}, "us-west-1"),
        (None, {"FC_REGION": ""}, "cn-shanghai"),
        (None, {}, "cn-shanghai"),
    ],
)
def test_the_region_is_the_contexts_else_the_environments_else_shanghai(
    context: object, environ: dict[str, str], region: str
) -> None:
    assert region_of(context, environ) == region


@pytest.mark.parametrize(
    ("context", "environ"),
    [
        (Context310(), {}),
        (Context312(), CREDENTIALS),
        (Context310(credentials=RoleCredentials("STS.other", "other-secret", "")), CREDENTIALS),
    ],
)
def test_credentials_are_the_contexts_or_where_it_has_none_the_environments(
    context: Context312, environ: dict[str, str]
) -> None:
    assert credentials_of(context, environ) == ROLE


def test_the_context_beats_the_environment() -> None:
    context = Context310(credentials=RoleCredentials("STS.new", "new-secret", "new-token"))

    assert credentials_of(context, CREDENTIALS) == Credentials("STS.new", "new-secret", "new-token")


@pytest.mark.parametrize("missing", ["access_key_id", "access_key_secret", "security_token"])
def test_an_incomplete_context_is_no_credentials(missing: str) -> None:
    context = Context310()
    setattr(context.credentials, missing, "")

    with pytest.raises(ConfigurationError):
        credentials_of(context, {})


@pytest.mark.parametrize("missing", CREDENTIALS)
@pytest.mark.parametrize("value", [None, ""])
def test_an_incomplete_environment_is_no_credentials(missing: str, value: str | None) -> None:
    environ = {name: text for name, text in CREDENTIALS.items() if name != missing}
    if value is not None:
        environ[missing] = value

    with pytest.raises(ConfigurationError) as caught:
        credentials_of(Context312(), environ)

    assert "local" not in caught.value.reason


def test_parts_of_two_sources_are_never_mixed() -> None:
    context = Context310(credentials=RoleCredentials("STS.other", "other-secret", ""))

    with pytest.raises(ConfigurationError):
        credentials_of(context, {"ALIBABA_CLOUD_SECURITY_TOKEN": "local-token"})


def test_the_representation_of_credentials_shows_none() -> None:
    assert "local" not in repr(ROLE)
