"""The Fourier transforms of short pieces of a signal, and its reconstruction from them."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.core.operations.base.operation import as_tensor_input
from cnn_physics77.core.operations.fft.transforms import fft, ifft, irfft, rfft
from cnn_physics77.core.operations.indexing.getitem import narrow
from cnn_physics77.core.operations.indexing.index_put import index_add
from cnn_physics77.core.operations.indexing.pad import pad
from cnn_physics77.core.operations.indexing.permute import transpose
from cnn_physics77.core.operations.indexing.shape import reshape
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.pointwise.complex import view_as_real
from cnn_physics77.core.tensor import Tensor, from_array, method


def _lengths(function: str, n_fft: int, hop_length, win_length, window) -> tuple[int, int]:
    """The defaults of the two lengths, checked."""
    hop = n_fft // 4 if hop_length is None else hop_length
    width = n_fft if win_length is None else win_length
    if n_fft <= 0:
        raise ShapeError(f"{function}: expected 0 < n_fft, found {n_fft}")
    if hop <= 0:
        raise ShapeError(f"{function}: expected hop_length > 0, but got hop_length={hop}")
    if not 0 < width <= n_fft:
        raise ShapeError(f"{function}: expected 0 < win_length <= n_fft, but got win_length={width}")
    if window is not None and window.array.shape != (width,):
        raise ShapeError(
            f"{function}: expected a 1D window tensor of size equal to win_length={width}, found shape "
            f"{window.array.shape}"
        )
    return hop, width


def _whole_window(window: Tensor | None, width: int, n_fft: int, dtype: np.dtype) -> Tensor:
    """The window, of ones by default, in the middle of n_fft zeros."""
    if window is None:
        window = from_array(np.ones(width, dtype))
    left = (n_fft - width) // 2
    return window if width == n_fft else pad(window, (left, n_fft - width - left))


@method("stft")
def stft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
    align_to_window: bool | None = None,
) -> Tensor:
    r"""The short-time Fourier transform.

    .. math:: X_{k,m} = \sum_{j=0}^{N-1} w_j\, x_{m h + j}\, e^{-2 \pi i j k / N}

    Args:
        input: the signal, (L) or (batch, L), floating or complex.
        n_fft: N, the size of a transform.
        hop_length: h, the distance between pieces; a quarter of ``n_fft`` by default.
        win_length: the size of the window, which is in the middle of N zeros; ``n_fft`` by default.
        window: w, a vector; ones by default.
        center: whether the signal is first continued at both ends by N/2, so that piece m is centred at m h.
        pad_mode: how, as in ``nn.functional.pad``.
        normalized: whether to divide by √N.
        onesided: whether to return the first half of the spectrum only; by default for real signals.
        return_complex: True for a complex result; False for a last dimension of size 2 with the parts.
        align_to_window: accepted with the default only.

    Returns:
        (frequencies, pieces) or (batch, frequencies, pieces).

    Raises:
        ShapeError: sizes that do not fit.
        DtypeError: the signal is of integers, or half a spectrum is asked for of complex numbers.
        ValueError: ``return_complex`` is not given for a real signal.

    >>> import cnn_physics77 as torch
    >>> torch.stft(torch.ones(8), 4, return_complex=True).shape
    torch.Size([3, 9])
    """
    input = as_tensor_input("stft", input)
    shape = input.array.shape
    if len(shape) not in (1, 2):
        raise ShapeError(f"stft: expected a 1D or 2D tensor, found shape {shape}")
    if input.array.dtype.kind not in "fc":
        raise DtypeError(f"stft: expected a tensor of floating point or complex values, found {input.dtype}")
    if align_to_window:
        raise ArgumentError("stft: align_to_window is not supported; pad the signal instead")
    of_complex = input.array.dtype.kind == "c" or (window is not None and window.array.dtype.kind == "c")
    if return_complex is None:
        if not of_complex:
            raise ArgumentError("stft: requires return_complex for real inputs; give return_complex=True")
        return_complex = True
    if onesided is None:
        onesided = not of_complex
    elif onesided and of_complex:
        raise DtypeError("stft: Cannot have onesided output if window or input is complex")
    hop, width = _lengths("stft", n_fft, hop_length, win_length, window)
    x = reshape(input, (1, *shape)) if len(shape) == 1 else input
    if center:
        x = reshape(pad(reshape(x, (1, *x.shape)), (n_fft // 2, n_fft // 2), pad_mode), (x.shape[0], -1))
    if x.shape[1] < n_fft:
        raise ShapeError(f"stft: expected 0 < n_fft <= {x.shape[1]}, the size of the signal, but got {n_fft}")
    pieces = x.unfold(1, n_fft, hop) * _whole_window(window, width, n_fft, x.array.real.dtype)
    y = (rfft if onesided else fft)(pieces, norm="ortho" if normalized else None)
    y = transpose(y, 1, 2)
    y = reshape(y, y.shape[1:]) if len(shape) == 1 else y
    return y if return_complex else view_as_real(y)


@method("istft")
def istft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Tensor:
    r"""The signal whose short-time Fourier transform is nearest to the input (D. Griffin and J. Lim, "Signal
    estimation from modified short-time Fourier transform", IEEE Trans. ASSP 32, 1984): the inverse of
    :func:`stft`.

    .. math:: x_t = \sum_m w_{t - m h}\, y_{m,\, t - m h} \Big/ \sum_m w_{t - m h}^2

    where :math:`y_m` is the inverse transform of piece m.

    Args:
        input: complex, (frequencies, pieces) or (batch, frequencies, pieces).
        n_fft, hop_length, win_length, window, center, normalized, onesided: as of :func:`stft`.
        length: the size of the signal; by default, what the pieces cover.
        return_complex: whether the signal is complex; it needs the whole spectrum, of which a real signal is
            given by the first half.

    Raises:
        ShapeError: sizes that do not fit, or windows that do not cover the signal.
        DtypeError: the input is real; or a complex signal is asked for of half a spectrum.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])
    >>> torch.istft(torch.stft(x, 4, return_complex=True), 4)
    tensor([1., 2., 3., 4., 5.])
    """
    if input.array.dtype.kind != "c":
        raise DtypeError("istft: requires a complex-valued input tensor, as of stft with return_complex=True")
    shape = input.array.shape
    if len(shape) not in (2, 3) or not input.array.size:
        raise ShapeError(f"istft: expected a non-empty 2D or 3D tensor, found shape {shape}")
    hop, width = _lengths("istft", n_fft, hop_length, win_length, window)
    x = reshape(input, (1, *shape)) if len(shape) == 2 else input
    frequencies, pieces = x.array.shape[1:]
    if onesided is None:
        onesided = frequencies != n_fft
    if frequencies != (n_fft // 2 + 1 if onesided else n_fft):
        raise ShapeError(
            f"istft: expected {n_fft // 2 + 1} frequencies of half a spectrum, or n_fft = {n_fft}, found "
            f"{frequencies}"
        )
    if return_complex and onesided:
        raise DtypeError("istft: expected the whole spectrum of a complex signal; give onesided=False")
    x, norm = transpose(x, 1, 2), "ortho" if normalized else None
    y = ifft(x, norm=norm) if return_complex else irfft(x, n_fft, norm=norm)
    whole = _whole_window(window, width, n_fft, y.array.real.dtype)
    total = n_fft + hop * (pieces - 1)
    place = from_array((hop * np.arange(pieces)[:, None] + np.arange(n_fft)).reshape(-1))

    def added(parts: Tensor) -> Tensor:
        """The pieces (batch, pieces, n_fft) added at their places."""
        zeros = from_array(np.zeros((parts.array.shape[0], total), parts.array.dtype))
        return index_add(zeros, 1, place, reshape(parts, (parts.array.shape[0], -1)))

    squares = (whole * whole).expand((1, pieces, n_fft))
    start = n_fft // 2 if center else 0
    end = start + length if length is not None else total - start
    signal, weight = (narrow(added(t), 1, start, min(end, total) - start) for t in (y * whole, squares))
    if not (np.abs(weight.array) > 1e-11).all():
        raise ShapeError("istft: window overlap add min: 1: expected windows whose squares add to no zero")
    signal = signal / weight
    if end > total:
        warn("istft: the signal is shorter than length; it is padded with zeros")
        signal = pad(signal, (0, end - total))
    return reshape(signal, signal.shape[1:]) if len(shape) == 2 else signal


__all__ = ["istft", "stft"]

complete_late(__name__)
