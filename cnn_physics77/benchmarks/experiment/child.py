"""A process of an experiment: it trains one network in one framework, or compares both step by step.

Requests (see `process.worker` for the pipe): ``open`` (import the framework, set threads, load the data),
``build``, ``load`` (weights, warm-up), ``epoch`` (timed), ``evaluate``, ``finish``; ``memory`` and ``replay``
in the untimed process; ``build_all`` and ``prove`` in a process that holds all frameworks.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from typing import Any

from ... import performance
from ...results import REFERENCE, Config, MemoryRecord
from .. import adapters
from ..instruments.measure import MemoryRuler, check_threads, environment, thread_pools
from ..process.shared_inputs import SharedInputs, digest
from ..process.worker import WorkerError, serve
from ..train import Trainer
from .lockstep import compare


class Child:
    """The child's side of the pipe: one method for each request."""

    def __init__(self, frameworks: list[str], send: Callable[[dict[str, Any]], None]) -> None:
        self._frameworks = frameworks
        self._send = send
        self.trainers: list[Trainer] = []

    def open(self, config: dict[str, Any], inputs: str, classes: int) -> dict[str, Any]:
        """Import the frameworks, set their threads, load the data from the folder `inputs`."""
        settings, shared = Config(**config), SharedInputs(inputs)
        self.trainers = []
        if self._frameworks != [REFERENCE]:
            performance.apply()
        for name in self._frameworks:
            adapter = adapters.load(name)
            check_threads(thread_pools(), adapter.set_threads(settings.threads), settings.threads)
            self.trainers.append(Trainer(adapter, settings, classes, shared))
        self.trainer = self.trainers[0]
        return {}

    def build(self) -> dict[str, Any]:
        """Make the network; its parameters and how the framework prints it."""
        parameters = [dataclasses.asdict(parameter) for parameter in self.trainer.build()]
        return {"parameters": parameters, "description": repr(self.trainer.model)}

    def load(
        self, weights: str, warmup_steps: int, started: str, command_line: list[str], commit: str | None
    ) -> dict[str, Any]:
        """Load the weights, verify them bit for bit, warm up, start again; return the environment, and the
        lanes of a captured step."""
        held = self.trainer.reset(weights)
        self.trainer.warm_up(warmup_steps, weights)
        adapter = self.trainer.adapter
        threads = adapter.threads()
        record = environment(started, command_line, commit, threads, adapter.denormals())
        check_threads(record.thread_pools, threads, self.trainer.config.threads)
        return {"sha256": held, "environment": dataclasses.asdict(record), "lanes": self.trainer.lanes}

    def epoch(self, epoch: int, attempt: int) -> dict[str, Any]:
        """One timed epoch, from the same state at every attempt: its seconds and those of its steps."""
        if attempt == 1:
            self.trainer.keep()
        else:
            self.trainer.go_back()
        times = self.trainer.train(self.trainer.batches(epoch))
        return {"seconds": times.total, "steps": times.steps}

    def evaluate(self) -> dict[str, Any]:
        """Loss and accuracy on the test set, off the clock."""
        result = self.trainer.evaluate()
        self._predictions = result.predictions
        return {"test_loss": result.loss, "test_accuracy": result.accuracy}

    def finish(self) -> dict[str, Any]:
        """Hash of the weights, and labels and predictions of the last evaluation."""
        return {
            "sha256": digest(self.trainer.adapter.parameters(self.trainer.model)),
            "labels": self.trainer.test_labels.tolist(),
            "predictions": self._predictions.tolist(),
        }

    def memory(self, weights: str, steps: int, lanes: str) -> dict[str, Any]:
        """Peak memory over `steps` training steps, network and optimizer included, without the code that the
        framework loads on its first step. Then all is as before the first epoch of the timed run, whose
        `lanes` are given."""
        self.trainer.adapter.rehearse(self.trainer.config)
        self._ruler = MemoryRuler()
        self._ruler.start()
        self.trainer.build()
        self.trainer.reset(weights)
        self.trainer.train(self.trainer.batches_endless(steps))
        peak = self._ruler.peak()
        record = MemoryRecord(self._ruler.baseline, peak, steps, self._ruler.name, self.trainer.kept_bytes())
        self._baseline = self._ruler.baseline
        self.trainer.adapter.lanes = lanes
        self.trainer.reset(weights)
        self.trainer.warm_up(self.trainer.config.warmup_steps, weights)
        return dataclasses.asdict(record)

    def replay(self, epoch: int, diagnostics: bool) -> dict[str, Any]:
        """Repeat an epoch untimed and record the loss and the gradient norm of every step."""
        losses: list[float] = []
        norms: list[float] = []
        layers: dict[str, list[float]] = {}
        self._ruler.start()

        def record(number: int, loss: Any) -> None:
            losses.append(loss.item())
            found = self.trainer.gradient_norms()
            norms.append(sum(value * value for value in found.values()) ** 0.5)
            if diagnostics:
                for name, value in found.items():
                    layers.setdefault(name, []).append(value)
            if number % 50 == 49:
                self._send({"progress": number + 1})

        self.trainer.train(self.trainer.batches(epoch), record)
        return {
            "loss": losses,
            "gradient_norm": norms,
            "layer_gradient_norm": layers,
            "peak_memory_bytes": self._ruler.peak() - self._baseline,
            "sha256": digest(self.trainer.adapter.parameters(self.trainer.model)),
        }

    def build_all(self, config: dict[str, Any], inputs: str, classes: int) -> dict[str, Any]:
        """Open all frameworks and build the network in each; return the parameters, which must be equal."""
        self.open(config, inputs, classes)
        first, *others = (trainer.build() for trainer in self.trainers)
        for other in others:
            if other != first:
                raise WorkerError(f"the networks differ: {first} in one framework, {other} in another")
        return {"parameters": [dataclasses.asdict(parameter) for parameter in first]}

    def prove(self, weights: str, steps: int) -> dict[str, Any]:
        """Compare each framework with the last one, the reference, step by step."""
        *others, reference = self.trainers
        return {
            trainer.adapter.name: dataclasses.asdict(compare([trainer, reference], weights, steps))
            for trainer in others
        }


if __name__ == "__main__":
    serve(sys.argv[1:], Child)
