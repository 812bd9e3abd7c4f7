"""The runtime of the kernels: parallel loops, scratch memory, memory order, and tiling."""
