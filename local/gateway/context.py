"""The context object a handler gets, attribute by attribute as each runtime has it (documented)."""

import logging
import sys
import time
from dataclasses import dataclass

from local.gateway.settings import Credentials, Settings

LATEST = "LATEST"


@dataclass
class Function310:
    """``context.function`` of python3.10 and older."""

    name: str
    handler: str
    memory: int
    timeout: float


@dataclass
class Function312(Function310):
    """``context.function`` of python3.12."""

    version_id: str = LATEST
    qualifier: str = LATEST


@dataclass
class Service:
    """``context.service``, a remnant of FC 2.0 in python3.10 and older; ``name`` may be empty (unconfirmed)."""

    name: str = ""
    log_project: str = ""
    log_store: str = ""
    qualifier: str = LATEST
    version_id: str = LATEST


@dataclass
class Context310:
    """The context of python3.10 and older: with the role's credentials, fresh per invocation."""

    request_id: str
    credentials: Credentials
    function: Function310
    service: Service
    region: str
    account_id: str


@dataclass
class Context312:
    """The context of python3.12: ``credentials`` and ``service`` are gone, a logger is new."""

    request_id: str
    function: Function312
    region: str
    account_id: str
    logger: logging.Logger | None = None
    log_project: str = ""
    log_store: str = ""

    def getLogger(self) -> logging.Logger:  # noqa: N802 - the platform's name
        """Return ``logger``, made on the first call: INFO to stdout, UTC time, request id (layout unconfirmed)."""
        if self.logger is None:
            formatter = logging.Formatter(f"%(asctime)s {self.request_id} [%(levelname)s] %(message)s")
            formatter.converter = time.gmtime
            handler = logging.StreamHandler(sys.stdout)
            handler.setFormatter(formatter)
            self.logger = logging.Logger("fc", logging.INFO)  # noqa: LOG001 - one per context, kept out of the registry
            self.logger.addHandler(handler)
        return self.logger


def build_context(settings: Settings, request_id: str, credentials: Credentials | None) -> Context310 | Context312:
    """Return the context of one invocation; a function without a role has empty credentials (inferred)."""
    name, handler = settings.function_name, settings.function_handler
    if settings.runtime == "python3.12":
        function = Function312(name, handler, settings.memory, settings.timeout)
        return Context312(request_id, function, settings.region, settings.account_id)
    return Context310(
        request_id=request_id,
        credentials=credentials or Credentials("", "", ""),
        function=Function310(name, handler, settings.memory, settings.timeout),
        service=Service(),
        region=settings.region,
        account_id=settings.account_id,
    )
