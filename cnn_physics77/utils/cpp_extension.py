"""``torch.utils.cpp_extension``: nothing is compiled; importing works, using raises."""

from cnn_physics77 import _lacking

CUDA_HOME = None
"""The folder of the CUDA toolkit: none is looked for."""

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "BuildExtension CppExtension CUDAExtension include_paths load load_inline",
    "nothing is compiled here; write it with tensors, or derive a class from torch.autograd.Function",
)
