"""The page that says what agrees with PyTorch, written from the results of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cnn_physics77.testing.conformance.groups import GAUGE, RANDOM, left_out
from cnn_physics77.testing.conformance.results import TOLERANCES, Result

GROUPS = ("everyday operations", "further operations", "modules", "optimizers")

_HEAD = """\
# Agreement with PyTorch

This page is written by `python -m cnn_physics77.testing.conformance --write`, with PyTorch {version}. Do not
edit it.

PyTorch tests itself with databases of sample inputs: `op_db` (operations), `module_db` and `optim_db`.
Each of their samples in float64 and complex128 is run here in both frameworks (int64 where an operation has
no floating dtype). An entry agrees if all of this does:

- the values, to {value:g}, with shapes, dtypes, and the names of tuples;
- the gradients of a random combination of the outputs, to {gradient:g}, and the gradients of a random
  combination of these, to {second:g}: relative to the element, or to a thousandth of the largest one and 1 if
  that is more;
- the method, the method that works in place, `out=`, and the other names of the operation;
- wrong calls raise, and what catches PyTorch's exception catches ours;
- the names, order and defaults of parameters, of each overload;
- of a module also its state and its text; of an optimizer the parameters and its state after each step.

Draws of random numbers are compared by shape and dtype; decompositions by what does not depend on signs and
phases.

"""


def text(results: list[Result], group: Callable[[str], str], version: str) -> str:
    """The page, in Markdown."""
    head = _HEAD.format(
        version=version,
        value=TOLERANCES["value"],
        gradient=TOLERANCES["gradient"],
        second=TOLERANCES["second gradient"],
    )
    parts = [head + _totals(results, group), _departures(results), _errors(results, group), _missing(results)]
    return "\n".join(parts)


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(str(c).replace('|', chr(92) + '|') for c in line)} |\n" for line in lines)


def _totals(results: list[Result], group: Callable[[str], str]) -> str:
    rows = []
    for name in GROUPS:
        of_group = [r for r in results if group(r.name) == name]
        here = [r for r in of_group if not r.absent]
        without = [r for r in of_group if r.absent and left_out(r.name)]
        rows.append(
            [
                name,
                len(of_group),
                len(here),
                sum(r.passes and not r.departures for r in here),
                sum(r.passes and bool(r.departures) for r in here),
                sum(not r.passes for r in here),
                len(of_group) - len(here) - len(without),
                len(without),
                sum(r.samples for r in here),
            ]
        )
    rows.append(["**all**", *(sum(row[i] for row in rows) for i in range(1, 9))])  # type: ignore[misc]
    columns = ("group", "entries", "here", "agree", "but for", "depart", "missing", "left out", "samples")
    return (
        "## Totals\n\n"
        + _table(columns, rows)
        + "\n*But for* counts entries that agree but for a departure that is stated below.\n"
    )


def _departures(results: list[Result]) -> str:
    rows = [
        [f"`{r.name}`", f"{kind} ({r.counts[kind]})", texts[0]]
        for r in results
        for kind, texts in r.failures.items()
    ]
    stated: dict[str, list[str]] = {}
    for r in results:
        for reason in r.departures:
            stated.setdefault(reason, []).append(f"`{r.name}`")
    skipped: dict[str, int] = {}
    for r in results:
        for reason, count in r.skipped.items():
            skipped[reason] = skipped.get(reason, 0) + count
    without = "".join(f"- {count}: {reason}\n" for reason, count in sorted(skipped.items()))
    return (
        "## What departs\n\n"
        + _table(("on purpose, as", "entries"), ([reason, " ".join(n)] for reason, n in stated.items()))
        + "\n"
        + (_table(("entry", "kind (number)", "the first"), rows) if rows else "Nothing else.\n")
        + "\nSamples that could not be run, and why:\n\n"
        + without
    )


def _errors(results: list[Result], group: Callable[[str], str]) -> str:
    parts = [
        "## Differences in units in the last place\n\n"
        "Median and worst difference from PyTorch, in units in the last place of the element, or of a\n"
        "thousandth of the largest element of its tensor and 1 if that is more. Both frameworks round; a\n"
        "large figure is where a sum cancels.\n"
    ]
    for name in GROUPS:
        rows = [
            [f"`{r.name}`", r.samples, *(_cell(r, kind) for kind in TOLERANCES)]
            for r in results
            if group(r.name) == name and not r.absent
        ]
        parts.append(f"### {name.capitalize()}\n\n" + _table(("entry", "samples", *TOLERANCES), rows))
    return "\n".join(parts)


def _cell(result: Result, kind: str) -> str:
    if kind not in result.errors:
        return "shape" if kind == "value" and result.name in RANDOM else "none"
    median, worst = result.errors[kind]
    note = ", without signs" if kind == "value" and result.name in GAUGE else ""
    return f"{median:.3g}, {worst:.3g}{note}"


def _missing(results: list[Result]) -> str:
    reasons: dict[str, list[str]] = {}
    for r in results:
        if r.absent:
            reasons.setdefault(left_out(r.name) or "not there yet", []).append(f"`{r.name}`")
    rows = [[reason, len(names), " ".join(names)] for reason, names in sorted(reasons.items())]
    return "## What is not here\n\n" + _table(("why", "entries", "names"), rows)
