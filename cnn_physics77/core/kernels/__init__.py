"""Arrays in, arrays out: what the operations compute with."""

from cnn_physics77.core.backend import memory
