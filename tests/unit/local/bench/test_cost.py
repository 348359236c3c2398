from __future__ import annotations

import pytest

from local.bench.cost import Size, cost

SMALL = Size(vcpu=0.25, memory_gb=0.256)


def test_a_request_is_billed_for_its_cpu_time_on_a_fraction_of_a_core_and_for_its_wait() -> None:
    each = cost(SMALL, cpu_s=0.001, wait_s=0.05)

    assert each.billed_s == pytest.approx(0.054)
    # By hand: 0.054 s of a quarter of a core and of 0.256 GB, and an invocation; a million times.
    assert each.cu == pytest.approx((0.054 * 0.25 + 0.054 * 0.256 * 0.15 + 0.0075) * 1_000_000)
    assert each.usd == pytest.approx(each.cu * 0.000_020)


def test_an_invocation_that_takes_no_time_costs_what_an_invocation_does() -> None:
    # Published: 75 CU for 10,000 invocations.
    assert cost(SMALL, cpu_s=0, wait_s=0).cu == pytest.approx(7_500)


def test_requests_side_by_side_share_the_wait() -> None:
    assert cost(SMALL._replace(concurrency=50), cpu_s=0, wait_s=0.05).billed_s == pytest.approx(0.001)


def test_requests_side_by_side_never_share_more_cpu_than_there_is() -> None:
    assert cost(SMALL._replace(concurrency=50), cpu_s=0.002, wait_s=0.05).billed_s == pytest.approx(0.008)
