from __future__ import annotations

import pytest

from shared.payload.event_time import read_time

MOMENT = 1_693_896_071


@pytest.mark.parametrize(
    "value",
    [
        "2023-09-05T06:41:11Z",
        "2023-09-05t06:41:11z",
        "2023-09-05 06:41:11Z",
        "2023-09-05T14:41:11+08:00",
        "2023-09-05T14:41:11+0800",
        "2023-09-05T01:41:11.000-05:00",
        " 2023-09-05T06:41:11.0000000Z ",
        "2023-09-05T06:41:11,000Z",
        "2023-09-05 06:41:11 +00",
        "Tue, 05 Sep 2023 06:41:11 +0000",
        "5 Sep 2023 14:41:11 +0800",
        "Tue, 05 Sep 2023 06:41:11 GMT",
        MOMENT,
        float(MOMENT),
        MOMENT * 1000,
        str(MOMENT),
        f"{MOMENT}000",
        f"{MOMENT}.0",
    ],
)
def test_a_time_is_read_however_it_is_written(value: object) -> None:
    assert read_time(value) == MOMENT


@pytest.mark.parametrize("value", ["2023-09-05T06:41Z", "2023-09-05 14:41+08:00", "Tue, 5 Sep 2023 01:11 -0530"])
def test_a_time_may_lack_its_seconds(value: str) -> None:
    assert read_time(value) == MOMENT - 11


def test_fractions_count() -> None:
    assert read_time("2023-09-05T06:41:11.895Z") == pytest.approx(MOMENT + 0.895)
    assert read_time(MOMENT * 1000 + 895) == pytest.approx(MOMENT + 0.895)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        "",
        "now",
        [MOMENT],
        {"time": MOMENT},
        -1,
        int("9" * 400),
        float("inf"),
        float("nan"),
        "-1",
        "1e9",
        "\uff12\uff10\uff12\uff13",
        "2023-09-05",
        # A local time without an offset may be any of 26.
        "2023-09-05T06:41:11",
        "2023-09-05 14:41:11",
        "2023-13-05T06:41:11Z",
        "2023-09-05T25:41:11Z",
        "2023-09-05T06:41:11+25:00",
        "2023-09-05T06:41:11+99:99",
        "٢٠٢٣-09-05T06:41:11Z",
        "Tue, 05 Sep 2023 06:41:11",
        "Tue, 05 Sep 2023 06:41:11 CST",
        "Tue, 05 Foo 2023 06:41:11 GMT",
        "Tue, 31 Feb 2023 06:41:11 GMT",
    ],
)
def test_what_is_no_time_is_none(value: object) -> None:
    assert read_time(value) is None
