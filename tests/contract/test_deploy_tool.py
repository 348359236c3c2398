"""`s.yaml` and every command of the pages for the deployment tool, through a double of it: what is sent, and printed.

No network: the double has what was recorded from the real tool.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from tests.contract.documents import blocks, read, spans
from tests.contract.test_docs import PAGES
from tests.deploy_tool import ACCOUNT, AUTO, Sent, Tool, ToolError, log_of

DOCUMENT = yaml.safe_load(read("s.yaml"))
FUNCTIONS = list(DOCUMENT["resources"])
SECRETS = {name: f"canary-{name}" for name in re.findall(r"\$\{secret\('(\w+)'\)\}", read("s.yaml"))}
OPTION = re.compile(r"^ *# --- (\S+)\n(.*?)^ *# ---$", re.MULTILINE | re.DOTALL)
# In the pages a variable, or a placeholder.
WORDS = {"$EVENT": "{}", "RESOURCE": "mute_call"}


def tool(document: Mapping[str, Any] = DOCUMENT, **more: Any) -> Tool:
    return Tool(document, {"CERTIFICATE_ID": "1"}, secrets=dict(SECRETS), **more)


# As recorded; where the real tool sends more, that is beside the point.
RECORDED_ALIASES = [
    ("--version-id 1", None, Sent("POST", "/aliases", {"aliasName": "production", "versionId": "1"})),
    ("--version-id 1", "2", Sent("PUT", "/aliases/production", {"versionId": "1"})),
    (
        """--version-id 1 --vw '{"2": 0.1}'""",
        "2",
        Sent("PUT", "/aliases/production", {"additionalVersionWeight": {"2": 0.1}, "versionId": "1"}),
    ),
    (
        "--version-id 1 --vw '{}'",
        "2",
        Sent("PUT", "/aliases/production", {"additionalVersionWeight": {}, "versionId": "1"}),
    ),
]


@pytest.mark.parametrize(("options", "before", "expected"), RECORDED_ALIASES)
def test_the_double_sends_for_an_alias_what_was_recorded(options: str, before: str | None, expected: Sent) -> None:
    double = tool()
    if before:
        double.run("mute_call", "alias", "publish", "--alias-name", "production", "--version-id", before)
    (sent,) = double.run("mute_call", "alias", "publish", "--alias-name", "production", *shlex.split(options))
    assert sent == expected._replace(path=f"/functions/mute-call{expected.path}")


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("auto", AUTO),
        ("auto|logBeginRule=None", AUTO | {"logBeginRule": "None"}),
        ({"project": "p", "logstore": "l"}, {"project": "p", "logstore": "l"}),
    ],
)
def test_the_double_sends_for_the_log_what_was_recorded(config: object, expected: object) -> None:
    assert log_of(config) == expected


def test_the_double_stops_without_a_secret_and_without_a_variable() -> None:
    for document, secrets, told in (
        (DOCUMENT, {}, "undefined not found"),
        ({**DOCUMENT, "vars": {**DOCUMENT["vars"], "region": "${env('WHERE')}"}}, SECRETS, "env('WHERE') not found"),
    ):
        with pytest.raises(ToolError, match=re.escape(told)):
            Tool(document, secrets=secrets).run("mute_call", "deploy", "-y")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_s_yaml_sends_is_what_was_recorded(name: str) -> None:
    created, trigger, rules = tool().run(name, "deploy", "-y")
    props = DOCUMENT["resources"][name]["props"]
    role = DOCUMENT["vars"]["unmute_role" if name == "unmute_call" else "role"]
    variable = "UNMUTE_CALL_TOKEN" if name == "unmute_call" else "MUTE_CALL_TOKEN"
    function = created.body["functionName"]
    assert (created.method, created.path) == ("POST", "/functions")
    assert created.body["role"] == f"acs:ram::{ACCOUNT}:role/{role}"
    # An entry of the log is a line of ours, and the request metrics are on.
    assert created.body["logConfig"] == AUTO | {"logBeginRule": "None"}
    assert created.body["environmentVariables"][variable] == SECRETS[variable]
    assert created.body["instanceLifecycleConfig"]["initializer"]["handler"] == "index.initialize"
    assert created.body.get("instanceConcurrency", 1) == (50 if name == "mute_call_concurrent" else 1)
    assert ("customRuntimeConfig" in created.body) is (name == "mute_call_concurrent")
    assert created.body.keys() >= props.keys() - {"region", "code", "triggers", "asyncInvokeConfig"}
    assert trigger == Sent(
        "POST",
        f"/functions/{function}/triggers",
        {
            "triggerName": "http",
            "triggerType": "http",
            "triggerConfig": '{"authType":"anonymous","methods":["POST","GET","OPTIONS"],"disableURLInternet":false}',
            "qualifier": "LATEST",
        },
    )
    assert rules == Sent(
        "PUT",
        f"/functions/{function}/async-invoke-config?qualifier=LATEST",
        {"destinationConfig": {}, "maxAsyncEventAgeInSeconds": 60, "maxAsyncRetryAttempts": 0},
    )


def test_the_option_alias_sends_the_rules_to_the_alias() -> None:
    text = OPTION.sub(
        lambda found: re.sub(r"^( *)# ", r"\1", found[2], flags=re.MULTILINE) if found[1] == "alias" else found[0],
        read("s.yaml"),
    )
    rules = tool(yaml.safe_load(text)).run("mute_call", "deploy", "-y")[-1]
    assert rules.path == "/functions/mute-call/async-invoke-config?qualifier=production"
    assert rules.body.keys() == {"destinationConfig", "maxAsyncEventAgeInSeconds", "maxAsyncRetryAttempts"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_secret_is_printed(name: str) -> None:
    """Neither by a deployment nor by a plan; and it is deployed all the same."""
    double = tool()
    created, *_ = double.run(name, "deploy", "-y")
    double.run(name, "plan")
    assert "canary" in json.dumps(created.body)
    assert "******" in double.printed
    assert "canary" not in double.printed


def test_the_double_prints_what_comes_from_the_shell() -> None:
    document = yaml.safe_load(read("s.yaml").replace("${secret('MUTE_CALL_TOKEN')}", "${env('MUTE_CALL_TOKEN')}"))
    double = tool(document)
    double.environ["MUTE_CALL_TOKEN"] = "canary"
    double.run("mute_call", "deploy", "-y")
    assert "canary" in double.printed


@pytest.mark.parametrize(
    ("at", "options", "requests"), [("nothing", (), 0), ("nothing", ("-y",), 3), ("a terminal", (), 3)]
)
def test_the_double_deploys_nothing_where_nobody_answers(at: str, options: tuple[str, ...], requests: int) -> None:
    double = tool(terminal=at == "a terminal")
    # The first time there is no question.
    assert len(double.run("mute_call", "deploy", *options)) == 3
    double.secrets["MUTE_CALL_TOKEN"] = "another"
    assert len(double.run("mute_call", "deploy", *options)) == requests


def commands_of(text: str) -> list[list[str]]:
    """The commands of the deployment tool: those of blocks, and those within a line that have an argument."""
    lines = [line for block in blocks(text, "sh", "console") for line in block.splitlines()]
    found = [line.removeprefix("$ ") for line in (*lines, *spans(text))]
    whole = [each for each in found if re.match(r"s [a-z_]+ \S", each) and "…" not in each]
    return [shlex.split(each, comments=True) for each in whole if each != "s secret add"]


@pytest.mark.parametrize("page", PAGES)
def test_the_tool_understands_each_command_of_the_pages(page: str) -> None:
    double = tool()
    double.secrets |= dict.fromkeys(("MUTE_CALL_TOKEN_PREVIOUS", "HOLD_CALL_TOKEN"), "canary")
    for command in commands_of(PAGES[page]):
        words = [WORDS.get(word, word) for word in command[1:]]
        if words[0] in ("logs", "invoke"):
            # Without a resource it is for all functions.
            words = ["mute_call", *words]
        if words[0] != "config":
            double.secrets = {**SECRETS, **double.secrets}
            double.run(*words)


def test_no_command_of_the_pages_has_a_secret_in_it() -> None:
    commands = [command for text in PAGES.values() for command in commands_of(text)]
    adds = [command for command in commands if command[1:3] == ["secret", "add"]]
    for command in adds:
        name, value = command[command.index("--key") + 1], command[command.index("--value") + 1]
        assert value in (f"${name}", f"${name.removesuffix('_PREVIOUS')}")
        # Without it the tool keeps the old value, and exits with 0.
        assert command[-1] == "-f"


def test_the_double_prints_a_secret_that_is_kept_no_more() -> None:
    """Inferred from the tool's source: it hides the values that it keeps at that moment."""
    double = tool()
    double.run("mute_call", "deploy", "-y")
    double.run("secret", "add", "--key", "MUTE_CALL_TOKEN", "--value", "another-one", "-f")
    double.run("mute_call", "deploy", "-y")
    assert SECRETS["MUTE_CALL_TOKEN"] in double.printed
    assert "another-one" not in double.printed
