"""docs/watching: SLS takes it, every query runs on our log lines, and every alarm tells a failure from good health.

sqlite stands in for SLS: it runs the queries as they are, with SLS's functions added. It cannot tell whether SLS reads
the same dialect; docs/watching.md lists what only a live logstore can confirm.
"""

from __future__ import annotations

import json
import math
import re
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any, NamedTuple

import pytest
from jsonschema import Draft7Validator

from functions.mute_call.index import MUTE_CALL
from functions.unmute_call.index import UNMUTE_CALL
from local.deployed import ACTIONS
from shared import problems
from shared.action import Action
from shared.invocation import Invocation
from shared.observability import log
from shared.outcome import Success
from shared.problems import Problem, Upstream
from tests.contract.documents import ROOT, blocks, read

FOLDER = ROOT / "docs/watching"
DASHBOARD = json.loads(read("docs/watching/dashboard.json"))
CHARTS: dict[str, dict[str, Any]] = {chart["title"]: chart for chart in DASHBOARD["charts"]}
ALARMS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted([*FOLDER.glob("alarms/*.json"), *FOLDER.glob("optional/*.json")])
}
QUERIES = {f"chart {name}": chart["search"]["chartQueries"][0]["query"] for name, chart in CHARTS.items()} | {
    f"alarm {name}": alarm["configuration"]["queryList"][0]["query"] for name, alarm in ALARMS.items()
}
INDEX = json.loads(read("docs/watching/index.json"))
# SLS, CreateAlert and CreateDashboard (2020-12-30), "Data structure of an alert rule" (2025-03-17); what stands inside
# search and display is that of the chart templates in Alibaba Cloud's own skills (alibabacloud-sls-dashboard).
SCHEMAS = json.loads(read("tests/data/sls-schemas.json"))
RUNBOOK = read("docs/runbook.md")
PLACES = {"SLS_REGION", "SLS_PROJECT", "SLS_LOGSTORE", "SLS_ACTION_POLICY", "SLS_FUNCTION"}
# In a console they need no `from`.
QUERIES |= {
    f"runbook {number}": re.sub(r"(?= where )|$", " from log", " ".join(text.split()), count=1)
    for number, text in enumerate(blocks(re.sub(r"^ +", "", RUNBOOK, flags=re.MULTILINE), "sql"))
}


class Logged(NamedTuple):
    """A line of a function that is named: two deployments of one action, or somebody else's function."""

    function: str
    line: Mapping[str, Any] | str


Line = Mapping[str, Any] | str | Logged
DEPLOYED = "mute-call"


def complaints(kind: str, value: object) -> list[str]:
    """Return what the documented structures of SLS do not allow."""
    return [f"{error.json_path}: {error.message}" for error in Draft7Validator(SCHEMAS[kind]).iter_errors(value)]


def json_extract_scalar(text: str, path: str) -> str | None:
    """Return a member of a JSON object as text, as SLS does: null for what is no JSON, no scalar or not there."""
    try:
        value = json.loads(text)[path.removeprefix("$.")]
    except (ValueError, KeyError, TypeError):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None or isinstance(value, (dict, list)) else str(value)


def date_format(seconds: int, pattern: str) -> str:
    return time.strftime(pattern.replace("%i", "%M"), time.gmtime(seconds))


class CountIf:
    def __init__(self) -> None:
        self.count = 0

    def step(self, condition: object) -> None:
        self.count += bool(condition)

    def finalize(self) -> int:
        return self.count


class ApproxPercentile:
    def __init__(self) -> None:
        self.values: list[float] = []
        self.share = 0.5

    def step(self, value: float | None, share: float) -> None:
        self.share = share
        self.values += [] if value is None else [value]

    def finalize(self) -> float | None:
        ordered = sorted(self.values)
        return ordered[math.ceil(self.share * len(ordered)) - 1] if ordered else None


def is_found(line: str, search: str) -> bool:
    """Whether a search of words joined by `or` finds a line; SLS, too, takes an underscore for part of a word."""
    return bool(set(re.findall(r"\w+", line)) & set(search.split(" or ")))


def logstore(lines: Sequence[tuple[int, Line]], search: str) -> sqlite3.Connection:
    """A logstore that holds what the search finds, each line at its time; it has the fields that are indexed."""
    store = sqlite3.connect(":memory:")
    store.row_factory = sqlite3.Row
    store.create_function("json_extract_scalar", 2, json_extract_scalar)
    store.create_function("try", 1, lambda value: value)
    store.create_function("date_format", 2, date_format)
    store.create_aggregate("count_if", 1, CountIf)
    store.create_aggregate("approx_percentile", 2, ApproxPercentile)  # type: ignore[arg-type] # stubs: one value a step
    store.execute(f"create table log (__time__ integer, {', '.join(INDEX['keys'])})")
    for at, line in lines:
        function, text = line if isinstance(line, Logged) else Logged(DEPLOYED, line)
        text = text if isinstance(text, str) else json.dumps(text)
        if is_found(text, search):
            store.execute("insert into log (__time__, functionName, message) values (?, ?, ?)", (at, function, text))
    return store


def rows(query: str, lines: Sequence[tuple[int, Line]]) -> list[dict[str, Any]]:
    search, _, sql = query.partition(" | ")
    with closing(logstore(lines, search)) as store:
        return [dict(row) for row in store.execute(sql)]


def severity(alarm: Mapping[str, Any], lines: Sequence[Line]) -> int | None:
    """How severe an alarm is on lines of its time span: the first severity whose condition a row meets."""
    configuration = alarm["configuration"]
    search, _, sql = configuration["queryList"][0]["query"].partition(" | ")
    with closing(logstore([(0, line) for line in lines], search)) as store:
        for branch in configuration["severityConfigurations"]:
            # An expression of SLS's, with the same comparisons as SQL.
            condition = branch["evalCondition"]["condition"].replace("&&", "and") or "true"
            if store.execute(f"select 1 from ({sql}) where {condition}").fetchone():  # noqa: S608 - our own files
                return int(branch["severity"])
        return None


NO_JOB = problems.InvalidParameters((problems.FieldError("job_id", "required"),))


def here(alarm: Mapping[str, Any]) -> dict[str, Any]:
    """An alarm as it is installed for the function that is deployed."""
    installed: dict[str, Any] = json.loads(json.dumps(alarm).replace("SLS_FUNCTION", DEPLOYED))
    return installed


def told(
    outcome: type[Problem] | Problem | str = "muted",
    *,
    duration_ms: float = 40.0,
    caller: str | None = "crm",
    action: Action = MUTE_CALL,
    **known: Any,
) -> dict[str, Any]:
    """A line of a request, as the function writes it."""
    invocation = Invocation(action, "1-2", cold_start=known.pop("cold_start", False), caller_name=caller, **known)
    if isinstance(outcome, str):
        ended: Success | Problem = Success(outcome, {}, Upstream("OK", "A-1"))
    else:
        ended = outcome if isinstance(outcome, Problem) else outcome("a reason")
    return {**log.webhook_line(invocation, ended, 200, 0), "duration_ms": duration_ms}


def unwritten_letter(reason: str) -> dict[str, Any]:
    invocation = Invocation(MUTE_CALL, "1-2", cold_start=False, caller_name="crm")
    return log.dead_letter_line(invocation, problems.JobNotFound("a reason"), reason, 0)


# Words of a search in lines that are no requests.
PLATFORM: list[Line] = [
    "FC Invoke Start RequestId: 1-64f6cd87-0f0e0d0c0b0a0908 webhook",
    "upstream_denied throttled initialize dead_letter configuration_error internal_error webhook job_not_found",
    '{"webhook": "of another program in the same logstore", "code": "upstream_denied"}',
    '{"event": "webhook", "level": "ERROR", "code": "upstr',
    '["webhook", "initialize"]',
    "null",
    # Other people's functions, which share the logstore of `auto`.
    *[
        Logged("repository-hook", {"event": "webhook", "action": "opened", "level": "ERROR", "code": code})
        for code in (*("upstream_denied", "internal_error", "throttled", "job_not_found", "teapot"),)
    ]
    * 10,
    *[Logged("repository-hook", {"event": "webhook", "action": "opened", "duration_ms": took}) for took in (9e9, "1 s")]
    * 10,
    *[Logged("trainer", {"event": event, "level": "ERROR", "reason": "x"}) for event in ("initialize", "dead_letter")],
]
HEALTHY: list[Line] = [
    *[told(cold_start=number == 0) for number in range(30)],
    *[Logged("unmute-call", told("unmuted", action=UNMUTE_CALL)) for _ in range(5)],
    told("handshake"),
    told(store_fault="answer not stored"),
    told(replayed=True),
    told(problems.Unauthorized, caller=None),
    told(problems.InvalidState),
    told(problems.Throttled, attempts=2),
    told(problems.UpstreamTimeout, duration_ms=4499.0),
    *PLATFORM,
]
FAULTS: dict[str, tuple[list[Line], dict[str, int]]] = {
    "the role is refused": ([told(problems.UpstreamDenied)], {"upstream-denied": 10}),
    "the counterpart's role is refused": ([told(problems.UpstreamDenied, action=UNMUTE_CALL)], {"upstream-denied": 10}),
    "a variable is wrong": ([told(problems.ConfigurationError, caller=None)], {"defects": 10}),
    "a defect": ([told(problems.InternalError)], {"defects": 10}),
    "an instance starts with faults": ([log.initialize_line(MUTE_CALL, None, ["webhook"], 0)], {"start-faults": 8}),
    "an instance starts with a doubtful name": ([log.initialize_line(MUTE_CALL, None, [], 0, ["webhook"])], {}),
    "a dead letter is not written": ([unwritten_letter("webhook")], {"dead-letters": 8}),
    "CCC is down": ([told(problems.UpstreamUnavailable)] * 5, {"error-rate": 8}),
    "the store is down": ([told(problems.IdempotencyUnavailable)] * 5, {"error-rate": 8}),
    "four failures of fifty": ([told(problems.UpstreamUnavailable)] * 4, {}),
    "a sender has the wrong secret": ([told(problems.Unauthorized, caller=None)] * 60, {"error-rate": 4}),
    "a fifth of the requests is refused": ([told(problems.InvalidState)] * 10, {}),
    "a mute failed for good": ([told(problems.JobNotFound)], {"failed": 4}),
    "a mute was refused for an unlisted reason": ([told(problems.UpstreamUnlisted)], {"failed": 6}),
    "a caller's mapping is wrong": ([told(NO_JOB)], {"failed": 4}),
    "a stranger's request is malformed": ([told(problems.MalformedRequest, caller=None)], {}),
    "a small function is down beside a busy one": (
        [*[Logged("mute-call-concurrent", told(problems.UpstreamUnavailable))] * 5, *[told()] * 200],
        {"error-rate": 8},
    ),
    "a slow function is hidden by a busy one": (
        [*[Logged("mute-call-concurrent", told(duration_ms=3001.0))] * 3, *[told()] * 500],
        {"slow": 6},
    ),
    "one caller's throttled requests come to two functions": (
        [Logged(f"f{number % 2}", told(problems.Throttled)) for number in range(6)],
        {},
    ),
    "most answers cannot be stored": ([told(store_fault="answer not stored")] * 60, {"error-rate": 4}),
    "CCC is slow": ([told(duration_ms=3001.0)] * 5, {"slow": 6}),
    "CCC throttles one caller": ([told(problems.Throttled, caller="flow")] * 5, {"throttled": 6}),
    "CCC throttles everybody a little": ([told(problems.Throttled, caller=f"c{n}") for n in range(5)], {}),
}


def test_the_dashboard_has_the_documented_shape() -> None:
    assert complaints("dashboard", DASHBOARD) == []
    assert len(CHARTS) == len(DASHBOARD["charts"])
    for chart in CHARTS.values():
        (query,) = chart["search"]["chartQueries"]
        assert query["query"] == query["tokenQuery"]
        assert ("queryOptionMap" in chart["display"]) == (chart["type"] == "linepro")


def test_no_chart_lies_upon_another() -> None:
    taken: set[tuple[int, int]] = set()
    for chart in CHARTS.values():
        x, y, width, height = (chart["display"][key] for key in ("xPos", "yPos", "width", "height"))
        cells = {(column, row) for column in range(x, x + width) for row in range(y, y + height)}
        # The grid has 24 columns.
        assert x + width <= 24
        assert not cells & taken
        taken |= cells


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_has_the_documented_shape(name: str) -> None:
    alarm = ALARMS[name]
    assert complaints("alarm", alarm) == []
    assert alarm["name"].replace("SLS_FUNCTION", "mute-call") == f"mute-call-{name}"
    group = alarm["configuration"]["groupConfiguration"]
    assert bool(group["fields"]) == (group["type"] == "custom")


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_a_query_reads_what_the_log_line_has_and_names_codes_that_exist(query: str) -> None:
    lines = [told(), log.initialize_line(MUTE_CALL, None, ["a fault"], 0), unwritten_letter("a fault")]
    read_by_it = set(re.findall(r"'\$\.(\w+)'", query))
    assert read_by_it <= {key for line in lines for key in line}
    codes = {kind.code for kind in problems.problem_types()}
    tests = re.findall(r"\bcode(?:'\)\))? (?:= |in \()('[^)]*?')(?:\)| |$)", query)
    named = {code for test in tests for code in re.findall(r"'(\w+)'", test)}
    assert named <= codes


@pytest.mark.parametrize("query", [query for name, query in QUERIES.items() if "runbook" not in name])
def test_a_query_searches_for_our_words_and_keeps_to_our_lines(query: str) -> None:
    words = set(query.partition(" | ")[0].split(" or "))
    assert words <= {kind.code for kind in problems.problem_types()} | {"webhook", "initialize", "dead_letter"}
    actions = re.findall(r" and action in \(([^)]*)\)", query)
    assert [set(re.findall(r"\w+", names)) for names in actions] == [{action.name for action in ACTIONS.values()}]


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_a_query_reads_indexed_fields_alone_and_no_line_can_break_it(query: str) -> None:
    # Words without a field are looked for in fields of text, or in a full-text index; columns need analytics.
    assert {(field["type"], field["doc_value"]) for field in INDEX["keys"].values()} == {("text", True)}
    rows(query, SAMPLE)
    # JSON that is cut off, and a text in the place of a number, end a query where nothing catches it.
    value = r"json_extract_scalar\(message, '\$\.\w+'\)"
    assert not re.search(r"json_|cast", re.sub(rf"try\((?:{value}|cast\({value} as double\))\)", "", query))
    # SLS takes a text in double quotes for a column, sqlite for whichever fits.
    assert '"' not in query.partition(" | ")[2]


def test_a_line_of_any_length_that_we_write_is_indexed_as_a_whole() -> None:
    # What the platform keeps of a line is more than the index's default, 2048 bytes.
    faults = ["callers.default.auth.secrets: A_NAME_OF_A_VARIABLE is not usable for its scheme"] * 100
    assert 2048 < len(json.dumps(log.initialize_line(MUTE_CALL, None, faults, 0))) < INDEX["max_text_len"] <= 16_384


def test_a_mute_that_failed_for_good_is_told_unless_another_alarm_tells_it() -> None:
    final = {kind.code for kind in problems.problem_types() if not kind.retryable}
    # A stranger's; an everyday race with the call; the alarms `defects` and `upstream-denied`.
    others = {"unauthorized", "payload_too_large", "invalid_state"}
    others |= {"configuration_error", "internal_error", "upstream_denied"}
    assert set(QUERIES["alarm failed"].partition(" | ")[0].split(" or ")) == final - others


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_tells_what_its_query_finds(name: str) -> None:
    configuration = ALARMS[name]["configuration"]
    every = [told(NO_JOB if kind is problems.InvalidParameters else kind) for kind in problems.problem_types()]
    lines = [*every, log.initialize_line(MUTE_CALL, None, ["webhook"], 0), unwritten_letter("r")]
    (found, *_) = rows(configuration["queryList"][0]["query"], [(0, line) for line in lines])
    told_of = " ".join(annotation["value"] for annotation in configuration["annotations"])
    assert set(re.findall(r"\$\{(\w+)\}", told_of)) <= found.keys()
    assert set(configuration["groupConfiguration"]["fields"]) <= found.keys()
    for branch in configuration["severityConfigurations"]:
        names = set(re.findall(r"\b[a-z]\w*", re.sub(r"'[^']*'", "", branch["evalCondition"]["condition"])))
        assert names <= found.keys()
        # The only names that SLS's expressions take.
        assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", column) for column in names)


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_is_silent_in_good_health(name: str) -> None:
    assert severity(here(ALARMS[name]), HEALTHY) is None


@pytest.mark.parametrize(("lines", "expected"), FAULTS.values(), ids=FAULTS)
def test_a_fault_raises_its_alarm_and_no_other(lines: list[Line], expected: Mapping[str, int]) -> None:
    raised = {name: severity(here(alarm), [*HEALTHY, *lines]) for name, alarm in ALARMS.items()}
    assert {name: level for name, level in raised.items() if level} == expected


@pytest.mark.parametrize(
    "lines",
    [[], PLATFORM, [log.initialize_line(MUTE_CALL, None, ["webhook"], 0)], [Logged("mute-call-concurrent", told())]],
)
def test_no_requests_raise_the_alarm_that_is_an_option(lines: list[Line]) -> None:
    alarm = here(ALARMS["no-traffic"])
    assert severity(alarm, lines) == 6
    assert severity(alarm, [*lines, told()]) is None


def test_every_alarm_is_raised_by_some_fault() -> None:
    assert {name for _, expected in FAULTS.values() for name in expected} | {"no-traffic"} == ALARMS.keys()


EARLY, LATE = 1_693_896_000, 1_693_896_300
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SAMPLE: list[tuple[int, Line]] = [
    (EARLY, told(cold_start=True, upstream_ms=30.0, attempts=1)),
    (EARLY + 1, told()),
    (EARLY + 299, told(problems.Throttled, duration_ms=60.0, attempts=2, caller="flow")),
    (LATE, told(problems.UpstreamTimeout, duration_ms=4000.0, upstream_ms=3000.0, attempts=1)),
    (LATE, Logged("unmute-call", told("unmuted", action=UNMUTE_CALL, replayed=True))),
    (LATE + 1, told(problems.Unauthorized, duration_ms=1.0, caller=None)),
    (LATE + 2, log.initialize_line(MUTE_CALL, "1-3", ["webhook"], LATE)),
    (LATE + 3, unwritten_letter("webhook")),
    *[(LATE, line) for line in PLATFORM],
]
SHOWN_BY: dict[str, list[tuple[Any, ...]]] = {
    "requests": [("09-05 06:40", 3, 1, 0), ("09-05 06:45", 3, 1, 1)],
    "duration": [("09-05 06:40", 40.0, 60.0, 30.0), ("09-05 06:45", 40.0, 4000.0, 3000.0)],
    "codes": [
        ("mute-call", "muted", "INFO", 2, 40.0),
        ("mute-call", "throttled", "WARNING", 1, 20.0),
        ("mute-call", "unauthorized", "WARNING", 1, 20.0),
        ("mute-call", "upstream_timeout", "ERROR", 1, 20.0),
        ("unmute-call", "unmuted", "INFO", 1, 100.0),
    ],
    "callers": [
        ("mute-call", "crm", 3, 0, 1, 4000.0),
        ("mute-call", "flow", 1, 1, 0, 60.0),
        ("mute-call", "nobody", 1, 1, 0, 1.0),
        ("unmute-call", "crm", 1, 0, 0, 40.0),
    ],
    "throttled": [("09-05 06:40", 1, 1), ("09-05 06:45", 0, 0)],
    "instances": [("09-05 06:40", 1, 0), ("09-05 06:45", 0, 1)],
    "failures": [
        ("1970-01-01T00:00:00.000Z", "mute-call", "crm", "upstream_timeout", None, "1-2", None, None, "a reason"),
    ],
    "faults": [
        ("2023-09-05T06:45:00.000Z", "initialize", "mute-call", "1-3", "webhook"),
        ("1970-01-01T00:00:00.000Z", "dead_letter", "mute-call", "1-2", "webhook"),
    ],
}


def test_every_chart_is_tried() -> None:
    assert SHOWN_BY.keys() == CHARTS.keys()


@pytest.mark.parametrize(("name", "expected"), SHOWN_BY.items(), ids=SHOWN_BY)
def test_a_chart_shows_what_was_logged(name: str, expected: list[tuple[Any, ...]]) -> None:
    found = rows(QUERIES[f"chart {name}"], SAMPLE)
    assert sorted(map(repr, (tuple(row.values()) for row in found))) == sorted(map(repr, expected))
    for options in CHARTS[name]["display"].get("queryOptionMap", {}).values():
        assert [options["xAxisKey"], *options["yAxisKeys"]] == list(found[0])


def test_the_files_have_places_that_the_command_fills() -> None:
    assert set(re.findall(r"SLS_\w+", json.dumps([DASHBOARD, ALARMS]))) == PLACES


def test_entries_of_the_runbook_that_are_named_exist() -> None:
    entries = set(re.findall(r"^### `(\w+)`$", read("docs/runbook.md"), re.MULTILINE))
    annotated = json.dumps([alarm["configuration"]["annotations"] for alarm in ALARMS.values()])
    named = set(re.findall(r"docs/runbook\.md, ([a-z]+_[a-z_]+|throttled)\b", annotated))
    assert {"upstream_denied", "upstream_timeout", "throttled"} <= named <= entries
