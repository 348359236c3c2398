"""`s.yaml` deploys: the component's own schema, and what that schema lets pass."""

from __future__ import annotations

import ast
import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from functions.mute_call import index
from local.package import TARGETS
from shared.callers.file import load_callers
from shared.function import Function
from shared.runtime.event import read_event
from shared.server import __main__ as server
from shared.settings import Settings
from tests.builders import http_event
from tests.deploy_tool import Tool, ToolError

ROOT = Path(__file__).parents[2]
TEXT = ROOT.joinpath("s.yaml").read_text(encoding="utf-8")
DOCUMENT = yaml.safe_load(TEXT)
SCHEMA = json.loads(ROOT.joinpath("local/doctor/fc3-schema.json").read_text(encoding="utf-8"))
HTTP_TRIGGER = SCHEMA["definitions"]["IHttpTriggerConfig"]
# Of the tool, as `s secret add` keeps them.
SECRETS = dict.fromkeys(re.findall(r"\$\{secret\('(\w+)'\)\}", TEXT), "0123456789")

Props = dict[str, Any]

# fc3 resets a section that is missing to empty, or fills in a default that nobody chose.
CHOSEN = ("handler", "role", "timeout", "memorySize", "cpu", "diskSize", "logConfig", "internetAccess", "description")
# fc3 supports it, its schema does not know it.
UNKNOWN_TO_THE_SCHEMA = {"customDomain"}
MAX_ENVIRONMENT_BYTES = 4096
# The default of a hook is 3 s; imports on a fraction of a core take longer.
MIN_HOOK_TIMEOUT_S = 10
MAX_EVENT_AGE_S = 300


def resources(document: Mapping[str, Any] = DOCUMENT, without: str = "", **environ: str) -> dict[str, Any]:
    """The resources as the tool deploys them, with these variables of the shell and without one secret."""
    secrets = {name: value for name, value in SECRETS.items() if name != without}
    return Tool(document, environ, secrets=secrets).resolved()


def function_of(props: Props) -> str:
    return Path(props["code"]).name.removesuffix(".zip")


def faults(props: Props) -> list[str]:
    """What the schema says of a resource's props; if nothing, what it does not see."""
    return list(against_the_schema(props)) or [fault for check in CHECKS for fault in check(props)]


def against_the_schema(props: Props) -> Iterator[str]:
    # The one short form with a rule that the tool takes and its schema does not know.
    known = {**props, "logConfig": "auto"} if props.get("logConfig") == "auto|logBeginRule=None" else props
    for error in Draft7Validator(SCHEMA).iter_errors(known):
        yield f"{error.json_path}: {error.message}"


def unknown_keys(props: Props) -> Iterator[str]:
    for key in props.keys() - SCHEMA["properties"].keys() - UNKNOWN_TO_THE_SCHEMA:
        yield f"{key}: unknown"


def missing_choices(props: Props) -> Iterator[str]:
    for key in CHOSEN:
        if key not in props:
            yield f"{key}: missing"


def triggers(props: Props) -> Iterator[str]:
    # The schema takes any object for a triggerConfig: one of its alternatives is empty.
    http = [trigger for trigger in props.get("triggers", ()) if trigger.get("triggerType") == "http"]
    if len(http) != 1:
        yield "triggers: exactly one http trigger"
    for trigger in http:
        config = trigger.get("triggerConfig", {})
        for error in Draft7Validator({**HTTP_TRIGGER, "additionalProperties": False}).iter_errors(config):
            yield f"triggerConfig: {error.message}"
        if config.get("authType") != "anonymous":
            yield "authType: the function authenticates, callers have no credential of the platform"
        if set(config.get("methods", ())) != {"POST", "GET", "OPTIONS"}:
            yield "methods: the function answers POST, GET and OPTIONS"


def role(props: Props) -> Iterator[str]:
    if not re.fullmatch(r"(acs:ram::\d+:role/)?[a-z0-9-]{1,64}", props.get("role", "")):
        yield "role: name or ARN in lower case, fc3 lower-cases it"


def environment(props: Props) -> Iterator[str]:
    variables = props.get("environmentVariables", {})
    for name in variables:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or name.startswith(("FC_", "ALIBABA_CLOUD_")):
            yield f"{name}: name is not allowed or the platform's"
    if sum(len(f"{name}{value}".encode()) for name, value in variables.items()) > MAX_ENVIRONMENT_BYTES:
        yield "environmentVariables: more than 4 KB"
    callers = load_callers(ROOT / "functions" / function_of(props) / "callers.toml").callers.values()
    references = [reference for caller in callers for reference in caller.auth.secrets or ()]
    needed = {name for kind, _, name in (str(reference).partition(":") for reference in references) if kind == "env"}
    for name in sorted(needed - variables.keys()):
        if not name.endswith("?"):
            yield f"{name}: callers.toml needs it"


def log(props: Props) -> Iterator[str]:
    config = props.get("logConfig", {})
    rule = config.get("logBeginRule") if isinstance(config, dict) else config.partition("|logBeginRule=")[2]
    if rule != "None":
        yield "logConfig: an entry begins at a date, and our lines merge"


def hooks(props: Props) -> Iterator[str]:
    lifecycle = props.get("instanceLifecycleConfig", {})
    if "initializer" not in lifecycle:
        yield "initializer: missing"
    for name, hook in lifecycle.items():
        if hook.keys() != {"handler", "timeout"}:
            yield f"{name}: needs handler and timeout, nothing else"
        elif hook["timeout"] < MIN_HOOK_TIMEOUT_S:
            yield f"{name}: timeout under {MIN_HOOK_TIMEOUT_S} s"


def handlers(props: Props) -> Iterator[str]:
    source = ROOT / "functions" / function_of(props) / "index.py"
    names = {node.name for node in ast.parse(source.read_text()).body if isinstance(node, ast.FunctionDef)}
    lifecycle = props.get("instanceLifecycleConfig", {}).values()
    for handler in (props.get("handler", ""), *(hook.get("handler", "") for hook in lifecycle)):
        module, _, name = handler.partition(".")
        if module != "index" or name not in names:
            yield f"handler {handler!r}: not in {source.relative_to(ROOT)}"


def custom_runtime(props: Props) -> Iterator[str]:
    """What starts the server has to be the server's own command line, and to fit what the platform is told."""
    if not props["runtime"].startswith("custom"):
        for key in props.keys() & {"customRuntimeConfig", "instanceConcurrency"}:
            yield f"{key}: has no meaning on a built-in runtime"
        return
    config = props.get("customRuntimeConfig", {})
    python, *module = config.get("command", [""])
    if module[:2] != ["-m", "shared.server"] or not re.fullmatch(r"/var/fc/lang/python3\.12/bin/python3\.12", python):
        yield "command: the platform's Python 3.12 runs shared.server"
        return
    options = server.parser().parse_args([*module[2:], *config.get("args", [])])
    if options.host != "0.0.0.0":  # noqa: S104 - what it is about
        yield "host: the platform connects from outside"
    if options.port != config.get("port"):
        yield f"port: the server listens on {options.port}"
    if options.concurrency != props.get("instanceConcurrency", 1):
        yield f"instanceConcurrency: the server takes {options.concurrency} at a time"
    module_name, _, attribute = options.function.partition(":")
    if module_name != "index" or not isinstance(getattr(index, attribute, None), Function):
        yield f"{options.function}: no function"


def timeouts(props: Props) -> Iterator[str]:
    default = Settings.model_fields["deadline_ms"].default
    deadline_ms = int(props.get("environmentVariables", {}).get("DEADLINE_MS", default))
    if props.get("timeout", 3) * 1000 <= deadline_ms:
        yield f"timeout: not above the deadline of {deadline_ms} ms"


def asynchronous(props: Props) -> Iterator[str]:
    config = props.get("asyncInvokeConfig", {})
    if config.get("maxAsyncRetryAttempts") != 0:
        yield "maxAsyncRetryAttempts: a mute must not be retried"
    if not 0 < config.get("maxAsyncEventAgeInSeconds", 0) <= MAX_EVENT_AGE_S:
        yield f"maxAsyncEventAgeInSeconds: at most {MAX_EVENT_AGE_S}"


def size(props: Props) -> Iterator[str]:
    # Function Compute, quotas: one core per 1 to 4 GB.
    cpu, memory_gb = props.get("cpu", 0), props.get("memorySize", 0) / 1024
    if not cpu <= memory_gb <= 4 * cpu:
        yield f"cpu: {memory_gb} GB are 1 to 4 times {cpu}"


CHECKS: tuple[Callable[[Props], Iterator[str]], ...] = (
    unknown_keys,
    missing_choices,
    triggers,
    role,
    environment,
    log,
    hooks,
    handlers,
    custom_runtime,
    timeouts,
    asynchronous,
    size,
)


@pytest.mark.parametrize("runtime", TARGETS)
@pytest.mark.parametrize("name", DOCUMENT["resources"])
def test_every_resource_is_free_of_faults_on_every_runtime(name: str, runtime: str) -> None:
    resource = resources(RUNTIME=runtime)[name]
    assert resource["component"] == "fc3"
    assert faults(resource["props"]) == []
    custom = "customRuntimeConfig" in resource["props"]
    assert resource["props"]["runtime"] == ("custom.debian11" if custom else runtime)


MISSING = object()
MUTATIONS: list[tuple[tuple[str | int, ...], object, str]] = [
    (("functionName",), MISSING, "'functionName' is a required property"),
    (("logConfig",), "auto", "logConfig: an entry begins at a date"),
    (("logConfig",), {"project": "p", "logstore": "l"}, "logConfig: an entry begins at a date"),
    (("environmentVariables", "PORT"), 9000, "PORT: 9000 is not of type 'string'"),
    (("environmentVariable",), {}, "environmentVariable: unknown"),
    (("logConfig",), MISSING, "logConfig: missing"),
    (("triggers",), [], "triggers: exactly one http trigger"),
    (("triggers", 0, "triggerConfig", "authType"), "function", "authType: the function authenticates"),
    (("triggers", 0, "triggerConfig", "method"), ["POST"], "triggerConfig: Additional properties are not allowed"),
    (("triggers", 0, "triggerConfig", "methods"), ["POST"], "methods: the function answers POST, GET and OPTIONS"),
    (("role",), "Mute-Call", "role: name or ARN in lower case"),
    (("environmentVariables", "FC_REGION"), "x", "FC_REGION: name is not allowed or the platform's"),
    (("environmentVariables", "A-B"), "x", "A-B: name is not allowed or the platform's"),
    (("environmentVariables", "LARGE"), "x" * 4096, "environmentVariables: more than 4 KB"),
    (("environmentVariables", "MUTE_CALL_TOKEN"), MISSING, "MUTE_CALL_TOKEN: callers.toml needs it"),
    (("environmentVariables", "DEADLINE_MS"), "10000", "timeout: not above the deadline of 10000 ms"),
    (("instanceLifecycleConfig",), {}, "initializer: missing"),
    (("instanceLifecycleConfig", "initializer", "timeout"), MISSING, "initializer: needs handler and timeout"),
    (("instanceLifecycleConfig", "initializer", "timeout"), 3, "initializer: timeout under 10 s"),
    (("instanceLifecycleConfig", "initializer", "command"), ["x"], "initializer: needs handler and timeout, nothing"),
    (("instanceLifecycleConfig", "initializer", "handler"), "index.init", "handler 'index.init': not in functions/"),
    (("handler",), "index.main", "handler 'index.main': not in functions/mute_call/index.py"),
    (("timeout",), 4, "timeout: not above the deadline of 4500 ms"),
    (("asyncInvokeConfig", "maxAsyncRetryAttempts"), 3, "maxAsyncRetryAttempts: a mute must not be retried"),
    (("asyncInvokeConfig", "maxAsyncEventAgeInSeconds"), 18000, "maxAsyncEventAgeInSeconds: at most 300"),
    (("cpu",), 0.35, "cpu: 0.25 GB are 1 to 4 times 0.35"),
    (("memorySize",), 2048, "cpu: 2.0 GB are 1 to 4 times 0.25"),
]


COMMAND = ["/var/fc/lang/python3.12/bin/python3.12", "-m", "shared.server", "index:FUNCTION"]
CUSTOM: list[tuple[tuple[str | int, ...], object, str]] = [
    (("instanceConcurrency",), MISSING, "instanceConcurrency: the server takes 50 at a time"),
    (("customRuntimeConfig",), MISSING, "command: the platform's Python 3.12 runs shared.server"),
    (("customRuntimeConfig", "port"), 8000, "port: the server listens on 9000"),
    (("customRuntimeConfig", "args"), ["--host", "127.0.0.1"], "host: the platform connects from outside"),
    (("customRuntimeConfig", "command"), ["python3", *COMMAND[1:]], "command: the platform's Python 3.12"),
    (("customRuntimeConfig", "command"), [*COMMAND[:3], "index:handler"], "index:handler: no function"),
    (("runtime",), "python3.12", "customRuntimeConfig: has no meaning on a built-in runtime"),
]
FAULTS = [("mute_call", *row) for row in MUTATIONS] + [("mute_call_concurrent", *row) for row in CUSTOM]


@pytest.mark.parametrize(("name", "place", "value", "expected"), FAULTS, ids=[expected for *_, expected in FAULTS])
def test_a_fault_is_found(name: str, place: tuple[str | int, ...], value: object, expected: str) -> None:
    props = copy.deepcopy(resources()[name]["props"])
    *way, last = place
    parent = props
    for step in way:
        parent = parent[step]
    if value is MISSING:
        del parent[last]
    else:
        parent[last] = value
    assert any(expected in fault for fault in faults(props)), faults(props)


@pytest.mark.parametrize("runtime", TARGETS)
def test_the_package_is_built_for_the_runtime_it_is_deployed_to(runtime: str) -> None:
    for name, resource in resources(RUNTIME=runtime).items():
        built_for = "python3.12" if name == "mute_call_concurrent" else runtime
        assert resource["actions"] == {
            "pre-deploy": [
                {"run": f"make package FUNCTION={function_of(resource['props'])} RUNTIME={built_for}", "path": "./"}
            ]
        }
        assert Path(resource["props"]["code"]).parent == Path("dist")


def test_make_and_s_yaml_choose_the_same_runtime_by_default() -> None:
    found = re.search(r"^RUNTIME \?= (\S+)$", ROOT.joinpath("Makefile").read_text(), re.MULTILINE)
    assert found
    assert found[1] == resources()["mute_call"]["props"]["runtime"]


@pytest.mark.parametrize("name", DOCUMENT["resources"])
def test_no_secret_stands_in_the_document(name: str) -> None:
    props = DOCUMENT["resources"][name]["props"]
    variable = f"{function_of(props).upper()}_TOKEN"
    assert props["environmentVariables"][variable] == f"${{secret('{variable}')}}"


@pytest.mark.parametrize("name", SECRETS)
def test_a_deployment_without_its_token_stops(name: str) -> None:
    with pytest.raises(ToolError, match="not found"):
        resources(without=name)


def test_each_function_has_a_role_and_a_secret_of_its_own() -> None:
    """What one may do the others may not, and what was recorded at one opens no other."""
    owners: dict[str, set[str]] = {}
    for resource in resources().values():
        props = resource["props"]
        function = function_of(props)
        owners.setdefault(f"role {props['role']}", set()).add(function)
        callers = load_callers(ROOT / "functions" / function / "callers.toml").callers.values()
        references = [str(reference) for caller in callers for reference in caller.auth.secrets or ()]
        for variable in (reference.removeprefix("env:") for reference in references):
            owners.setdefault(variable, set()).add(function)
        # Nor is it deployed with the secrets of another.
        for variable in props["environmentVariables"].keys() & SECRETS.keys():
            owners.setdefault(variable, set()).add(function)
    assert {name: functions for name, functions in owners.items() if len(functions) > 1} == {}


def test_the_document_is_of_the_edition_that_the_component_needs() -> None:
    assert DOCUMENT["edition"] == "3.0.0"
    assert DOCUMENT.keys() == {"edition", "name", "access", "vars", "resources"}


def test_make_deploys_the_one_on_the_built_in_runtime_by_default() -> None:
    makefile = ROOT.joinpath("Makefile").read_text()
    assert re.search(r"^RESOURCE \?= mute_call$", makefile, re.MULTILINE)
    assert resources()["mute_call"]["props"]["runtime"] in TARGETS


def test_both_deployments_are_of_one_function_under_two_names() -> None:
    built_in, custom = (resources()[name]["props"] for name in ("mute_call", "mute_call_concurrent"))
    differing = {key for key in built_in.keys() | custom.keys() if built_in.get(key) != custom.get(key)}
    assert differing == {
        *("functionName", "runtime", "memorySize", "cpu"),
        *("customRuntimeConfig", "instanceConcurrency"),
    }


OPTION = re.compile(r"^ *# --- (\S+)\n(.*?)^ *# ---$", re.MULTILINE | re.DOTALL)
OPTIONS = {found[1]: found for found in OPTION.finditer(TEXT)}
OF_A_FUNCTION = {"minimum-instances": "scalingConfig", "reserved-concurrency": "concurrencyConfig"}
# Whoever takes the `# ` out and thinks no further shall neither pay for hundreds nor have none.
FEW = range(1, 101)


def with_options(*names: str) -> dict[str, Any]:
    """The document with the `# ` of the options' lines taken out."""
    text = TEXT
    for name in names:
        block = OPTIONS[name][2]
        text = text.replace(block, re.sub(r"^( *)# ", r"\1", block, flags=re.MULTILINE))
    result: dict[str, Any] = yaml.safe_load(text)
    return result


def test_the_options_are_marked_and_off() -> None:
    assert OPTIONS.keys() == {*OF_A_FUNCTION, "alias", "domain"}
    assert len(re.findall(r"# ---", TEXT)) == 2 * len(OPTIONS)
    assert {resource["component"] for resource in DOCUMENT["resources"].values()} == {"fc3"}
    for resource in DOCUMENT["resources"].values():
        assert not resource["props"].keys() & set(OF_A_FUNCTION.values())


@pytest.mark.parametrize("option", OF_A_FUNCTION)
def test_a_function_with_an_option_is_free_of_faults(option: str) -> None:
    section = OF_A_FUNCTION[option]
    changed = resources(with_options(option))
    assert changed.keys() == resources().keys()
    for name, resource in changed.items():
        assert faults(resource["props"]) == []
        assert resource["props"].keys() - resources()[name]["props"].keys() == {section}
        # The schema takes any other key: what is set has to be one that it knows.
        known = SCHEMA["definitions"][SCHEMA["properties"][section]["$ref"].rpartition("/")[2]]["properties"]
        assert resource["props"][section].keys() <= known.keys()
        assert all(value in FEW for value in resource["props"][section].values())


def test_the_alias_that_the_domain_leads_to_has_the_asynchronous_settings() -> None:
    changed = resources(with_options("alias", "domain"), CERTIFICATE_ID="1234567")
    aliases = {route["qualifier"] for route in changed["domain"]["props"]["routeConfig"]["routes"]}
    assert aliases == {"production"}
    for name in resources():
        assert {changed[name]["props"]["asyncInvokeConfig"]["qualifier"]} == aliases
        assert faults(changed[name]["props"]) == []


def test_all_options_go_together() -> None:
    document = with_options(*OPTIONS)
    changed = resources(document, CERTIFICATE_ID="1234567")
    assert changed.keys() - resources().keys() == {"domain"}
    assert [fault for name in resources() for fault in faults(changed[name]["props"])] == []
    assert list(domain_faults(changed["domain"], changed)) == []


# The props of the component fc3-domain 0.0.24: its README and src/schema.json (github.com/devsapp/fc3-domain).
DOMAIN_REQUIRED = {"region", "domainName", "protocol", "routeConfig"}
DOMAIN_KNOWN = DOMAIN_REQUIRED | {"certConfig", "tlsConfig", "wafConfig", "authConfig"}
TLS_REQUIRED = {"minVersion", "maxVersion", "cipherSuites"}
ROUTE_REQUIRED = {"path", "functionName"}
ROUTE_KNOWN = ROUTE_REQUIRED | {"qualifier", "methods", "rewriteConfig"}


def domain_faults(resource: Mapping[str, Any], others: Mapping[str, Any]) -> Iterator[str]:
    props = resource["props"]
    if resource["component"] != "fc3-domain":
        yield "component"
    if not DOMAIN_REQUIRED <= props.keys() <= DOMAIN_KNOWN:
        yield "props"
    if props.get("protocol") != "HTTPS":
        yield "protocol: tokens in the clear"
    # certName, certificate and privateKey would name files, or hold the key itself.
    if props.get("certConfig", {}).keys() != {"certId"}:
        yield "certConfig: by its id alone"
    tls = props.get("tlsConfig", {})
    if tls.keys() != TLS_REQUIRED or tls["minVersion"] < "TLSv1.2":
        yield "tlsConfig"
    if any("ECDHE" not in suite or "CBC" in suite for suite in tls.get("cipherSuites", ())):
        yield "cipherSuites"
    functions = {other["props"]["functionName"] for name, other in others.items() if name != "domain"}
    yield from route_faults(props, functions)


def route_faults(props: Props, functions: set[str]) -> Iterator[str]:
    for route in props.get("routeConfig", {}).get("routes", ()):
        if not ROUTE_REQUIRED <= route.keys() <= ROUTE_KNOWN:
            yield "route"
        if route.get("functionName") not in functions:
            yield "functionName: no function of this document"
        if set(route.get("methods", ())) != {"POST", "GET", "OPTIONS"}:
            yield "methods: the function answers POST, GET and OPTIONS"
        if not re.fullmatch(r"(/[a-z]+)?/\*", route.get("path", "")):
            yield "path: no caller behind it"


@pytest.mark.parametrize(
    ("place", "value", "expected"),
    [
        (("protocol",), "HTTP,HTTPS", "protocol"),
        (("domain",), "webhooks.example.com", "props"),
        (("certConfig",), {"certName": "c", "certificate": "c.pem", "privateKey": "c.key"}, "certConfig"),
        (("tlsConfig", "minVersion"), "TLSv1.0", "tlsConfig"),
        (("tlsConfig", "cipherSuites", 0), "TLS_RSA_WITH_RC4_128_SHA", "cipherSuites"),
        (("routeConfig", "routes", 0, "functionName"), "another", "functionName"),
        (("routeConfig", "routes", 0, "methods"), ["POST"], "methods"),
        (("routeConfig", "routes", 0, "path"), "/mute", "path"),
        (("routeConfig", "routes", 0, "function"), "mute-call", "route"),
    ],
)
def test_a_fault_of_the_domain_is_found(place: tuple[str | int, ...], value: object, expected: str) -> None:
    changed = resources(with_options("domain"), CERTIFICATE_ID="1234567")
    *way, last = place
    parent = changed["domain"]["props"]
    for step in way:
        parent = parent[step]
    parent[last] = value
    assert [fault.partition(":")[0] for fault in domain_faults(changed["domain"], changed)] == [expected]


def test_the_certificate_of_the_domain_comes_from_the_environment() -> None:
    with pytest.raises(ToolError, match=r"CERTIFICATE_ID.* not found"):
        resources(with_options("domain"))


@pytest.mark.parametrize("caller", ["default", "crm", "healthz"])
def test_the_domain_s_prefix_leads_to_the_caller(caller: str) -> None:
    routes = with_options("domain")["resources"]["domain"]["props"]["routeConfig"]["routes"]
    paths = [route["path"].replace("*", caller) for route in routes]
    assert [read_event(http_event(path=path)).caller_path for path in paths] == [caller] * 2
