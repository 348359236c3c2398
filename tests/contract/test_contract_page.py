"""docs/contract.md against the code: its tables are the code's, its examples real."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from functions.mute_call import index
from local.simulator import Simulator
from shared.callers.caller import Caller
from shared.callers.file import RESERVED_NAMES
from shared.callers.schemes import SCHEMES
from shared.payload.parameters import CallParameters, read_parameters
from shared.problems import Throttled, Unauthorized, problem_types
from shared.responses import render
from shared.responses.render import ProblemBody
from shared.responses.status import SlimStatus, slim_status
from shared.runtime.context import region_of
from shared.runtime.event import MAX_BODY_BYTES
from shared.server import __main__ as server
from shared.settings import Settings
from tests.builders import CREDENTIALS, LOG_KEYS, PAYLOAD, TOKEN, Context312, environment, http_event
from tests.contract.documents import blocks, read, tables
from tests.contract.running import steady
from tests.peers import answering, peer
from tests.unit.shared.test_function import STEPS

PAGE = read("docs/contract.md")
TABLES = tables(PAGE)


def codes(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", f"`{cell}`"))


def test_every_route_answers_what_its_row_says(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row[0].split() for row in TABLES["route"]]
    assert rows == [["POST", "/<caller>"], ["GET", "/<caller>"], ["GET", "/healthz"], ["GET", "/openapi.json"]]
    monkeypatch.setenv("MUTE_CALL_TOKEN", TOKEN)
    for method, path in rows[2:]:
        answer = index.handler(http_event(method=method, path=path, token=None), Context312())
        assert answer["statusCode"] == 200
        assert json.loads(answer["body"]).get("openapi", "3.1").startswith("3.1")
    monkeypatch.setenv("LOG_LEVEL", "loud")
    unwell = index.handler(http_event(method="GET", path="/healthz", token=None), Context312())
    assert (unwell["statusCode"], json.loads(unwell["body"])["status"]) == (503, "unavailable")
    assert "503 `unavailable`" in TABLES["route"][2][2]


def test_the_order_of_the_checks_is_the_roads() -> None:
    assert TABLES["check"] == [[name, str(status), code] for name, status, code in STEPS]


SECRETLESS = """
[callers.default]
auth = { scheme = "bearer", secrets = ["env:MUTE_CALL_TOKEN"] }
instances = ["ccc-test"]

[callers.kept]
auth = { scheme = "bearer", secrets = ["kms:mute-call/kept"] }
instances = ["ccc-test"]
"""


@pytest.mark.parametrize(
    ("method", "path", "told"),
    [
        ("PUT", "/", (405, "method_not_allowed")),
        ("POST", "/nobody", (401, "unauthorized")),
        ("POST", "/", (500, "configuration_error")),
        ("POST", "/kept", (503, "upstream_unavailable")),
        # Before the caller's methods.
        ("GET", "/", (500, "configuration_error")),
    ],
)
def test_a_callers_secret_stands_between_the_caller_and_its_credential(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, path: str, told: tuple[int, str]
) -> None:
    callers = tmp_path / "callers.toml"
    callers.write_text(SECRETLESS, encoding="utf-8")
    with peer(answering("500 Internal Server Error", b"{}")) as address:
        for name, value in {**CREDENTIALS, "CALLERS_FILE": str(callers), "KMS_ENDPOINT": f"http://{address}"}.items():
            monkeypatch.setenv(name, value)
        answer = index.handler(http_event(method=method, path=path, token="wrong"), Context312())
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == told
    said = " ".join(PAGE.split("## Order of the checks")[1].split("## ")[0].split())
    assert f"{told[0]} `{told[1]}`" in said or list(map(str, told)) in [row[1:] for row in TABLES["check"]]


def test_the_table_of_keys_is_the_model_of_a_caller() -> None:
    told = {row[0]: row[1] == "required" for row in TABLES["key"]}
    assert told == {name: field.is_required() for name, field in Caller.model_fields.items()}
    defaults = {row[0]: row[1] for row in TABLES["key"]}
    assert json.loads(defaults["methods"]) == Caller.model_fields["methods"].default
    assert defaults["response"] == Caller.model_fields["response"].default


def test_the_limits_of_an_age_are_the_models() -> None:
    (meaning,) = (row[2] for row in TABLES["key"] if row[0] == "max_age_seconds")
    (least, most) = map(int, re.findall(r"(\d+) to (\d+)", meaning)[0])
    caller = {"auth": {"scheme": "ram"}, "instances": ["ccc-test"], "event_time": "body.at"}
    for age in (least, most):
        Caller.model_validate({**caller, "max_age_seconds": age})
    for age in (least - 1, most + 1):
        with pytest.raises(ValidationError):
            Caller.model_validate({**caller, "max_age_seconds": age})


def test_names_that_callers_may_not_have_are_told() -> None:
    assert "but not " + " or ".join(f"`{name}`" for name in RESERVED_NAMES) in PAGE


def test_the_table_of_schemes_is_the_code() -> None:
    told = {row[0]: codes(row[2]) - {""} for row in TABLES["scheme"]}
    assert told == {name: set(scheme.model_fields) - {"scheme", "secrets"} for name, scheme in SCHEMES.items()}


def test_the_values_of_hmac_are_the_codes() -> None:
    said = " ".join(PAGE.split("Of `hmac`, ")[1].split("\n\n")[0].split())
    fields = SCHEMES["hmac"].model_fields
    assert [name for name, field in fields.items() if field.is_required()] == ["scheme", "secrets", "header"]
    for name in ("algorithm", "encoding", "timestamp_unit", "key_encoding"):
        (values,) = re.findall(rf"`{name}` (?:is )?((?:`\w+`(?:, | or )?)+)", said)
        assert re.findall(r"`(\w+)`", values) == options(fields[name])
        assert options(fields[name])[0] == fields[name].default


def options(field: FieldInfo) -> list[str]:
    return list(getattr(field.annotation, "__args__", ()))


def test_the_size_of_a_body_is_the_codes() -> None:
    assert f"at most {MAX_BODY_BYTES // 1024} KiB" in PAGE


def test_the_table_of_parameters_is_the_model() -> None:
    told = {row[0]: row[1] == "yes" for row in TABLES["parameter"]}
    assert told == {name: field.is_required() for name, field in CallParameters.model_fields.items()}


def test_the_tables_of_fields_are_the_success_and_the_log_line() -> None:
    success, line = (
        [row[0] for row in tables(part)["field"]]
        for part in (PAGE.partition("### Problems")[0], PAGE.partition("## Log line")[2])
    )
    assert success == list(SlimStatus.__annotations__)
    assert line == LOG_KEYS


def test_the_problem_shown_is_a_real_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with Simulator() as simulator:
        for name, value in environment(CCC_ENDPOINT=simulator.endpoint, CCC_PROTOCOL="http").items():
            monkeypatch.setenv(name, value)
        answer = index.handler(http_event({**PAYLOAD, "JobId": "job-0"}), Context312())
    (shown,) = blocks(PAGE, "json")
    assert json.loads(steady(answer["body"])) == json.loads(steady(shown))
    assert set(json.loads(shown)) == set(ProblemBody.__annotations__) - {"errors"}


FLAGS: dict[str, list[object]] = {
    "`MUTED` among them": [["MUTED"], '["HELD", "MUTED"]', "HELD,MUTED"],
    "others, or an empty list": [["HELD"], '["HELD"]', "HELD", [], "[]"],
    "none, or the channel is missing from the answer": ["", "无", None],
}


def test_the_table_of_flags_is_what_an_answer_of_ccc_is_read_as() -> None:
    said = {row[0]: json.loads(row[1]) for row in TABLES["flags"]}
    # The cells lose the code marks at their ends.
    assert list(said) == [name.strip("`") for name in FLAGS]
    parameters = read_parameters(CallParameters, PAYLOAD, {})

    def read_from(channel: dict[str, object]) -> object:
        answer = {"Code": "OK", "Data": {"CallContext": {"CallType": "无", "ChannelContexts": [channel]}}}
        fields = slim_status(index.MUTE_CALL, parameters, answer).fields
        assert fields["call_type"] is None
        return fields["muted"]

    for told, flags in zip(said.values(), FLAGS.values(), strict=True):
        assert [read_from({"UserId": parameters.user_id, "ChannelFlags": each}) for each in flags] == [told] * len(
            flags
        )
    assert read_from({"UserId": "another@ccc-test", "ChannelFlags": ["MUTED"]}) is None
    assert "its placeholder `无`" in PAGE


def test_the_headers_of_a_refusal_are_told() -> None:
    when = {row[0]: row[3] for row in TABLES["code"]}
    assert f"always `{Unauthorized('any').headers['WWW-Authenticate']}" in when["unauthorized"]
    throttled = Throttled("any")
    assert "see `Retry-After" in when["throttled"]
    assert render.always_200(throttled, None).headers == {"Retry-After": throttled.headers["Retry-After"]}
    assert "with `Retry-After` where the table above has it" in PAGE


def test_the_table_of_codes_is_the_error_tree() -> None:
    told = {row[0]: (int(row[1]), row[2] == "yes") for row in TABLES["code"]}
    assert told == {kind.code: (kind.status, kind.retryable) for kind in problem_types()}


def test_the_table_of_variables_is_the_settings() -> None:
    told = {row[0]: row[1] for row in TABLES["variable"]}
    assert set(told) == {"CALLERS_FILE", *(name.upper() for name in Settings.model_fields)}
    constants = {name.upper(): field.default for name, field in Settings.model_fields.items() if field.default}
    fixed = {name: str(value) for name, value in constants.items() if isinstance(value, (int, str))}
    assert fixed.items() <= told.items()


def test_the_functions_region_is_found_where_the_page_says() -> None:
    told = re.findall(r"region is\s+the context's, else that in `(\w+)`, else `([\w-]+)`", PAGE)
    ((variable, default),) = told
    assert region_of(Context312(region="cn-hangzhou"), {variable: "cn-beijing"}) == "cn-hangzhou"
    assert region_of(Context312(region=""), {variable: "cn-beijing"}) == "cn-beijing"
    assert region_of(Context312(region=""), {}) == default


def test_the_one_value_of_a_header_in_the_log_line_is_the_traceparent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "`traceparent` is the one value of a header that stands there, and holds ids only" in PAGE
    monkeypatch.setenv("MUTE_CALL_TOKEN", TOKEN)
    ids = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    headers = {"X-Canary": "canary", "User-Agent": "canary", "Tracestate": "canary=1", "Idempotency-Key": "canary"}
    index.handler(http_event(headers={**headers, "traceparent": ids}, token="canary"), Context312())
    line = capsys.readouterr().out
    assert json.loads(line)["traceparent"] == ids
    assert "canary" not in line


def test_the_server_listens_where_the_page_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert server.parser().parse_args(["index:FUNCTION"]).host == "127.0.0.1"
    assert server.parser().parse_args(["index:FUNCTION"]).port == 9000
    monkeypatch.setenv("FC_CUSTOM_LISTEN_PORT", "9123")
    assert server.parser().parse_args(["index:FUNCTION"]).port == 9123
    assert "`--port`, else `FC_CUSTOM_LISTEN_PORT`, else 9000; on loopback unless `--host` says otherwise" in PAGE
