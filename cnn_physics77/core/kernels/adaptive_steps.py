"""The in-place steps of the optimizers that adapt the step of each element: rules of arrays.

A rule is the formula of one step. Its arrays are the parameter p, its gradient g (only read) and the states,
all of one shape and one dtype. It runs on pieces that stay in the cache (:func:`in_pieces`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import numpy as np

from cnn_physics77.core.kernels.optimizer_steps import by_pieces
from cnn_physics77.core.kernels.runtime.parallel import ParallelLoop
from cnn_physics77.core.kernels.runtime.scratch import scratch


def in_pieces(rule: Callable[..., None]) -> Callable[..., ParallelLoop]:
    """Decorator: ``rule(parameter, gradient, *states, **settings)`` returns the loop that applies the rule.

    Raises:
        ShapeError: the arrays have different shapes.
    """

    @wraps(rule)
    def step(
        parameter: np.ndarray, gradient: np.ndarray, *states: np.ndarray, **settings: float
    ) -> ParallelLoop:
        return by_pieces(
            rule.__name__, lambda *pieces: rule(*pieces, **settings), parameter, gradient, *states
        )

    return step


def _temporary(name: str, like: np.ndarray) -> np.ndarray:
    return scratch(f"optimizer.{name}", like.shape, like.dtype)


def _decayed(p: np.ndarray, g: np.ndarray, weight_decay: float, maximize: bool) -> np.ndarray:
    """g (-g if maximize) + weight_decay * p, only to be read."""
    if weight_decay != 0:
        t = np.multiply(p, weight_decay, out=_temporary("g", p))
        return np.subtract(t, g, out=t) if maximize else np.add(t, g, out=t)
    return np.negative(g, out=_temporary("g", p)) if maximize else g


def _average(m: np.ndarray, g: np.ndarray, beta: float) -> None:
    """m <- beta m + (1 - beta) g"""
    t = np.subtract(g, m, out=_temporary("t", m))
    t *= 1 - beta
    m += t


def _average_square(v: np.ndarray, g: np.ndarray, beta: float) -> None:
    """v <- beta v + (1 - beta) g^2"""
    t = np.multiply(g, 1 - beta, out=_temporary("t", v))
    t *= g
    v *= beta
    v += t


def _with_moments(
    p: np.ndarray,
    g: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    betas: tuple[float, float],
    weight_decay: float,
    kept: float | None,
    maximize: bool,
) -> np.ndarray:
    """g as `_decayed` returns it, or with p <- kept p in the place of that; and m and v, its averages."""
    if kept is not None:
        p *= kept
    g = _decayed(p, g, weight_decay if kept is None else 0.0, maximize)
    _average(m, g, betas[0])
    _average_square(v, g, betas[1])
    return g


@in_pieces
def adadelta(p, g, v, u, *, lr, rho, eps, weight_decay=0.0, maximize=False):
    """Adadelta (Zeiler 2012)::

        v <- rho v + (1 - rho) g^2
        d <- sqrt(u + eps) / sqrt(v + eps) g
        u <- rho u + (1 - rho) d^2
        p <- p - lr d

    >>> p, v, u = np.array([1.0]), np.zeros(1), np.zeros(1)
    >>> adadelta(p, np.array([2.0]), v, u, lr=1.0, rho=0.75, eps=1.0).run()
    >>> v, p.round(4)
    (array([1.]), array([-0.4142]))
    """
    g = _decayed(p, g, weight_decay, maximize)
    _average_square(v, g, rho)
    d = np.add(u, eps, out=_temporary("d", p))
    np.sqrt(d, out=d)
    t = np.add(v, eps, out=_temporary("t", p))
    np.sqrt(t, out=t)
    d /= t
    d *= g
    _average_square(u, d, rho)
    d *= lr
    p -= d


@in_pieces
def adagrad(p, g, s, *, lr, eps, weight_decay=0.0, maximize=False):
    """AdaGrad (Duchi, Hazan and Singer 2011)::

        s <- s + g^2
        p <- p - lr g / (sqrt(s) + eps)

    >>> p, s = np.array([1.0]), np.zeros(1)
    >>> adagrad(p, np.array([2.0]), s, lr=0.5, eps=0.0).run()
    >>> s, p
    (array([4.]), array([0.5]))
    """
    g = _decayed(p, g, weight_decay, maximize)
    t = np.multiply(g, g, out=_temporary("t", p))
    s += t
    np.sqrt(s, out=t)
    t += eps
    np.divide(g, t, out=t)
    t *= lr
    p -= t


@in_pieces
def adamax(p, g, m, u, *, lr, betas, eps, weight_decay=0.0, maximize=False):
    """Adamax (Kingma and Ba 2015, section 7.1), where ``lr`` is divided by 1 - beta1^t::

        m <- beta1 m + (1 - beta1) g
        u <- max(beta2 u, |g| + eps)
        p <- p - lr m / u

    >>> p, m, u = np.array([1.0]), np.zeros(1), np.zeros(1)
    >>> adamax(p, np.array([-2.0]), m, u, lr=1.0, betas=(0.5, 0.999), eps=0.0).run()
    >>> m, u, p
    (array([-1.]), array([2.]), array([1.5]))
    """
    g = _decayed(p, g, weight_decay, maximize)
    _average(m, g, betas[0])
    t = np.abs(g, out=_temporary("t", p))
    t += eps
    u *= betas[1]
    np.maximum(u, t, out=u)
    np.divide(m, u, out=t)
    t *= lr
    p -= t


@in_pieces
def nadam(p, g, m, v, *, numbers, betas, eps, weight_decay=0.0, decoupled_weight_decay=False, maximize=False):
    """NAdam (Dozat 2016): Adam with Nesterov's momentum::

        p <- kept p                      decoupled; else g <- g + weight_decay p
        m <- beta1 m + (1 - beta1) g
        v <- beta2 v + (1 - beta2) g^2
        p <- p - (a g + b m) / (sqrt(v / c) + eps)

    ``numbers`` are a, b, c and kept.

    >>> p, m, v = np.array([1.0]), np.zeros(1), np.zeros(1)
    >>> nadam(p, np.array([2.0]), m, v, numbers=(1.0, 1.0, 1.0, 1.0), betas=(0.5, 0.75), eps=0.0).run()
    >>> m, v, p
    (array([1.]), array([1.]), array([-2.]))
    """
    a, b, c, kept = numbers
    g = _with_moments(p, g, m, v, betas, weight_decay, kept if decoupled_weight_decay else None, maximize)
    d = np.multiply(g, a, out=_temporary("d", p))
    d += np.multiply(m, b, out=_temporary("t", p))
    t = np.divide(v, c, out=_temporary("t", p))
    np.sqrt(t, out=t)
    t += eps
    d /= t
    p -= d


@in_pieces
def radam(p, g, m, v, *, numbers, betas, weight_decay=0.0, decoupled_weight_decay=False, maximize=False):
    """RAdam (Liu et al. 2020): Adam whose first steps have no second moment::

        p <- kept p                      decoupled; else g <- g + weight_decay p
        m <- beta1 m + (1 - beta1) g
        v <- beta2 v + (1 - beta2) g^2
        p <- p - a m / (b sqrt(v) + c)

    ``numbers`` are a, b, c and kept; b is 0 and c is 1 as long as the variance of v is too large.

    >>> p, m, v = np.array([1.0]), np.zeros(1), np.zeros(1)
    >>> radam(p, np.array([2.0]), m, v, numbers=(0.5, 0.0, 1.0, 1.0), betas=(0.5, 0.75)).run()
    >>> m, v, p
    (array([1.]), array([1.]), array([0.5]))
    """
    a, b, c, kept = numbers
    g = _with_moments(p, g, m, v, betas, weight_decay, kept if decoupled_weight_decay else None, maximize)
    t = np.sqrt(v, out=_temporary("t", p))
    t *= b
    t += c
    np.divide(m, t, out=t)
    t *= a
    p -= t


@in_pieces
def rmsprop(p, g, v, *others, lr, alpha, eps, momentum=0.0, centered=False, weight_decay=0.0, maximize=False):
    """RMSprop (Tieleman and Hinton 2012; centred by the mean gradient a: Graves 2013)::

        v <- alpha v + (1 - alpha) g^2
        a <- alpha a + (1 - alpha) g
        d <- g / (sqrt(v - a^2) + eps)       a = 0 unless centred
        b <- momentum b + d
        p <- p - lr b                        without momentum: p - lr d

    ``others`` are b, with momentum, and a, if centred.

    >>> p, v = np.array([1.0]), np.zeros(1)
    >>> rmsprop(p, np.array([2.0]), v, lr=0.25, alpha=0.75, eps=0.0).run()
    >>> v, p
    (array([1.]), array([0.5]))
    """
    g = _decayed(p, g, weight_decay, maximize)
    _average_square(v, g, alpha)
    t = _temporary("t", p)
    if centered:
        a = others[-1]
        _average(a, g, alpha)
        np.multiply(a, a, out=t)
        np.subtract(v, t, out=t)
        np.sqrt(t, out=t)
    else:
        np.sqrt(v, out=t)
    t += eps
    np.divide(g, t, out=t)
    if momentum != 0:
        b = others[0]
        b *= momentum
        b += t
        np.multiply(b, lr, out=t)
    else:
        t *= lr
    p -= t


@in_pieces
def asgd(p, g, ax, *, numbers, weight_decay=0.0, maximize=False):
    """Averaged stochastic gradient descent (Polyak and Juditsky 1992)::

        p  <- kept p - eta g
        ax <- (1 - mu) ax + mu p

    ``numbers`` are eta, kept (1 - lambda eta) and mu.

    >>> p, ax = np.array([1.0]), np.array([2.0])
    >>> asgd(p, np.array([1.0]), ax, numbers=(0.5, 1.0, 0.5)).run()
    >>> p, ax
    (array([0.5]), array([1.25]))
    """
    eta, kept, mu = numbers
    g = _decayed(p, g, weight_decay, maximize)
    p *= kept
    p -= np.multiply(g, eta, out=_temporary("t", p))
    ax *= 1 - mu
    ax += np.multiply(p, mu, out=_temporary("t", p))


@in_pieces
def rprop(p, g, previous, size, *, etas, step_sizes, maximize=False):
    """Resilient backpropagation (Riedmiller and Braun 1993), where only the signs of gradients count::

        size <- size * (eta+ if g keeps its sign, eta- if it changes, 1 if g or the last g is 0)
        size <- size between the two step_sizes
        g    <- 0 if it changes its sign
        p    <- p - sign(g) size

    ``previous`` is the last g, and becomes this one.

    >>> p, previous, size = np.zeros(3), np.array([1.0, 1.0, 0.0]), np.ones(3)
    >>> rprop(p, np.array([3.0, -3.0, 3.0]), previous, size, etas=(0.5, 2.0), step_sizes=(0, 9)).run()
    >>> p, previous
    (array([-2.,  0., -1.]), array([3., 0., 3.]))
    """
    shrink, grow, same, zero = (p.dtype.type(number) for number in (*etas, 1, 0))
    g = _decayed(p, g, 0.0, maximize)
    product = np.multiply(g, previous, out=_temporary("t", p))
    size *= np.where(product > 0, grow, np.where(product < 0, shrink, same))
    np.clip(size, *step_sizes, out=size)
    np.copyto(previous, np.where(product < 0, zero, g))
    p -= np.multiply(np.sign(previous), size, out=product)
