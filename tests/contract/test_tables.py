"""Tables of codes, fields, variables and sizes equal the code, on a page and on its translation.

A table is known by what its first column names, whatever its heading and language.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Any

import pytest
import yaml

from functions.mute_call import index
from local.deployed import ACTIONS
from local.doctor.deployment import read_deployment
from local.doctor.rights import LOG, VPC
from local.simulator import Simulator
from local.smoke.checks import REMEDIES
from shared.callers.caller import Caller
from shared.callers.schemes import SCHEMES, keys_of
from shared.payload.parameters import CallParameters
from shared.problems import UpstreamProblem, problem_types
from shared.responses.render import ProblemBody
from shared.responses.status import SlimStatus
from shared.settings import Settings
from tests.builders import LOG_KEYS, PAYLOAD, Context312, environment, http_event
from tests.contract.documents import ROOT, blocks, read, shell, whole_tables
from tests.contract.running import steady
from tests.contract.test_docs import PAGES
from tests.contract.test_translations import EXTRACTS
from tests.unit.shared.test_function import STEPS

KINDS = {kind.code: kind for kind in problem_types()}
PROPS = yaml.safe_load(read("s.yaml"))["resources"]["mute_call"]["props"]
# Yes and no, in both languages.
BOTH = {True: {"yes", "required", "是", "必填"}, False: {"no", "否", "可选"}}


def both(name: str) -> list[str]:
    """Return a page, and its translation where there is a whole one."""
    names = {f"docs/{name}.md", f"docs/zh/{name.removesuffix('/README')}.md"} - EXTRACTS
    return [text for page, text in PAGES.items() if page in names]


def table(page: str, names: Collection[str]) -> list[list[str]]:
    """Return the table whose first column has most of the names."""
    return max(whole_tables(page), key=lambda rows: len({row[0] for row in rows} & set(names)))[2:]


def first(rows: list[list[str]]) -> list[str]:
    return [row[0] for row in rows]


@pytest.mark.parametrize(
    "page", [*both("contract"), *both("callers/README"), PAGES["README.md"], PAGES["README.zh.md"]]
)
def test_the_codes_are_those_of_the_error_tree(page: str) -> None:
    rows = table(page, KINDS)
    assert sorted(first(rows)) == sorted(KINDS)
    for code, status, retryable, *_ in rows:
        assert int(status) == KINDS[code].status
        assert retryable in BOTH[KINDS[code].retryable]


@pytest.mark.parametrize("page", both("contract"))
def test_the_variables_are_those_of_the_settings(page: str) -> None:
    names = {name.upper(): field.default for name, field in Settings.model_fields.items()}
    told = {row[0]: row[1] for row in table(page, names)}
    assert set(told) == set(names)
    fixed = {name: str(value) for name, value in names.items() if value and isinstance(value, (int, str))}
    assert fixed.items() <= told.items()


@pytest.mark.parametrize("page", both("contract"))
@pytest.mark.parametrize("model", [Caller, CallParameters])
def test_the_keys_of_a_file_and_of_a_payload_are_those_of_the_models(page: str, model: Any) -> None:
    rows = table(page, model.model_fields)
    assert first(rows) == list(model.model_fields)
    for name, told, *_ in rows:
        assert (told in BOTH[True]) == model.model_fields[name].is_required()


@pytest.mark.parametrize("page", both("contract"))
def test_the_schemes_and_what_they_take_are_those_of_the_code(page: str) -> None:
    told = {row[0]: set(re.findall(r"`?([a-z_-]{3,})`?", row[2])) for row in table(page, SCHEMES)}
    assert told.keys() == SCHEMES.keys()
    for name in SCHEMES:
        assert set(keys_of(name)) - {"scheme", "secrets", "id"} <= told[name]


@pytest.mark.parametrize("page", both("contract"))
@pytest.mark.parametrize("fields", [list(SlimStatus.__annotations__), LOG_KEYS], ids=["answer", "log line"])
def test_the_fields_are_those_of_the_answer_and_of_the_log_line(page: str, fields: list[str]) -> None:
    assert first(table(page, fields)) == fields


@pytest.mark.parametrize("page", both("contract"))
def test_the_order_of_the_checks_is_that_of_the_function(page: str) -> None:
    order = [(str(status), code) for _, status, code in STEPS]
    bodies = [rows[2:] for rows in whole_tables(page)]
    assert order in [[(row[1], row[2].strip("`")) for row in rows if len(row) == 3] for rows in bodies]


@pytest.mark.parametrize("page", both("contract"))
def test_the_routes_are_those_that_answer(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUTE_CALL_TOKEN", "any")
    routes = ("POST /<caller>", "GET /<caller>", "GET /healthz", "GET /openapi.json")
    assert first(table(page, routes)) == list(routes)
    for path in ("/healthz", "/openapi.json"):
        answer = index.handler(http_event(method="GET", path=path, token=None), Context312())
        assert answer["statusCode"] == 200


@pytest.mark.parametrize("page", both("contract"))
def test_the_problem_shown_is_a_real_one(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Simulator() as simulator:
        for name, value in environment(CCC_ENDPOINT=simulator.url).items():
            monkeypatch.setenv(name, value)
        answer = index.handler(http_event({**PAYLOAD, "JobId": "job-0"}), Context312())
    (shown,) = (block for block in blocks(page, "json") if "job_not_found" in block)
    assert json.loads(steady(answer["body"])) == json.loads(steady(shown))
    assert set(json.loads(shown)) == set(ProblemBody.__annotations__) - {"errors"}


@pytest.mark.parametrize("page", both("reliability"))
def test_every_code_that_can_be_sent_again_or_is_kept_is_told(page: str) -> None:
    told = set(re.findall(r"`([a-z_]+)`", page))
    again = {kind.code for kind in KINDS.values() if kind.retryable or kind.is_final}
    assert again | {kind.code for kind in KINDS.values() if issubclass(kind, UpstreamProblem)} <= told


@pytest.mark.parametrize("page", both("runbook"))
def test_every_code_has_an_entry_in_the_runbook_with_its_query(page: str) -> None:
    entries = re.split(r"^### `(\w+)`$", page, flags=re.MULTILINE)[1:]
    texts = dict(zip(entries[::2], entries[1::2], strict=True))
    assert sorted(texts) == sorted(KINDS)
    for code, text in texts.items():
        assert f"'$.code')) = '{code}'" in text
        assert str(KINDS[code].status) in text


@pytest.mark.parametrize("page", both("deploy"))
def test_sizes_and_times_are_those_of_s_yaml(page: str) -> None:
    names = ("memorySize", "cpu", "diskSize", "timeout")
    told = {row[0]: row[1] for row in table(page, names)}
    assert {name: told[name] for name in names} == {name: str(PROPS[name]) for name in names}
    rules = PROPS["asyncInvokeConfig"]
    assert {name: told[name] for name in rules} == {name: str(value) for name, value in rules.items()}


@pytest.mark.parametrize("page", both("deploy"))
def test_every_option_of_s_yaml_is_explained(page: str) -> None:
    options = re.findall(r"^ *# --- (\S+)$", read("s.yaml"), re.MULTILINE)
    assert sorted(first(table(page, options))) == sorted(options)


@pytest.mark.parametrize("page", both("deploy"))
def test_every_remedy_of_the_smoke_test_is_told(page: str) -> None:
    assert {f"`{code}`" for code in REMEDIES} <= set(re.findall(r"`[^`\n]+`", page))


def calls_of_ram(page: str, action: str) -> Iterator[dict[str, str]]:
    """Yield the options of each call of an action of RAM."""
    for words in shell(page):
        if words[:3] == ["aliyun", "ram", action]:
            yield dict(zip(words[3::2], words[4::2], strict=True))


def least_privilege(action: str | list[str], resource: str = "*") -> dict[str, object]:
    return {"Version": "1", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]}


BUCKET = "mute-call-letters"
# Of each function: its role, and what it may do there, which names nothing of the others.
ROLES = {function: read_deployment(ROOT, function, {}).role for function in ACTIONS}
POLICIES = {
    function: {
        f"{name}-function": least_privilege(f"ccc:{ACTIONS[function].name}"),
        f"{name}-secrets": least_privilege("kms:GetSecretValue", f"acs:kms:*:*:secret/{name}/*"),
        f"{name}-logs": least_privilege(*LOG, "acs:log:*:*:project/serverless-*/logstore/default-logs"),
        f"{name}-vpc": least_privilege(list(VPC)),
        f"{name}-letters": least_privilege("oss:PutObject", f"acs:oss:*:*:{BUCKET}/letters/{name}/*"),
    }
    for function in ACTIONS
    for name in [function.replace("_", "-")]
}
TRUST = {
    "Version": "1",
    "Statement": [{"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": ["fc.aliyuncs.com"]}}],
}


@pytest.mark.parametrize("page", both("deploy"))
def test_each_role_is_trusted_to_function_compute_alone_and_has_the_policies_of_its_function(page: str) -> None:
    roles = {
        each["--RoleName"]: json.loads(each["--AssumeRolePolicyDocument"]) for each in calls_of_ram(page, "CreateRole")
    }
    assert roles == dict.fromkeys(ROLES.values(), TRUST)
    created = {
        each["--PolicyName"]: json.loads(each["--PolicyDocument"]) for each in calls_of_ram(page, "CreatePolicy")
    }
    assert created == {name: document for policies in POLICIES.values() for name, document in policies.items()}
    attached = list(calls_of_ram(page, "AttachPolicyToRole"))
    custom = [(each["--RoleName"], each["--PolicyName"]) for each in attached if each["--PolicyType"] == "Custom"]
    assert sorted(custom) == sorted((ROLES[function], name) for function in ACTIONS for name in POLICIES[function])
    fallback = [each for each in attached if each["--PolicyType"] == "System"]
    assert list(calls_of_ram(page, "DetachPolicyFromRole")) == fallback


@pytest.mark.parametrize("page", both("deploy"))
def test_each_function_keeps_dead_letters_where_its_role_may_write(page: str) -> None:
    urls = re.findall(r"^ *DEAD_LETTER_URL: (oss://\S+)$", page, re.MULTILINE)
    places = [f"oss://{BUCKET}/letters/{function.replace('_', '-')}" for function in ACTIONS]
    assert urls == places
