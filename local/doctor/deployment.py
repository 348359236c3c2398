"""`s.yaml`, resolved as Serverless Devs resolves it: the settings with which a function is deployed.

`${env('X')}` is the shell's variable. Only the tool can read `${secret('X')}`, so the shell's variable of that name is
used instead. Without that variable the value is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from typing_extensions import Self

Props = Mapping[str, Any]

FILE = Path("s.yaml")

_EXPRESSION = re.compile(r"\$\{([^}]*)\}")
_VARIABLE = re.compile(r"vars\.(\w+)")
# The tool takes a name without quotation marks as well.
_FROM_SHELL = re.compile(r"""env\( *(['"]?)(\w+)\1 *(?:, *(['"])(.*?)\3 *)?\)""")
_FROM_TOOL = re.compile(r"""secret\( *(['"]?)([^'"]+?)\1 *\)""")
# The tool stops at these expressions if there is no such variable. `${config('AccountID')}` and the like are its own.
_NAME = re.compile(r"vars\.(\w+)[\w.-]*|\w+")
_HOME, _KEPT_IN = "serverless_devs_config_home", Path(".s", "secrets.yaml")


class DeploymentError(Exception):
    """The document cannot be used; the text says where, without a quotation."""


class Kept(str):
    """A value that contains secrets of the tool, and their names. A secret that cannot be read is an empty text."""

    __slots__ = ("names",)
    names: frozenset[str]

    def __new__(cls, value: str, names: frozenset[str]) -> Self:
        """Return such a value."""
        made = super().__new__(cls, value)
        made.names = names
        return made


@dataclass(frozen=True)
class Deployment:
    """The resources of one function.

    Attributes:
        resources: the `props` of each resource, by its name.
        unset: variables of the shell that have no default, of any resource: without them no `s` command runs.
        secrets: names of the tool's secrets, of any resource: without them no `s` command runs either.
        unknown: expressions of any resource that refer to nothing.
    """

    resources: Mapping[str, Props] = field(default_factory=dict)
    unset: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the first resource gives the function; those without a value are left out."""
        for props in self.resources.values():
            return {name: str(value) for name, value in variables_of(props).items() if value not in ("", None)}
        return {}

    @property
    def kept(self) -> dict[str, Kept]:
        """The variables of the first resource that are secrets of the tool."""
        for props in self.resources.values():
            return {name: value for name, value in variables_of(props).items() if isinstance(value, Kept)}
        return {}

    @property
    def unseen(self) -> dict[str, Kept]:
        """The variables of the first resource whose secret cannot be read from here."""
        return {name: value for name, value in self.kept.items() if not value}

    @property
    def region(self) -> str:
        """The region of the first resource, or an empty string."""
        return next((str(props.get("region", "")) for props in self.resources.values()), "")

    @property
    def role(self) -> str:
        """The name of the first resource's role, or an empty string."""
        return next((str(props.get("role", "")).rpartition("/")[2] for props in self.resources.values()), "")


def variables_of(props: Props) -> dict[str, Any]:
    """Return the environment variables of a resource."""
    given = props.get("environmentVariables")
    return {str(name): value for name, value in given.items()} if isinstance(given, dict) else {}


def entry_of(name: str, *, secret: bool) -> str:
    """Return the line of `environmentVariables` that takes a variable from the shell, or from the tool's secrets."""
    return f"{name}: ${{{'secret' if secret else 'env'}('{name}')}}"


def keep_command(*names: str) -> str:
    """Return the commands that store secrets of the shell in the tool."""
    return "; ".join(f's secret add --key {name} --value "${name}" -f' for name in names)


def kept_secrets(environ: Mapping[str, str]) -> frozenset[str]:
    """Return the names of the secrets that the tool stores on this machine, without their values.

    Args:
        environ: the shell's variables, for its home directory.
    """
    home = environ.get(_HOME) or environ.get("HOME")
    try:
        found = yaml.safe_load(Path(home or "", _KEPT_IN).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, ValueError, RecursionError):
        return frozenset()
    return frozenset(map(str, found)) if isinstance(found, dict) else frozenset()


def package_of(root: Path, resource: str) -> str | None:
    """Return the function whose package a resource uses, `None` if it has no package.

    Args:
        root: of the repository.
        resource: its name.

    Raises:
        DeploymentError: the document cannot be read, or has no such resource.
    """
    resources = _mapping(_document(root), "resources")
    if resource not in resources:
        raise DeploymentError(f"{FILE} has no resource {resource}; it has {', '.join(map(str, resources))}")
    code = _code_of(resources[resource])
    return Path(code).stem if code else None


def read_deployment(root: Path, function: str, environ: Mapping[str, str]) -> Deployment:
    """Return the resources that use the function's package.

    Args:
        root: of the repository.
        function: the name of its folder.
        environ: the shell's variables.

    Raises:
        DeploymentError: there is no such file, it is no YAML, a variable of it refers to itself, or it has no
            resource for the function.
    """
    document = _document(root)
    resolver = _Resolver(_mapping(document, "vars"), environ)
    try:
        # All of them: an s command reads the whole document, and stops at a variable that is unset anywhere in it.
        resolved = resolver.resolve(_mapping(document, "resources"))
    except RecursionError:
        raise DeploymentError("an alias that refers to itself") from None
    resources = {
        str(name): resource["props"]
        for name, resource in resolved.items()
        if Path(_code_of(resource)).name == f"{function}.zip"
    }
    if not resources:
        raise DeploymentError(f"no resource has the code ./dist/{function}.zip")
    return Deployment(resources, *map(frozenset, (resolver.unset, resolver.secrets, resolver.unknown)))


def _document(root: Path) -> object:
    try:
        return _parsed(root.joinpath(FILE).read_text(encoding="utf-8"))
    except OSError as error:
        raise DeploymentError(str(error.strerror)) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise DeploymentError(f"no YAML at line {mark.line + 1}" if mark else "no YAML") from None


@lru_cache
def _parsed(text: str) -> object:
    """Parse a document once for all checks, because it takes a tenth of a second. The result must not be changed."""
    return yaml.safe_load(text)


def _mapping(document: object, name: str) -> dict[str, Any]:
    found = document.get(name) if isinstance(document, dict) else None
    return found if isinstance(found, dict) else {}


def _code_of(resource: object) -> str:
    """Return the path of a function's package, an empty string if there is no function."""
    code = _mapping(resource, "props").get("code")
    is_function = isinstance(resource, dict) and resource.get("component") == "fc3"
    return code if is_function and isinstance(code, str) else ""


class _Resolver:
    """Replaces ${vars.x}, ${env('X')}, ${env('X', 'default')} and ${secret('X')}; anything else stays as it is."""

    def __init__(self, variables: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        self.unset: set[str] = set()
        self.secrets: set[str] = set()
        self.unknown: set[str] = set()
        self._variables = variables
        self._environ = environ
        self._being_resolved: set[str] = set()

    def resolve(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self.resolve(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if not isinstance(value, str):
            return value
        if whole := _EXPRESSION.fullmatch(value):
            return self._value(whole)
        parts = [self._value(match) for match in _EXPRESSION.finditer(value)]
        told = iter(parts)
        replaced = _EXPRESSION.sub(lambda _: str(next(told)), value)
        kept = [part for part in parts if isinstance(part, Kept)]
        names = frozenset(name for part in kept for name in part.names)
        return Kept(replaced if all(kept) else "", names) if kept else replaced

    def _value(self, match: re.Match[str]) -> Any:
        expression = match[1].strip()
        found = _VARIABLE.fullmatch(expression)
        if found and found[1] in self._variables:
            return self._variable(found[1])
        if (named := _NAME.fullmatch(expression)) and named[1] not in self._variables:
            self.unknown.add(match[0])
        if found := _FROM_SHELL.fullmatch(expression):
            # An empty variable counts as none.
            value = self._environ.get(found[2]) or found[4] or ""
            if not value:
                self.unset.add(found[2])
            return value
        if found := _FROM_TOOL.fullmatch(expression):
            self.secrets.add(found[2])
            return Kept(self._environ.get(found[2], ""), frozenset({found[2]}))
        return match[0]

    def _variable(self, name: str) -> Any:
        """Return a variable, which may be an expression, but none that leads back to it."""
        if name in self._being_resolved:
            raise DeploymentError(f"vars.{name} refers to itself")
        self._being_resolved.add(name)
        try:
            return self.resolve(self._variables[name])
        finally:
            self._being_resolved.remove(name)
