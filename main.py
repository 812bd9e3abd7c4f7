"""Train one network in this package and in PyTorch, and show how they compare: `python main.py --help`.

Each trains in a process of its own; that of this package begins with `performance.apply()` (see
`cnn_physics77/benchmarks/experiment/child.py`).
"""

import sys

from cnn_physics77.cli import main

if __name__ == "__main__":
    sys.exit(main())
