"""The interpreter of CUDA kernels: right kernels pass, planted bugs are named, intrinsics mean what CUDA says."""

from __future__ import annotations

import numpy as np
import pytest
from simt_bugs import BUGS, Bug
from simt_kernels import RIGHT, Right

from tinynn.errors import KernelError
from tinynn.gpu import simt
from tinynn.gpu.simt import Finding

ORDERS = ["forward", "reversed", 1, 2]


@pytest.mark.parametrize("case", RIGHT, ids=lambda case: case.name)
def test_right_kernels_pass_in_every_order(case: Right):
    for order in ORDERS:
        with simt.settings(order=order):
            got, want = case.run()
        np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-5, err_msg=f"order {order}")


# -- planted mistakes ----------------------------------------------------------------------------------------


def caught(bug: Bug, order: str | int = "forward") -> Finding:
    with simt.settings(order=order, **bug.settings), pytest.raises(KernelError) as raised:
        bug.run()
    finding = raised.value.finding
    assert finding.kind == bug.kind, raised.value
    return finding


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.kernel.__name__)
def test_planted_bugs_are_caught_by_kind_line_and_thread(bug: Bug):
    finding = caught(bug)
    threads, lines = {finding.thread} - {-1}, {finding.line}
    if bug.kind == "race":
        assert finding.other is not None
        threads, lines = threads | {finding.other.thread}, lines | {finding.other.line}
    assert lines <= bug.lines(), finding
    assert threads == bug.threads, finding
    assert finding.block == bug.at, finding


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.kernel.__name__)
def test_planted_bugs_are_caught_in_every_order(bug: Bug):
    for order in ORDERS[1:]:
        finding = caught(bug, order)
        assert finding.line in bug.lines(), (order, finding)
        assert bug.kind != "race" or finding.other.line in bug.lines(), (order, finding)
