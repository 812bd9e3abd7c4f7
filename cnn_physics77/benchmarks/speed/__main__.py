"""`python -m cnn_physics77.benchmarks.speed` runs the speed suite."""

import importlib
import sys
from collections.abc import Sequence

from .. import complaint
from .arguments import build_parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suite; its exit status. ``--help`` and unknown arguments need no package of the extra."""
    parser = build_parser()
    parser.parse_args(arguments)
    missing = complaint()
    if missing:
        print(f"{parser.prog}: error: {missing}", file=sys.stderr)
        return 1
    suite = importlib.import_module(".suite", __package__)  # not before: it imports these packages
    return suite.main(arguments)


if __name__ == "__main__":
    sys.exit(main())
