"""What a million mutes cost, from measured CPU times and the published billing units (pure).

Function Compute bills compute units (CU): 1 for a second of a vCPU, 0.15 for a second of a GB of memory, 75 for 10,000
invocations, each by the function's size while it runs; the disk of 512 MB is free. A CU is 0.000020 USD at most, before
discounts. Source: Alibaba Cloud, "Pay-as-you-go" of Function Compute, 2024-11-19.
"""

from __future__ import annotations

from typing import NamedTuple

CU_PER_VCPU_S = 1.0
CU_PER_GB_S = 0.15
CU_PER_INVOCATION = 75 / 10_000
USD_PER_CU = 0.000_020
_MILLION = 1_000_000


class Size(NamedTuple):
    """The size of an instance, as in `s.yaml`."""

    vcpu: float
    memory_gb: float
    concurrency: int = 1


class Cost(NamedTuple):
    """The cost of a million mutes.

    Attributes:
        billed_s: instance time of one mute.
        cu: compute units of all.
        usd: US dollars of all.
    """

    billed_s: float
    cu: float
    usd: float


def cost(size: Size, cpu_s: float, wait_s: float) -> Cost:
    """Return the cost of a million warm mutes on fully used instances.

    A request takes its CPU time on a fraction of a core and the wait for CCC. Side by side, up to `concurrency` at a
    time, requests share the instance's time, but never more of its CPU than there is.

    Args:
        size: of the instance.
        cpu_s: CPU seconds of one request on a whole core.
        wait_s: for CCC.
    """
    on_cpu_s = cpu_s / size.vcpu
    billed_s = max((on_cpu_s + wait_s) / size.concurrency, on_cpu_s)
    per_second = CU_PER_VCPU_S * size.vcpu + CU_PER_GB_S * size.memory_gb
    cu = (billed_s * per_second + CU_PER_INVOCATION) * _MILLION
    return Cost(billed_s, cu, cu * USD_PER_CU)
