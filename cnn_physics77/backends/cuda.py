"""``torch.backends.cuda``: the package is not built for CUDA; the switches keep what is set."""

from types import SimpleNamespace

matmul = SimpleNamespace(
    allow_tf32=False,
    allow_fp16_reduced_precision_reduction=True,
    allow_bf16_reduced_precision_reduction=True,
)


def is_built() -> bool:
    """Whether the package is built for CUDA: no."""
    return False


__all__ = [
    "is_built",
    "matmul",
]
