"""A double of the deployment tool: what a command of Serverless Devs 3 with fc3 sends to Function Compute, and prints.

It knows what was recorded from the real ones (`s` 3.1.10, fc3 0.1.22), and nothing else: a command, an option or a form
of `s.yaml` beyond that is a `ToolError`. The platform behind it is as far as it has to be: versions, and an alias that
keeps its weights if none are sent, which is inferred.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

ACCOUNT, PROJECT = "1234567890123456", "serverless-cn-shanghai-00000000-0000-0000-0000-000000000000"
STARS = "******"
# What `auto` stands for; behind bars it takes other values, as in `auto|logBeginRule=None`.
AUTO = {
    "enableInstanceMetrics": True,
    "enableRequestMetrics": True,
    "logBeginRule": "DefaultRegex",
    "logstore": "default-logs",
    "project": PROJECT,
}
# Sent with every function, whatever `s.yaml` says.
ALWAYS: dict[str, Any] = {"instanceIsolationMode": "SHARE", "layers": [], "nasConfig": {}, "ossMountConfig": {}}
# Sections that are requests of their own, or the tool's, and not the function's.
_ELSEWHERE = {"region", "code", "triggers", "asyncInvokeConfig", "scalingConfig", "concurrencyConfig"}
# Words behind a resource, each with its options; those that send nothing but questions are not told apart.
OPTIONS: dict[tuple[str, ...], set[str]] = {
    ("deploy",): {"-y"},
    ("plan",): set(),
    ("info",): {"--silent", "-o"},
    ("remove",): {"-y"},
    ("invoke",): {"--event", "--qualifier"},
    ("logs",): {"--tail", "--search", "--request-id", "--start-time", "--end-time"},
    ("version", "publish"): {"--description"},
    ("version", "list"): set(),
    ("alias", "publish"): {"--alias-name", "--version-id", "--vw"},
    ("alias", "get"): {"--alias-name"},
    ("concurrency", "get"): set(),
}
_FLAGS = {"-y", "-f", "--tail", "--silent"}
_EXPRESSION = re.compile(r"\$\{([^}]*)\}")


class ToolError(Exception):
    """The tool stops, or is asked for something that nobody has recorded."""


class Sent(NamedTuple):
    """One request that changes something."""

    method: str
    path: str
    body: Any


@dataclass
class Tool:
    """The tool on one machine, and the functions of one account.

    Attributes:
        document: `s.yaml`, parsed.
        environ: the shell.
        terminal: whether somebody can answer its question, with yes.
        secrets: what `s secret add` has kept.
        sent: every request.
        printed: all that stands on the screen and in the tool's log files.
        aliases: of each function, by name, as the platform has them.
    """

    document: Mapping[str, Any]
    environ: dict[str, str] = field(default_factory=dict)
    terminal: bool = True
    secrets: dict[str, str] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    printed: str = ""
    deployed: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    aliases: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)

    def run(self, *words: str) -> list[Sent]:
        """Carry a command out and return what it has sent; the exit code is 0 unless it raises.

        Raises:
            ToolError: it stops.
        """
        before = len(self.sent)
        if words[:1] == ("secret",):
            self._secret(words[1], *_options(words[2:], {"--key", "--value", "-f"}))
        else:
            resource, *rest = words
            resources = self.resolved()
            if resource not in resources:
                raise ToolError(f"no resource {resource}")
            named = next((each for each in OPTIONS if tuple(rest[: len(each)]) == each), None)
            if named is None:
                raise ToolError(f"nobody has recorded {' '.join(words)}")
            options, more = _options(rest[len(named) :], OPTIONS[named])
            if more:
                raise ToolError(f"{more} in {' '.join(words)}")
            self._act(named, resources[resource]["props"], options)
        return self.sent[before:]

    def _secret(self, verb: str, options: dict[str, str], more: list[str]) -> None:
        if more or verb not in ("add", "delete", "get"):
            raise ToolError(f"secret {verb} {more}")
        if verb == "add":
            if options["--key"] in self.secrets and "-f" not in options:
                # It warns, keeps the old one and exits with 0.
                return
            self.secrets[options["--key"]] = options["--value"]
        elif verb == "delete":
            del self.secrets[options["--key"]]

    def _act(self, named: tuple[str, ...], props: Mapping[str, Any], options: dict[str, str]) -> None:
        name = props["functionName"]
        path = f"/functions/{name}"
        if named == ("deploy",):
            self._print(props)
            if name in self.deployed and props != self.deployed[name] and not self.terminal and "-y" not in options:
                # Nobody answers: nothing is sent, and the exit code is 0.
                return
            self._deploy(path, props)
        elif named == ("plan",):
            self._print(props)
        elif named == ("version", "publish"):
            self.versions[name] = self.versions.get(name, 0) + 1
            self._send("POST", f"{path}/versions", {"description": options.get("--description", "")})
        elif named == ("alias", "publish"):
            self._alias(path, self.aliases.setdefault(name, {}), options)

    def _deploy(self, path: str, props: Mapping[str, Any]) -> None:
        name = props["functionName"]
        method, place = ("PUT", path) if name in self.deployed else ("POST", "/functions")
        self._send(method, place, function_of(props))
        for trigger in props.get("triggers", ()):
            config = json.dumps(trigger["triggerConfig"], separators=(",", ":"))
            body = {**trigger, "triggerConfig": config, "qualifier": trigger.get("qualifier", "LATEST")}
            self._send("POST", f"{path}/triggers", body)
        if rules := dict(props.get("asyncInvokeConfig", {})):
            qualifier = rules.pop("qualifier", "LATEST")
            self._send("PUT", f"{path}/async-invoke-config?qualifier={qualifier}", {"destinationConfig": {}, **rules})
        self.deployed[name] = props

    def _alias(self, path: str, aliases: dict[str, dict[str, Any]], options: dict[str, str]) -> None:
        name, body = options["--alias-name"], {"versionId": options["--version-id"]}
        if "--vw" in options:
            body |= {"additionalVersionWeight": json.loads(options["--vw"])}
        if name in aliases:
            self._send("PUT", f"{path}/aliases/{name}", body)
            aliases[name] |= body
        else:
            self._send("POST", f"{path}/aliases", {"aliasName": name, **body})
            aliases[name] = {"additionalVersionWeight": {}, **body}

    def _send(self, method: str, path: str, body: object) -> None:
        self.sent.append(Sent(method, path, body))

    def _print(self, props: Mapping[str, Any]) -> None:
        """Print what is deployed, and the difference from what was: without the values of secrets."""
        told = json.dumps([self.deployed.get(props["functionName"]), props])
        for value in self.secrets.values():
            told = told.replace(value, STARS)
        self.printed += told

    def resolved(self) -> dict[str, Any]:
        """Return the resources as the tool takes them: variables, the shell and secrets filled in."""
        resolved: dict[str, Any] = self._value(self.document["resources"])
        return resolved

    def _value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if not isinstance(value, str):
            return value
        if whole := _EXPRESSION.fullmatch(value):
            return self._expression(whole[1])
        return _EXPRESSION.sub(lambda match: str(self._expression(match[1])), value)

    def _expression(self, text: str) -> Any:
        if found := re.fullmatch(r"vars\.(\w+)", text):
            return self._value(self.document["vars"][found[1]])
        if found := re.fullmatch(r"env\('(\w+)'(?:, '([^']*)')?\)", text):
            value = self.environ.get(found[1]) or found[2]
            if not value:
                raise ToolError(f"env('{found[1]}') not found")
            return value
        if found := re.fullmatch(r"secret\('(\w+)'\)", text):
            if found[1] not in self.secrets:
                raise ToolError("undefined not found")
            return self.secrets[found[1]]
        raise ToolError(f"nobody has recorded ${{{text}}}")


def function_of(props: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of the request that creates or updates a function."""
    role = props["role"]
    arn = role if role.startswith("acs:") else f"acs:ram::{ACCOUNT}:role/{role.lower()}"
    literal = {name: value for name, value in props.items() if name not in _ELSEWHERE}
    return {**literal, **ALWAYS, "role": arn, "logConfig": log_of(props["logConfig"])}


def log_of(config: Any) -> dict[str, Any]:
    """Return what is sent for `logConfig`."""
    if isinstance(config, dict):
        return config
    kind, *others = config.split("|")
    if kind != "auto":
        raise ToolError(f"logConfig {kind}")
    return AUTO | dict(other.split("=", 1) for other in others)


def _options(words: tuple[str, ...] | list[str], known: set[str]) -> tuple[dict[str, str], list[str]]:
    """Return options with their values, and the words that are neither."""
    options: dict[str, str] = {}
    more: list[str] = []
    left = iter(words)
    for word in left:
        if not word.startswith("-"):
            more.append(word)
        elif word not in known:
            raise ToolError(f"no option {word}")
        else:
            options[word] = "" if word in _FLAGS else next(left, "")
    return options, more
