"""Rows: recurrent layers and cells."""

import warnings

import numpy as np

from cnn_physics77.testing.table import Bad, Row, Sample, draw


def _params(rng, gates, inputs, hidden, layers=1, directions=1, biases=True, projection=0):
    """The parameters of all layers and directions, in PyTorch's order."""
    state, found = projection or hidden, []
    for layer in range(layers):
        width = inputs if layer == 0 else state * directions
        for _ in range(directions):
            found += [draw(rng, gates * hidden, width), draw(rng, gates * hidden, state)]
            found += [draw(rng, gates * hidden) for _ in range(2 * biases)]
            found += [draw(rng, projection, hidden)] if projection else []
    return found


def _samples(gates):
    """Samples of a function whose states are one tensor, or two for the LSTM."""

    def states(rng, count, batch, hidden):
        given = [draw(rng, count, batch, hidden) for _ in range(2 if gates == 4 else 1)]
        return tuple(given) if gates == 4 else given[0]

    def made(rng):
        rest = (0.0, False)  # no dropout, not in training
        yield Sample(
            draw(rng, 3, 2, 3), states(rng, 1, 2, 2), _params(rng, gates, 3, 2), True, 1, *rest, False, False
        )
        params = _params(rng, gates, 2, 2, layers=2, directions=2)
        yield Sample(draw(rng, 2, 3, 2), states(rng, 4, 2, 2), params, True, 2, *rest, True, True)
        params = _params(rng, gates, 2, 3, biases=False)
        yield Sample(draw(rng, 1, 1, 2), states(rng, 1, 1, 3), params, False, 1, *rest, False, False)
        if gates == 4:
            params = _params(rng, gates, 2, 3, layers=2, projection=2)
            projected = (draw(rng, 2, 2, 2), draw(rng, 2, 2, 3))
            yield Sample(draw(rng, 2, 2, 2), projected, params, True, 2, *rest, False, False)
        sizes, params = np.array([3, 2, 2, 1]), _params(rng, gates, 2, 2, directions=2)
        yield Sample(draw(rng, 8, 2), sizes, states(rng, 2, 3, 2), params, True, 1, *rest, True)

    return lambda rng: list(made(rng))


def _bad(gates):
    state = np.zeros((1, 2, 2))
    states = (state, state) if gates == 4 else state
    params = [np.zeros((gates * 2, n)) for n in (3, 2)]
    rest = (False, 1, 0.0, False, False, False)
    return [
        Bad(RuntimeError, "3 dimensions", np.zeros((2, 3)), states, params, *rest),
        Bad(RuntimeError, "larger than 0", np.zeros((0, 2, 3)), states, params, *rest),
        Bad(RuntimeError, "expected weights", np.zeros((2, 2, 4)), states, params, *rest),
        Bad(RuntimeError, "initial states", np.zeros((2, 1, 3)), states, params, *rest),
        Bad(RuntimeError, "parameters, found 1", np.zeros((2, 2, 3)), states, params[:1], *rest),
        Bad(RuntimeError, "one dtype", np.zeros((2, 2, 3), np.float32), states, params, *rest),
        Bad(TypeError, "real floating", np.zeros((2, 2, 3), int), states, params, *rest),
    ]


def _cells(gates):
    def states(rng, batch, hidden):
        given = [draw(rng, batch, hidden) for _ in range(2 if gates == 4 else 1)]
        return tuple(given) if gates == 4 else given[0]

    def made(rng):
        yield Sample(draw(rng, 2, 3), states(rng, 2, 2), *_params(rng, gates, 3, 2))
        yield Sample(draw(rng, 1, 2), states(rng, 1, 3), *_params(rng, gates, 2, 3, biases=False))
        yield Sample(draw(rng, 0, 2), states(rng, 0, 3), *_params(rng, gates, 2, 3))

    return lambda rng: list(made(rng))


def _bad_cells(gates):
    state = np.zeros((2, 2))
    states = (state, state) if gates == 4 else state
    params, wide = ([np.zeros((gates * rows, n)) for n in (3, 2)] for rows in (2, 3))
    return [
        Bad(RuntimeError, "expected weights", np.zeros((2, 3)), states, *wide),
        Bad(RuntimeError, "expected an input (N, I)", np.zeros((3, 3)), states, *params),
        Bad(RuntimeError, "expected weights", np.zeros((2, 4)), states, *params),
    ]


def _lstm(*args):
    """PyTorch's, which in float32 warns that a projection is not one of oneDNN's."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.lstm(*args)


rows = [
    Row("lstm", _samples(4), reference=_lstm, bad=_bad(4)),
    Row("gru", _samples(3), bad=_bad(3)),
    Row("rnn_tanh", _samples(1), bad=_bad(1)),
    Row("rnn_relu", _samples(1), bad=_bad(1)),
    Row("lstm_cell", _cells(4), bad=_bad_cells(4)),
    Row("gru_cell", _cells(3), bad=_bad_cells(3)),
    Row("rnn_tanh_cell", _cells(1), bad=_bad_cells(1)),
    Row("rnn_relu_cell", _cells(1), bad=_bad_cells(1)),
]
