"""Train one network in this package and in PyTorch, and show how they compare: `python main.py --help`."""

import sys

from cnn_physics77.cli import main

if __name__ == "__main__":
    sys.exit(main())
