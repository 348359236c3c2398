from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
from alibabacloud_tea_openapi.utils_models import Config
from pydantic import SecretStr

from shared.problems import ConfigurationError
from shared.settings import Settings, callers_file_of, doubts, log_level_of, read_settings

REGIONS = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-5",
    "ap-southeast-7",
    "cn-beijing",
    "cn-chengdu",
    "cn-hangzhou",
    "cn-hangzhou-finance",
    "cn-hongkong",
    "cn-huhehaote",
    "cn-north-2-gov-1",
    "cn-qingdao",
    "cn-shanghai",
    "cn-shanghai-finance-1",
    "cn-shenzhen",
    "cn-shenzhen-finance-1",
    "cn-zhangjiakou",
    "eu-central-1",
    "eu-west-1",
    "me-east-1",
    "us-east-1",
    "us-west-1",
    "mars-1",
]


def read(**environ: str) -> Settings:
    return read_settings(environ, region="cn-shanghai")


def faults(**environ: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        read(**environ)
    return caught.value.reasons


def reason(**environ: str) -> str:
    (told,) = faults(**environ)
    return told


def test_the_defaults_are_the_documented_ones() -> None:
    assert read().model_dump() == {
        "callers_file": None,
        "ccc_region": "cn-shanghai",
        "ccc_protocol": "https",
        "ccc_endpoint": "https://ccc.cn-shanghai.aliyuncs.com",
        "ccc_connect_timeout_ms": 1000,
        "ccc_read_timeout_ms": 3000,
        "deadline_ms": 4500,
        "idempotency_url": SecretStr("memory://"),
        "idempotency_ttl_seconds": 86_400,
        "kms_region": "cn-shanghai",
        "kms_endpoint": "https://kms.cn-shanghai.aliyuncs.com",
        "dead_letter_url": None,
        "oss_region": "cn-shanghai",
        "oss_endpoint": "https://oss-cn-shanghai.aliyuncs.com",
        "log_level": "INFO",
    }


def test_every_variable_is_read() -> None:
    variables: dict[str, tuple[str, object]] = {
        "CALLERS_FILE": ("other.toml", "other.toml"),
        "CCC_REGION": ("eu-central-1", "eu-central-1"),
        "CCC_PROTOCOL": ("https", "https"),
        "CCC_ENDPOINT": ("http://127.0.0.1:9001", "http://127.0.0.1:9001"),
        "CCC_CONNECT_TIMEOUT_MS": ("1", 1),
        "CCC_READ_TIMEOUT_MS": ("2", 2),
        "DEADLINE_MS": ("600000", 600_000),
        "IDEMPOTENCY_URL": ("redis://redis.example/2", SecretStr("redis://redis.example/2")),
        "IDEMPOTENCY_TTL_SECONDS": ("60", 60),
        "KMS_REGION": ("cn-beijing", "cn-beijing"),
        "KMS_ENDPOINT": ("kms-vpc.cn-beijing.aliyuncs.com", "https://kms-vpc.cn-beijing.aliyuncs.com"),
        "DEAD_LETTER_URL": ("oss://letters/mute-call", "oss://letters/mute-call"),
        "OSS_REGION": ("cn-hangzhou", "cn-hangzhou"),
        "OSS_ENDPOINT": ("oss.example:8443", "https://oss.example:8443"),
        "LOG_LEVEL": ("debug", "DEBUG"),
    }

    settings = read(**{name: given for name, (given, _) in variables.items()})

    assert settings.model_dump() == {name.lower(): value for name, (_, value) in variables.items()}


def test_an_empty_variable_counts_as_unset() -> None:
    names = [name.upper() for name in Settings.model_fields]

    assert read(**dict.fromkeys(names, "")) == read()


def test_other_variables_do_not_matter() -> None:
    assert read(PATH="/bin", DEADLINE="1", ccc_region="x") == read()


@pytest.mark.parametrize("name", ["CCC_CONNECT_TIMEOUT_MS", "CCC_READ_TIMEOUT_MS", "DEADLINE_MS"])
@pytest.mark.parametrize("value", ["0", "-1", "600001", "1.5", "1s", "canary", "1e3", "nan", "٣"])
def test_a_wrong_number_of_milliseconds_is_refused(name: str, value: str) -> None:
    assert reason(**{name: value}).startswith(f"{name}: ")


@pytest.mark.parametrize("value", ["loud", "WARN", "10", "INFO "])
def test_an_unknown_log_level_is_refused(value: str) -> None:
    assert reason(LOG_LEVEL=value).startswith("LOG_LEVEL: ")


@pytest.mark.parametrize("value", ["DEBUG", "info", "Warning", "error", "CRITICAL"])
def test_a_log_level_is_taken_in_any_case(value: str) -> None:
    assert read(LOG_LEVEL=value).log_level == value.upper()


@pytest.mark.parametrize("name", ["CCC_REGION", "KMS_REGION", "OSS_REGION"])
@pytest.mark.parametrize("value", ["cn shanghai", "cn.evil.example/", "CN-SHANGHAI", "a" * 65, "ü", "-", "-cn", "cn-"])
def test_a_region_has_lower_case_letters_digits_and_dashes_between_them(name: str, value: str) -> None:
    assert reason(**{name: value}).startswith(f"{name}: ")


@pytest.mark.parametrize("value", ["a", "a1", "cn--1", "a" * 64])
def test_a_region_may_be_short_or_long(value: str) -> None:
    assert read(CCC_REGION=value).ccc_region == value


ENDPOINTS = ["CCC_ENDPOINT", "KMS_ENDPOINT", "OSS_ENDPOINT"]


@pytest.mark.parametrize("name", ENDPOINTS)
@pytest.mark.parametrize(
    "value", ["a", "a-b.c--d.e:1", "ccc.aliyuncs.com:65535", "[2001:db8::1]:443", "10.0.0.1", "127.0.0.1:9001"]
)
def test_a_service_may_be_elsewhere(name: str, value: str) -> None:
    assert getattr(read(**{name: value}), name.lower()) == f"https://{value}"


LOOPBACK = ["127.0.0.1", "127.0.0.1:9001", "127.1.2.3:1", "localhost", "LocalHost:80", "[::1]:9001"]


@pytest.mark.parametrize("name", ENDPOINTS)
@pytest.mark.parametrize("value", LOOPBACK)
def test_http_is_for_this_machine(name: str, value: str) -> None:
    assert getattr(read(**{name: f"http://{value}"}), name.lower()) == f"http://{value}"


@pytest.mark.parametrize(
    "value",
    [
        "https://ccc.aliyuncs.com",
        "ftp://127.0.0.1",
        "http://",
        "http://http://127.0.0.1",
        "http://127.0.0.1/path",
        "http://user@127.0.0.1",
        "http://127.0.0.1:0",
        "http://ccc.aliyuncs.com",
        "http://127.0.0.1.evil.example",
        "http://evil-localhost",
        "http://10.0.0.1:80",
        "http://0.0.0.0",
        "http://[::]",
        "ccc.aliyuncs.com/path",
        "user@ccc.aliyuncs.com",
        "ccc.aliyuncs.com?x",
        "ccc aliyuncs",
        "ccc.example\n",
        "ccc.aliyuncs.com:",
        "127.0.0.1:00000",
        "ccc.aliyuncs.com:65536",
        "ccc.aliyuncs.com:123456",
        "-a",
        "a-",
        ".",
        "a..b",
        "a.-b",
        "a-.b",
        "a.",
        "[::1",
        "::1",
        "ü.example",
    ],
)
def test_any_other_endpoint_is_refused_alike(value: str) -> None:
    reasons = {reason(**{name: value}).removeprefix(f"{name}: ") for name in ENDPOINTS}

    assert len(reasons) == 1


def test_the_protocol_of_before_still_counts() -> None:
    assert read(CCC_PROTOCOL="http", CCC_ENDPOINT="127.0.0.1:9001").ccc_endpoint == "http://127.0.0.1:9001"
    assert read(CCC_PROTOCOL="http", CCC_ENDPOINT="http://127.0.0.1").ccc_endpoint == "http://127.0.0.1"
    assert read(CCC_PROTOCOL="http", CCC_ENDPOINT="127.0.0.1").kms_endpoint.startswith("https://")
    for endpoint in ("", "ccc.aliyuncs.com"):
        assert reason(CCC_PROTOCOL="http", CCC_ENDPOINT=endpoint).startswith("CCC_ENDPOINT: ")
    assert reason(CCC_PROTOCOL="HTTP").startswith("CCC_PROTOCOL: ")


@pytest.mark.parametrize(("protocol", "hints"), [("", 0), ("https", 1), ("http", 1)])
def test_the_protocol_of_before_is_hinted_at(protocol: str, hints: int) -> None:
    assert [told.startswith("CCC_PROTOCOL ") for told in doubts({"CCC_PROTOCOL": protocol})] == [True] * hints


@pytest.mark.parametrize(("level", "counts"), [("error", "ERROR"), ("loud", "INFO"), ("", "INFO")])
def test_level_and_callers_file_count_also_where_others_are_wrong(level: str, counts: str) -> None:
    environ = {"LOG_LEVEL": level, "DEADLINE_MS": "soon", "CALLERS_FILE": "other.toml"}

    assert log_level_of(environ) == counts
    assert callers_file_of(environ, Path("callers.toml")) == "other.toml"
    assert callers_file_of({"CALLERS_FILE": ""}, Path("callers.toml")) == "callers.toml"


def test_one_error_lists_every_problem_and_no_value() -> None:
    reasons = faults(
        CCC_REGION="can ary",
        CCC_ENDPOINT="can ary",
        CCC_PROTOCOL="can ary",
        CCC_CONNECT_TIMEOUT_MS="can ary",
        CCC_READ_TIMEOUT_MS="can ary",
        DEADLINE_MS="can ary",
        LOG_LEVEL="can ary",
    )

    assert [line.partition(":")[0] for line in reasons] == [
        "CCC_REGION",
        "CCC_PROTOCOL",
        "CCC_ENDPOINT",
        "CCC_CONNECT_TIMEOUT_MS",
        "CCC_READ_TIMEOUT_MS",
        "DEADLINE_MS",
        "LOG_LEVEL",
    ]
    assert "can ary" not in "".join(reasons).lower()


@pytest.mark.parametrize("region", REGIONS)
def test_the_endpoint_is_the_one_that_the_product_sdk_maps_the_region_to(region: str) -> None:
    # Only here, since every process of a run imports this module, and the SDK takes long.
    sdk = import_module("alibabacloud_ccc20200701.client").Client(Config(region_id=region))

    assert read(CCC_REGION=region).ccc_endpoint == f"https://{sdk._endpoint}"  # noqa: SLF001 - the SDK tells it in no other way


@pytest.mark.parametrize(
    "url",
    [
        "memory://",
        "redis://redis",
        "redis://:p%40ss@redis.example:6379/0",
        "redis://user:pass@10.0.0.1/15",
        "rediss://[::1]:6380/",
    ],
)
def test_a_store_is_named_by_its_url(url: str) -> None:
    assert read(IDEMPOTENCY_URL=url).idempotency_url.get_secret_value() == url


@pytest.mark.parametrize(
    "url",
    [
        "memory",
        "memory://canary4711",
        "redis://",
        "redis://canary4711:port",
        "redis://canary4711:0",
        "redis://canary4711:65536",
        "redis://canary4711/db",
        "redis://canary4711/0/1",
        "redis://canary4711?socket_timeout=60",
        "redis://canary4711/0?",
        "redis://:p#canary4711@redis",
        "redis://canary4711\n",
        "redis://[canary4711",
        "unix:///tmp/canary4711",
        "http://canary4711",
        "REDIS://canary4711 x",
    ],
)
def test_what_is_no_store_is_an_error_that_does_not_show_it(url: str) -> None:
    told = reason(IDEMPOTENCY_URL=url)
    assert told.startswith("IDEMPOTENCY_URL: ")
    assert "canary4711" not in told


def test_the_password_of_a_store_is_not_shown() -> None:
    assert "canary4711" not in repr(read(IDEMPOTENCY_URL="redis://:canary4711@redis"))


@pytest.mark.parametrize("seconds", ["0", "-1", "31536001", "a day"])
def test_an_answer_is_kept_for_a_second_to_a_year(seconds: str) -> None:
    assert reason(IDEMPOTENCY_TTL_SECONDS=seconds).startswith("IDEMPOTENCY_TTL_SECONDS: ")


def test_every_service_has_the_address_of_its_region() -> None:
    settings = read_settings({"OSS_REGION": "cn-hangzhou"}, region="eu-central-1")

    assert settings.ccc_endpoint == "https://ccc.aliyuncs.com"
    assert settings.kms_endpoint == "https://kms.eu-central-1.aliyuncs.com"
    assert settings.oss_endpoint == "https://oss-cn-hangzhou.aliyuncs.com"


@pytest.mark.parametrize(
    "url", ["oss://letters", "oss://letters/", "oss://a-b-3/mute-call/prod", "oss://letters/a.b_c-9/"]
)
def test_letters_go_to_a_bucket_and_a_prefix(url: str) -> None:
    assert read(DEAD_LETTER_URL=url).dead_letter_url == url


@pytest.mark.parametrize(
    "url",
    [
        "letters",
        "oss://",
        "oss:///prefix",
        "oss://ab",
        "oss://Letters/x",
        "oss://-letters",
        "oss://letters//x",
        "oss://letters/../x",
        "oss://letters/./x",
        "oss://letters/a b",
        "oss://letters/x?versionId=1",
        "oss://key:secret@letters/x",
        "s3://letters/x",
        "https://letters.oss-cn-shanghai.aliyuncs.com/x",
        "oss://letters/x\n",
    ],
)
def test_other_places_for_letters_are_refused(url: str) -> None:
    assert reason(DEAD_LETTER_URL=url).startswith("DEAD_LETTER_URL: URL should be oss://bucket")
