"""Running an experiment: proof, timed epochs in turns, untimed replay, one log for each run.

For each configuration, all frameworks (ours as it is, captured, or both, and PyTorch) go through the same
stages:

1. *Proof*: all in one process, in float64, step by step. If one of ours disagrees with PyTorch, nothing is
   timed.
2. *Timed run*: a fresh process each. All load the same weights, warm up, and take turns epoch by epoch. Only
   the epoch is on the clock: gathering batches, forward, backward, update. An epoch that other programs
   disturbed is repeated from the state before it, and marked in the log if it stays disturbed.
3. *Replay*: another fresh process each, one after the other, untimed. First peak memory over a fixed number
   of steps; then the same epochs again from the same weights, recording the loss and the gradient norm of
   every step. The log says whether the replay ended with the timed run's weights, bit for bit.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import math
import sys
import tempfile
from collections.abc import Callable
from typing import Any

from ...datasets import ImageData
from ...results import (
    FRAMEWORKS,
    Architecture,
    Config,
    DataRecord,
    Disturbance,
    Environment,
    EpochRecord,
    MemoryRecord,
    ProofRecord,
    RunLog,
    StepRecords,
    write_log,
)
from ..helper import ExperimentConfig
from ..instruments.disturbance import undisturbed
from ..instruments.measure import SETTLE_SECONDS, MeasurementError, interleaved, source_commit
from ..process.shared_inputs import SharedInputs
from ..process.worker import EXPERIMENT, Worker, parameter_shapes
from .lockstep import prove


class Progress:
    """Receives the progress of an experiment. This one is silent; a screen overrides its methods."""

    def stage(self, title: str, total: int) -> None:
        """A stage of `total` units begins."""

    def advance(self, done: int) -> None:
        """`done` units of the stage are done."""

    def note(self, text: str) -> None:
        """A permanent line."""


class Experiment:
    """One invocation: its runs share a group, a folder for logs, and the shared inputs.

    Args:
        settings: what to run.
        data: the loaded images.
        progress: notified of the progress.

    Attributes:
        group: name shared by all logs of this invocation.
        logs: of the runs so far, finished or (after an interruption) partial; already on disk.
    """

    def __init__(self, settings: ExperimentConfig, data: ImageData, progress: Progress | None = None) -> None:
        self.settings = settings
        self.data = data
        self.progress = progress or Progress()
        self.logs: list[RunLog] = []
        now = datetime.datetime.now(datetime.UTC)
        self.started = now.isoformat(timespec="seconds")
        self.group = f"{now:%Y%m%d-%H%M%S-%f}_{settings.mode}"  # microseconds: two may start at once
        self.commit = source_commit()
        self.train_size = len(data.train_labels[: settings.train_size])
        self.test_size = len(data.test_labels[: settings.test_size])
        self.steps_per_epoch = -(-self.train_size // settings.batch_size)

    def run(self) -> list[RunLog]:
        """Run everything and return the logs, which are also written as soon as a configuration is done.

        Raises:
            MeasurementError: the frameworks disagree in float64, were not given the same, or threads or
                dtypes are not what was asked for.
            WorkerError: a framework's process failed.
            OSError: a log could not be written.
        """
        settings = self.settings
        with tempfile.TemporaryDirectory(prefix="cnn_physics77_") as folder:
            inputs = SharedInputs(folder)
            inputs.write_data(self.data, settings.train_size, settings.test_size)
            configs = settings.runs()
            inputs.write_order(self.train_size, settings.seed, 1)  # for the proof
            proofs = self._prove(configs, inputs)
            for config in configs:
                runs = RunsInTurns(self, config, inputs, proofs[_network(config)])
                try:
                    runs.run()
                finally:
                    self.logs += runs.write()
        return self.logs

    def _prove(
        self, configs: list[Config], inputs: SharedInputs
    ) -> dict[tuple[Any, ...], dict[str, ProofRecord]]:
        distinct = {_network(config): config for config in reversed(configs)}
        found: dict[tuple[Any, ...], dict[str, ProofRecord]] = {}
        self.progress.stage("float64 lockstep", len(distinct))
        with Worker(self.settings.frameworks(), self.settings.threads, EXPERIMENT) as worker:
            for key, config in distinct.items():
                proofs = prove(worker, inputs, config, len(self.data.classes), self.settings.proof_steps)
                for framework, proof in proofs.items():
                    if not proof.passed:
                        raise MeasurementError(
                            f"lockstep: within {proof.steps} steps of {config.optimizer} in float64 the "
                            f"frameworks differ by more than {proof.tolerance:.0e} ({FRAMEWORKS[framework]}: "
                            f"loss {proof.loss:.1e}, gradient norm {proof.gradient_norm:.1e}, parameters "
                            f"{proof.parameters:.1e}); nothing was timed"
                        )
                found[key] = proofs
                self.progress.advance(len(found))
        every = [proof for proofs in found.values() for proof in proofs.values()]
        worst = max(max(proof.loss, proof.gradient_norm, proof.parameters) for proof in every)
        self.progress.note(
            f"lockstep in float64, {self.settings.proof_steps} steps: largest relative difference "
            f"{worst:.1e}, within {every[0].tolerance:.0e}"
        )
        return found


def _network(config: Config) -> tuple[Any, ...]:
    """The settings that a proof is valid for: all but the seed."""
    return dataclasses.astuple(dataclasses.replace(config, seed=0))


def _remark(disturbance: Disturbance) -> str:
    """What a line about a timed part adds where others disturbed it."""
    if disturbance.disturbed:
        return f"; DISTURBED in {disturbance.attempts} attempts, others kept {disturbance} processors busy"
    return f"; undisturbed at attempt {disturbance.attempts}" if disturbance.attempts > 1 else ""


class _Run:
    """The records of one framework's run, as far as they are known."""

    def __init__(self, framework: str) -> None:
        self.framework = framework
        self.label = FRAMEWORKS[framework]
        self.epochs: list[EpochRecord] = []
        self.steps = StepRecords()
        self.memory: MemoryRecord | None = None
        self.built: dict[str, Any] = {}
        self.lanes = ""  # of a captured step
        self.loaded = ""  # hash of the initial weights as the framework holds them
        self.environment: Environment | None = None
        self.end: dict[str, Any] | None = None  # reply of `finish`
        self.replay_equal: bool | None = None
        self.replayed = 0  # epochs


class RunsInTurns:
    """One configuration in all frameworks."""

    def __init__(
        self,
        experiment: Experiment,
        config: Config,
        inputs: SharedInputs,
        proofs: dict[str, ProofRecord],
    ) -> None:
        self.experiment, self.config, self.inputs = experiment, config, inputs
        self.proofs = proofs  # of each of ours, against PyTorch
        self.orders: list[str] = []  # hash of each epoch's permutation, drawn before its first turn
        self.runs = {framework: _Run(framework) for framework in experiment.settings.frameworks()}
        self.progress = experiment.progress
        self.weights = ""

    def _draw_order(self, epoch: int) -> None:
        if len(self.orders) < epoch:
            self.orders.append(self.inputs.write_order(self.experiment.train_size, self.config.seed, epoch))

    def _open(self, framework: str) -> Worker:
        worker = Worker([framework], self.config.threads, EXPERIMENT)
        try:
            worker.ask(
                "open",
                config=dataclasses.asdict(self.config),
                inputs=str(self.inputs.folder),
                classes=len(self.experiment.data.classes),
            )
        except BaseException:
            worker.close()
            raise
        return worker

    def run(self) -> None:
        """Run all stages; after an exception `runs` holds what was finished."""
        self._timed()
        for run in self.runs.values():
            self._replay(run)

    def _name(self, run: _Run) -> str:
        name = f"{run.label}-{self.config.optimizer}"
        if self.experiment.settings.seeds > 1:
            name += f" seed {self.config.seed}"
        if self.experiment.settings.mode == "frontier":
            name += f" {self._parameter_count(run):,} parameters"
        return name

    @staticmethod
    def _parameter_count(run: _Run) -> int:
        return sum(math.prod(parameter["shape"]) for parameter in run.built["parameters"])

    def _timed(self) -> None:
        with contextlib.ExitStack() as stack:
            workers = {name: stack.enter_context(self._open(name)) for name in self.runs}
            self._draw_order(1)  # the warm-up takes its batches, too
            self._give_the_same(workers)
            first = next(iter(self.runs.values()))
            what = self._name(first).split("-", 1)[1]
            self.progress.stage(f"{what}: timed epochs", len(self.runs) * self.config.epochs)
            for turn, (epoch, name) in enumerate(interleaved(list(self.runs), self.config.epochs)):
                self._draw_order(epoch)
                self._timed_epoch(self.runs[name], workers[name], epoch, turn)
                self.progress.advance(turn + 1)
            for name, run in self.runs.items():
                run.end = workers[name].ask("finish")

    def _give_the_same(self, workers: dict[str, Worker]) -> None:
        """Build the network in each process, load the same weights, check that all hold the same bits."""
        for name, worker in workers.items():
            self.runs[name].built = worker.ask("build")
        first, *others = (self.runs[name].built["parameters"] for name in workers)
        if any(other != first for other in others):
            raise MeasurementError(f"the networks differ: {first} in one framework, {others} in the others")
        shapes = parameter_shapes(first)
        self.weights = self.inputs.write_weights(shapes, self.config.seed, self.config.model)
        for name, worker in workers.items():
            reply = worker.ask(
                "load",
                weights=self.weights,
                warmup_steps=self.config.warmup_steps,
                started=self.experiment.started,
                command_line=list(sys.argv),
                commit=self.experiment.commit,
            )
            self.runs[name].loaded, self.runs[name].lanes = reply["sha256"], reply["lanes"]
            self.runs[name].environment = Environment(**reply["environment"])
        if len({run.loaded for run in self.runs.values()}) > 1:
            raise MeasurementError("the frameworks hold different initial weights")

    def _timed_epoch(self, run: _Run, worker: Worker, epoch: int, turn: int) -> None:
        timed, disturbance = undisturbed(
            lambda attempt: worker.ask("epoch", epoch=epoch, attempt=attempt), SETTLE_SECONDS
        )
        tested = worker.ask("evaluate")
        run.epochs.append(EpochRecord(epoch, turn, timed["seconds"], **tested, disturbance=disturbance))
        run.steps.seconds += timed["steps"]
        self.progress.note(
            f"{self._name(run)} epoch {epoch}/{self.config.epochs}: {timed['seconds']:.2f} s, test loss "
            f"{tested['test_loss']:.4f}, accuracy {100 * tested['test_accuracy']:.2f} %"
            + _remark(disturbance)
        )

    def _replay(self, run: _Run) -> None:
        config, steps = self.config, self.experiment.steps_per_epoch
        self.progress.stage(f"{self._name(run)}: memory and per-step records, untimed", config.epochs * steps)
        with self._open(run.framework) as worker:
            memory = worker.ask(
                "memory",
                weights=self.weights,
                steps=self.experiment.settings.memory_steps,
                lanes=run.lanes,
            )
            run.memory = MemoryRecord(**memory)
            for record in run.epochs:
                reply = worker.ask(
                    "replay",
                    on_progress=self._counter((record.epoch - 1) * steps),
                    epoch=record.epoch,
                    diagnostics=config.diagnostics,
                )
                run.steps.loss += reply["loss"]
                run.steps.gradient_norm += reply["gradient_norm"]
                for name, norms in reply["layer_gradient_norm"].items():
                    run.steps.layer_gradient_norm.setdefault(name, []).extend(norms)
                record.train_loss = sum(reply["loss"]) / len(reply["loss"])
                record.mean_gradient_norm = sum(reply["gradient_norm"]) / len(reply["gradient_norm"])
                record.peak_memory_bytes = reply["peak_memory_bytes"]
                run.replayed = record.epoch
                self.progress.advance(record.epoch * steps)
            assert run.end is not None
            run.replay_equal = reply["sha256"] == run.end["sha256"]
        if not run.replay_equal:
            self.progress.note(
                f"{self._name(run)}: the replay ended with other weights than the timed run. This framework "
                "is not reproducible bit for bit here; per-step figures are those of the replay"
            )

    def _counter(self, before: int) -> Callable[[int], None]:
        return lambda count: self.progress.advance(before + count)

    def write(self) -> list[RunLog]:
        """Write and return a log for each run with at least one finished epoch."""
        logs = [self._log(run) for run in self.runs.values() if run.epochs]
        for log in logs:
            write_log(log, self.experiment.settings.log_dir)
        return logs

    def _run_id(self, run: _Run) -> str:
        parts = [self.experiment.group, f"{run.label}-{self.config.optimizer}"]
        if self.experiment.settings.mode == "frontier":
            parts.append(f"{self._parameter_count(run)}p")
        return "_".join([*parts, f"seed{self.config.seed}"])

    def _log(self, run: _Run) -> RunLog:
        experiment, data = self.experiment, self.experiment.data
        end = run.end or {}
        finished = run.replayed == self.config.epochs
        assert run.environment is not None, "known before the first epoch"
        return RunLog(
            run_id=self._run_id(run),
            group=experiment.group,
            status="finished" if finished else "interrupted",
            framework=run.framework,
            config=self.config,
            data=DataRecord(
                name=data.name,
                title=data.title,
                fallback=data.fallback,
                source=data.source,
                sha256=data.sha256,
                train_size=experiment.train_size,
                test_size=experiment.test_size,
                image_shape=list(data.train_images.shape[1:]),
                classes=len(data.classes),
            ),
            environment=run.environment,
            parameter_count=self._parameter_count(run),
            architecture=Architecture(run.built["description"], parameter_shapes(run.built["parameters"])),
            initial_weights_sha256=run.loaded,
            final_weights_sha256=end.get("sha256"),
            permutation_sha256=self.orders,
            accuracy_floor=experiment.settings.accuracy_floor,
            epochs=run.epochs,
            steps=run.steps,
            memory=run.memory,
            proof=self.proofs.get(run.framework, next(iter(self.proofs.values()))),
            lanes=run.lanes,
            replay_equal=run.replay_equal,
            labels=end.get("labels", []),
            predictions=end.get("predictions", []),
        )
