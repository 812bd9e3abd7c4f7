"""Tables of the profile of a training step, for the terminal."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from cnn_physics77.analysis.comparison import OURS, UNKNOWN_DISTURBANCE, is_unknown
from cnn_physics77.analysis.speed import OperationCost
from cnn_physics77.analysis.speed_report import machine, versions
from cnn_physics77.analysis.tables import new_table
from cnn_physics77.results import OperationRecord, ProfileReport

_SHORTEST_SHARE = 0.005  # of the step: shorter rows are combined into one


def profile_detail(report: ProfileReport) -> str:
    """Network, batch, machine and peaks in one line."""
    pieces = [
        f"{report.model}, {report.parameter_count:,} parameters",
        f"batch {report.batch}",
        report.optimizer,
    ]
    pieces += [report.dtype, f"{report.threads} thread{'s' if report.threads > 1 else ''}"]
    if report.environment is not None:
        pieces = [machine(report.environment), *versions({OURS: report.environment}), *pieces]
    pieces.append(f"peaks {report.peak_flops / 1e9:.0f} GFLOP/s, {report.peak_bandwidth / 1e9:.1f} GB/s")
    return " · ".join(pieces)


def profile_warning(report: ProfileReport) -> str:
    """What a reader must know of other programs' work beside the profiled steps; "" where there was none."""
    disturbed = {whose: sum(t.disturbed for t in turns) for whose, turns in report.turns.items()}
    if not any(disturbed.values()):
        return ""
    counted = ", ".join(
        f"{count} of {len(report.turns[whose])} turns of {whose}"
        for whose, count in disturbed.items()
        if count
    )
    rest = "They are left out." if _comparable(report) else "No turn is left, so no ratio is given."
    return (
        f"DISTURBED: other programs kept processors busy during {counted}, also when repeated. {rest} Stop "
        "other programs, or pin this one to quiet processors (taskset), and run again."
    )


def _comparable(report: ProfileReport) -> bool:
    """Whether each has a turn that nobody disturbed."""
    return all(not found or any(not turn.disturbed for turn in found) for found in report.turns.values())


def operation_costs(report: ProfileReport, most: int = 16) -> list[OperationCost]:
    """The operations as the plot `roofline` takes them, of each name and phase together; the longest ones."""
    groups: dict[str, list[OperationRecord]] = {}
    for row in report.operations:
        if row.bytes > 0 and row.seconds > 0:
            label = row.name if row.phase in ("forward", "update") else f"{row.name} {row.phase}"
            groups.setdefault(label, []).append(row)
    costs = []
    for label, rows in groups.items():
        longest = max(rows, key=lambda row: row.seconds)
        flops, moved, seconds, captured = (
            sum(getattr(row, name) or 0.0 for row in rows)
            for name in ("flops", "bytes", "seconds", "captured_seconds")
        )
        costs.append(OperationCost(label, longest.bound, flops, moved, seconds, captured))
    return sorted(costs, key=lambda cost: -cost.seconds)[:most]


def profile_table(report: ProfileReport) -> Group:
    """One row for each operation, phase and shape of a training step."""
    table = new_table("One training step")
    table.add_column("operation", min_width=16, max_width=22)
    table.add_column("inputs", min_width=12)
    headings = ["calls", "ms", "BLAS, memory,\nPython (%)", "GFLOP/s\n(of peak)", "GB/s\n(of peak)"]
    headings += ["captured\nms"] * _has_captured(report) + ["PyTorch\nms", "ratio"]
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    total = sum(row.seconds for row in report.operations)
    small = [row for row in report.operations if row.seconds < _SHORTEST_SHARE * total]
    shown = [row for row in report.operations if row.seconds >= _SHORTEST_SHARE * total]
    for phase, rows in groupby(
        sorted(shown, key=lambda row: _PHASES.index(row.phase)), key=lambda row: row.phase
    ):
        table.add_row(Text(phase, style="bold"))
        for row in rows:
            table.add_row(f"  {row.name}", row.shapes, str(row.calls), *_cells(row, report))
    if small:
        table.add_row(
            f"  {len(small)} shorter rows",
            "",
            str(sum(row.calls for row in small)),
            *_cells(_sum(small), report),
        )
    table.add_section()
    whole = _sum(report.operations)
    whole.their_seconds = None
    table.add_row(Text("all", style="bold"), "", "", *_cells(whole, report))
    step = f"Without clocks a step takes {1e3 * report.step_seconds:.3g} ms"
    if report.their_step_seconds is not None:
        ratio = f"a ratio of {report.step_seconds / report.their_step_seconds:.2f}"
        step += f", PyTorch's {1e3 * report.their_step_seconds:.3g} ms: "
        step += ratio if _comparable(report) else "no ratio, DISTURBED"
    if report.captured_step_seconds is not None:
        step += f"; captured, in threads, it takes {1e3 * report.captured_step_seconds:.3g} ms"
    clocks = report.profiled_seconds / report.step_seconds - 1
    explained = (
        f"{step}; the clocks add {100 * clocks:.0f} %. Medians of {report.steps} steps. BLAS: in matrix "
        "products as the calling thread sees them; memory: the rest of the kernels; Python: outside of them. "
        "Ratio: ours as Python runs it over PyTorch's. "
        "FLOPs of the plain algorithm."
    )
    if is_unknown(turn for turns in report.turns.values() for turn in turns):
        explained += f" {UNKNOWN_DISTURBANCE}"
    pieces: list[RenderableType] = [Text(profile_detail(report), style="dim"), Text()]
    warning = profile_warning(report)
    if warning:
        pieces += [Text(f" {warning} ", style="bold black on yellow"), Text()]
    pieces += [table, Text()]
    if any(_ABOVE_PEAK in cell for column in table.columns for cell in column.cells if isinstance(cell, str)):
        pieces.append(Text(_WHY_ABOVE_PEAK))
    return Group(*pieces, Text(explained, style="dim"))


def _has_captured(report: ProfileReport) -> bool:
    return report.captured_step_seconds is not None


_ABOVE_PEAK = "%!)"
_WHY_ABOVE_PEAK = (
    "! Above the measured peak. FLOPs are the plain algorithm's, and Winograd takes fewer; data in a cache "
    "move faster than the measured copy, which goes to memory; or other programs slowed every measurement of "
    "the peak."
)

_PHASES = ("forward", "backward", "update", "step")


def _sum(rows: Sequence[OperationRecord]) -> OperationRecord:
    names = ("calls", "seconds", "blas_seconds", "memory_seconds", "flops", "bytes")
    sums: dict[str, Any] = {name: sum(getattr(row, name) for row in rows) for name in names}
    for name in ("their_seconds", "captured_seconds"):
        known = [getattr(row, name) for row in rows]
        sums[name] = None if any(value is None for value in known) else sum(known)
    return OperationRecord("", "", "", **sums)


def _cells(row: OperationRecord, report: ProfileReport) -> list[str]:
    shares = (row.blas_seconds, row.memory_seconds, row.python_seconds)
    percent = (f"{100 * share / row.seconds:3.0f}" for share in shares) if row.seconds else ()
    cells = [f"{1e3 * row.seconds:.3f}", " ".join(percent)]
    for amount, peak in ((row.flops, report.peak_flops), (row.bytes, report.peak_bandwidth)):
        rate = amount / row.seconds if row.seconds else 0.0
        mark = _ABOVE_PEAK if rate > peak else "%)"
        cells.append(f"{rate / 1e9:.1f} ({100 * rate / peak:.0f}{mark}" if amount else "")
    if _has_captured(report):
        cells.append("" if row.captured_seconds is None else f"{1e3 * row.captured_seconds:.3f}")
    if row.their_seconds:
        ratio = f"{row.seconds / row.their_seconds:.2f}" if _comparable(report) else "-"
        return [*cells, f"{1e3 * row.their_seconds:.3f}", ratio]
    return [*cells, "", ""]
