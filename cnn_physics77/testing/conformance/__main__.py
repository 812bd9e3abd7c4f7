"""The command: ``python -m cnn_physics77.testing.conformance``."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

import torch

import cnn_physics77 as ours_package
from cnn_physics77.testing.conformance import groups, modules, operations, optimizers, page
from cnn_physics77.testing.conformance.isolated import in_turn
from cnn_physics77.testing.conformance.results import Result

PAGE = Path(__file__).parents[3] / "docs" / "conformance.md"


def main(arguments: list[str] | None = None) -> int:
    """Run the entries; the exit status is 1 if one departs."""
    given = _parser().parse_args(arguments)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    ours_package.set_num_threads(1)
    checks: dict[str, Callable[[str, bool], Result]] = {
        name: database.check for database in (operations, modules, optimizers) for name in database.entries()
    }
    names = [n for n in checks if not given.names or any(fnmatchcase(n, p) for p in given.names)]
    if not names:
        print(f"no entry is named {' or '.join(given.names)}", file=sys.stderr)
        return 2
    results = []
    for name, found in in_turn(names, lambda n: checks[n](n, given.tenth), given.seconds):
        if isinstance(found, Result):
            results.append(found)
        else:
            results.append(Result(name))
            results[-1].fail("value", found)
        _show(results[-1], bool(given.names))
    _summarize(results)
    if given.write:
        PAGE.write_text(page.text(results, group_of, torch.__version__.partition("+")[0]))
        print(f"written: {PAGE}")
    return 1 if any(r.failures for r in results) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cnn_physics77.testing.conformance",
        description="Compare this package with PyTorch's databases of operations, modules and optimizers.",
    )
    parser.add_argument("names", nargs="*", help="entries, or patterns such as 'linalg.*'; all by default")
    parser.add_argument("--tenth", action="store_true", help="a fixed tenth of each entry's samples")
    parser.add_argument("--seconds", type=float, default=60.0, help="the longest time for an entry")
    parser.add_argument(
        "--write", action="store_true", help=f"write {PAGE.parent.name}/{PAGE.name}; takes all entries"
    )
    return parser


def group_of(name: str) -> str:
    """The group of an entry."""
    info = operations.entries().get(name)
    return groups.group_of(name, info.name if info else name)


def _show(result: Result, all_of_it: bool) -> None:
    if result.failures:
        print(f"{result.name}: {', '.join(f'{kind} {count}' for kind, count in result.counts.items())}")
        for kind, texts in result.failures.items():
            for found in texts:
                print(f"    {kind}: {found}")
    elif all_of_it:
        print(f"{result.name}: {result.absent or f'agrees, {result.samples} samples'}")
        for reason, count in result.departures.items():
            print(f"    but for {count}: {reason}")
    sys.stdout.flush()


def _summarize(results: list[Result]) -> None:
    for name in page.GROUPS:
        of_group = [r for r in results if group_of(r.name) == name]
        here = [r for r in of_group if not r.absent]
        if of_group:
            print(f"{name}: {len(of_group)} entries, {len(here)} here, {sum(r.passes for r in here)} agree")


if __name__ == "__main__":
    raise SystemExit(main())
