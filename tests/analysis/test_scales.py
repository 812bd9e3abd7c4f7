"""Logarithmic axes have labels, however short they are."""

import pytest
from matplotlib.figure import Figure

from cnn_physics77.analysis.scales import log_scale, log_ticks


@pytest.mark.parametrize("last", [9.5, 12.0, 20.0, 100.0, 1e4, 1e7])
def test_labels_of_logarithmic_axes(last):
    axes = Figure().subplots()
    axes.plot([9.4, last], [9.4, last])
    log_scale(axes)
    axes.set_xscale("log")
    log_ticks(axes.xaxis)
    for axis in (axes.xaxis, axes.yaxis):
        low, high = axis.get_view_interval()
        assert 3 <= sum(low <= tick <= high for tick in axis.get_majorticklocs()) <= 12
