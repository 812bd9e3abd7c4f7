"""Rows of :mod:`cnn_physics77.core.operations.fft.short_time`."""

import numpy as np

from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw

WINDOW = np.array([0.3, 0.9, 1.1, 0.5])


def signals(rng):
    return [
        Sample(draw(rng, 9), 4, window=Constant(WINDOW), return_complex=True),
        Sample(draw(rng, 2, 12), 6, 2, 4, Constant(WINDOW), return_complex=True),
        Sample(draw(rng, 9), 4, hop_length=3, window=WINDOW, center=False, return_complex=True),
        Sample(draw(rng, 9), 5, None, 4, WINDOW, pad_mode="constant", normalized=True, return_complex=True),
        Sample(draw(rng, 9), 4, window=WINDOW, onesided=False, return_complex=True),
        Sample(complex_draw(rng, 9), 4, window=WINDOW),
        Sample(draw(rng, 9), 4, window=Constant(1j * WINDOW), return_complex=True),
    ]


def spectra(rng):
    return [
        Sample(complex_draw(rng, 3, 5), 4, window=WINDOW),
        Sample(complex_draw(rng, 2, 4, 5), 6, 2, 4, Constant(WINDOW)),
        Sample(complex_draw(rng, 3, 5), 4, hop_length=2, window=WINDOW, center=False),
        Sample(complex_draw(rng, 3, 5), 5, None, 4, Constant(WINDOW), normalized=True, length=4),
        Sample(complex_draw(rng, 4, 5), 4, window=Constant(WINDOW), return_complex=True),
        Sample(complex_draw(rng, 4, 5), 4, window=Constant(WINDOW), onesided=False),
    ]


signal = np.ones(8)
spectrum = np.ones((3, 4), complex)

rows = [
    Row(
        "stft",
        signals,
        bad=[
            Bad(ArgumentError, "return_complex", signal, 4),
            Bad(ArgumentError, "align_to_window", signal, 4, return_complex=True, align_to_window=True),
            Bad(ShapeError, "1D or 2D", np.ones((1, 1, 8)), 4, return_complex=True),
            Bad(ShapeError, "hop_length > 0", signal, 4, 0, return_complex=True),
            Bad(ShapeError, "win_length <= n_fft", signal, 4, win_length=5, return_complex=True),
            Bad(ShapeError, "equal to win_length", signal, 4, window=np.ones(3), return_complex=True),
            Bad(ShapeError, "the size of the signal", signal, 9, center=False, return_complex=True),
            Bad(ShapeError, "0 < n_fft", signal, 0, return_complex=True),
            Bad(DtypeError, "floating", np.ones(8, int), 4, return_complex=True),
            Bad(DtypeError, "onesided", 1j * signal, 4, onesided=True),
        ],
    ),
    Row(
        "istft",
        spectra,
        bad=[
            Bad(DtypeError, "complex-valued", np.ones((3, 4)), 4),
            Bad(DtypeError, "whole spectrum", spectrum, 4, return_complex=True),
            Bad(ShapeError, "2D or 3D", np.ones(3, complex), 4),
            Bad(ShapeError, "frequencies", spectrum, 6),
            Bad(ShapeError, "overlap add", spectrum, 4, window=np.zeros(4)),
        ],
    ),
]
