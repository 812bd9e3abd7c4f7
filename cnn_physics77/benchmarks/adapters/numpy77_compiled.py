"""This package with its training step captured: ``torch.compile(step, lanes="auto")``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cnn_physics77 as torch
from cnn_physics77 import optim
from cnn_physics77.compile.replay.processes import LanedProgram, worker
from cnn_physics77.core import model
from cnn_physics77.nn import functional

from ...results import Config
from .numpy77 import NumPy77


class Compiled(NumPy77):
    """Ours, captured. All else, such as the evaluation, runs as always."""

    def training_step(self, model: Any, optimizer: Any) -> Callable[[Any, Any], Any]:
        """The step, captured once for each number of images."""
        step = super().training_step(model, optimizer)
        return self.torch.compile(step, fullgraph=True, lanes=self.lanes or self._lanes_to_try())

    def _lanes_to_try(self) -> str:
        """The process of a second lane works as a second thread does, so one thread has none."""
        return "auto" if self.threads() > 1 else "threads"

    def settle(self, step: Any) -> str:
        """The faster lanes, "threads" or "processes". Captures for other numbers of images use them, too: to
        try again would move the parameters, which ends the captures so far."""
        step.lanes = "processes" if isinstance(step.program, LanedProgram) else "threads"
        return step.lanes

    def rehearse(self, config: Config) -> None:
        """Start the process of the second lane as well: its interpreter is code."""
        super().rehearse(config)
        if self._lanes_to_try() == "auto":
            worker()


ADAPTER = Compiled("numpy77_compiled", torch, functional, optim, model)
