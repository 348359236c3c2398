"""Whether the logstore can answer the queries: without its index, no alarm fires and every chart is empty."""

from __future__ import annotations

from collections.abc import Iterator

from local.doctor import log_service
from local.doctor.check import Check, failed, ok, skipped, warning
from local.doctor.live import Live

_SET_UP = "python -m local.watching: docs/watching.md"
_DENIED = (401, 403)


def check_index(live: Live) -> Iterator[Check]:
    """Read the index of the function's logstore."""
    try:
        logstore = log_service.logstore_of(live)
        lacking = log_service.missing(log_service.read_index(logstore, live.credentials))
    except log_service.LogServiceError as error:
        yield _told(error)
        return
    place = f"{logstore.project}/{logstore.name}"
    if lacking:
        yield failed("log index", f"{place}: {', '.join(lacking)} not indexed: no alarm can fire", _SET_UP)
    else:
        yield ok("log index", f"{place} has the fields that the alarms need")


def _told(error: log_service.LogServiceError) -> Check:
    if error.status == log_service.NOT_FOUND:
        return skipped("log index", f"{error}: is the function deployed yet?")
    if error.status in _DENIED:
        return warning(
            "log index",
            str(error),
            "use a key with log:GetIndex on the logstore; the function does not need this right",
        )
    return warning("log index", str(error), f"region and logConfig in s.yaml; then {_SET_UP}")
