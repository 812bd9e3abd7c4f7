"""The schema of a log: the one contract between running an experiment and drawing it.

A log describes one *run*: one framework, one optimizer, one network, one seed. Runs that took turns in one
invocation share a `group`; inside a group, the runs of two frameworks whose `pair_key` is equal had the same
initial weights and the same batches, and only their times may be divided by one another.

Each run is kept twice: `<run_id>.json`, complete and validated on reading, and `<run_id>.txt` for the eye.
Files are written atomically: under another name first, then renamed, so that a log is whole or absent.
JSON has no NaN and no infinities; a diverged loss is stored as the string ``"nan"``, ``"inf"`` or ``"-inf"``.

Units: seconds, bytes, and accuracies as fractions from 0 to 1. Lists over epochs and steps run in time order.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import tempfile
import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

SCHEMA = "cnn_physics77.run"
VERSION = 1

FRAMEWORKS = {"numpy77": "Custom", "pytorch": "Torch"}
"""Each framework's name in a log, and the word that labels it on the screen and in plots."""


Record = typing.TypeVar("Record")


class LogError(ValueError):
    """A file that is not a log, is damaged, or follows another version of the schema."""


@dataclass
class Config:
    """What was asked for."""

    mode: str  # "basic", "grid", "frontier"
    model: str  # name of the network's class, "CNN" for the specification's
    channels: int  # output channels of the convolution
    kernel_size: int  # side of the square kernel, pixels
    hidden: int  # width of the hidden dense layer
    optimizer: str  # "SGD" or "Adam"
    lr: float  # learning rate
    epochs: int
    batch_size: int  # images per step
    seed: int  # drives initial weights and the order of the batches
    dtype: str  # "float32" or "float64", of parameters, gradients, optimizer state and images
    threads: int  # threads that each framework was allowed
    diagnostics: bool  # whether per-layer gradient norms were recorded
    warmup_steps: int  # training steps before the first timed one, discarded


@dataclass
class DataRecord:
    """What the network was trained on."""

    name: str  # "mnist", "fashion-mnist", "digits"
    title: str  # for titles of plots; says so when the data stand in for what was not to be had
    fallback: bool  # True when the data stand in for MNIST, which could not be had
    source: str  # folder or package that the files came from
    sha256: dict[str, str]  # hash of each file as found
    train_size: int  # images
    test_size: int  # images
    image_shape: list[int]  # channels, height, width
    classes: int


@dataclass
class Environment:
    """The machine and the software of the process that ran the framework."""

    started: str  # ISO 8601, UTC
    command_line: list[str]
    commit: str | None  # of the source, "+" appended when it has uncommitted changes; None outside a checkout
    python: str
    platform: str
    cpu: str
    cores: int  # logical processors that the process may use
    caches: dict[str, str]  # as the kernel reports them, such as {"L2": "1024K"}
    memory_bytes: int  # physical memory of the machine
    packages: dict[str, str]  # versions
    thread_variables: dict[str, str]  # environment variables set before import
    thread_pools: list[dict[str, typing.Any]]  # what each native pool reports (threadpoolctl)
    framework_threads: int  # what the framework itself reports
    denormals: str  # "kept" or "flushed", as tested in the process
    freed_memory: str = "returned"  # or "kept", where the C library was told to keep it


@dataclass
class ParameterShape:
    """One parameter of the network."""

    name: str  # key in the state_dict
    shape: list[int]


@dataclass
class Architecture:
    """The network as the framework describes it."""

    description: str  # repr of the model
    parameters: list[ParameterShape]


@dataclass
class Disturbance:
    """What other programs did while something was on the clock."""

    others: float | None  # processors that they kept busy (1.0: one of them all the time); None: unknown
    attempts: int  # measurements, of which the least disturbed counts
    disturbed: bool  # whether others took too much in every attempt; then the time enters no comparison

    def __str__(self) -> str:
        if self.others is None:
            return "unknown"
        return f"{self.others:.2f}"


@dataclass
class EpochRecord:
    """One pass over the training set. Times come from the timed run, all that is None when a run was
    interrupted comes from its untimed replay (same weights, same batches)."""

    epoch: int  # from 1
    turn: int  # place in the order in which the frameworks of the group took turns, from 0
    seconds: float  # wall time of the pass: batches gathered, forward, backward, update; no evaluation
    test_loss: float  # mean cross-entropy on the test set after the pass
    test_accuracy: float  # fraction
    train_loss: float | None = None  # mean over the steps of the pass
    mean_gradient_norm: float | None = None  # mean over the steps of the pass
    peak_memory_bytes: int | None = None  # peak resident memory of the replay in this pass, above baseline
    disturbance: Disturbance | None = None  # None in logs from before it was recorded

    @property
    def disturbed(self) -> bool:
        """Whether other programs disturbed the timed run in this pass."""
        return self.disturbance is not None and self.disturbance.disturbed


@dataclass
class StepRecords:
    """One entry for each training step, epochs one after another."""

    seconds: list[float] = field(default_factory=list)  # timed run: forward, backward, update of one step
    loss: list[float] = field(default_factory=list)  # replay: cross-entropy of the batch before the update
    gradient_norm: list[float] = field(default_factory=list)  # replay: 2-norm of all gradients together
    # replay, with diagnostics: parameter name -> 2-norm of its gradient at each step
    layer_gradient_norm: dict[str, list[float]] = field(default_factory=dict)


@dataclass
class MemoryRecord:
    """Peak resident memory of a process of its own, apart from timing."""

    baseline_bytes: int  # resident after importing the framework and loading the data, before the network
    peak_bytes: int  # highest resident while training
    steps: int  # training steps run between the two readings
    ruler: str  # how the peak was read
    # beside it: bytes that one training step's graph keeps for its backward pass, by the name of the
    # derivative, apart from the parameters and the batch, which live anyway
    kept_bytes: dict[str, int] = field(default_factory=dict)

    @property
    def above_baseline_bytes(self) -> int:
        """Peak minus baseline."""
        return self.peak_bytes - self.baseline_bytes


@dataclass
class ProofRecord:
    """Both frameworks in float64, step by step: largest relative differences over all steps."""

    steps: int
    tolerance: float
    loss: float
    gradient_norm: float
    parameters: float  # 2-norm of the difference over the 2-norm, the worst parameter

    @property
    def passed(self) -> bool:
        """Whether no difference exceeds the tolerance (a NaN does)."""
        return all(value <= self.tolerance for value in (self.loss, self.gradient_norm, self.parameters))


@dataclass
class RunLog:
    """One run. See the module's docstring for what is shared inside a group."""

    run_id: str  # unique, also the files' stem
    group: str  # shared by the runs of one invocation
    status: str  # "finished" or "interrupted"
    framework: str  # a key of FRAMEWORKS
    config: Config
    data: DataRecord
    environment: Environment
    parameter_count: int
    architecture: Architecture
    initial_weights_sha256: str  # of the parameters as read back from the framework before step 1
    final_weights_sha256: str | None  # of the parameters after the last timed epoch
    permutation_sha256: list[str]  # order of the training images, one hash for each epoch
    accuracy_floor: float  # below it a run "did not train" and enters no comparison
    epochs: list[EpochRecord]
    steps: StepRecords
    memory: MemoryRecord | None = None
    proof: ProofRecord | None = None
    replay_equal: bool | None = None  # whether the replay ended with the timed run's weights, bit for bit
    labels: list[int] = field(default_factory=list)  # of the test images
    predictions: list[int] = field(default_factory=list)  # for the test images after the last epoch
    schema: str = SCHEMA
    version: int = VERSION

    @property
    def label(self) -> str:
        """Framework and optimizer as one word, such as ``Custom-Adam``."""
        return f"{FRAMEWORKS[self.framework]}-{self.config.optimizer}"

    @property
    def pair_key(self) -> tuple[object, ...]:
        """Equal for the runs of two frameworks that may be compared: everything but the framework."""
        return (self.group, *dataclasses.astuple(self.config))

    @property
    def disturbed_epochs(self) -> int:
        """Number of epochs whose time other programs disturbed."""
        return sum(record.disturbed for record in self.epochs)

    def step_seconds(self, *, disturbed: bool = False) -> list[float]:
        """Seconds of the steps of all epochs that were not disturbed, or of those that were."""
        count = len(self.steps.seconds) // max(1, len(self.epochs))
        return [
            seconds
            for number, record in enumerate(self.epochs)
            if record.disturbed == disturbed
            for seconds in self.steps.seconds[number * count : (number + 1) * count]
        ]

    @property
    def final_accuracy(self) -> float:
        """Test accuracy after the last epoch; NaN when no epoch was finished."""
        return self.epochs[-1].test_accuracy if self.epochs else math.nan

    @property
    def final_loss(self) -> float:
        """Test loss after the last epoch; NaN when no epoch was finished."""
        return self.epochs[-1].test_loss if self.epochs else math.nan

    @property
    def trained(self) -> bool:
        """Whether the run is finished and its accuracy reached the floor."""
        return self.status == "finished" and self.final_accuracy >= self.accuracy_floor


# --------------------------------------------------------------------------- values to JSON and back


def _encode(value: typing.Any) -> typing.Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: _encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encode(item) for item in value]
    return value


def _decode(kind: typing.Any, value: typing.Any, where: str) -> typing.Any:
    """`value` as an instance of the annotation `kind`, or a LogError that names the place."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is typing.Any:
        return value
    if origin is types.UnionType:
        inner = next(argument for argument in arguments if argument is not types.NoneType)
        return None if value is None else _decode(inner, value, where)
    if dataclasses.is_dataclass(kind) and isinstance(value, dict):
        return _decode_record(typing.cast(type, kind), value, where)
    if origin is list and isinstance(value, list):
        return [_decode(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(value)]
    if origin is dict and isinstance(value, dict):
        return {key: _decode(arguments[1], item, f"{where}[{key!r}]") for key, item in value.items()}
    if kind is float:
        if isinstance(value, float) or (type(value) is int and abs(value) < 2**1023):
            return float(value)
        if value in ("nan", "inf", "-inf"):
            return float(value)
    elif kind in (int, str, bool) and type(value) is kind:
        return value
    expected = getattr(kind, "__name__", str(kind)) if origin is None else str(kind)
    raise LogError(f"{where}: expected {expected}, found {value!r:.60}")


def _decode_record(kind: type, value: dict[str, typing.Any], where: str) -> typing.Any:
    hints = typing.get_type_hints(kind)
    fields = {item.name: item for item in dataclasses.fields(kind)}
    unknown = sorted(value.keys() - fields.keys())
    if unknown:
        raise LogError(f"{where}: unknown field {unknown[0]!r}; known are {', '.join(fields)}")
    found = {}
    for name, item in fields.items():
        if name in value:
            found[name] = _decode(hints[name], value[name], f"{where}.{name}")
        elif item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING:
            raise LogError(f"{where}: field {name!r} is missing")
    return kind(**found)


def validate(log: RunLog) -> None:
    """Check what types alone do not say.

    Raises:
        LogError: naming the field, what was expected and what was found.

    >>> validate(example_log())
    """

    def check(holds: bool, place: str, expected: str, found: object) -> None:
        if not holds:
            raise LogError(f"log {log.run_id}: {place}: expected {expected}, found {found!r:.60}")

    check(log.framework in FRAMEWORKS, "framework", f"one of {', '.join(FRAMEWORKS)}", log.framework)
    check(log.status in ("finished", "interrupted"), "status", "'finished' or 'interrupted'", log.status)
    check(log.config.dtype in ("float32", "float64"), "config.dtype", "float32 or float64", log.config.dtype)
    for record in log.epochs:
        place = f"epochs[{record.epoch - 1}]"
        check(0 <= record.test_accuracy <= 1, f"{place}.test_accuracy", "0 to 1", record.test_accuracy)
        check(0 < record.seconds < math.inf, f"{place}.seconds", "a positive time", record.seconds)
    if log.memory is not None:
        low = min(log.memory.baseline_bytes, log.memory.peak_bytes)
        check(0 < low <= 2**62, "memory", "positive sizes", low)
    for name, classes in {"labels": log.labels, "predictions": log.predictions}.items():
        outside = [value for value in classes if not 0 <= value < log.data.classes]
        check(not outside, name, f"classes from 0 to {log.data.classes - 1}", outside)
    check(len(log.labels) == len(log.predictions), "predictions", f"{len(log.labels)}", len(log.predictions))
    numbers = [record.epoch for record in log.epochs]
    check(numbers == list(range(1, len(numbers) + 1)), "epochs", "epochs 1, 2, ... in order", numbers)
    total = sum(math.prod(parameter.shape) for parameter in log.architecture.parameters)
    check(
        log.parameter_count == total,
        "parameter_count",
        f"{total} (the sum of architecture)",
        log.parameter_count,
    )
    steps = log.steps
    columns = {"gradient_norm": steps.gradient_norm} | {
        f"layer_gradient_norm[{name!r}]": norms for name, norms in steps.layer_gradient_norm.items()
    }
    for name, column in columns.items():
        check(len(column) == len(steps.loss), f"steps.{name}", f"{len(steps.loss)} entries", len(column))
    if log.status == "finished":
        right = sum(label == found for label, found in zip(log.labels, log.predictions, strict=True))
        check(
            not log.epochs or abs(right - log.final_accuracy * len(log.labels)) < 0.5,
            "epochs[-1].test_accuracy",
            f"{right} of {len(log.labels)}, as the predictions say",
            log.final_accuracy,
        )
        check(len(numbers) == log.config.epochs, "epochs", f"{log.config.epochs} epochs", len(numbers))
        check(
            len(steps.seconds) == len(steps.loss), "steps.seconds", f"{len(steps.loss)}", len(steps.seconds)
        )


def to_json(record: typing.Any) -> str:
    """A log (or another record with a schema) as JSON text, one field a line; `from_json` is its inverse."""
    content = _encode(dataclasses.asdict(record))
    lines = (f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in content.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def from_json(text: str, where: str = "log") -> RunLog:
    """Read a log, checking schema, version, fields, types and lengths.

    Args:
        text: what `to_json` wrote.
        where: name of the file, for errors.
    Raises:
        LogError: naming file and field.

    >>> log = example_log()
    >>> from_json(to_json(log)) == log
    True
    """
    log = decode(RunLog, text, where)
    validate(log)
    return log


def decode(kind: type[Record], text: str, where: str) -> Record:
    """Read a record with a schema, checking schema, version, fields and types; raises LogError."""
    schema, version = kind.schema, kind.version  # type: ignore[attr-defined]
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LogError(f"{where}: not JSON ({error}); the file is damaged or not a log") from None
    if not isinstance(content, dict) or content.get("schema") != schema:
        raise LogError(f"{where}: expected a log with schema {schema!r}; the file is something else")
    if content.get("version") != version:
        raise LogError(
            f"{where}: expected version {version} of the schema, found {content.get('version')!r}; "
            f"read it with the release that wrote it, or run again"
        )
    return _decode_record(kind, content, where)


# --------------------------------------------------------------------------- files


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file so that at every moment `path` is what it was or the whole new one.

    Text is written as UTF-8; what has no place there (bytes of a file name on the command line) is escaped.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.encode(errors="backslashreplace") if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # mkstemp gives the owner alone
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_log(log: RunLog, folder: str | os.PathLike[str]) -> Path:
    """Validate and write `<run_id>.json` and `<run_id>.txt` in `folder`; return the JSON's path."""
    validate(log)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{log.run_id}.json"
    write_atomically(path, to_json(log))
    write_atomically(path.with_suffix(".txt"), to_text(log))
    return path


def read_text(path: Path) -> str:
    """A file's text; raises LogError where it is not UTF-8, and OSError."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise LogError(f"{path}: not UTF-8 text ({error.reason}); the file is damaged or not a log") from None


def read_log(path: str | os.PathLike[str]) -> RunLog:
    """Read and validate one JSON log; raises LogError (damaged, other schema) or OSError."""
    return from_json(read_text(Path(path)), str(path))


def read_logs(folder: str | os.PathLike[str], group: str | None = None) -> list[RunLog]:
    """All logs of a folder in the order of their names, or those of one group; raises as `read_log` does."""
    logs = [read_log(path) for path in sorted(Path(folder).glob("*.json"))]
    return [log for log in logs if group is None or log.group == group]


# --------------------------------------------------------------------------- for the eye


def _table(header: list[str], rows: Iterable[list[str]]) -> list[str]:
    rows = [header, *rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
    return ["  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths)) for row in rows]


def _optional(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def to_text(log: RunLog) -> str:
    """The log without its long lists, for reading.

    >>> print(to_text(example_log()))
    Custom-Adam on MNIST: finished
    ...
    """
    config, data, environment = log.config, log.data, log.environment
    lines = [f"{log.label} on {data.title}: {log.status}"]
    if data.fallback:
        lines.append(
            "NOTE: these data stand in for MNIST, which could not be had; the figures are not MNIST's."
        )
    if log.status == "finished" and not log.trained:
        lines.append(f"DID NOT TRAIN: final accuracy below the floor of {log.accuracy_floor:.0%}.")
    lines += ["", f"run     {log.run_id}", f"group   {log.group}"]
    lines += [f"config  {', '.join(f'{name} {value}' for name, value in dataclasses.asdict(config).items())}"]
    lines += [f"data    {data.train_size} training and {data.test_size} test images from {data.source}"]
    lines += ["", f"network {config.model}, {log.parameter_count} parameters"]
    lines += [f"  {parameter.name:<24}{tuple(parameter.shape)}" for parameter in log.architecture.parameters]
    lines += [
        "",
        "epochs (seconds of training alone; loss and accuracy on the test set; rest from the replay)",
    ]
    lines += _table(
        [
            "epoch",
            "seconds",
            "others",
            "attempts",
            "test loss",
            "accuracy %",
            "train loss",
            "gradient norm",
            "peak memory MB",
        ],
        (
            [
                str(record.epoch),
                f"{record.seconds:.3f}",
                "-" if record.disturbance is None else str(record.disturbance),
                "-" if record.disturbance is None else str(record.disturbance.attempts),
                f"{record.test_loss:.4f}",
                f"{100 * record.test_accuracy:.2f}",
                _optional(record.train_loss, ".4f"),
                _optional(record.mean_gradient_norm, ".4g"),
                "-" if record.peak_memory_bytes is None else f"{record.peak_memory_bytes / 1e6:.1f}",
            ]
            for record in log.epochs
        ),
    )
    lines += ["  others: processors that other programs kept busy meanwhile"]
    if log.disturbed_epochs:
        numbers = ", ".join(str(record.epoch) for record in log.epochs if record.disturbed)
        lines += [f"DISTURBED in every attempt: epochs {numbers}; their times enter no comparison."]
    if log.memory is not None:
        memory = log.memory
        lines += [
            "",
            f"memory  peak {memory.peak_bytes / 1e6:.1f} - baseline {memory.baseline_bytes / 1e6:.1f} = "
            f"{memory.above_baseline_bytes / 1e6:.1f} MB over {memory.steps} steps ({memory.ruler})",
        ]
        if memory.kept_bytes:
            kept = ", ".join(f"{name} {size / 1e6:.2f}" for name, size in memory.kept_bytes.items())
            lines += [f"  kept for the backward pass of one step, MB: {kept}"]
    if log.proof is not None:
        proof = log.proof
        lines += [
            "",
            f"proof   float64, {proof.steps} steps in both frameworks, largest relative differences: "
            f"loss {proof.loss:.1e}, gradient norm {proof.gradient_norm:.1e}, "
            f"parameters {proof.parameters:.1e} "
            f"(tolerance {proof.tolerance:.0e}: {'passed' if proof.passed else 'FAILED'})",
        ]
    lines += ["", f"weights before step 1   {log.initial_weights_sha256}"]
    lines += [f"weights at the end      {log.final_weights_sha256 or '-'}"]
    lines += [f"replay equal            {'-' if log.replay_equal is None else log.replay_equal}"]
    lines += [f"order of epoch {i:<3}      {value}" for i, value in enumerate(log.permutation_sha256, 1)]
    lines += ["", f"started {environment.started}, source {environment.commit or 'outside a checkout'}"]
    lines += [f"command {' '.join(environment.command_line)}"]
    lines += [f"machine {environment.cpu}, {environment.cores} cores, {environment.platform}"]
    caches = ", ".join(f"{name} {size}" for name, size in environment.caches.items())
    lines += [f"caches  {caches or 'unknown'}; memory {environment.memory_bytes / 1e9:.1f} GB"]
    versions = ", ".join(f"{name} {version}" for name, version in environment.packages.items())
    lines += [f"with    Python {environment.python}, {versions}"]
    lines += [f"threads {environment.framework_threads} (framework); denormals {environment.denormals}"]
    lines += [f"freed memory {environment.freed_memory}"]
    for pool in environment.thread_pools:
        name = f"{pool.get('internal_api', '?')} {pool.get('version') or ''}".strip()
        lines += [f"  pool  {name}: {pool.get('num_threads')} threads"]
    return "\n".join(lines) + "\n"


def example_log(framework: str = "numpy77", **changes: typing.Any) -> RunLog:
    """A small complete log with invented figures, for examples and tests of what reads logs.

    Args:
        framework: a key of FRAMEWORKS.
        changes: fields of `RunLog` to replace, as in `dataclasses.replace`.

    >>> example_log("pytorch", status="interrupted").label
    'Torch-Adam'
    """
    log = RunLog(
        run_id=f"example_{FRAMEWORKS[framework]}-Adam_seed67",
        group="example",
        status="finished",
        framework=framework,
        config=Config(
            mode="basic",
            model="CNN",
            channels=8,
            kernel_size=3,
            hidden=128,
            optimizer="Adam",
            lr=0.001,
            epochs=2,
            batch_size=64,
            seed=67,
            dtype="float32",
            threads=2,
            diagnostics=False,
            warmup_steps=20,
        ),
        data=DataRecord(
            name="mnist",
            title="MNIST",
            fallback=False,
            source="data/mnist",
            sha256={},
            train_size=192,
            test_size=4,
            image_shape=[1, 28, 28],
            classes=10,
        ),
        environment=Environment(
            started="2026-01-01T00:00:00+00:00",
            command_line=["main.py"],
            commit=None,
            python="3.11.7",
            platform="Linux",
            cpu="example",
            cores=2,
            caches={"L2": "1024K"},
            memory_bytes=8 * 10**9,
            packages={"numpy": "2.4.6"},
            thread_variables={"OMP_NUM_THREADS": "2"},
            thread_pools=[{"internal_api": "openblas", "version": "0.3.31", "num_threads": 2}],
            framework_threads=2,
            denormals="kept",
        ),
        parameter_count=90,
        architecture=Architecture(
            "CNN()", [ParameterShape("fc.weight", [10, 8]), ParameterShape("fc.bias", [10])]
        ),
        initial_weights_sha256="0" * 64,
        final_weights_sha256="1" * 64,
        permutation_sha256=["2" * 64, "3" * 64],
        accuracy_floor=0.5,
        epochs=[
            EpochRecord(1, 0, 3.5, 0.30, 0.75, 0.60, 1.5, 20_000_000),
            EpochRecord(2, 3, 3.6, 0.20, 1.00, 0.25, 0.9, 20_000_000),
        ],
        steps=StepRecords(
            seconds=[0.004] * 6,
            loss=[2.3, 1.4, 0.9, 0.4, 0.2, 0.15],
            gradient_norm=[1.0, 2.0, 1.5, 1.0, 0.9, 0.8],
        ),
        memory=MemoryRecord(300_000_000, 320_000_000, 100, "VmHWM", {"ReluBackward": 1_384_448}),
        proof=ProofRecord(50, 1e-9, 1e-15, 2e-15, 3e-12),
        replay_equal=True,
        labels=[7, 2, 1, 0],
        predictions=[7, 2, 1, 0],
    )
    return dataclasses.replace(log, **changes)
