"""The entry of ``main.py``, ``cnn-physics77`` and ``python -m cnn_physics77``: what `command` needs is there.

The package itself needs NumPy alone, and so do ``--help`` and the check of the arguments. Comparing needs
more, and says so in one line where it is missing.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from .arguments import PROGRAM, parse
from .benchmarks import INSTALL, complaint


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit status: 0, 1 for an error, 2 for bad arguments, 130 after Ctrl-C.

    Args:
        arguments: as given after the command's name; None takes them from the command line.
    """
    settings = parse(arguments)
    missing = complaint()
    if missing:
        print(f"{PROGRAM}: error: {missing}", file=sys.stderr)
        return 1
    try:
        command = importlib.import_module(".command", __package__)  # not before: it imports these packages
    except ImportError as error:  # an installed package that is damaged, or lacks another
        print(f"{PROGRAM}: error: {' '.join(str(error).split())}: {INSTALL}", file=sys.stderr)
        return 1
    return command.run(settings)


if __name__ == "__main__":
    sys.exit(main())
