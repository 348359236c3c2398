"""Additional detectors for detect-secrets: credentials of Alibaba Cloud, and tokens without quotation marks.

Named in `.secrets.baseline`; detect-secrets loads this file by its path.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from detect_secrets.core.potential_secret import PotentialSecret
from detect_secrets.plugins.base import RegexBasedDetector

# Per character. Twelve random ones or more hardly ever have less; made-up words have, or no digit.
_LEAST_BITS = 3.0
_EXCUSED = "pragma: allowlist"


class _ReadsComments(RegexBasedDetector):
    """Searches comments as well: of YAML and INI files detect-secrets reads keys and values alone."""

    def analyze_line(
        self, filename: str, line: str, line_number: int = 0, *rest: Any, **more: Any
    ) -> set[PotentialSecret]:
        """Return what is found in a line, and with the first one what is found in all comments of its file."""
        found = super().analyze_line(filename, line, line_number, *rest, **more)
        if line_number == 1:
            for number, text in enumerate(Path(filename).read_text(encoding="utf-8").splitlines(), start=1):
                if text.lstrip().startswith("#") and _EXCUSED not in text:
                    found |= super().analyze_line(filename, text, number)
        return found


class AlibabaCloudDetector(_ReadsComments):
    """Ids of access keys, permanent (`LTAI…`) and temporary (`STS.…`), and the security token of these (`CAIS…`)."""

    secret_type = "Alibaba Cloud Credential"  # noqa: S105 - the name of a kind
    denylist = (
        re.compile(r"\bLTAI[A-Za-z0-9]{12,26}\b"),
        re.compile(r"\bSTS\.[A-Za-z0-9]{16,40}\b"),
        re.compile(r"\bCAI[A-Za-z0-9+/]{60,}={0,2}"),
    )


class AssignedTokenDetector(_ReadsComments):
    """A random value behind the name of a secret, behind `Bearer` or `Basic`, or as a URL's password, quoted or not."""

    secret_type = "Assigned Token"  # noqa: S105 - the name of a detector
    _name = r"(?:token|secret|password|passwd|pwd|[_-]key|apikey)(?:_previous)?"
    _value = r"['\"]?([A-Za-z0-9+/_~-]{16,}={0,2})"
    denylist = (
        re.compile(rf"{_name}['\"]?\s*[=:]+\s*{_value}", re.IGNORECASE),
        re.compile(rf"\b(?:bearer|basic)\s+{_value}", re.IGNORECASE),
        # detect-secrets wants a user in front of it; Redis has none.
        re.compile(r"://:([^\s:/?#@'\"]{8,})@"),
    )

    def analyze_string(self, string: str) -> Iterator[str]:  # type: ignore[override] # a generator of the same
        """Yield the values that look random."""
        return (found for found in super().analyze_string(string) if _looks_random(found))


def _looks_random(text: str) -> bool:
    counts = Counter(text).values()
    bits = -sum(count / len(text) * math.log2(count / len(text)) for count in counts)
    return bits > _LEAST_BITS and re.search(r"[0-9]", text) is not None and re.search(r"[A-Za-z]", text) is not None
