"""Sobol's sequence against PyTorch's."""

import copy

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core.kernels import sobol


def test_points():
    mine, theirs = (f.quasirandom.SobolEngine(64) for f in (ours, torch))
    assert repr(mine) == repr(theirs)
    for n in (1, 5, 0, 1, 300):
        np.testing.assert_array_equal(mine.draw(n).numpy(), theirs.draw(n).numpy())
    for engine in (mine, theirs):
        assert engine.fast_forward(77) is engine
    again = copy.deepcopy(mine)
    wanted = theirs.draw(9, dtype=torch.float64).numpy()
    np.testing.assert_array_equal(mine.draw(9, dtype=ours.float64).numpy(), wanted)
    out = ours.zeros(0, dtype=ours.float64)
    assert again.draw(9, out) is out
    np.testing.assert_array_equal(out.numpy(), wanted.astype("f4"))
    assert mine.num_generated == theirs.num_generated
    np.testing.assert_array_equal(mine.reset().draw_base2(4).numpy(), theirs.reset().draw_base2(4).numpy())


def test_scrambling():
    """The matrices and the shift are drawn by another generator; what is made of them is the same."""
    numbers = sobol.direction_numbers(9)
    matrices = np.random.default_rng(0).integers(0, 2, (9, 30, 30))
    theirs = torch.from_numpy(numbers.copy())
    torch._sobol_engine_scramble_(theirs, torch.from_numpy(matrices).tril(), 9)
    np.testing.assert_array_equal(sobol.scrambled(numbers, matrices), theirs)
    engine = ours.quasirandom.SobolEngine(3, scramble=True, seed=5)
    assert repr(engine) == repr(torch.quasirandom.SobolEngine(3, scramble=True, seed=5))
    x = engine.draw(2**10, dtype=ours.float64).numpy()
    np.testing.assert_array_equal(
        np.sort(np.floor(x * 2**10), axis=0), np.arange(2.0**10)[:, None].repeat(3, 1)
    )
    np.testing.assert_array_equal(
        ours.quasirandom.SobolEngine(3, True, 5).draw(4).numpy(), x[:4].astype("f4")
    )


def test_wrong_calls():
    for framework in (ours, torch):
        for dimension in (0, 30_000):
            with pytest.raises(ValueError, match="Supported range"):
                framework.quasirandom.SobolEngine(dimension)
        engine = framework.quasirandom.SobolEngine(2).fast_forward(3)
        with pytest.raises(ValueError, match="power of 2"):
            engine.draw_base2(3)
