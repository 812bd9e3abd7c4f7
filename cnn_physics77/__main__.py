"""`python -m cnn_physics77` does what `main.py` does."""

import sys

from cnn_physics77.cli import main

if __name__ == "__main__":
    sys.exit(main())
