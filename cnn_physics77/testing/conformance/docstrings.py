"""PyTorch's own examples: every statement of its docstrings, run by PyTorch and by this package.

    python -m cnn_physics77.testing.conformance.docstrings          a table by module
    python -m cnn_physics77.testing.conformance.docstrings --list   also each statement that differs

Each framework runs in a process of its own, this package under the name ``torch``, from the same seed. What a
statement prints is compared to the character, then by its numbers (which may differ by 1e-3 of themselves, or
1e-4). Docstrings whose statements need a GPU, quantization or a compressed layout, or print memory that was
not written, are left out.
"""

from __future__ import annotations

import argparse
import contextlib
import doctest
import inspect
import json
import math
import re
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

NAME = "cnn_physics77.testing.conformance.docstrings"
SCRIPT = Path(__file__).with_name("run_examples.py")
_PLACES = """
torch torch.autograd torch.autograd.forward_ad torch.autograd.functional torch.autograd.graph
torch.distributions torch.fft torch.func torch.linalg torch.masked torch.nn torch.nn.functional
torch.nn.init torch.nn.utils torch.nn.utils.parametrizations torch.nn.utils.parametrize torch.nn.utils.prune
torch.nn.utils.rnn torch.optim torch.optim.lr_scheduler torch.optim.swa_utils torch.signal.windows
torch.sparse torch.special torch.testing torch.utils.checkpoint torch.utils.data
"""
PLACES = _PLACES.split()
"""The modules whose docstrings are read."""

VERDICTS = ("the same", "but for rounding", "another text", "raises here", "raises in PyTorch alone")
Examples = dict[str, list[str]]
"""Name: statements."""

_OTHER = re.compile(
    r"cuda|quantize|bfloat16|sparse_(csr|csc|bsr|bsc|compressed)|empty|skip_init|TypedStorage"
)
_NUMBER = re.compile(r"-?\d+\.?\d*(?:e[+-]?\d+)?")


def main(arguments: list[str] | None = None) -> int:
    """Run all examples by both, and print what came of it."""
    parser = argparse.ArgumentParser(prog=f"python -m {NAME}", description=str(__doc__).splitlines()[0])
    parser.add_argument("--list", action="store_true", help="print each statement that differs")
    given = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        examples = Path(folder) / "examples.json"
        compared_ones, left_out = collected()
        examples.write_text(json.dumps(compared_ones))
        theirs, ours = (_ran(command, examples) for command in ([], ["-m", "cnn_physics77.as_torch"]))
    counts: dict[str, Counter] = {}
    for name, statements in theirs.items():
        place = next(p for p in sorted(PLACES, key=len, reverse=True) if name.startswith(p + "."))
        for (source, *expected), (_, *found) in zip(statements, ours[name], strict=True):
            verdict = compared(expected, found)
            counts.setdefault(place, Counter())[verdict] += 1
            if given.list and verdict not in VERDICTS[:2]:
                texts = (f"{text!r:.300}" for text in (expected[1], found[1]))
                print(f"{name}: {verdict}", source.strip(), *texts, sep="\n    ")
    _show(counts)
    print(f"{len(compared_ones)} docstrings; left out: {len(left_out)}, of {_count(left_out)} statements")
    return 0


def _show(counts: dict[str, Counter]) -> None:
    print(f"{'':36}{'statements':>12}" + "".join(f"{verdict:>24}" for verdict in VERDICTS))
    for place, count in [*counts.items(), ("all", sum(counts.values(), Counter()))]:
        print(f"{place:36}{count.total():12}" + "".join(f"{count[verdict]:24}" for verdict in VERDICTS))


def compared(expected: list[Any], found: list[Any]) -> str:
    """The verdict on one statement; each side is (did not raise, what it printed or the error).

    >>> compared([True, "tensor([0.5000, 1.0000])"], [True, "tensor([0.5001, 1.0000])"])
    'but for rounding'
    >>> compared([True, "3"], [True, ""])
    'another text'
    """
    if not expected[0]:
        return "the same" if not found[0] else "raises in PyTorch alone"
    if not found[0]:
        return "raises here"
    left, right = (re.sub("0x[0-9a-f]+", "0x", text) for text in (expected[1], found[1]))
    if left == right:
        return "the same"
    if _NUMBER.sub("", left).split() == _NUMBER.sub("", right).split():
        ours, theirs = ([float(n) for n in _NUMBER.findall(text)] for text in (right, left))
        if len(ours) == len(theirs) and all(map(_is_close, ours, theirs)):
            return "but for rounding"
    return "another text"


def _is_close(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-3, abs_tol=1e-4)


# ------------------------------------------------------------------------------------------------- collection


def collected() -> tuple[Examples, Examples]:
    """The examples of PyTorch's docstrings, and those that are left out."""
    found: Examples = {}
    left_out: Examples = {}
    seen: set[str] = set()

    def add(name: str, value: Any) -> None:
        text = inspect.getdoc(value) or ""
        if ">>>" not in text or text in seen:
            return
        seen.add(text)
        with contextlib.suppress(ValueError):  # not a doctest
            statements = [example.source for example in doctest.DocTestParser().get_examples(text)]
            (left_out if _OTHER.search("".join(statements)) else found)[name] = statements

    for place in PLACES:
        module = import_module(place)
        for name, value in sorted(vars(module).items()):
            if name.startswith("_") or isinstance(value, ModuleType) or not _of_torch(value):
                continue
            add(f"{place}.{name}", value)
            if isinstance(value, type):
                for part in (n for n in vars(value) if not n.startswith("_")):
                    add(f"{place}.{name}.{part}", getattr(value, part))
    return found, left_out


def _count(examples: Examples) -> int:
    return sum(map(len, examples.values()))


def _of_torch(value: Any) -> bool:
    return str(getattr(value, "__module__", None) or "torch").startswith("torch")


def _ran(command: list[str], examples: Path) -> dict[str, list]:
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "printed.json"
        arguments = [sys.executable, *command, str(SCRIPT), str(examples), str(written)]
        ended = subprocess.run(arguments, cwd=folder, stderr=subprocess.PIPE, text=True)
        if ended.returncode:
            raise RuntimeError(f"{SCRIPT.name} ended with {ended.returncode}: {ended.stderr[-2000:]}")
        return json.loads(written.read_text())


if __name__ == "__main__":
    sys.exit(main())
