"""Nobody works but the caller and our own workers: BLAS's own threads spin for 0.1 s after each product that
they share, on the cores that our next parallel region needs."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import threading
from pathlib import Path

import numpy as np

import cnn_physics77 as torch
import cnn_physics77.nn.functional as F
from cnn_physics77.core import model

torch.set_num_threads(2)

def seconds_of_others():
    ours = {thread.native_id for thread in threading.enumerate()}
    times = {}
    for task in Path("/proc/self/task").iterdir():
        if int(task.name) not in ours:
            times[task.name] = int((task / "schedstat").read_text().split()[0]) * 1e-9
    return sum(times.values())

def steps(network, images):
    optimizer = torch.optim.Adam(network.parameters())
    images = torch.from_numpy(np.random.default_rng(0).random(images, np.float32))
    labels = torch.zeros(len(images), dtype=torch.int64)
    for _ in range(3):
        optimizer.zero_grad()
        F.cross_entropy(network(images), labels).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()

before = seconds_of_others()
nn = torch.nn
for network, images in (
    (model.VGG(), (64, 1, 28, 28)),
    (model.ResNet20(), (32, 3, 32, 32)),
    (model.MLP(), (128, 1, 28, 28)),
    (nn.Sequential(nn.Flatten(), nn.LayerNorm(784), nn.Linear(784, 10)), (256, 1, 28, 28)),
):
    steps(network, images)
print(seconds_of_others() - before, len(list(Path("/proc/self/task").iterdir())))
"""


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="needs Linux's times of threads")
def test_the_threads_of_blas_sleep_while_networks_train():
    variables = {"OPENBLAS_NUM_THREADS": "2", "PATH": "/usr/bin:/bin"}
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=variables, cwd=root, capture_output=True, text=True, check=True
    )
    others, threads = done.stdout.split()
    assert int(threads) >= 2
    assert float(others) < 0.002
