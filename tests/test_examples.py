"""The examples for PyTorch print the same under PyTorch and under `as_torch`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = [
    ("pytorch_mnist_cnn.py", ["--limit", "640", "--epochs", "2"]),
    ("pytorch_autoencoder.py", ["--epochs", "10"]),
    ("pytorch_blasius_pinn.py", ["--adam", "100", "--lbfgs", "25"]),
    ("pytorch_char_lstm.py", ["--steps", "20"]),
    ("pytorch_small_gpt.py", ["--steps", "20"]),
    ("pytorch_per_sample_gradients.py", ["--steps", "20", "--batch-size", "16"]),
    ("pytorch_normalizing_flow.py", ["--steps", "10", "--layers", "2"]),
    ("pytorch_reinforce.py", ["--updates", "6", "--episodes", "4"]),
    ("pytorch_vae.py", ["--limit", "500", "--epochs", "2"]),
    ("pytorch_dcgan.py", ["--steps", "20"]),
    ("pytorch_transformer_classifier.py", ["--steps", "10"]),
    ("pytorch_neural_ode.py", ["--steps", "40", "--length", "4"]),
]


def printed(*arguments):
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},  # PyTorch waits less so
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.needs_torch
@pytest.mark.parametrize(("name", "arguments"), EXAMPLES)
def test_examples_print_the_same_numbers(name, arguments):
    script = ROOT / "examples" / name
    expected = printed(script, *arguments)
    assert printed("-m", "cnn_physics77.as_torch", script, *arguments) == expected
    assert len(expected.splitlines()) > 2 and "nan" not in expected


def test_a_script_with_torchvision_runs(tmp_path):
    (tmp_path / "script.py").write_text(
        "import torch\n"
        "from torchvision import datasets, transforms\n"
        "from torchvision.utils import save_image\n"
        "import torchvision.transforms.functional as TF\n"
        "data = datasets.MNIST('data', train=False, transform=transforms.ToTensor())\n"
        "images, labels = next(iter(torch.utils.data.DataLoader(data, batch_size=4)))\n"
        f"save_image(images, {str(tmp_path / 'digits.png')!r})\n"
        "print(tuple(TF.hflip(images).shape), labels.tolist())\n"
    )
    found = printed("-m", "cnn_physics77.as_torch", tmp_path / "script.py")
    assert found == "(4, 1, 28, 28) [7, 2, 1, 0]\n" and (tmp_path / "digits.png").stat().st_size > 100
