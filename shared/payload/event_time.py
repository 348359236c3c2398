"""The time of an event, as senders write it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

# RFC 3339 and its looser relatives: a space or a comma, no seconds, a short offset. Without an offset it names no time.
_ISO_8601 = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})([.,]\d{1,9})?)?"
    r" ?(?:[Zz]|([+-]\d{2})(?::?(\d{2}))?)",
    re.ASCII,
)
# Dates of mail, and of HTTP: `Tue, 25 Nov 2025 00:00:00 +0000`.
_RFC_2822 = re.compile(
    r"(?:[A-Za-z]{3}, ?)?(\d{1,2}) ([A-Za-z]{3}) (\d{4}) (\d{2}):(\d{2})(?::(\d{2}))?"
    r" (?:GMT|UTC?|([+-]\d{2})(\d{2}))",
    re.ASCII,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")
_BEYOND = 10**15
# As seconds, the year 5138; as milliseconds, 1973.
_LEAST_MILLISECONDS = 100_000_000_000


def read_time(value: object) -> float | None:
    """Return a time as seconds since the epoch, `None` if the text is not a time.

    Args:
        value: ISO 8601 with `Z` or an offset, a date of RFC 2822, or seconds or milliseconds since the epoch, as a
            number or as its digits.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        # An integer may be too large for a float, and NaN is in no range.
        return _seconds(float(value)) if 0 <= value < _BEYOND else None
    if not isinstance(value, str):
        return None
    text = value.strip()
    if _NUMBER.fullmatch(text):
        return _seconds(float(text))
    if match := _ISO_8601.fullmatch(text):
        year, month, day, hour, minute, second, fraction, hours, minutes = match.groups()
    elif (match := _RFC_2822.fullmatch(text)) and match[2].lower() in _MONTHS:
        day, name, year, hour, minute, second, hours, minutes = match.groups()
        month, fraction = _MONTHS.index(name.lower()) + 1, None
    else:
        return None
    try:
        offset = timezone(timedelta(hours=int(hours or 0), minutes=int(f"{(hours or '+')[0]}{minutes or 0}")))
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second or 0), tzinfo=offset)
        return moment.timestamp() + float(f"0{(fraction or '.0').replace(',', '.')}")
    except (ValueError, OverflowError):
        return None


def _seconds(number: float) -> float:
    return number / 1000 if number >= _LEAST_MILLISECONDS else number
