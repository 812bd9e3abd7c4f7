"""How the speed suite measures and shows what it found; `arguments` says what it is and how to run it."""

from __future__ import annotations

import datetime
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import groupby
from pathlib import Path

import numpy as np
from rich.console import Console

from ...analysis import visuals
from ...analysis.speed_report import (
    as_speed_cases,
    detail_of,
    disturbance_warning,
    speed_tables,
    time_ratio,
)
from ...results import (
    OURS,
    REFERENCE,
    REFERENCES,
    CaseRecord,
    Environment,
    LogError,
    MemoryRecord,
    SpeedReport,
    write_report,
)
from ..instruments.disturbance import undisturbed
from ..instruments.measure import (
    SETTLE_SECONDS,
    MeasurementError,
    interleaved,
    source_commit,
)
from ..instruments.processors import available_cores
from ..process.worker import SPEED, Worker, WorkerError
from .arguments import build_parser
from .cases import choose
from .work import TOLERANCES, Arrays, Case

WARMUP_CALLS = 3
"""Untimed calls before the length of a block is chosen; one whole untimed block follows."""

BLOCK_SECONDS = 0.2
"""Target length of a block: it has as many calls as the slower framework makes in this time (in half of it
for sweeps), but at least one."""

ROUNDS = {"targets": 12}
"""Timed blocks of each framework, by choice of cases. The others have six, the fewest that give a 95 %
interval."""

UNTIMED_SECONDS = 0.03
"""Each block starts with untimed calls of about this length, at least one: after the pause the caches hold
the other framework's data and the processors have slept, which does not happen in a training run."""

MEMORY_CALLS = 12
"""Calls over which peak memory is measured."""


def difference(ours: Arrays, theirs: Arrays) -> tuple[float, str]:
    """The largest relative difference among the values, and the name of the one that has it.

    For each array it is ``|a - b| / max(|b|, 0.001 max |c|)`` with 2-norms, where c runs over all arrays of
    the same kind (for example all gradients): an array that is zero up to rounding is judged by the size of
    the others.

    >>> difference({"y": np.array([3.0, 4.5])}, {"y": np.array([3.0, 4.0])})
    (0.1, 'y')
    """
    if ours.keys() != theirs.keys():
        return float("inf"), f"{', '.join(ours)} in one framework, {', '.join(theirs)} in the other"
    largest: dict[str, float] = {}
    for name, value in theirs.items():
        kind = name.split(" ")[0]
        largest[kind] = max(largest.get(kind, 0.0), float(np.linalg.norm(value)))
    found = []
    for name, b in theirs.items():
        a = ours[name]
        if a.shape != b.shape or a.dtype != b.dtype:
            return float("inf"), f"{name}: {a.dtype} {a.shape} and {b.dtype} {b.shape}"
        scale = max(float(np.linalg.norm(b)), 1e-3 * largest[name.split(" ")[0]])
        gap = float(np.linalg.norm(np.subtract(a, b, dtype=np.float64)))
        found.append((gap / scale if scale else gap, name))
    worst = max(found, key=lambda pair: np.inf if np.isnan(pair[0]) else pair[0])
    return worst


class Suite:
    """One run of some cases.

    Args:
        threads: for each framework, where a case does not say otherwise.
        rounds: timed blocks of each framework.
        memory: whether peak memory is measured.
        note: called with one line for each finished case.
    """

    def __init__(
        self,
        threads: int,
        rounds: int,
        memory: bool = True,
        note: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.threads, self.rounds = threads, rounds
        self.memory, self.note = memory, note
        self.started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        self.commit = source_commit()
        self.report = SpeedReport({}, threads, rounds, BLOCK_SECONDS, SETTLE_SECONDS, None, [])

    def run(self, cases: Iterable[Case]) -> SpeedReport:
        """Run the cases; meanwhile `report` holds those that are finished.

        Raises:
            MeasurementError: threads are not what was asked for, or the given values differ.
            WorkerError: a process failed in which no other compiler ran.
        """
        for (_, threads, reference), group in groupby(cases, key=self._processes):
            if reference in self.report.not_run:
                continue
            with self._workers(threads or self.threads, reference) as workers:
                for case in group:
                    if workers is None:
                        break
                    try:
                        self.report.cases.append(self._case(case, workers))
                    except WorkerError as error:
                        self._leave_out(case.key, reference, error)
                        break
        return self.report

    def _leave_out(self, what: str, reference: str, error: WorkerError) -> None:
        """Go on without another compiler that does not work here; an error of ours or of PyTorch is one."""
        if reference == REFERENCE or error.frameworks != (reference,):
            raise error
        reason = str(error).removeprefix(f"{reference}: ")
        self.report.not_run[what] = reason
        self.note(f"{REFERENCES.get(what, what)}: not run: {reason}")

    @staticmethod
    def _processes(case: Case) -> tuple[str, int | None, str]:
        """Consecutive cases with equal keys share their processes."""
        return case.key if case.own_process else case.family, case.threads, case.reference

    @contextmanager
    def _workers(self, threads: int, reference: str) -> Iterator[dict[str, Worker] | None]:
        """Processes of ours and of the reference by name; None if the reference cannot start here."""
        with ExitStack() as stack:
            names = (OURS, reference)
            workers = {name: stack.enter_context(Worker([name], threads, SPEED)) for name in names}
            try:
                with ThreadPoolExecutor(2) as both:
                    list(both.map(lambda worker: worker.ask("start", threads=threads), workers.values()))
            except WorkerError as error:
                self._leave_out(reference, reference, error)
                yield None
            else:
                yield workers

    def _case(self, case: Case, workers: dict[str, Worker]) -> CaseRecord:
        threads = case.threads or self.threads
        exact, exact_where = None, ""
        if case.dtype != "float64" and (case.against_compiler or not case.column):
            self._open(case, workers, "float64")
            exact, exact_where = self._compare(workers)
        given = self._open(case, workers, case.dtype)
        gap, where = self._compare(workers)
        record = CaseRecord(
            family=case.family,
            name=case.name,
            row=case.row or case.name,
            column=case.column,
            dtype=case.dtype,
            threads=threads,
            calls=0,
            warmup_calls=0,
            given_sha256=given,
            difference=gap,
            differs_most=where,
            tolerance=case.tolerance,
            exact_difference=exact,
            exact_tolerance=TOLERANCES["float64"],
            ours=[],
            theirs=[],
            target=case.target,
            memory_target=case.memory_target,
            reference=case.reference,
        )
        if not record.agreed:
            self.note(
                f"{case.key}: not timed: the values differ by {gap:.1e} ({where}; tolerance "
                f"{record.tolerance:.0e})"
                + (f", in float64 by {exact:.1e} ({exact_where})" if exact is not None else "")
            )
            return record
        self._time(case, record, workers)
        for name, worker in workers.items():
            record.freed_memory |= {name: worker.ask("check", threads=threads)["freed_memory"]}
            if name not in self.report.environments:
                reply = worker.ask(
                    "environment", started=self.started, command_line=list(sys.argv), commit=self.commit
                )
                self.report.environments[name] = Environment(**reply)
        if self.memory and case.memory:
            with ThreadPoolExecutor(2) as both:  # nothing is timed here
                record.our_memory, record.their_memory = both.map(
                    lambda name: self._memory(case, name, threads), (OURS, case.reference)
                )
        ratio = time_ratio(record)
        shown = "no ratio" if ratio is None else f"ratio {ratio.estimate:.2f}"
        if record.disturbed_pairs:
            shown += f" ({record.disturbed_pairs} of {self.rounds} pairs of blocks DISTURBED)"
        self.note(
            f"{case.key}: {1e3 * np.median(record.ours):.3g} ms, {1e3 * np.median(record.theirs):.3g} ms, "
            + shown
        )
        return record

    @staticmethod
    def _open(case: Case, workers: dict[str, Worker], dtype: str) -> str:
        """Prepare the case in both frameworks; return the hash of their inputs, which must be equal."""
        given = {worker.ask("open", key=case.key, dtype=dtype)["sha256"] for worker in workers.values()}
        if len(given) > 1:
            raise MeasurementError(f"{case.key}: the frameworks were given different values")
        return given.pop()

    @staticmethod
    def _compare(workers: dict[str, Worker]) -> tuple[float, str]:
        with tempfile.TemporaryDirectory(prefix="cnn_physics77_") as folder:
            found = []
            for name, worker in workers.items():
                file = str(Path(folder) / f"{name}.npz")
                worker.ask("values", file=file)
                with np.load(file) as stored:
                    found.append({key: stored[key] for key in stored.files})
        return difference(*found)

    def _time(self, case: Case, record: CaseRecord, workers: dict[str, Worker]) -> None:
        seconds = 0.0
        for worker in workers.values():
            worker.ask("run", calls=WARMUP_CALLS)
            seconds = max(seconds, worker.ask("run", calls=1)["seconds"])
        record.calls = max(1, round(BLOCK_SECONDS * (1 if case.own_process else 0.5) / seconds))
        record.warmup_calls = WARMUP_CALLS + 1 + record.calls
        record.untimed_calls = max(1, round(UNTIMED_SECONDS / seconds))
        for worker in workers.values():
            worker.ask("run", calls=record.calls)
        times = {OURS: record.ours, case.reference: record.theirs}
        disturbances = {OURS: record.our_disturbance, case.reference: record.their_disturbance}
        for _, name in interleaved(list(workers), self.rounds):
            reply, disturbance = undisturbed(
                lambda attempt, worker=workers[name]: worker.ask(  # type: ignore[misc]
                    "block", calls=record.calls, untimed=record.untimed_calls
                ),
                SETTLE_SECONDS,
            )
            times[name].append(reply["seconds"])
            disturbances[name].append(disturbance)

    @staticmethod
    def _memory(case: Case, framework: str, threads: int) -> MemoryRecord:
        with Worker([framework], threads, SPEED) as worker:
            worker.ask("start", threads=threads)
            return MemoryRecord(**worker.ask("memory", key=case.key, calls=MEMORY_CALLS))


def show(report: SpeedReport, path: Path, console: Console) -> None:
    """Print the tables and draw the figure next to the JSON file."""
    console.print(speed_tables(report))
    cases = as_speed_cases(report)
    if cases:
        figure = visuals.speed_ratios(cases, detail_of(report), disturbance_warning(report))
        visuals.save(figure, path.parent, path.stem)
        console.print(f"figure {path.with_suffix('.png')}", highlight=False)


def main(arguments: list[str] | None = None) -> int:
    """Run the command. Exit status: 1 if values differed or a process failed, 2 for bad arguments, 130 after
    Ctrl-C."""
    parser = build_parser()
    args = parser.parse_args(arguments)
    pattern = args.cases or ("quick" if args.quick else "suite")
    rounds = args.rounds if args.rounds is not None else 6 if args.quick else ROUNDS.get(pattern, 6)
    try:
        cases = choose(pattern)
    except ValueError as error:
        parser.error(str(error))
    if rounds < 1 or not 1 <= args.threads <= available_cores():
        parser.error(f"expected --rounds of at least 1 and --threads from 1 to {available_cores()}")
    if args.list:
        print("\n".join(case.key for case in cases))
        return 0
    console = Console() if sys.stdout.isatty() else Console(width=118)
    start = time.monotonic()

    def note(line: str) -> None:
        done = len(suite.report.cases) + 1
        console.print(f"{done:3d}/{len(cases)} {line}", highlight=False, markup=False)

    suite = Suite(args.threads, rounds, memory=not args.quick, note=note)
    stamp = suite.started[:19].replace(":", "").replace("-", "").replace("T", "-")
    path = Path(args.output or f"logs/speed_{stamp}.json")
    status = 0
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)  # results so far are kept then, too
    try:
        suite.run(cases)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        status = 130
    except (MeasurementError, WorkerError, LogError, OSError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        status = 1
    finally:
        signal.signal(signal.SIGTERM, previous)
    if suite.report.cases:
        write_report(suite.report, path)
        show(suite.report, path, console)
        console.print(f"JSON   {path}; {time.monotonic() - start:.0f} s", highlight=False)
    if not all(case.agreed for case in suite.report.cases):
        status = status or 1
    return status


if __name__ == "__main__":
    sys.exit(main())
