"""Recurrent layers over whole sequences: one layer in one direction.

The rows of all steps are stored one step after another: step t has the rows of the sequences that are at
least t + 1 long. All sequences are in the order of their lengths, the longest first, so that the state of a
step is the first ``sizes[t]`` rows of the state. This is PyTorch's packed sequence; a batch of N sequences of
T steps is the case ``sizes == (N,) * T``.

The inputs of all steps are multiplied by the weight in one product; only the products with the state before
each step are made step by step. A gradient first computes what every step multiplies by, in passes over all
rows, so that its own loop over the steps is short.
"""

from cnn_physics77.core.kernels.recurrent.elman import elman_forward, elman_gradient
from cnn_physics77.core.kernels.recurrent.gru import gru_forward, gru_gradient
from cnn_physics77.core.kernels.recurrent.lstm import lstm_forward, lstm_gradient, lstm_hidden
from cnn_physics77.core.kernels.recurrent.steps import before_each_step, steps, sum_of_rows

__all__ = [
    "before_each_step",
    "elman_forward",
    "elman_gradient",
    "gru_forward",
    "gru_gradient",
    "lstm_forward",
    "lstm_gradient",
    "lstm_hidden",
    "steps",
    "sum_of_rows",
]
