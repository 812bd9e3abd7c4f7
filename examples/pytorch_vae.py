"""A variational autoencoder for MNIST (D. Kingma and M. Welling, arXiv:1312.6114), written for PyTorch. It
runs under both, with the same numbers:

    python examples/pytorch_vae.py
    python -m cnn_physics77.as_torch examples/pytorch_vae.py

The same seed draws the same weights, order of the images and noise in both. Everything is computed in
float64, as in float32 the two frameworks round otherwise.
"""

import argparse
import gzip
from pathlib import Path

import numpy as np
import torch
from torch import nn, optim
from torch.nn import functional as F
from torch.utils.data import DataLoader


class VAE(nn.Module):
    def __init__(self, latent):
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 200), nn.ReLU())
        self.mean = nn.Linear(200, latent)
        self.log_variance = nn.Linear(200, latent)
        self.decoder = nn.Sequential(
            nn.Linear(latent, 200), nn.ReLU(), nn.Linear(200, 784), nn.Unflatten(1, (1, 28, 28))
        )

    def forward(self, x):
        hidden = self.encoder(x)
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        z = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
        return self.decoder(z), mean, log_variance


def loss_function(logits, x, mean, log_variance):
    """Reconstruction, and divergence from the prior N(0, 1): nats for each image."""
    reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    divergence = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
    return reconstruction / len(x), divergence / len(x)


def images(folder, part, limit):
    with gzip.open(Path(folder) / f"{part}-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)[:limit]
    return torch.from_numpy(pixels / 255)


def losses_of(model, x):
    logits, mean, log_variance = model(x)
    return loss_function(logits, x, mean, log_variance)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=Path(__file__).parents[1] / "data" / "mnist")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--limit", type=int, default=2000, help="use only so many images")
    parser.add_argument("--latent", type=int, default=10)
    args = parser.parse_args()

    torch.set_default_dtype(torch.float64)
    torch.manual_seed(67)
    model = VAE(args.latent)
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    loader = DataLoader(images(args.data, "train", args.limit), args.batch_size, shuffle=True)
    test = images(args.data, "t10k", 500)
    for epoch in range(1, args.epochs + 1):
        model.train()
        for step, x in enumerate(loader):
            optimizer.zero_grad()
            reconstruction, divergence = losses_of(model, x)
            (reconstruction + divergence).backward()
            optimizer.step()
            if step % 10 == 0:
                print(
                    f"epoch {epoch}, step {step:3d}, reconstruction {reconstruction.item():.6f}, "
                    f"divergence {divergence.item():.6f}"
                )
        model.eval()
        with torch.no_grad():
            bound = sum(losses_of(model, test))
        print(f"test: negative log-likelihood below {bound.item():.6f} nats")
    with torch.no_grad():
        drawn = torch.sigmoid(model.decoder(torch.randn(16, args.latent)))
    print(f"drawn digits: mean {drawn.mean().item():.6f}, deviation {drawn.std().item():.6f}")


if __name__ == "__main__":
    main()
