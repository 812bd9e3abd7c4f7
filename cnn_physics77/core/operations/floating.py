"""Where floating-point arithmetic leaves the finite numbers, the result is inf or NaN, as in PyTorch, and no
warning is given.
"""

from __future__ import annotations

import numpy as np

silent = np.errstate(all="ignore")
"""Decorator of a function of arrays with poles or a bounded domain: NumPy says nothing about division by
zero, overflow and the like. It is not put around what stays finite for finite numbers of ordinary size,
because it costs 0.8 µs a call.
"""
