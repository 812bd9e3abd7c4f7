"""The command that compares versions and engines of the package."""

import re
import sys
from pathlib import Path

import pytest

from cnn_physics77.benchmarks.speed import versions

HERE = str(Path(__file__).resolve().parents[2])
SHORT = ["--rounds", "1", "--processes", "1", "--seconds", "0.001", "--threads", "1"]


@pytest.mark.parametrize("work", ["chain", "PINN", "MLP:2:SGD"])
def test_an_engine_beside_another(work, capsys):
    assert versions.main([HERE, f"{HERE}@1", "--works", work, "--no-memory", *SHORT]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith(work))
    first, second = re.split(r" \| ", line)[1:]
    if "no time" not in line:
        assert float(first) > 0 and float(second.split()[0]) > 0


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's high-water mark")
def test_the_peak_of_memory_is_that_of_the_work(capsys):
    assert versions.main([HERE, "--works", "MLP:128:Adam", *SHORT]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("MLP"))
    parameters = 4 * 669_706  # bytes; with gradients and two moments four times as much at least
    assert 4 * parameters < 1e6 * float(line.split()[-1]) < 100e6


def test_disturbed_blocks_do_not_count():
    nan = float("nan")
    assert versions.cell_of([nan, 0.002], [0.001, 0.001]) == "2  2.00 [nan, nan]"
    assert versions.cell_of([nan, 0.002], [0.001, nan]) == "2  no ratio"
    assert versions.cell_of([nan], None) == "no time"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["nowhere"], "no package cnn_physics77 in nowhere"), ([f"{HERE}@two"], "expected one of eager, 1")],
)
def test_what_is_no_contender_is_refused(arguments, message, capsys):
    with pytest.raises(SystemExit):
        versions.main(arguments)
    assert message in capsys.readouterr().err


def test_a_version_that_fails_is_an_error(tmp_path, capsys):
    (tmp_path / "cnn_physics77").mkdir()
    (tmp_path / "cnn_physics77" / "__init__.py").write_text("raise SystemExit(7)")
    assert versions.main([str(tmp_path), "--works", "chain", *SHORT]) == 1
    assert "the process ended with status 7" in capsys.readouterr().err
