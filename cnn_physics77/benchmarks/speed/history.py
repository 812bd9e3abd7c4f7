"""The recorded history of the speed suite, and what became slower.

Run by hand, on the machine that wrote the history::

    python -m cnn_physics77.benchmarks.speed.history --record logs/speed_20260101-120000.json
    python -m cnn_physics77.benchmarks.speed.history                       # the last two recorded runs
    python -m cnn_physics77.benchmarks.speed.history OLD.json NEW.json

Runs are compared by the ratio to PyTorch's time in the same run, never by our time alone, which depends on
how fast the machine was that day. A case became slower if its ratio grew by more than 10 %. If the two
intervals overlap, this may be chance: the case is listed, but does not count as a failure. Cases without an
undisturbed ratio are listed and not compared.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...analysis.speed_report import time_ratio
from ...analysis.statistics import Ratio
from ...results import LogError, SpeedReport, read_speed, write_report

FOLDER = Path("docs/speed")
"""Folder of the recorded runs, which are named by their time."""

THRESHOLD = 0.10
"""Smallest growth of a ratio that is reported."""


@dataclass(frozen=True)
class Change:
    """One case in two runs: the ratio of our time to PyTorch's before and after."""

    key: str
    before: Ratio
    after: Ratio

    @property
    def growth(self) -> float:
        """New ratio over old ratio, minus 1."""
        return self.after.estimate / self.before.estimate - 1

    @property
    def certain(self) -> bool:
        """Whether the intervals do not overlap. A single pair has no interval and is never certain."""
        return self.after.low > self.before.high or self.after.high < self.before.low

    def __str__(self) -> str:
        doubt = "" if self.certain else " (the intervals overlap: perhaps by chance)"
        return f"{self.key}: {self.before} -> {self.after}, {100 * self.growth:+.0f} %{doubt}"


def changes(before: SpeedReport, after: SpeedReport) -> list[Change]:
    """The cases that both runs timed undisturbed, in the order of the later one."""
    old = {case.key: time_ratio(case) for case in before.cases if case.agreed}
    new = {case.key: time_ratio(case) for case in after.cases if case.agreed}
    found = [(key, old.get(key), ratio) for key, ratio in new.items()]
    return [Change(key, was, now) for key, was, now in found if was is not None and now is not None]


def disturbed(report: SpeedReport) -> list[str]:
    """The cases without a ratio because other programs disturbed every pair of blocks."""
    return [case.key for case in report.cases if case.agreed and time_ratio(case) is None]


def slower(found: Sequence[Change], threshold: float = THRESHOLD) -> list[Change]:
    """The changes whose ratio grew by more than the threshold, the largest growth first."""
    return sorted((c for c in found if c.growth > threshold), key=lambda c: -c.growth)


def circumstances(report: SpeedReport) -> dict[str, str]:
    """What should be equal in two runs that are compared."""
    found = {"threads": str(report.threads)}
    for environment in report.environments.values():
        found |= {"processor": environment.cpu, "PyTorch": environment.packages.get("torch", "unknown")}
    return found


def compare(before: SpeedReport, after: SpeedReport, threshold: float = THRESHOLD) -> tuple[list[str], bool]:
    """The report on two runs as lines, and whether no case certainly became slower.

    Raises:
        LogError: the runs share no case.
    """
    found = changes(before, after)
    if not found:
        raise LogError("history: expected two runs that share a case, found none that both timed undisturbed")
    old, new = circumstances(before), circumstances(after)
    lines = [
        f"NOTE: {name} differs, {old.get(name)} then and {new.get(name)} now: compare with care"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]
    worse = slower(found, threshold)
    better = sum(change.growth < -threshold and change.certain for change in found)
    failed = [case.key for case in after.cases if not case.agreed]
    lines += [f"VALUES DIFFER: {key}" for key in failed]
    lines += [f"NOT COMPARED (disturbed): {key}" for key in disturbed(before) + disturbed(after)]
    lines += [f"SLOWER {change}" for change in worse]
    lines.append(
        f"{len(found)} cases in both runs: {sum(c.certain for c in worse)} slower by more than "
        f"{100 * threshold:g} %, {sum(not c.certain for c in worse)} perhaps, {better} faster"
    )
    return lines, not failed and not any(change.certain for change in worse)


def recorded(folder: Path = FOLDER) -> list[Path]:
    """The files of the history, the oldest first."""
    return sorted(folder.glob("*.json"))


def record(file: Path, folder: Path = FOLDER) -> Path:
    """Validate a run and add it to the history under its start time; return the new file."""
    report = read_speed(file)
    started = min(environment.started for environment in report.environments.values())
    return write_report(report, folder / f"{started[:19].replace(':', '')}.json")


def main(arguments: list[str] | None = None) -> int:
    """Run the command. Exit status: 1 if a case certainly became slower or a file cannot be read, 2 for bad
    arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m cnn_physics77.benchmarks.speed.history", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("files", nargs="*", metavar="FILE", help="two runs, the older one first")
    parser.add_argument("--record", metavar="FILE", help="add this run to the history before comparing")
    parser.add_argument(
        "--folder", type=Path, default=FOLDER, help=f"folder of the history (default: {FOLDER})"
    )
    parser.add_argument(
        "--threshold",
        type=float,
        default=THRESHOLD,
        help=f"growth of a ratio that is reported (default: {THRESHOLD})",
    )
    args = parser.parse_args(arguments)
    if len(args.files) not in (0, 2):
        parser.error(f"expected two files or none, found {len(args.files)}")
    try:
        if args.record:
            print(f"recorded {record(Path(args.record), args.folder)}")
        files = [Path(file) for file in args.files] or recorded(args.folder)[-2:]
        if len(files) < 2:
            print(f"{args.folder}: {len(files)} run recorded; a comparison needs two")
            return 0
        before, after = (read_speed(file) for file in files)
        lines, passed = compare(before, after, args.threshold)
    except (LogError, OSError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    print(f"{files[0].name} -> {files[1].name}")
    print("\n".join(lines))
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
