"""Arrays in, arrays out: what the operations compute with."""

# For what it does when imported: arrays are allocated and freed from here on, and their memory is to be kept.
from cnn_physics77.core.backend import memory
