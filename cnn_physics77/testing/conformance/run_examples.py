"""Runs examples, as statements that were collected from docstrings, and writes what each printed.

python run_examples.py EXAMPLES.json PRINTED.json
python -m cnn_physics77.as_torch run_examples.py EXAMPLES.json PRINTED.json
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

SECONDS = 20


def main(examples: str, written: str) -> None:
    """Run the examples in ``examples``, {name: statements}; write {name: [(statement, whether it ended, what
    it printed or its error)]}."""
    warnings.simplefilter("ignore")
    results = {}
    for name, statements in json.loads(Path(examples).read_text()).items():
        torch.manual_seed(0)
        torch.set_default_dtype(torch.float32)
        torch.set_printoptions(profile="default")
        torch.set_grad_enabled(True)
        names = _names(name)
        results[name] = [(source, *_executed(source, names)) for source in statements]
    Path(written).write_text(json.dumps(results))


def _executed(source: str, names: dict[str, Any]) -> tuple[bool, str]:
    def stop(*_: Any) -> None:
        raise TimeoutError(f"more than {SECONDS} s")

    printed = io.StringIO()
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(source, "<example>", "single"), names)
        return True, printed.getvalue()
    except (Exception, SystemExit) as error:
        return False, f"{type(error).__name__}: {error}"[:300]
    finally:
        signal.alarm(0)


def _names(example: str) -> dict[str, Any]:
    """What examples use without saying where it is from."""
    names: dict[str, Any] = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, "optim": torch.optim}
    names |= {"np": np, "math": math, "Tensor": torch.Tensor}
    place: Any = torch
    for part in example.split(".")[1:-1]:
        place = getattr(place, part, place)
    if place is not torch:
        names |= {n: getattr(place, n) for n in dir(place) if not n.startswith("_")}
    if ".lr_scheduler." in example:
        model = torch.nn.Linear(2, 2)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        names |= {"model": model, "optimizer": optimizer, "validate": lambda *_: 0.5}
        names |= dict.fromkeys(("train", "train_batch"), lambda *_: optimizer.step())
    return names


if __name__ == "__main__":
    main(*sys.argv[1:])
