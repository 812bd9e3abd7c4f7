"""``torch.backends.cuda``: the package is not built for CUDA; the switches keep what is set."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cnn_physics77._settings import get_float32_matmul_precision, set_float32_matmul_precision


class _Matmul:
    """The switches of products of matrices.

    ``allow_tf32`` is what :func:`set_float32_matmul_precision` set: False at ``"highest"``, True below.

    >>> matmul.allow_tf32 = True
    >>> get_float32_matmul_precision()
    'high'
    >>> set_float32_matmul_precision("highest")
    >>> matmul.allow_tf32
    False
    """

    allow_fp16_reduced_precision_reduction = True
    allow_bf16_reduced_precision_reduction = True

    @property
    def allow_tf32(self) -> bool:
        return get_float32_matmul_precision() != "highest"

    @allow_tf32.setter
    def allow_tf32(self, value: bool) -> None:
        set_float32_matmul_precision("high" if value else "highest")


matmul = _Matmul()


def is_built() -> bool:
    """Whether the package is built for CUDA: no."""
    return False


_KERNELS = dict.fromkeys(("flash", "mem_efficient", "math", "cudnn"), True)
"""The ways of attention of PyTorch, and which of them are on."""


def _switch(kind: str) -> tuple[Callable[[bool], None], Callable[[], bool]]:
    def enable(enabled: bool) -> None:
        _KERNELS[kind] = bool(enabled)

    def is_enabled() -> bool:
        return _KERNELS[kind]

    enable.__name__, is_enabled.__name__ = f"enable_{kind}_sdp", f"{kind}_sdp_enabled"
    enable.__doc__ = "Accepted: there is one way of attention; see :func:`is_built`."
    is_enabled.__doc__ = f"What :func:`enable_{kind}_sdp` set."
    return enable, is_enabled


enable_flash_sdp, flash_sdp_enabled = _switch("flash")
enable_mem_efficient_sdp, mem_efficient_sdp_enabled = _switch("mem_efficient")
enable_math_sdp, math_sdp_enabled = _switch("math")
enable_cudnn_sdp, cudnn_sdp_enabled = _switch("cudnn")


@contextmanager
def sdp_kernel(
    enable_flash: bool = True,
    enable_math: bool = True,
    enable_mem_efficient: bool = True,
    enable_cudnn: bool = True,
) -> Iterator[None]:
    """The switches of the ways of attention, for the time of a context.

    >>> with sdp_kernel(enable_flash=False):
    ...     flash_sdp_enabled()
    False
    """
    before = dict(_KERNELS)
    _KERNELS.update(
        flash=enable_flash, math=enable_math, mem_efficient=enable_mem_efficient, cudnn=enable_cudnn
    )
    try:
        yield
    finally:
        _KERNELS.update(before)


__all__ = [
    "cudnn_sdp_enabled",
    "enable_cudnn_sdp",
    "enable_flash_sdp",
    "enable_math_sdp",
    "enable_mem_efficient_sdp",
    "flash_sdp_enabled",
    "is_built",
    "math_sdp_enabled",
    "matmul",
    "mem_efficient_sdp_enabled",
    "sdp_kernel",
]
