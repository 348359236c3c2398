"""The environment variables each runtime provides, put into this process."""

import os
from collections.abc import Mapping

from local.gateway.settings import Credentials, Settings


def provided_variables(settings: Settings, credentials: Credentials | None, instance_id: str) -> dict[str, str | None]:
    """Return every variable the gateway sets or, where the value is None, removes.

    Names as documented; ``FC_VER_ID`` belongs to Debian 10 (python3.10), ``FC_FUNCTION_VERSION`` to Debian 11
    (python3.12, custom.debian11). On python3.12 the environment is the only way to the role's credentials (documented).
    The platform is said to set them on python3.10 too, once per instance and soon stale (inferred); the gateway leaves
    them out there and on custom runtimes, so that a function which forgets ``context.credentials`` is found out.
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
