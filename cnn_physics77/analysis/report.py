"""Tables of results for the terminal, and the same content as plain text for a file."""

import io
import math
from collections import Counter
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from cnn_physics77.analysis.comparison import (
    REFERENCE,
    UNKNOWN_DISTURBANCE,
    all_disturbed,
    compared,
    disturbance_warning,
    epoch_time_ratio,
    equivalences,
    is_unknown,
    memory_ratio,
    pair_runs,
    runs_by_label,
    shortfall,
)
from cnn_physics77.analysis.frontier import ModelPoint, model_points, non_dominated
from cnn_physics77.analysis.statistics import Equivalence, Ratio, Spread, spread
from cnn_physics77.analysis.style import provenance
from cnn_physics77.analysis.tables import new_table
from cnn_physics77.results import FRAMEWORKS, RunLog

_MOST_SETTINGS = 4  # more than these are counted instead of told one by one


def results_table(logs: Sequence[RunLog]) -> Table:
    """One row for each framework and optimizer: final loss and accuracy, time, memory, ratios to PyTorch.

    With several seeds (epochs, for times) a cell holds the median and the quartiles. Speed is withheld where
    the float64 proof that both compute the same thing failed.

    Raises:
        ValueError: for no logs.
    """
    runs = runs_by_label(logs, "results_table")
    pairs = [pair for framework in compared(logs) for pair in pair_runs(logs, framework)]
    table = new_table("Final figures")
    table.add_column("run", no_wrap=True)
    for name in ("test\nloss", "accuracy\n(%)", "s /\nepoch", "time\nratio", "memory\n(MB)", "memory\nratio"):
        timed = name in ("s /\nepoch", "time\nratio")
        table.add_column(name, justify="right", min_width=len("DISTURBED") if timed else None)
    withheld = not _proved(logs)
    for label, members in runs.items():
        first = members[0]
        reason = shortfall(members)
        finished = [log for log in members if log.epochs]
        records = [record for log in members for record in log.epochs]
        seconds = [record.seconds for record in records if not record.disturbed]
        disturbed = sum(record.disturbed for record in records)
        peaks = [log.memory.above_baseline_bytes / 1e6 for log in members if log.memory is not None]
        own = [pair for pair in pairs if pair[0].label == label]
        table.add_row(
            f"{label}\n({reason})" if reason else label,
            _spread([log.final_loss for log in finished], ".4f"),
            _spread([100 * log.final_accuracy for log in finished], ".2f"),
            "withheld" if withheld else _times_cell(seconds, disturbed),
            "withheld" if withheld else _ratio_cell(first, epoch_time_ratio(own), all_disturbed(own)),
            _spread(peaks, ".1f"),
            _ratio_cell(first, memory_ratio(own)),
            end_section=first.framework == REFERENCE,
        )
    return table


def _proved(logs: Sequence[RunLog]) -> bool:
    return all(log.proof.passed for log in logs if log.proof is not None)


def _times_cell(quiet: Sequence[float], disturbed: int) -> str:
    """Median and quartiles of the undisturbed epochs, and how many are left out."""
    if not disturbed:
        return _spread(quiet, ".3f")
    text = _spread(quiet, ".3f") if quiet else "none"
    return f"{text}\n{disturbed} of {disturbed + len(quiet)}\nDISTURBED"


def _spread(values: Sequence[float], form: str) -> str:
    return format_spread(spread(values), form, "\n") if values else "-"


def format_spread(found: Spread, form: str, separator: str = " ") -> str:
    """Median, quartiles where there are several values, and how many failed.

    >>> format_spread(spread([1.0, 2.0, 3.0, float("nan")]), ".1f")
    '2.0 [1.5, 2.5], 1 not finite'
    """
    if found.count == 0:
        return "not finite"
    text = format(found.median, form)
    if found.count > 1:
        text += f"{separator}[{found.lower:{form}}, {found.upper:{form}}]"
    return f"{text},{separator}{found.failed} not finite" if found.failed else text


def _ratio_cell(log: RunLog, ratio: Ratio | None, disturbed: bool = False) -> str:
    if log.framework == REFERENCE:
        return "1" if log.trained else "-"
    if ratio is None:
        return "none:\nDISTURBED" if disturbed else "not\ncompared"
    if math.isfinite(ratio.low):
        return f"{ratio.estimate:.2f}\n[{ratio.low:.2f}, {ratio.high:.2f}]"
    return f"{ratio.estimate:.2f}"


def frontier_table(logs: Sequence[RunLog]) -> Table:
    """One row for each network and framework, by framework and parameters; a star marks the non-dominated.

    A star means that no other network of the same framework beats it in parameters, time and accuracy
    together.

    Raises:
        ValueError: for no logs.
    """
    points, left_out = model_points(logs)
    table = new_table(
        "Efficiency frontier (* not dominated within its framework)",
        f"left out: {', '.join(left_out)}" if left_out else None,
    )
    table.add_column("run", no_wrap=True)
    for name in ("network", "parameters", "accuracy (%)", "training (s)", "front"):
        table.add_column(name, justify="right")
    groups: dict[str, list[ModelPoint]] = {}
    for point in points:
        groups.setdefault(point.label, []).append(point)
    for members in groups.values():
        front = non_dominated(members)
        for index, point in enumerate(members):
            table.add_row(
                point.label,
                point.size,
                f"{point.parameters:,}",
                format_spread(point.accuracy, ".2f"),
                "none: DISTURBED" if point.disturbed else format_spread(point.seconds, ".2f"),
                "*" if index in front else "",
                end_section=index == len(members) - 1,
            )
    return table


def findings(logs: Sequence[RunLog]) -> list[str]:
    """Sentences generated from the logs: the proof, equivalence in each setting, what did not train.

    Raises:
        ValueError: for no logs.
    """
    runs = runs_by_label(logs, "findings", one_network=False)
    sentences = []
    proofs = [log.proof for log in logs if log.proof is not None]
    if not proofs:
        sentences.append(
            "Proof: none in these logs; nothing shows that the frameworks computed the same thing."
        )
    else:
        worst = max(
            (value if not math.isnan(value) else math.inf, name)
            for proof in proofs
            for value, name in (
                (proof.loss, "loss"),
                (proof.gradient_norm, "gradient norm"),
                (proof.parameters, "parameters"),
            )
        )
        verdict = "passed" if _proved(logs) else "FAILED; speed is withheld"
        steps = min(proof.steps for proof in proofs)
        sentences.append(
            f"Proof in float64: {verdict} ({_proven(logs)} step by step over {steps} steps; largest relative "
            f"difference {worst[0]:.1e}, in the {worst[1]}; tolerance {proofs[0].tolerance:.0e})."
        )
    for label, members in runs.items():
        failed = [log for log in members if log.status == "finished" and not log.trained]
        if failed:
            floor = f"below the floor of {100 * failed[0].accuracy_floor:g} %"
            if len(members) == 1:
                reached = (
                    f"it ended at {100 * failed[0].final_accuracy:.2f} %, {floor}, and enters no comparison"
                )
            else:
                reached = f"{len(failed)} of {len(members)} runs ended {floor} and enter no comparison"
            sentences.append(f"{label} did not train: {reached}.")
    for label, members in runs.items():
        lanes = " or ".join(sorted({log.lanes for log in members if log.lanes}))
        if lanes:
            sentences.append(f"{label}: the captured step used lanes in {lanes}.")
    if is_unknown(record.disturbance for log in logs for record in log.epochs):
        sentences.append(UNKNOWN_DISTURBANCE)
    frameworks = compared(logs)
    for framework in frameworks:
        named = f"{FRAMEWORKS[framework]}-" if len(frameworks) > 1 else ""
        tests = {f"{named}{setting}": found for setting, found in equivalences(logs, framework).items()}
        sentences += _equivalence_sentences(tests)
    return sentences


def _proven(logs: Sequence[RunLog]) -> str:
    """What was compared."""
    ours = dict.fromkeys(log.framework for log in logs if log.framework != REFERENCE)
    if len(ours) < 2:
        return "both frameworks"
    return f"{' and '.join(FRAMEWORKS[name] for name in ours)}, each against PyTorch,"


def _equivalence_sentences(tests: dict[str, list[Equivalence]]) -> list[str]:
    """Full sentences for a few settings; counts of verdicts for many; a word on single pairs."""
    tests = {setting: found for setting, found in tests.items() if any(test.pairs for test in found)}
    if len(tests) > _MOST_SETTINGS:
        if all(test.pairs < 2 for found in tests.values() for test in found):
            told = f"One pair of runs of each of {len(tests)} networks cannot show equivalence"
            return [f"{told}; use several seeds."]
        sentences = []
        for quantity in dict.fromkeys(test.margin for found in tests.values() for test in found):
            verdicts = Counter(
                test.verdict for found in tests.values() for test in found if test.margin == quantity
            )
            counted = ", ".join(f"{verdict} for {count}" for verdict, count in verdicts.most_common())
            sentences.append(
                f"{quantity.quantity} (margin {quantity}, paired over seeds): {counted} "
                f"of {len(tests)} networks."
            )
        return sentences
    sentences = []
    for setting, found in tests.items():
        measured = [test for test in found if test.pairs]
        if max(test.pairs for test in measured) > 1:
            sentences += [f"{setting}. {test.sentence}" for test in measured]
        else:
            differences = ", ".join(f"{test.margin.quantity.lower()} {test.shown}" for test in measured)
            sentences.append(
                f"{setting}. One pair of runs cannot show equivalence (ours minus PyTorch's: {differences}); "
                "use several seeds."
            )
    return sentences


def report(logs: Sequence[RunLog]) -> Group:
    """Everything there is to say about the runs of one invocation, for a rich console.

    Raises:
        ValueError: for no logs.
    """
    sizes = {log.parameter_count for log in logs}
    table = frontier_table(logs) if len(sizes) > 1 else results_table(logs)
    detail, warning = provenance(logs)
    pieces: list[RenderableType] = [Text(detail, style="dim")]
    warnings = filter(None, (warning, disturbance_warning(logs)))
    pieces += [Text(f" {text} ", style="bold black on yellow") for text in warnings]
    pieces += [Text(), table, Text()]
    if len(sizes) == 1:
        explained = (
            "Median [quartiles]. Ratios: ours to PyTorch's, median of pairs [95 % bootstrap interval, "
            "or the range of fewer than six]. Memory: peak resident above baseline."
        )
        if len({log.config.seed for log in logs}) == 1:
            explained += (
                " One seed: the pairs of times are epochs of the same processes, and the interval does not "
                "say how others would differ."
            )
        pieces.append(Text(explained, style="dim"))
    listed = Table.grid(padding=(0, 1, 0, 0))
    for sentence in findings(logs):
        listed.add_row("-", Text(sentence))
    pieces.append(listed)
    ours = next((log.environment.performance for log in logs if log.framework != REFERENCE), [])
    if ours:
        pieces.append(Text("\n".join(["", "Our process (performance.status()):", *ours]), style="dim"))
    return Group(*pieces)


def as_text(content: RenderableType, width: int = 118) -> str:
    """What a console would show, without colour, for a TXT file.

    >>> print(as_text(Text("plain", style="bold red")), end="")
    plain
    """
    buffer = io.StringIO()
    console = Console(file=buffer, width=width, color_system=None, force_terminal=False, legacy_windows=False)
    console.print(content)
    lines = (line.rstrip() for line in buffer.getvalue().splitlines())
    return "\n".join(lines) + "\n"
