"""A deep convolutional GAN for MNIST (A. Radford et al., arXiv:1511.06434), written for PyTorch. It runs
under both, with the same numbers:

    python examples/pytorch_dcgan.py
    python -m cnn_physics77.as_torch examples/pytorch_dcgan.py

The same seed draws the same weights, images and noise in both. Everything is computed in float64, as in
float32 the two frameworks round otherwise. The few steps show that it runs, not what it can learn.
"""

import argparse
import gzip
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim


class Generator(nn.Module):
    def __init__(self, latent, width):
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(latent, 2 * width, 4, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(True),
            nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(True),
            nn.ConvTranspose2d(width, 1, 4, stride=2, padding=1, bias=False),
            nn.Tanh(),
        )

    def forward(self, z):
        return self.main(z)


class Discriminator(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(1, width, 4, stride=2, padding=1, bias=False),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(2 * width, 1, 4, bias=False),
        )

    def forward(self, x):
        return self.main(x).view(-1)


def images(folder, limit):
    """From -1 to 1, of 16 x 16 pixels."""
    with gzip.open(Path(folder) / "train-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)[:limit]
    x = torch.from_numpy(pixels / 127.5 - 1)
    return F.interpolate(x, size=(16, 16), mode="bilinear", align_corners=False, antialias=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=Path(__file__).parents[1] / "data" / "mnist")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--limit", type=int, default=1000, help="use only so many images")
    args = parser.parse_args()

    torch.set_default_dtype(torch.float64)
    torch.manual_seed(67)
    latent = 16

    def initialize(module):
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(module.weight, 0.0, 0.02)

    generator, discriminator = Generator(latent, 8), Discriminator(8)
    generator.apply(initialize)
    discriminator.apply(initialize)
    criterion = nn.BCEWithLogitsLoss()
    optimizers = [optim.Adam(m.parameters(), lr=2e-3, betas=(0.5, 0.999)) for m in (generator, discriminator)]
    data = images(args.data, args.limit)
    for step in range(1, args.steps + 1):
        real = data[torch.randperm(len(data))[: args.batch_size]]
        ones, zeros = torch.ones(len(real)), torch.zeros(len(real))
        fake = generator(torch.randn(len(real), latent, 1, 1))

        discriminator.zero_grad()
        loss_d = criterion(discriminator(real), ones) + criterion(discriminator(fake.detach()), zeros)
        loss_d.backward()
        optimizers[1].step()

        generator.zero_grad()
        loss_g = criterion(discriminator(fake), ones)
        loss_g.backward()
        optimizers[0].step()
        if step % 10 == 0:
            print(
                f"step {step:3d}, loss of the discriminator {loss_d.item():.6f}, "
                f"of the generator {loss_g.item():.6f}"
            )
    generator.eval()
    with torch.no_grad():
        drawn = generator(torch.randn(64, latent, 1, 1))
    print(f"drawn images: mean {drawn.mean().item():.6f}, deviation {drawn.std().item():.6f}")


if __name__ == "__main__":
    main()
