"""The pipe to a process of its own: replies, errors in one line, and children that end."""

import os
import signal
import time

import psutil
import pytest

from cnn_physics77 import datasets
from cnn_physics77.benchmarks.helper import ExperimentConfig
from cnn_physics77.benchmarks.process.shared_inputs import SharedInputs
from cnn_physics77.benchmarks.process.worker import EXPERIMENT, Worker, WorkerError, parameter_shapes


def request(folder, **changes):
    config = ExperimentConfig(channels=1, hidden=4, threads=1, batch_size=32, **changes).run()
    return {"config": vars(config), "inputs": str(folder), "classes": 10}


@pytest.fixture
def inputs(tmp_path):
    place = SharedInputs(tmp_path)
    place.write_data(datasets.load("digits"), 80, 40)
    place.write_order(80, 67, 1)
    return place


@pytest.mark.parametrize("framework", ["numpy77", "numpy77_compiled"])
def test_a_life(inputs, framework):
    """Open, build, load, epochs, finish: each reply has what the log needs; the process has one thread."""
    with Worker([framework], threads=1, program=EXPERIMENT) as worker:
        pid = worker._process.pid
        assert worker.ask("open", **request(inputs.folder)) == {}
        built = worker.ask("build")
        shapes = parameter_shapes(built["parameters"])
        assert [shape.name for shape in shapes] == [
            "conv.weight",
            "fc1.weight",
            "fc1.bias",
            "fc2.weight",
            "fc2.bias",
        ]
        weights = inputs.write_weights(shapes, 67, "CNN")
        record = {"started": "now", "command_line": ["x"], "commit": None}
        loaded = worker.ask("load", weights=weights, warmup_steps=2, **record)
        environment = loaded["environment"]
        assert environment["framework_threads"] == 1 and environment["denormals"] == "kept"
        assert {pool["num_threads"] for pool in environment["thread_pools"]} == {1}
        assert environment["thread_variables"]["OPENBLAS_NUM_THREADS"] == "1"
        epoch = worker.ask("epoch", epoch=1, attempt=1)
        assert len(epoch["steps"]) == 3 and epoch["seconds"] >= sum(epoch["steps"]) > 0
        tested = worker.ask("evaluate")
        assert 0 <= tested["test_accuracy"] <= 1 and tested["test_loss"] > 0
        end = worker.ask("finish")
        assert len(end["predictions"]) == len(end["labels"]) == 40
        assert end["sha256"] != loaded["sha256"]

        memory = worker.ask("memory", weights=weights, steps=3, lanes=loaded["lanes"])
        assert memory["peak_bytes"] >= memory["baseline_bytes"] > 0 and memory["steps"] == 3
        replay = worker.ask("replay", epoch=1, diagnostics=True)
        assert replay["sha256"] == end["sha256"]  # the same weights, bit for bit
        assert len(replay["loss"]) == len(replay["gradient_norm"]) == 3
        for number, norm in enumerate(replay["gradient_norm"]):
            squares = sum(norms[number] ** 2 for norms in replay["layer_gradient_norm"].values())
            assert norm == pytest.approx(squares**0.5, rel=1e-12)
        assert list(replay["layer_gradient_norm"]) == [shape.name for shape in shapes]
    assert not psutil.pid_exists(pid)


def test_another_ctrl_c_while_a_child_is_closed_leaves_no_child(monkeypatch):
    worker = Worker(["numpy77"], threads=1, program=EXPERIMENT)
    wait = worker._process.wait

    def interrupted(timeout=None):
        if timeout is not None:
            raise KeyboardInterrupt
        return wait()

    monkeypatch.setattr(worker._process, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        worker.close()
    assert worker._process.returncode is not None


def test_an_error_in_the_child_is_one_line_and_the_child_lives_on(tmp_path):
    with Worker(["numpy77"], threads=1, program=EXPERIMENT) as worker:
        for _ in range(2):
            with pytest.raises(
                WorkerError, match=r"^numpy77: FileNotFoundError: .*train_images\.npy"
            ) as caught:
                worker.ask("open", **request(tmp_path / "nowhere"))
            assert "\n" not in str(caught.value)


def test_threads_other_than_asked_for_are_refused(inputs):
    with (
        Worker(["numpy77"], threads=2, program=EXPERIMENT) as worker,
        pytest.raises(WorkerError, match="expected at most 1 in every pool, found 2"),
    ):
        worker.ask("open", **request(inputs.folder))


def test_a_missing_framework_names_the_extra(inputs, tmp_path, monkeypatch):
    hidden = tmp_path / "hide"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text("import sys; sys.modules['torch'] = None\n")
    monkeypatch.setenv("PYTHONPATH", str(hidden))
    with (
        Worker(["pytorch"], threads=1, program=EXPERIMENT) as worker,
        pytest.raises(WorkerError, match=r'torch is missing: pip install "cnn_physics77\[bench\]"'),
    ):
        worker.ask("open", **request(inputs.folder))


def test_a_child_that_dies_is_told_with_its_signal():
    with Worker(["numpy77"], threads=1, program=EXPERIMENT) as worker:
        os.kill(worker._process.pid, signal.SIGKILL)
        with pytest.raises(
            WorkerError, match=r"ended with signal 9 \(perhaps out of memory\) during the request 'build'"
        ):
            worker.ask("build")


def test_a_child_that_cannot_start_is_told_with_its_last_words(monkeypatch, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys; print('no luck', file=sys.stderr); os._exit(3)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with (
        Worker(["numpy77"], threads=1, program=EXPERIMENT) as worker,
        pytest.raises(WorkerError, match="ended with status 3 during the request 'build': no luck"),
    ):
        worker.ask("build")


def test_ctrl_c_is_the_parents_to_handle_and_closing_ends_a_busy_child(inputs):
    worker = Worker(["numpy77"], threads=1, program=EXPERIMENT)
    process = psutil.Process(worker._process.pid)
    worker.ask("open", **request(inputs.folder))  # by now the signal is ignored
    process.send_signal(signal.SIGINT)
    weights = inputs.write_weights(parameter_shapes(worker.ask("build")["parameters"]), 67, "CNN")
    request_line = f'{{"do": "memory", "weights": "{weights}", "steps": 1000000, "lanes": ""}}\n'
    worker._process.stdin.write(request_line)
    worker._process.stdin.flush()
    start = time.monotonic()
    worker.close()
    assert time.monotonic() - start < 5 and not process.is_running()
