"""The function's environment variables, validated together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from shared.problems import ConfigurationError
from shared.validation import describe

# The regions that the product SDK (alibabacloud_ccc20200701 2.35.0) maps to one host; any other has a host of its own.
_CENTRAL_REGIONS = frozenset(
    [
        "ap-northeast-1",
        "ap-south-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "ap-southeast-3",
        "ap-southeast-5",
        "cn-beijing",
        "cn-chengdu",
        "cn-hangzhou-finance",
        "cn-hongkong",
        "cn-huhehaote",
        "cn-north-2-gov-1",
        "cn-qingdao",
        "cn-shanghai-finance-1",
        "cn-shenzhen",
        "cn-shenzhen-finance-1",
        "cn-zhangjiakou",
        "eu-central-1",
        "eu-west-1",
        "me-east-1",
        "us-east-1",
        "us-west-1",
    ]
)
_LOOPBACK = re.compile(r"(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d+)?", re.IGNORECASE)
_HOST = r"^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$"


def _port_in_range(endpoint: str) -> str:
    try:
        urlsplit(f"//{endpoint}").port  # noqa: B018 - reading it is what checks it
    except ValueError:
        raise PydanticCustomError("port", "Port should be at most 65535") from None
    return endpoint


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


# Nothing behind the database: options of the client would undo the short timeouts.
_REDIS = re.compile(r"rediss?://[^\s/?#]+(/[0-9]{0,4})?")


def _store_url(url: SecretStr) -> SecretStr:
    text = url.get_secret_value()
    try:
        parts = urlsplit(text)
        is_redis = _REDIS.fullmatch(text) and text.isprintable() and parts.hostname and parts.port != 0
    except ValueError:
        is_redis = False
    if text != "memory://" and not is_redis:
        raise PydanticCustomError(
            "store",
            "URL should be memory://, redis://[:password@]host[:port][/database] or rediss://…, without options;"
            " in a password /, ? and # are %2F, %3F and %23",
        )
    return url


Milliseconds = Annotated[int, Field(ge=1, le=600_000)]
Endpoint = Annotated[str, StringConstraints(pattern=_HOST), AfterValidator(_port_in_range)]


class Settings(BaseModel):
    """The variables, each under its name in lower case; `CALLERS_FILE` is the callers' own."""

    model_config = ConfigDict(alias_generator=str.upper, frozen=True, hide_input_in_errors=True)

    ccc_region: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}$")] = Field(description="CCC's region.")
    ccc_endpoint: Endpoint | None = Field(default=None, description="CCC's host, `host[:port]`.")
    ccc_protocol: Literal["https", "http"] = Field(default="https", description="`http` for loopback endpoints only.")
    ccc_connect_timeout_ms: Milliseconds = Field(default=1000, description="Time to connect.")
    ccc_read_timeout_ms: Milliseconds = Field(default=3000, description="Time between two parts of the answer.")
    deadline_ms: Milliseconds = Field(default=4500, description="Time for everything, by the wall clock.")
    idempotency_url: Annotated[SecretStr, AfterValidator(_store_url)] = Field(
        default=SecretStr("memory://"), description="Where claims and answers are kept."
    )
    idempotency_ttl_seconds: Annotated[int, Field(ge=1, le=31_536_000)] = Field(
        default=86_400, description="For how long an answer is kept."
    )
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)] = Field(
        default="INFO", description="The least level that is logged."
    )

    @property
    def endpoint(self) -> str:
        """CCC's host: the one given, else the region's, as the product SDK maps it."""
        return self.ccc_endpoint or _endpoint_of(self.ccc_region)

    @field_validator("ccc_protocol")
    @classmethod
    def _http_stays_on_this_machine(cls, protocol: str, info: ValidationInfo) -> str:
        endpoint = info.data.get("ccc_endpoint") or _endpoint_of(info.data.get("ccc_region", ""))
        if protocol == "http" and not _LOOPBACK.fullmatch(endpoint):
            # The security token travels in a header.
            raise PydanticCustomError("protocol", "http is for loopback endpoints only")
        return protocol


_NAMES = tuple(name.upper() for name in Settings.model_fields)


def read_settings(environ: Mapping[str, str], *, region: str) -> Settings:
    """Return the settings that the environment holds; an empty variable counts as unset.

    Args:
        environ: the environment.
        region: the default of `CCC_REGION`.

    Raises:
        ConfigurationError: one error that lists every variable that is wrong.
    """
    given = {name: value for name in _NAMES if (value := environ.get(name))}
    try:
        return _validated(tuple(({"CCC_REGION": region} | given).items()))
    except ValidationError as error:
        raise ConfigurationError("; ".join(describe(error))) from None


@lru_cache(maxsize=1)
def _validated(values: tuple[tuple[str, str], ...]) -> Settings:
    """Return the same settings for the same values: they are read at every invocation, and hardly ever change."""
    return Settings.model_validate(dict(values))


def _endpoint_of(region: str) -> str:
    return "ccc.aliyuncs.com" if region in _CENTRAL_REGIONS else f"ccc.{region}.aliyuncs.com"
