from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.observability.trace_context import traceparent_of

# The example of W3C Trace Context.
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = f"00-{TRACE}-{PARENT}-01"
HIGHER = f"01-{TRACE}-{PARENT}-03"


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (VALID, VALID),
        (f"00-{TRACE}-{PARENT}-ff", f"00-{TRACE}-{PARENT}-ff"),
        (f"00-{'0' * 31}1-{'0' * 15}1-00", f"00-{'0' * 31}1-{'0' * 15}1-00"),
        (HIGHER, HIGHER),
        (f"{HIGHER}-what the future may bring", HIGHER),
        (f"fe-{TRACE}-{PARENT}-00-", f"fe-{TRACE}-{PARENT}-00"),
    ],
)
def test_the_four_fields_of_a_valid_one_are_returned(sent: str, expected: str) -> None:
    assert traceparent_of({"traceparent": sent}) == expected


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "13188888888",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{PARENT}-01",
        f"0-{TRACE}-{PARENT}-01",
        f"00-{TRACE[1:]}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}0-01",
        f"00-{TRACE}-{PARENT}-1",
        f"00-{TRACE}-{PARENT}",
        VALID.upper(),
        VALID.replace("4bf9", "4bg9"),
        VALID.replace("-", "_"),
        f"{VALID}-00",
        f"{VALID}-",
        f"{VALID}\n",
        f" {VALID}",
        f"{VALID},{VALID}",
        f"{HIGHER}x",
        f"{HIGHER}.13188888888",
        # A digit, but not one of ASCII.
        VALID.replace("4", "\u0664"),
    ],
)
def test_what_is_not_valid_is_none(sent: str) -> None:
    assert traceparent_of({"traceparent": sent}) is None


def test_without_the_header_there_is_none() -> None:
    assert traceparent_of({"tracestate": VALID}) is None


@settings(max_examples=40, deadline=None, database=None)
@given(st.one_of(st.text(), st.builds(lambda end: f"{HIGHER}-{end}", st.text())))
def test_no_text_of_the_sender_comes_through(sent: str) -> None:
    assert traceparent_of({"traceparent": sent}) in (None, HIGHER)
