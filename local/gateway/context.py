"""What a runtime gives the function: the context object, attribute by attribute (documented), and the environment."""

import logging
import os
import secrets
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

from local.gateway.settings import Credentials, Settings

LATEST = "LATEST"


@dataclass
class Function310:
    """`context.function` of python3.10 and older."""

    name: str
    handler: str
    memory: int
    timeout: float


@dataclass
class Function312(Function310):
    """`context.function` of python3.12."""

    version_id: str = LATEST
    qualifier: str = LATEST


@dataclass
class Service:
    """`context.service`, a remnant of FC 2.0 in python3.10 and older; `name` may be empty (unconfirmed)."""

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
    """The context of python3.12: `credentials` and `service` are gone, a logger is new."""

    request_id: str
    function: Function312
    region: str
    account_id: str
    logger: logging.Logger | None = None
    log_project: str = ""
    log_store: str = ""

    def getLogger(self) -> logging.Logger:  # noqa: N802 - the platform's name
        """Return `logger`, made on the first call: INFO to stdout, UTC time, request id (layout unconfirmed)."""
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


def new_instance_id() -> str:
    """Return an id for `FC_INSTANCE_ID` (its shape is unconfirmed)."""
    return f"c-{secrets.token_hex(4)}-{secrets.token_hex(4)}-{secrets.token_hex(6)}"


def provided_variables(settings: Settings, credentials: Credentials | None, instance_id: str) -> dict[str, str | None]:
    """Return every variable the gateway sets or, where the value is None, removes.

    Names as documented; `FC_VER_ID` belongs to Debian 10 (python3.10), `FC_FUNCTION_VERSION` to Debian 11
    (python3.12, custom.debian11). On python3.12 the environment is the only way to the role's credentials (documented).
    The platform is said to set them on python3.10 too, once per instance and soon stale (inferred); the gateway leaves
    them out there and on custom runtimes, so that a function which forgets `context.credentials` is found out.
    """
    latest = settings.runtime != "python3.10"
    role = credentials if settings.runtime == "python3.12" else None
    return {
        "FC_ACCOUNT_ID": settings.account_id,
        "FC_FUNC_CODE_PATH": os.getcwd(),  # noqa: PTH109 - a string is wanted
        "FC_FUNCTION_HANDLER": settings.function_handler,
        "FC_FUNCTION_MEMORY_SIZE": str(settings.memory),
        "FC_FUNCTION_NAME": settings.function_name,
        "FC_FUNCTION_VERSION": "LATEST" if latest else None,
        "FC_INSTANCE_ID": instance_id,
        "FC_REGION": settings.region,
        "FC_VER_ID": None if latest else "LATEST",
        "ALIBABA_CLOUD_ACCESS_KEY_ID": role.access_key_id if role else None,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": role.access_key_secret if role else None,
        "ALIBABA_CLOUD_SECURITY_TOKEN": role.security_token if role else None,
    }


def apply_variables(variables: Mapping[str, str | None]) -> None:
    """Set each variable of this process; remove it where the value is None."""
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
