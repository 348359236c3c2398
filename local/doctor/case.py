"""What is checked: one function of a repository, as it would be deployed from this shell.

The variables are those that `s.yaml` gives to the function; `${env('NAME')}` and `${secret('NAME')}` are read from the
shell. A variable that is set only in the shell is not deployed and does not count. The exception is an endpoint on this
machine, for a trial. If `s.yaml` cannot be read, the shell's variables are used instead.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from local.deployed import ACTIONS
from local.doctor.deployment import Deployment, DeploymentError, read_deployment
from shared.action import Action
from shared.callers.file import Callers, load_callers
from shared.callers.secret_references import ENV
from shared.problems import ConfigurationError
from shared.runtime.context import region_of
from shared.settings import Settings, is_loopback, read_settings

_ENDPOINTS = ("CCC_ENDPOINT", "KMS_ENDPOINT", "OSS_ENDPOINT")
# Until 1.0.
_PROTOCOL = "CCC_PROTOCOL"


@dataclass(frozen=True)
class Case:
    """One function, and everything that is known about it without the network.

    Attributes:
        root: of the repository.
        function: the name of its folder.
        callers_file: the callers file.
        shell: the variables of the shell.
        now: seconds since the epoch.
    """

    root: Path
    function: str
    callers_file: Path
    shell: Mapping[str, str]
    now: Callable[[], float] = time.time

    @property
    def action(self) -> Action:
        """What the function does."""
        return ACTIONS[self.function]

    @cached_property
    def deployment(self) -> Deployment:
        """The function's settings in `s.yaml`; empty if the file cannot be read."""
        try:
            return read_deployment(self.root, self.function, self.shell)
        except DeploymentError:
            return Deployment()

    @cached_property
    def environ(self) -> dict[str, str]:
        """The function's variables: those of `s.yaml`, overridden by those of a trial."""
        if not self.deployment.resources:
            return {name: value for name, value in self.shell.items() if value}
        region = {"FC_REGION": self.deployment.region} if self.deployment.region else {}
        return {**self.deployment.environment, **region, **self.trial}

    @cached_property
    def trial(self) -> dict[str, str]:
        """The shell's endpoints on this machine; with CCC's endpoint also the protocol."""
        given = {name: self.shell[name] for name in _ENDPOINTS if is_loopback(self.shell.get(name, ""))}
        names = [_PROTOCOL] if _ENDPOINTS[0] in given and self.shell.get(_PROTOCOL) else []
        return given | {name: self.shell[name] for name in names}

    def undeployed_variables(self) -> Iterator[str]:
        """Yield the shell's settings without effect: they are not in `s.yaml`, or have another value there."""
        if not self.deployment.resources:
            return
        for name in (field.upper() for field in Settings.model_fields):
            value = self.shell.get(name)
            if value and name not in self.trial and value != self.deployment.environment.get(name):
                yield name

    @property
    def region(self) -> str:
        """Where the function runs."""
        return region_of(None, self.environ)

    @cached_property
    def callers(self) -> Callers | None:
        """The callers; `None` if the file is invalid."""
        try:
            return load_callers(self.callers_file)
        except ConfigurationError:
            return None

    @property
    def secret_variables(self) -> set[str]:
        """The variables that hold secrets; optional ones end in `?`."""
        callers = self.callers.callers.values() if self.callers else ()
        references = (reference for caller in callers for reference in caller.references())
        return {reference.removeprefix(ENV) for reference in references if reference.startswith(ENV)}

    @cached_property
    def settings(self) -> Settings | None:
        """The settings; `None` if a variable is invalid."""
        try:
            return read_settings(self.environ, region=self.region)
        except ConfigurationError:
            return None
