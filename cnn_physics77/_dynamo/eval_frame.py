"""``torch._dynamo.eval_frame``: the class of compiled modules."""

from cnn_physics77.compile import OptimizedModule as OptimizedModule
