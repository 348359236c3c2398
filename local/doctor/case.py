"""What is examined: one function of a repository, as it would be deployed from this shell."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from local.deployed import ACTIONS
from local.doctor.deployment import Deployment, DeploymentError, read_deployment
from shared.action import Action
from shared.callers import Callers, load_callers
from shared.context import region_of
from shared.problems import ConfigurationError
from shared.settings import Settings, read_settings


@dataclass(frozen=True)
class Case:
    """One function, and everything that is known of it without asking anybody.

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
        """What `s.yaml` says of it; nothing where it cannot be read."""
        try:
            return read_deployment(self.root, self.function, self.shell)
        except DeploymentError:
            return Deployment()

    @cached_property
    def environ(self) -> dict[str, str]:
        """The function's variables: those of `s.yaml`, and over them the shell's."""
        region = {"FC_REGION": self.deployment.region} if self.deployment.region else {}
        given = {name: value for name, value in self.shell.items() if value}
        return {**region, **self.deployment.environment, **given}

    @property
    def region(self) -> str:
        """Where the function runs."""
        return region_of(None, self.environ)

    @cached_property
    def callers(self) -> Callers | None:
        """The callers; `None` where the file is wrong."""
        try:
            return load_callers(self.callers_file)
        except ConfigurationError:
            return None

    @cached_property
    def settings(self) -> Settings | None:
        """The settings; `None` where a variable is wrong."""
        try:
            return read_settings(self.environ, region=self.region)
        except ConfigurationError:
            return None
