"""What a function reads besides its arguments: variables of its module and of the functions around it, and
the attributes and items of what it finds there.

A capture fixes what Python computes, so it holds only while these are what they were: tensors the very same,
numbers and texts equal, lists and dicts of the same items.

They are found in the code, which is not run for it. Its names (``co_names``, and texts where ``getattr`` may
ask for them) are looked up wherever the function can get at them (:mod:`.walk`): in its module, its closure
and its defaults, in the objects that are there, and so on in the functions that it calls. This is repeated
until it gives no new name, as an object may be handed to a function that reads other attributes than the one
that has it. What comes of it is a list of :mod:`.places`, which :meth:`Environment.holds` compares before
each replay.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from cnn_physics77.compile.capture.walk import Names, Walk
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.tensor import Tensor


class Environment:
    """The variables that a function reads, and what they were.

    Attributes:
        modules: of layers, that were found, by id.
        problem: why the function cannot be captured; "" for nothing.

    >>> scale = 2.0
    >>> def scaled(x):
    ...     return x * scale
    >>> __name__ = "script"  # what belongs to the package is not looked into
    >>> seen = Environment(scaled)
    >>> seen.holds()
    True
    >>> scale = 3.0
    >>> seen.changed()
    'scale'
    """

    def __init__(self, function: Callable, arguments: Iterable[Any] = ()) -> None:
        self._roots, self._arguments = [function], list(arguments)
        self._names = Names()
        self._gradients: dict[int, tuple[Tensor, bool]] = {}  # whether there were none when a call began
        self.modules: dict[int, Module] = {}
        self.problem = ""
        self._note_all(frozenset())

    def add(self, functions: Iterable[Callable], guarded: Iterable[Module]) -> None:
        """Note what more functions read, now that the attributes of some modules are guarded as a whole."""
        self._roots += functions
        self._note_all(frozenset(map(id, guarded)))
        methods = vars(Tensor)  # now, as those that are rarely used come with their first call
        for name in self._names.all & methods.keys():
            self._places.note(methods, name, methods[name])
        self._places.finish()

    def _note_all(self, guarded: frozenset[int]) -> None:
        """Look at everything again until no further name is found, as a new one may be that of an attribute
        of an object that was seen before."""
        known = None
        while known != self._names and not self.problem:
            known = replace(self._names)
            walk = Walk(self._names, guarded)
            walk.run(self._roots, self._arguments)
            self._places, self.problem = walk.places, walk.problem
            self.modules.update(walk.modules)
            for key, leaf in walk.leaves.items():
                self._gradients.setdefault(key, (leaf, leaf._grad is None))

    def tensors(self) -> list[Tensor]:
        """The tensors among them."""
        return self._places.tensors()

    def holds(self) -> bool:
        """Whether all of them are what they were, and gradients that are asked for are there, or not."""
        gradients = self._gradients.values()
        return self._places.hold() and all((t._grad is None) is none for t, none in gradients)

    def changed(self) -> str:
        """The name of a variable that is not what it was; "" for none."""
        return self._places.changed()


def foreign_random_state() -> tuple:
    """That of the generators of Python and of NumPy which every function can reach."""
    state: Any = np.random.get_state()  # noqa: NPY002 (it is what a user's function may draw from)
    return random.getstate(), state[1].tobytes(), state[2:]
