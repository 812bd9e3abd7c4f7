"""PyTorch's own examples: every statement of its docstrings, run by PyTorch and by this package.

    python -m cnn_physics77.testing.conformance.docstrings          a table by module
    python -m cnn_physics77.testing.conformance.docstrings --list   also each statement that differs

Each framework runs in a process of its own, this package under the name ``torch``, from the same seed. What a
statement prints is compared to the character, then by its numbers (relative difference below 1e-3 of single
precision's results).
"""

from __future__ import annotations

import argparse
import contextlib
import doctest
import inspect
import io
import json
import math
import re
import signal
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
PLACES = ["torch"] + [
    f"torch.{name}"
    for name in [
        "nn",
        "nn.functional",
        "nn.init",
        "nn.utils",
        "nn.utils.rnn",
        "nn.utils.prune",
        "nn.utils.parametrize",
        "nn.utils.parametrizations",
        "func",
        "distributions",
        "optim",
        "optim.lr_scheduler",
        "optim.swa_utils",
        "utils.data",
        "special",
        "fft",
        "linalg",
        "autograd",
        "autograd.forward_ad",
        "autograd.functional",
        "autograd.graph",
        "masked",
        "signal.windows",
        "sparse",
        "utils.checkpoint",
        "testing",
    ]
]
VERDICTS = ("the same", "but for rounding", "another text", "raises here", "raises in PyTorch alone")
_OTHER = re.compile(
    r"cuda|quantize|bfloat16|sparse_(csr|csc|bsr|bsc|compressed)|empty|skip_init|TypedStorage"
)
_NUMBER = re.compile(r"-?\d+\.?\d*(?:e[+-]?\d+)?")
_SECONDS = 20


def main(arguments: list[str] | None = None) -> int:
    """Run all examples by both, and print what came of it."""
    parser = argparse.ArgumentParser(prog=f"python -m {NAME}", description=str(__doc__).splitlines()[0])
    parser.add_argument("--list", action="store_true", help="print each statement that differs")
    given = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        examples = Path(folder) / "examples.json"
        examples.write_text(json.dumps(collected()))
        theirs, ours = (_ran(framework, examples) for framework in ("torch", "cnn_physics77"))
    counts: dict[str, Counter] = {}
    for name, statements in theirs.items():
        place = next(p for p in sorted(PLACES, key=len, reverse=True) if name.startswith(p + "."))
        for (source, *expected), (_, *found) in zip(statements, ours[name]):
            verdict = compared(expected, found)
            counts.setdefault(place, Counter())[verdict] += 1
            if given.list and verdict not in VERDICTS[:2]:
                print(
                    f"{name}: {verdict}",
                    source.strip(),
                    *(f"{t!r:.300}" for t in (expected[1], found[1])),
                    sep="\n    ",
                )
    _show(counts)
    return 0


def _show(counts: dict[str, Counter]) -> None:
    print(f"{'':36}{'statements':>12}" + "".join(f"{verdict:>24}" for verdict in VERDICTS))
    for place, count in [*counts.items(), ("all", sum(counts.values(), Counter()))]:
        print(f"{place:36}{count.total():12}" + "".join(f"{count[verdict]:24}" for verdict in VERDICTS))


def compared(expected: list[Any], found: list[Any]) -> str:
    """The verdict on one statement; each side is (did not raise, what it printed or the error).

    >>> compared([True, "tensor([0.5000, 1.0000])"], [True, "tensor([0.5001, 1.0000])"])
    'but for rounding'
    """
    if not expected[0]:
        return "the same" if not found[0] else "raises in PyTorch alone"
    if not found[0]:
        return "raises here"
    left, right = (re.sub("0x[0-9a-f]+", "0x", text) for text in (expected[1], found[1]))
    if left == right:
        return "the same"
    if _NUMBER.sub("", left).split() == _NUMBER.sub("", right).split():
        numbers = ([float(n) for n in _NUMBER.findall(text)] for text in (left, right))
        if all(math.isclose(a, b, rel_tol=1e-3, abs_tol=1e-4) for a, b in zip(*numbers)):
            return "but for rounding"
    return "another text"


# ------------------------------------------------------------------------------------------------- collection


def collected() -> list[tuple[str, list[str]]]:
    """(name, statements) of each docstring of PyTorch that has examples; what needs a GPU, quantization or a
    compressed layout, or prints memory that was not written, is left out."""
    found: dict[str, list[str]] = {}
    seen: set[str] = set()

    def add(name: str, value: Any) -> None:
        text = inspect.getdoc(value) or ""
        if ">>>" not in text or text in seen or _OTHER.search(text):
            return
        seen.add(text)
        with contextlib.suppress(ValueError):  # not a doctest
            found[name] = [example.source for example in doctest.DocTestParser().get_examples(text)]

    for place in PLACES:
        module = import_module(place)
        for name, value in sorted(vars(module).items()):
            if name.startswith("_") or isinstance(value, ModuleType) or not _of_torch(value):
                continue
            add(f"{place}.{name}", value)
            if isinstance(value, type):
                for part in (n for n in vars(value) if not n.startswith("_")):
                    add(f"{place}.{name}.{part}", getattr(value, part))
    return list(found.items())


def _of_torch(value: Any) -> bool:
    return str(getattr(value, "__module__", None) or "torch").startswith("torch")


# ------------------------------------------------------------------------------------------------- execution


def _ran(framework: str, examples: Path) -> dict[str, list]:
    written = examples.with_name(f"{framework}.json")
    folder = examples.with_name(f"{framework} files")
    folder.mkdir()
    program = f"from {NAME} import run; run({framework!r}, {str(examples)!r}, {str(written)!r})"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=folder, stderr=subprocess.DEVNULL)
    return json.loads(written.read_text())


def run(framework: str, examples: str, written: str) -> None:
    """Run the examples by a framework, in this process, and write what each statement printed."""
    warnings.simplefilter("ignore")
    if framework != "torch":
        from cnn_physics77 import as_torch

        as_torch.install()
    torch = import_module("torch")
    results = {}
    for name, statements in json.loads(Path(examples).read_text()):
        torch.manual_seed(0)
        torch.set_default_dtype(torch.float32)
        torch.set_printoptions(profile="default")
        torch.set_grad_enabled(True)
        names = _names(torch, name)
        results[name] = [(source, *_executed(source, names)) for source in statements]
    Path(written).write_text(json.dumps(results))


def _executed(source: str, names: dict[str, Any]) -> tuple[bool, str]:
    def stop(*_: Any) -> None:
        raise TimeoutError(f"more than {_SECONDS} s")

    printed = io.StringIO()
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(_SECONDS)
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(source, "<example>", "single"), names)
        return True, printed.getvalue()
    except (Exception, SystemExit) as error:
        return False, f"{type(error).__name__}: {error}"[:300]
    finally:
        signal.alarm(0)


def _names(torch: Any, example: str) -> dict[str, Any]:
    """What examples use without saying where it is from."""
    names: dict[str, Any] = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, "optim": torch.optim}
    names |= {"np": import_module("numpy"), "math": math, "Tensor": torch.Tensor}
    place = torch
    for part in example.split(".")[1:-1]:
        place = getattr(place, part, place)
    if place is not torch:
        names |= {n: getattr(place, n) for n in dir(place) if not n.startswith("_")}
    if ".lr_scheduler." in example:
        names["model"] = torch.nn.Linear(2, 2)
        names["optimizer"] = torch.optim.SGD(names["model"].parameters(), lr=0.1)
        names |= dict.fromkeys(("train", "train_batch"), lambda *_: names["optimizer"].step())
        names["validate"] = lambda *_: 0.5
    return names


if __name__ == "__main__":
    sys.exit(main())
