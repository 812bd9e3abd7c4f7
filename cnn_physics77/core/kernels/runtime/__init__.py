"""What all kernels run on: parallel loops, scratch memory, memory order, and work cut into blocks."""
