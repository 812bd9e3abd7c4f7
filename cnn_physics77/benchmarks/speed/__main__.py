"""`python -m cnn_physics77.benchmarks.speed` runs the speed suite."""

import sys

from .suite import main

if __name__ == "__main__":
    sys.exit(main())
