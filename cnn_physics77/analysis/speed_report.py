"""Tables of the speed suite, for the terminal."""

import math
from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cnn_physics77.analysis.comparison import OURS, UNKNOWN_DISTURBANCE, is_unknown
from cnn_physics77.analysis.speed import SpeedCase
from cnn_physics77.analysis.statistics import Ratio, bootstrap_ratio
from cnn_physics77.analysis.tables import new_table
from cnn_physics77.results import (
    REFERENCES,
    CaseRecord,
    Environment,
    SpeedReport,
)

BUSY = 0.15
"""Share of the processors that others may use before a reader is warned, in reports that know no more."""


def disturbance_warning(report: SpeedReport) -> str:
    """What a reader must know of other programs' work beside the measured one; "" where there was none."""
    timed = [case for case in report.cases if case.agreed]
    disturbed = sum(case.disturbed_pairs for case in timed)
    if disturbed:
        pairs = sum(len(case.ours) for case in timed)
        lost = sum(case.disturbed_pairs == len(case.ours) for case in timed)
        return (
            f"DISTURBED: in {disturbed} of {pairs} pairs of blocks other programs kept processors busy, also "
            f"when repeated. They enter no ratio; {lost} of {len(timed)} cases have none. Stop other "
            "programs, or pin this one to quiet processors (taskset), and run again."
        )
    if report.busy is not None and report.busy > BUSY:
        return (
            f"Other programs used {report.busy:.0%} of the processors before the first case: they hit two "
            "threads that wait for each other harder than one, and the ratios say little."
        )
    return ""


def time_ratio(case: CaseRecord) -> Ratio | None:
    """Our time over PyTorch's: the median over undisturbed pairs of blocks, with its interval; None without
    any."""
    ours, theirs = case.times()
    return bootstrap_ratio(ours, theirs) if ours else None


def as_speed_cases(report: SpeedReport) -> list[SpeedCase]:
    """The timed cases as the plot `speed_ratios` takes them."""
    return [
        SpeedCase(
            case.family, case.name, time_ratio(case), case.target, _remark(case), REFERENCES[case.reference]
        )
        for case in report.cases
        if case.agreed
    ]


def _remark(case: CaseRecord) -> str:
    """How many pairs others disturbed, "" if none."""
    return f"{case.disturbed_pairs} of {len(case.ours)} DISTURBED" if case.disturbed_pairs else ""


def _shown_times(case: CaseRecord) -> tuple[Sequence[float], Sequence[float]]:
    """Times of the undisturbed pairs; if there is none, of all."""
    quiet = case.times()
    return quiet if quiet[0] else (case.ours, case.theirs)


def detail_of(report: SpeedReport) -> str:
    """Machine, versions, threads and rounds in one line."""
    environments = report.environments
    pieces = [machine(next(iter(environments.values()))), *versions(environments)] if environments else []
    dtypes = sorted({case.dtype for case in report.cases})
    threads = sorted({case.threads for case in report.cases})
    pieces.append(" and ".join(dtypes))
    pieces.append(f"{' and '.join(map(str, threads))} thread{'s' if threads != [1] else ''} each")
    pieces.append(f"{report.rounds} pair{'s' if report.rounds > 1 else ''} of blocks")
    return " · ".join(pieces)


def machine(environment: Environment) -> str:
    return f"{environment.cpu}, {environment.cores} cores"


def versions(environments: Mapping[str, Environment]) -> list[str]:
    """Of what computed: NumPy, PyTorch, and JAX if it took part."""
    found = next(iter(environments.values())).packages
    return [
        f"{label} {found[name]}"
        for name, label in (("numpy", "NumPy"), ("torch", "PyTorch"), ("jax", "JAX"))
        if name in found and (name != "jax" or name in environments)
    ]


def _milliseconds(values: Sequence[float]) -> str:
    return f"{1e3 * float(np.median(values)):#.3g}".rstrip(".")


def _interval(ratio: Ratio) -> str:
    return f"[{ratio.low:.2f}, {ratio.high:.2f}]" if math.isfinite(ratio.low) else ""


def _aim(value: float, target: float | None) -> Text:
    """A target and whether it is met."""
    if target is None:
        return Text()
    met = value <= target
    return Text(f"{target:.2f} {'met' if met else 'MISSED'}", style="green" if met else "bold red")


def speed_table(cases: Sequence[CaseRecord]) -> Table:
    """One row for each case: both times, the ratio with its interval, the target, the peaks of memory and
    their ratio."""
    table = new_table("Time and memory relative to PyTorch")
    table.add_column("case", min_width=28)
    measured = any(case.memory_ratio is not None for case in cases)
    aimed = any(case.target is not None for case in cases)
    headings = ["ours\n(ms)", "PyTorch\n(ms)", "ratio", "interval"] + ["at most"] * aimed
    headings += ["memory\n(MB)", "PyTorch\n(MB)", "ratio", "at most"] if measured else []
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for family, group in groupby(cases, key=lambda case: case.family):
        table.add_row(Text(family, style="bold"))
        for case in group:
            cells: list[Text | str] = [Text(f"  {case.name}")]
            if case.agreed:
                ratio = time_ratio(case)
                cells += [_milliseconds(times) for times in _shown_times(case)]
                remark = Text(_remark(case), style="bold black on yellow")
                if ratio is None:
                    cells += ["none", remark]
                    cells += [Text("not judged") if case.target else Text()] * aimed
                else:
                    interval = Text(_interval(ratio))
                    if remark:
                        interval += Text("\n") + remark
                    cells += [Text(f"{ratio.estimate:.2f}", style="bold"), interval]
                    cells += [_aim(ratio.estimate, case.target)] * aimed
            else:
                apart = Text(f"values differ by {case.difference:.0e}", style="bold red")
                cells += ["-", "-", "-", apart, *[""] * aimed]
            if case.our_memory is not None and case.their_memory is not None:
                peaks = (case.our_memory.above_baseline_bytes, case.their_memory.above_baseline_bytes)
                cells += [f"{peak / 1e6:.1f}" for peak in peaks]
                shown = case.memory_ratio or 0.0
                cells += [Text(f"{shown:.2f}", style="bold"), _aim(shown, case.memory_target)]
            table.add_row(*cells)
    return table


def columns_table(cases: Sequence[CaseRecord]) -> Table:
    """One row for each case, one column for each changed setting: the ratio, both times in milliseconds, and
    the ratio of memory where it was measured."""
    columns = list(dict.fromkeys(case.column for case in cases if case.column))
    table = new_table("The same cases with one setting changed: ratio (ours / theirs, ms)")
    table.add_column("case", min_width=20)
    for column in columns:
        table.add_column(column, justify="right")
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for case in cases:
        if case.column:
            shown = "values differ"
            if case.agreed:
                ratio = time_ratio(case)
                ours, theirs = _shown_times(case)
                shown = f"{ratio.estimate:.2f}" if ratio is not None else "none"
                shown += f"\n({_milliseconds(ours)} / {_milliseconds(theirs)})"
                shown += f"\n{_remark(case)}" if case.disturbed_pairs else ""
                if case.memory_ratio is not None:
                    shown += f"\nmemory {case.memory_ratio:.2f}"
            rows.setdefault((case.family, case.row), {})[case.column] = shown
    for (family, row), found in rows.items():
        table.add_row(f"{family}\n  {row}", *(found.get(column, "") for column in columns))
    return table


def speed_tables(report: SpeedReport) -> Group:
    """The whole report on a run of the suite."""
    pieces: list[RenderableType] = [Text(detail_of(report), style="dim"), Text()]
    warning = disturbance_warning(report)
    if warning:
        pieces += [Text(f" {warning} ", style="bold black on yellow"), Text()]
    plain = [case for case in report.cases if not case.column]
    if plain:
        pieces += [speed_table(plain), Text()]
    if len(plain) < len(report.cases):
        pieces += [columns_table(report.cases), Text()]
    pieces += [
        Text(f"NOT RUN {REFERENCES.get(what, what)}: {why}\n", style="bold")
        for what, why in report.not_run.items()
    ]
    pieces.append(
        Text(
            "Ratio: ours to theirs, PyTorch's where nothing else is said; median of pairs of blocks [95 % "
            "bootstrap interval, or the range of fewer than six]. Below 1: ours is faster. Memory: "
            "peak resident above baseline, in processes of their own. "
            f"{_allocators(report)}{_compilers(report)}{_agreement(report)}{_unknown(report)}",
            style="dim",
        )
    )
    environment = report.environments.get(OURS)
    if environment is not None:
        pieces += status_lines(environment)
    return Group(*pieces)


def status_lines(environment: Environment) -> list[RenderableType]:
    """What `performance.status()` said in our process."""
    if not environment.performance:
        return []
    lines = ["Our process (performance.status()):", *environment.performance]
    return [Text(), Text("\n".join(lines), style="dim")]


def _unknown(report: SpeedReport) -> str:
    blocks = [found for case in report.cases for found in (*case.our_disturbance, *case.their_disturbance)]
    return f" {UNKNOWN_DISTURBANCE}" if is_unknown(blocks) else ""


def _allocators(report: SpeedReport) -> str:
    """A sentence if the two frameworks run with different settings of the C library's allocator."""
    plain = [case for case in report.cases if not case.column and len(set(case.freed_memory.values())) > 1]
    if not plain:
        return ""
    return (
        "Our process tells the C library to keep freed memory; PyTorch's does not, except in the columns "
        '"PyTorch, same allocator" and "PyTorch at its best". '
    )


def _compilers(report: SpeedReport) -> str:
    """A sentence on the other compilers."""
    references = {case.reference for case in report.cases}
    sentences = {
        "pytorch_compiled": "PyTorch's compiler: torch.compile of the step with its defaults (inductor). ",
        "jax": "JAX: jax.jit of the step, which writes the new state into the old one's memory; float64 is "
        "off; XLA's pool has as many threads as are stated (NPROC), its other threads are not limited. ",
    }
    return "".join(sentence for name, sentence in sentences.items() if name in references)


def _agreement(report: SpeedReport) -> str:
    """The sentence on the compared values, generated from the differences."""
    timed = [case for case in report.cases if case.agreed]
    if not timed:
        return "Nothing was timed: the values differ." if report.cases else ""
    exact = [case.exact_difference for case in timed if case.exact_difference is not None]
    exact += [case.difference for case in timed if case.dtype == "float64"]
    parts = [f"{max(exact):.0e} in float64"] if exact else []
    single = [case.difference for case in timed if case.dtype == "float32"]
    parts += [f"{max(single):.0e} in float32"] if single else []
    return f"In the same run both computed the same values: largest difference {', '.join(parts)}."
