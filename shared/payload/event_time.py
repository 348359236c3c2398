"""The time of an event, as senders write it."""

from __future__ import annotations

import re
from datetime import datetime, timezone

# RFC 3339, and its looser relatives: a space, a comma, an offset without colon. Without an offset it says no time.
_DAY, _CLOCK, _OFFSET = r"\d{4}-\d{2}-\d{2}", r"\d{2}:\d{2}:\d{2}", r"(?:([Zz])|([+-]\d{2}):?(\d{2}))"
_ISO_8601 = re.compile(rf"({_DAY})[Tt ]({_CLOCK})([.,]\d{{1,9}})?{_OFFSET}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")
_BEYOND = 10**15
# As seconds, the year 5138; as milliseconds, 1973.
_LEAST_MILLISECONDS = 100_000_000_000


def read_time(value: object) -> float | None:
    """Return a time as seconds since the epoch, `None` if it is none.

    Args:
        value: ISO 8601 with `Z` or an offset; or seconds or milliseconds since the epoch, as a number or as its digits.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        # An integer may be longer than a float can hold, and NaN is in no range.
        return _seconds(float(value)) if 0 <= value < _BEYOND else None
    if not isinstance(value, str):
        return None
    text = value.strip()
    if _NUMBER.fullmatch(text):
        return _seconds(float(text))
    match = _ISO_8601.fullmatch(text)
    return _from_iso(match) if match else None


def _seconds(number: float) -> float:
    return number / 1000 if number >= _LEAST_MILLISECONDS else number


def _from_iso(match: re.Match[str]) -> float | None:
    day, clock, fraction, utc, hours, minutes = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if utc else f'{hours}:{minutes}'}")
        return moment.astimezone(timezone.utc).timestamp() + float(f"0{(fraction or '.0').replace(',', '.')}")
    except (ValueError, OverflowError):
        return None
