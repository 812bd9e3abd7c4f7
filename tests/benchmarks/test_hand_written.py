"""The training step by hand computes what the framework does, and says so when it does not."""

import numpy as np
import pytest

from cnn_physics77.benchmarks.speed import hand_written
from cnn_physics77.core.kernels.runtime.pool import get_num_threads, set_num_threads


@pytest.fixture(autouse=True)
def _threads():
    before = get_num_threads()
    yield
    set_num_threads(before)


@pytest.mark.parametrize("threads", [1, 2])
def test_both_steps_compute_the_same(threads):
    set_num_threads(threads)
    exact, single = hand_written.prepare().differences
    assert exact < 1e-13 and single < 1e-5


def test_the_captured_step_computes_the_same():
    exact, single = hand_written.prepare("threads").differences
    assert exact < 1e-13 and single < 1e-5


def test_the_report(capsys, monkeypatch):
    monkeypatch.setattr(hand_written, "BLOCK_SECONDS", 0.01)
    assert hand_written.main(["--rounds", "2", "--threads", "1"]) == 0
    said = capsys.readouterr().out
    assert "by the framework" in said and "by hand" in said and "1 threads, 2 pairs" in said


def test_a_wrong_step_is_not_timed(capsys, monkeypatch):
    plain = hand_written.HandWrittenStep._update

    def wrong(self, half):
        plain(self, half)
        self.db[0] += np.abs(self.db).max()

    monkeypatch.setattr(hand_written.HandWrittenStep, "_update", wrong)
    assert hand_written.main(["--rounds", "1"]) == 1
    assert "differ by" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--rounds", "0"], ["--threads", "0"], ["--threads", "4096"]])
def test_bad_arguments(arguments, capsys):
    with pytest.raises(SystemExit):
        hand_written.main(arguments)
    assert "expected --rounds" in capsys.readouterr().err
