"""A convolutional network for MNIST, written for PyTorch. It runs under both, with the same numbers:

    python examples/pytorch_mnist_cnn.py
    python -m cnn_physics77.as_torch examples/pytorch_mnist_cnn.py

It follows the MNIST example of pytorch/examples, with batch norm and Adam: two blocks of convolution and
pooling and a linear layer learn the digits. The same seed draws the same weights and order of the images in
both. Everything is computed in float64, as in float32 the two frameworks round otherwise.
"""

import argparse
import gzip
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, Dataset


class MNIST(Dataset):
    """Images (1, 28, 28) with mean 0 and deviation 1, and labels, from the canonical files."""

    def __init__(self, folder, part, limit):
        with gzip.open(Path(folder) / f"{part}-images-idx3-ubyte.gz") as file:
            self.images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)[:limit]
        with gzip.open(Path(folder) / f"{part}-labels-idx1-ubyte.gz") as file:
            self.labels = np.frombuffer(file.read(), np.uint8, offset=8)[:limit]

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        image = torch.from_numpy(self.images[index].astype(np.float64))
        return (image / 255 - 0.1307) / 0.3081, int(self.labels[index])


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Linear(16 * 7 * 7, 10)

    def forward(self, x):
        x = self.features(x)
        return F.log_softmax(self.classifier(torch.flatten(x, 1)), dim=1)


def train(model, loader, optimizer, epoch):
    model.train()
    for step, (data, target) in enumerate(loader):
        optimizer.zero_grad()
        loss = F.nll_loss(model(data), target)
        loss.backward()
        optimizer.step()
        if step % 10 == 0:
            print(f"epoch {epoch}, step {step:3d}, loss {loss.item():.6f}")


def test(model, loader):
    model.eval()
    loss, correct = 0.0, 0
    with torch.no_grad():
        for data, target in loader:
            output = model(data)
            loss += F.nll_loss(output, target, reduction="sum").item()
            correct += (output.argmax(dim=1) == target).sum().item()
    count = len(loader.dataset)
    print(f"test: mean loss {loss / count:.6f}, accuracy {100.0 * correct / count:.2f} %")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=Path(__file__).parents[1] / "data" / "mnist")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--limit", type=int, default=2000, help="use only so many images")
    args = parser.parse_args()

    torch.set_default_dtype(torch.float64)
    torch.manual_seed(67)
    model = Net()
    optimizer = optim.Adam(model.parameters(), lr=0.003)
    scheduler = StepLR(optimizer, step_size=1, gamma=0.7)
    train_loader = DataLoader(MNIST(args.data, "train", args.limit), args.batch_size, shuffle=True)
    test_loader = DataLoader(MNIST(args.data, "t10k", args.limit), batch_size=500)
    for epoch in range(1, args.epochs + 1):
        train(model, train_loader, optimizer, epoch)
        test(model, test_loader)
        scheduler.step()


if __name__ == "__main__":
    main()
