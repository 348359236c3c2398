"""The function's environment variables, validated together."""

import contextlib
import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
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
from shared.validation import describe, nearest, says, whole_number

# The regions that the product SDK (alibabacloud_ccc20200701 2.35.0) maps to one host; others have their own.
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
# Those of Alibaba Cloud beside them (2026); one that is not here may be new.
_OTHER_REGIONS = frozenset(
    [
        "ap-northeast-2",
        "ap-southeast-6",
        "ap-southeast-7",
        "cn-beijing-finance-1",
        "cn-fuzhou",
        "cn-guangzhou",
        "cn-hangzhou",
        "cn-heyuan",
        "cn-nanjing",
        "cn-shanghai",
        "cn-wuhan-lr",
        "cn-wulanchabu",
        "cn-zhengzhou-jva",
        "me-central-1",
        "na-south-1",
        "us-southeast-1",
    ]
)
_LOOPBACK = re.compile(r"(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d+)?", re.IGNORECASE)
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = rf"^({_LABEL}(\.{_LABEL})*|\[[0-9A-Fa-f:.]+\])(:[0-9]{{1,5}})?$"


def is_loopback(endpoint: str) -> bool:
    """Whether `host[:port]`, with an optional `http://`, is on this machine."""
    return _LOOPBACK.fullmatch(endpoint.removeprefix("http://")) is not None


def _host_and_port(endpoint: str) -> str:
    """Check `host[:port]`."""
    if not re.fullmatch(_HOST, endpoint):
        raise PydanticCustomError(
            "endpoint", "Endpoint should be host[:port] alone, without https:// and without a path"
        )
    return _port_in_range(endpoint)


def _port_in_range(endpoint: str) -> str:
    try:
        in_range = urlsplit(f"//{endpoint}").port != 0
    except ValueError:
        in_range = False
    if not in_range:
        raise PydanticCustomError("port", "Port should be from 1 to 65535")
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


_LETTERS = re.compile(r"oss://[a-z0-9][a-z0-9-]{1,61}[a-z0-9](/[A-Za-z0-9_.-]{1,64}){0,8}/?")


def _letters_url(url: str) -> str:
    if not _LETTERS.fullmatch(url) or {".", ".."} & set(url.split("/")):
        raise PydanticCustomError("letters", "URL should be oss://bucket or oss://bucket/prefix")
    return url


def _address(endpoint: str) -> str:
    """Return the address of `host[:port]`; on this machine `http://` may precede it."""
    scheme, marker, host = endpoint.rpartition("://")
    if not marker or scheme != "http":
        return f"https://{_host_and_port(endpoint)}"
    if not is_loopback(_host_and_port(host)):
        # The security token travels in a header.
        raise PydanticCustomError("protocol", "http:// is for loopback endpoints only")
    return endpoint


def _endpoint_of(service: str, region: str) -> str:
    """Return the public host of a service in a region; for CCC as the product SDK maps it."""
    if service == "ccc" and region in _CENTRAL_REGIONS:
        return "ccc.aliyuncs.com"
    return f"{service}-{region}.aliyuncs.com" if service == "oss" else f"{service}.{region}.aliyuncs.com"


_MOST_MS = 600_000
# Less is not enough for one call and its answer.
LEAST_DEADLINE_MS = 500

_REGION = r"^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$"

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
_LEVELS, _DEFAULT_LEVEL = get_args(LogLevel), "INFO"
# `host[:port]`, or `http://host[:port]` on this machine, taken as an address without a path.
Endpoint = Annotated[str, AfterValidator(_address)]
Milliseconds = Annotated[int, whole_number(1, _MOST_MS)]
Region = Annotated[
    str,
    StringConstraints(pattern=_REGION),
    says("Region should be the id of one, such as cn-shanghai"),
]


def _endpoint(service: str) -> Any:
    return Field(default="", validate_default=True, description=f"{service}'s host, `host[:port]`.")


class Settings(BaseModel):
    """All variables, each under its name in lower case; an endpoint is an address without a path, `https://host`."""

    model_config = ConfigDict(alias_generator=str.upper, frozen=True, hide_input_in_errors=True, defer_build=True)

    callers_file: str | None = Field(default=None, description="The callers file.")
    ccc_region: Region = Field(description="CCC's region.")
    # Supported until 1.0: `http` means `http://` before CCC's endpoint.
    ccc_protocol: Literal["https", "http"] = Field(default="https", description="`http` for loopback endpoints only.")
    ccc_endpoint: str = _endpoint("CCC")
    ccc_connect_timeout_ms: Milliseconds = Field(default=1000, description="Time to connect.")
    ccc_read_timeout_ms: Milliseconds = Field(default=3000, description="Time between two parts of the answer.")
    deadline_ms: Annotated[int, whole_number(LEAST_DEADLINE_MS, _MOST_MS)] = Field(
        default=4500, description="Time for the whole request, by the wall clock."
    )
    idempotency_url: Annotated[SecretStr, AfterValidator(_store_url)] = Field(
        default=SecretStr("memory://"), description="Where claims and answers are stored."
    )
    idempotency_ttl_seconds: Annotated[int, whole_number(1, 31_536_000)] = Field(
        default=86_400, description="How long an answer is kept."
    )
    kms_region: Region = Field(description="The region of KMS, which holds the secrets `kms:NAME`.")
    kms_endpoint: str = _endpoint("KMS")
    dead_letter_url: Annotated[str, AfterValidator(_letters_url)] | None = Field(
        default=None, description="Where authenticated requests that failed are kept, `oss://bucket/prefix`."
    )
    oss_region: Region = Field(description="The region of that bucket.")
    oss_endpoint: str = _endpoint("OSS")
    log_level: Annotated[LogLevel, BeforeValidator(_upper)] = Field(
        default="INFO", description="The lowest level that is logged."
    )

    def deadline_from(self, started: float) -> float:
        """Return when everything has to be over, by the clock (in seconds) by which it was started."""
        return started + self.deadline_ms / 1000

    @field_validator("ccc_endpoint", "kms_endpoint", "oss_endpoint")
    @classmethod
    def _address_of_service(cls, endpoint: str, info: ValidationInfo) -> str:
        """Return the address of the given endpoint, or of the region's public one."""
        service = str(info.field_name).removesuffix("_endpoint")
        region = info.data.get(f"{service}_region")
        if not endpoint and region is None:
            # The region is wrong, and has its own error.
            return endpoint
        host = endpoint or _endpoint_of(service, region or "")
        is_old_form = "://" not in host and info.data.get(f"{service}_protocol") == "http"
        return _address(f"http://{host}" if is_old_form else host)


_NAMES = tuple(name.upper() for name in Settings.model_fields)
# The name of a product, or another word that many programs use.
_SHORT = 4
_OF_THE_PLATFORM = ("FC_", "ALIBABA_CLOUD_")
_REGIONS = tuple(name for name in _NAMES if name.endswith("_REGION"))


def read_settings(environ: Mapping[str, str], *, region: str) -> Settings:
    """Return the settings in the environment; an empty variable counts as unset.

    Args:
        environ: the environment.
        region: the function's, the default of every service's.

    Raises:
        ConfigurationError: one error that lists every variable that is wrong.
    """
    given = {name: value for name in _NAMES if (value := environ.get(name))}
    try:
        return _validated(tuple((dict.fromkeys(_REGIONS, region) | given).items()))
    except ValidationError as error:
        # For a default pydantic gives the field's name, in lower case, and not the variable's.
        lines = (line.partition(": ") for line in describe(error))
        raise ConfigurationError(*(f"{name.upper()}: {sentence}" for name, _, sentence in lines)) from None


def log_level_of(environ: Mapping[str, str]) -> str:
    """Return the least level that is logged: also where other variables are wrong, since the log says which."""
    level = environ.get("LOG_LEVEL", "").upper()
    return level if level in _LEVELS else _DEFAULT_LEVEL


def callers_file_of(environ: Mapping[str, str], default: Path) -> str:
    """Return which callers file counts: it is checked also where other variables are wrong.

    Args:
        environ: the environment.
        default: the file of the function.
    """
    return environ.get("CALLERS_FILE") or str(default)


def doubts(environ: Mapping[str, str], *, named: Collection[str] = ()) -> Iterator[str]:
    """Yield settings that are valid but probably a mistake, a sentence each.

    Args:
        environ: the environment.
        named: variables that something else reads: secrets.
    """
    yield from misspelt(environ, named=named)
    given = {name: value for name, value in environ.items() if value}
    if "CCC_PROTOCOL" in given:
        yield "CCC_PROTOCOL is supported until 1.0; remove it, and for http begin CCC_ENDPOINT with http://"
    for name in _REGIONS:
        if doubt := doubt_of_region(given.get(name, "")):
            yield f"{name}: {doubt}"
    with contextlib.suppress(ValueError):
        deadline_ms = int(given.get("DEADLINE_MS", Settings.model_fields["deadline_ms"].default))
        for name in ("CCC_CONNECT_TIMEOUT_MS", "CCC_READ_TIMEOUT_MS"):
            if int(given.get(name, 0)) > deadline_ms:
                yield f"{name} is longer than DEADLINE_MS ({deadline_ms}), which ends the call first"


def misspelt(environ: Mapping[str, str], *, named: Collection[str] = ()) -> Iterator[str]:
    """Yield the variables whose names are nearly those of the function's, a sentence each."""
    for name in sorted(environ.keys() - {*_NAMES, *named}):
        if environ[name] and (meant := _meant(name)):
            yield f"{name} is not a known variable; did you mean {meant}?"


def doubt_of_region(region: str) -> str | None:
    """Return a sentence about a region that is not known here, `None` for any other, and for what is none."""
    known = _CENTRAL_REGIONS | _OTHER_REGIONS
    if region in known or not re.fullmatch(_REGION, region):
        return None
    meant = nearest(region.removeprefix("oss-"), sorted(known))
    return f"Region is unknown; {f'did you mean {meant}?' if meant else 'regions have names such as cn-shanghai'}"


def _meant(name: str) -> str | None:
    """Return which of the function's variables a name is a slip for, `None` where it may be something else's."""
    if name.upper().startswith(_OF_THE_PLATFORM):
        return None
    head = name.upper().partition("_")[0]
    own = [each for each in _NAMES if each.startswith(f"{head}_")]
    if not own:
        # `SLS_ENDPOINT` is no slip for `OSS_ENDPOINT`: so short a word is another product.
        return nearest(name, [each for each in _NAMES if each.index("_") >= _SHORT or each.replace("_", "") == head])
    if len(head) > _SHORT:
        return nearest(name, own) or own[0]
    return nearest(name, own) if "_" in name else None


@lru_cache(maxsize=1)
def _validated(values: tuple[tuple[str, str], ...]) -> Settings:
    """Return the same settings for the same values: they are read at every invocation, and hardly ever change."""
    return Settings.model_validate(dict(values))
