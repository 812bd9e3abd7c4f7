"""What got slower between two runs, on made-up numbers."""

import dataclasses

import pytest

from cnn_physics77.benchmarks.speed import history
from cnn_physics77.results import (
    CaseRecord,
    Disturbance,
    LogError,
    SpeedReport,
    example_log,
    read_speed,
    write_report,
)

NOISE = (0.99, 1.0, 1.01, 1.0, 0.995, 1.005)


def a_report(started="2026-01-01T00:00:00+00:00", threads=2, torch="2.13.0", spread=NOISE, **ratios):
    environment = dataclasses.replace(
        example_log().environment, started=started, packages={"numpy": "2.4.6", "torch": torch}
    )
    cases = [
        CaseRecord(
            family="work", name=name, row=name, column="", dtype="float32", threads=2, calls=1,
            warmup_calls=1, given_sha256="", difference=0.0, differs_most="y", tolerance=1e-4,
            exact_difference=None, exact_tolerance=1e-9, ours=[ratio * noise for noise in spread],
            theirs=[1.0] * len(spread),
        )
        for name, ratio in ratios.items()
    ]  # fmt: skip
    return SpeedReport({"numpy77": environment}, threads, len(spread), 0.1, 0.12, 0.0, cases)


def test_what_got_slower_is_named_the_worst_first():
    before = a_report(same=0.5, slower=0.5, worse=0.4, faster=0.8, gone=1.0)
    after = a_report(same=0.53, slower=0.6, worse=0.8, faster=0.4, new=1.0)
    lines, passed = history.compare(before, after)
    assert not passed
    assert [line.split(":")[0] for line in lines] == [
        "SLOWER work/worse",
        "SLOWER work/slower",
        "4 cases in both runs",
    ]
    assert "+100 %" in lines[0] and "perhaps" not in lines[0] and "+20 %" in lines[1]
    assert "2 slower by more than 10 %, 0 perhaps, 1 faster" in lines[-1]


def test_ten_percent_is_the_limit():
    found = history.changes(a_report(a=1.0, b=1.0), a_report(a=1.09, b=1.11))
    assert [change.key for change in history.slower(found)] == ["work/b"]
    assert history.slower(found, threshold=0.2) == []


def test_overlapping_intervals_are_named_and_do_not_fail():
    wide = (0.5, 0.7, 1.0, 1.0, 1.6, 2.0)
    lines, passed = history.compare(a_report(a=1.0, spread=wide), a_report(a=1.3, spread=wide))
    assert passed and lines[0].startswith("SLOWER work/a") and "perhaps by chance" in lines[0]
    single = (1.0,)
    _, passed = history.compare(a_report(a=1.0, spread=single), a_report(a=2.0, spread=single))
    assert passed  # one pair has no interval


def test_other_circumstances_are_said():
    lines, passed = history.compare(a_report(a=1.0), a_report(a=1.0, threads=1, torch="2.14.0"))
    assert passed and "NOTE: PyTorch differs, 2.13.0 then and 2.14.0 now" in lines[0]
    assert "NOTE: threads differs, 2 then and 1 now" in lines[1]


def test_a_case_whose_values_differ_now_fails():
    after = a_report(a=1.0, b=1.0)
    after.cases[1] = dataclasses.replace(after.cases[1], difference=1.0, ours=[], theirs=[])
    lines, passed = history.compare(a_report(a=1.0, b=1.0), after)
    assert not passed and lines[0] == "VALUES DIFFER: work/b"


def test_runs_without_a_common_case():
    with pytest.raises(LogError, match="expected two runs that share a case"):
        history.compare(a_report(a=1.0), a_report(b=1.0))


def test_the_command(tmp_path, capsys):
    folder = tmp_path / "history"
    for hour, ratio, status in ((1, 0.5, 0), (2, 0.52, 0), (3, 0.9, 1)):
        file = write_report(a_report(f"2026-01-01T0{hour}:00:00+00:00", a=ratio), tmp_path / "run.json")
        assert history.main(["--record", str(file), "--folder", str(folder)]) == status
    said = capsys.readouterr().out
    assert "1 run recorded; a comparison needs two" in said and "SLOWER work/a" in said
    names = [path.name for path in history.recorded(folder)]
    assert names == [f"2026-01-01T0{hour}0000.json" for hour in (1, 2, 3)]
    assert read_speed(folder / names[0]).cases[0].ours[1] == 0.5
    first, second = str(folder / names[0]), str(folder / names[1])
    assert history.main([first, second]) == 0 and history.main(["--threshold", "0.01", first, second]) == 1
    (folder / "x.json").write_text("{")
    assert history.main(["--folder", str(folder)]) == 1 and "not JSON" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        history.main([first])


def test_disturbed_cases_are_named_and_not_compared():
    after = a_report(a=1.0, b=5.0)
    busy = [Disturbance(1.0, 3, True)] * len(NOISE)
    after.cases[1] = dataclasses.replace(after.cases[1], our_disturbance=busy, their_disturbance=busy)
    lines, passed = history.compare(a_report(a=1.0, b=1.0), after)
    assert (
        passed and lines[0] == "NOT COMPARED (disturbed): work/b" and lines[1].startswith("1 cases in both")
    )
