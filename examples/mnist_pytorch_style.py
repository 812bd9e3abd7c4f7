"""An ordinary PyTorch script for MNIST, in the manner of the one in pytorch/examples. Only its imports are
changed, and two lines with ``performance`` are added: put ``import torch`` and its kin back, without those
lines, and it runs there."""

import argparse
import gzip
from pathlib import Path

import numpy as np

import cnn_physics77 as torch
import cnn_physics77.nn as nn
import cnn_physics77.nn.functional as F
import cnn_physics77.optim as optim
from cnn_physics77 import performance
from cnn_physics77.optim.lr_scheduler import StepLR
from cnn_physics77.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.dropout = nn.Dropout(0.25)
        self.fc1 = nn.Linear(16 * 7 * 7, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = torch.flatten(x, 1)
        x = self.dropout(x)
        x = F.relu(self.fc1(x))
        return F.log_softmax(self.fc2(x), dim=1)


def read_mnist(folder, part, limit):
    """Images (N, 1, 28, 28) in [0, 1] and labels (N,) from the canonical files."""
    with gzip.open(Path(folder) / f"{part}-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    with gzip.open(Path(folder) / f"{part}-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    return TensorDataset(
        torch.from_numpy(images[:limit].astype(np.float32) / 255),
        torch.from_numpy(labels[:limit].astype(np.int64)),
    )


def train(model, device, loader, optimizer, epoch):
    model.train()
    for step, (data, target) in enumerate(loader):
        data, target = data.to(device), target.to(device)
        optimizer.zero_grad()
        loss = F.nll_loss(model(data), target)
        loss.backward()
        optimizer.step()
        if step % 100 == 0:
            print(f"epoch {epoch}, step {step:4d}, loss {loss.item():.4f}", flush=True)


def test(model, device, loader):
    model.eval()
    loss, correct = 0.0, 0
    with torch.no_grad():
        for data, target in loader:
            data, target = data.to(device), target.to(device)
            output = model(data)
            loss += F.nll_loss(output, target, reduction="sum").item()
            correct += (output.argmax(dim=1) == target).sum().item()
    accuracy = 100.0 * correct / len(loader.dataset)
    print(f"test: mean loss {loss / len(loader.dataset):.4f}, accuracy {accuracy:.2f} %")
    return accuracy


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default=Path(__file__).parents[1] / "data" / "mnist")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=0.001)
    parser.add_argument("--seed", type=int, default=67)
    parser.add_argument("--limit", type=int, help="use only so many images")
    parser.add_argument("--save", help="where to save the model")
    args = parser.parse_args(arguments)

    torch.manual_seed(args.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    train_loader = DataLoader(read_mnist(args.data, "train", args.limit), args.batch_size, shuffle=True)
    test_loader = DataLoader(read_mnist(args.data, "t10k", args.limit), batch_size=1000)
    model = Net().to(device)
    optimizer = optim.Adam(model.parameters(), lr=args.lr)
    scheduler = StepLR(optimizer, step_size=1, gamma=0.7)
    accuracy = 0.0
    for epoch in range(1, args.epochs + 1):
        train(model, device, train_loader, optimizer, epoch)
        accuracy = test(model, device, test_loader)
        scheduler.step()
    if args.save:
        torch.save(model.state_dict(), args.save)
    return accuracy


if __name__ == "__main__":
    performance.apply()  # freed memory is kept for the next step; PyTorch has no such call
    main()
