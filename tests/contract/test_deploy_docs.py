"""`docs/deploy.md` names what exists, and its commands carry the documents that they should."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.deployed import ACTIONS
from local.doctor.deployment import read_deployment
from local.doctor.rights import LOG, VPC
from local.smoke.__main__ import main as smoke
from local.smoke.checks import REMEDIES
from local.stack import DEMO_TOKEN, TOKEN_VARIABLE, stack
from shared.callers.file import load_callers
from shared.payload.parameters import CallParameters, read_parameters
from shared.problems import Problem
from shared.settings import Settings

ROOT = Path(__file__).parents[2]
TEXT = ROOT.joinpath("docs", "deploy.md").read_text(encoding="utf-8")
DOCUMENT = yaml.safe_load(ROOT.joinpath("s.yaml").read_text(encoding="utf-8"))
PROPS = DOCUMENT["resources"]["mute_call"]["props"]
COMMANDS = [
    shlex.split(line, comments=True)
    for block in re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]

REGIONS = ("CCC_REGION", "KMS_REGION", "OSS_REGION")
TRUST_POLICY = {
    "Version": "1",
    "Statement": [{"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": ["fc.aliyuncs.com"]}}],
}


def least_privilege(action: str | list[str], resource: str = "*") -> dict[str, object]:
    return {"Version": "1", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]}


BUCKET, PREFIX = "mute-call-letters", "letters"
# Of each function: its role, and what it may do there, which names nothing of the others.
ROLES = {function: read_deployment(ROOT, function, {}).role for function in ACTIONS}
POLICIES = {
    function: {
        f"{name}-function": least_privilege(f"ccc:{ACTIONS[function].name}"),
        f"{name}-secrets": least_privilege("kms:GetSecretValue", f"acs:kms:*:*:secret/{name}/*"),
        f"{name}-logs": least_privilege(*LOG, "acs:log:*:*:project/serverless-*/logstore/default-logs"),
        f"{name}-vpc": least_privilege(list(VPC)),
        f"{name}-letters": least_privilege("oss:PutObject", f"acs:oss:*:*:{BUCKET}/{PREFIX}/{name}/*"),
    }
    for function in ACTIONS
    for name in [function.replace("_", "-")]
}


def ram_calls(action: str) -> list[dict[str, str]]:
    """The options of all calls of an action of RAM."""
    return [
        dict(zip(command[3::2], command[4::2], strict=True))
        for command in COMMANDS
        if command[:3] == ["aliyun", "ram", action]
    ]


def table(heading: str) -> list[list[str]]:
    """The rows of the first table under a heading, without its head."""
    section = re.split(rf"^## {heading}$", TEXT, flags=re.MULTILINE)[1]
    rows = re.findall(r"^\| (.*) \|$", re.split(r"^## ", section, flags=re.MULTILINE)[0], re.MULTILINE)
    return [row.split(" | ") for row in rows[2:]]


def test_each_role_is_trusted_to_function_compute_alone() -> None:
    created = {options["--RoleName"]: options["--AssumeRolePolicyDocument"] for options in ram_calls("CreateRole")}
    assert {role: json.loads(document) for role, document in created.items()} == dict.fromkeys(
        ROLES.values(), TRUST_POLICY
    )


def test_each_policy_allows_its_one_action() -> None:
    created = {
        options["--PolicyName"]: json.loads(options["--PolicyDocument"]) for options in ram_calls("CreatePolicy")
    }
    assert created == {name: document for policies in POLICIES.values() for name, document in policies.items()}


def test_each_role_gets_the_policies_of_its_function_and_the_fallback_is_a_system_policy() -> None:
    attached = ram_calls("AttachPolicyToRole")
    (fallback,) = (options for options in attached if options["--PolicyType"] == "System")
    custom = [(options["--RoleName"], options["--PolicyName"]) for options in attached if options != fallback]
    assert sorted(custom) == sorted((ROLES[function], name) for function in ACTIONS for name in POLICIES[function])
    assert (fallback["--PolicyName"], fallback["--RoleName"]) == ("AliyunCCCFullAccess", ROLES["mute_call"])
    assert ram_calls("DetachPolicyFromRole") == [fallback]


def test_each_role_may_write_where_its_letters_are_kept_and_nothing_else() -> None:
    urls = re.findall(r"^DEAD_LETTER_URL: (.*)$", TEXT, re.MULTILINE)
    assert len(urls) == len(ACTIONS)
    for function, url in zip(ACTIONS, urls, strict=True):
        settings = Settings.model_validate({**dict.fromkeys(REGIONS, "cn-shanghai"), "DEAD_LETTER_URL": url})
        assert settings.dead_letter_url == url
        place = url.removeprefix("oss://")
        assert least_privilege("oss:PutObject", f"acs:oss:*:*:{place}/*") in POLICIES[function].values()
    (lifecycle,) = (words[-1] for words in COMMANDS if "put-bucket-lifecycle" in words)
    (rule,) = json.loads(lifecycle)["Rule"]
    assert (rule["Prefix"], rule["Status"], rule["Expiration"]) == (f"{PREFIX}/", "Enabled", {"Days": "14"})
    assert {words[words.index("--bucket") + 1] for words in COMMANDS if "--bucket" in words} == {BUCKET}


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", ROOT.joinpath("Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", TEXT)) | {words[1] for words in COMMANDS if words[:1] == ["make"]}
    assert {"deploy", "package"} <= named <= targets


def test_every_file_exists() -> None:
    named = set(re.findall(r"[`@ ](\w[\w/]*/[\w.]+\.(?:json|toml|md|yaml))", TEXT))
    assert "functions/mute_call/callers.toml" in named
    assert [name for name in named if not ROOT.joinpath(name).is_file()] == []


def test_every_link_leads_somewhere() -> None:
    anchors = {
        re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)
    }
    assert [target for target in re.findall(r"\]\(#([^)]+)\)", TEXT) if target not in anchors] == []


def test_every_variable_exists() -> None:
    deployed = {name for each in DOCUMENT["resources"].values() for name in each["props"]["environmentVariables"]}
    known = {name.upper() for name in Settings.model_fields} | deployed | {"RUNTIME"}
    # The examples of rotations add three, the page itself defines three, and OpenSSL knows one.
    known |= {"SSL_CERT_FILE", "MUTE_CALL_TOKEN_PREVIOUS", "CRM_SECRET", "CRM_SECRET_NEW", "URL", "EVENT", "AUTH"}
    # That of the option `domain`, those of docs/watching.md, and those of the first live mute.
    known |= {"CERTIFICATE_ID", "SLS_PROJECT", "SLS_LOGSTORE", "LIVE", "UNMUTE_URL"}
    named = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", TEXT)) | set(re.findall(r"\$([A-Z_]+)", TEXT))
    assert named - known == set()
    variables = re.search(r"`s.yaml`, `vars`: (.*)\.$", TEXT, re.MULTILINE)
    assert variables
    assert set(re.findall(r"`(\w+)`", variables[1])) == DOCUMENT["vars"].keys() - {"runtime"}


def test_the_smoke_test_sends_valid_parameters_that_the_shipped_callers_file_allows() -> None:
    (event,) = [word.removeprefix("EVENT=") for command in COMMANDS for word in command if word.startswith("EVENT=")]
    parameters = read_parameters(CallParameters, json.loads(event), {})
    callers = load_callers(ROOT / "functions" / "mute_call" / "callers.toml").callers
    assert all(caller.may_use_instance(parameters.instance_id) for caller in callers.values())


def test_every_code_of_a_problem_exists() -> None:
    known = {getattr(problem, "code", None) for problem in descendants(Problem)}
    named = {code for answer, _ in table("5. Smoke test") for code in re.findall(r"`([a-z]+_[a-z_]+|[a-z]+)`", answer)}
    assert named - {"upstream"} <= known
    assert {"configuration_error", "upstream_denied"} <= named


def descendants(kind: type[Problem]) -> set[type[Problem]]:
    return {kind}.union(*(descendants(child) for child in kind.__subclasses__())) - {Problem}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("memorySize", PROPS["memorySize"]),
        ("cpu", PROPS["cpu"]),
        ("diskSize", PROPS["diskSize"]),
        ("timeout", PROPS["timeout"]),
        ("initializer's timeout", PROPS["instanceLifecycleConfig"]["initializer"]["timeout"]),
        ("maxAsyncRetryAttempts", PROPS["asyncInvokeConfig"]["maxAsyncRetryAttempts"]),
        ("maxAsyncEventAgeInSeconds", PROPS["asyncInvokeConfig"]["maxAsyncEventAgeInSeconds"]),
    ],
)
def test_sizes_and_times_are_those_of_s_yaml(setting: str, value: Any) -> None:
    values = {name.replace("`", ""): said for name, said, _ in table("Sizes and times")}
    assert values[setting] == str(value)
    assert f"`DEADLINE_MS` ({Settings.model_fields['deadline_ms'].default})" in TEXT


def test_everything_unconfirmed_comes_with_a_command_and_what_it_should_show() -> None:
    rows = table("Unconfirmed until the first live deployment")
    assert len(rows) >= 10
    for _, command, expected in rows:
        assert re.match(r"`(curl|s|aliyun|python -m local\.(smoke|watching))\b", command), command
        assert expected.strip()


def test_the_smoke_test_is_one_command_that_passes(capsys: pytest.CaptureFixture[str]) -> None:
    (command, *_) = [command for command in COMMANDS if command[:3] == ["python", "-m", "local.smoke"]]
    with stack(variables={TOKEN_VARIABLE: DEMO_TOKEN}) as (gateway, _):
        assert smoke([gateway.url if word == "$URL" else word for word in command[3:]]) == 0
        assert "FAILED" not in capsys.readouterr().out


def test_the_smoke_test_knows_the_remedies_of_the_table() -> None:
    named = {code for answer, _ in table("5. Smoke test") for code in re.findall(r"`([a-z]+_[a-z_]+|[a-z]+)`", answer)}
    assert named - {"job_not_found", "instance_not_found", "upstream"} == REMEDIES.keys()


def test_the_cost_of_a_minimum_instance_is_that_of_the_sizes_in_s_yaml() -> None:
    seconds = 30 * 24 * 3600
    memory = PROPS["memorySize"] / 1024 * 0.15 * seconds
    disk = PROPS["diskSize"] / 1024 * 0.05 * seconds
    (told,) = (how_much for what, how_much, _ in table("What it costs") if "minimum instance of" in what)
    for units in (memory, memory + disk):
        assert f"{units:,.0f} CU" in told
        assert f"{units * 0.000020:.2f} USD, {units * 0.00011:.2f} CNY" in told


def test_every_option_of_s_yaml_is_explained() -> None:
    options = re.findall(r"^ *# --- (\S+)$", ROOT.joinpath("s.yaml").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(name.strip("`") for name, *_ in table("Options for real traffic")) == sorted(options)
