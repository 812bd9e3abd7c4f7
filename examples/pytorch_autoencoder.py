"""An autoencoder of noisy oscillations, written for PyTorch. It runs under both, with the same numbers:

    python examples/pytorch_autoencoder.py
    python -m cnn_physics77.as_torch examples/pytorch_autoencoder.py

It learns to give the clean signal for a noisy one (P. Vincent et al., *Extracting and composing robust
features with denoising autoencoders*, ICML 2008). Each signal is a damped oscillation, which frequency,
damping and phase determine: three numbers in the middle of the network are enough. The same seed draws the
same weights and signals in both; everything is computed in float64.
"""

import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Autoencoder(nn.Module):
    def __init__(self, points, hidden, latent):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(points, hidden), nn.Tanh(), nn.Linear(hidden, latent))
        self.decoder = nn.Sequential(nn.Linear(latent, hidden), nn.Tanh(), nn.Linear(hidden, points))

    def forward(self, x):
        return self.decoder(self.encoder(x))


def signals(count, points, noise):
    """(noisy, clean) signals, each (count, points)."""
    t = torch.linspace(0, 1, points)
    frequency, damping, phase = (
        torch.empty(count, 1).uniform_(low, high) for low, high in ((1, 3), (0.5, 2), (0, 2))
    )
    clean = torch.exp(-damping * t) * torch.cos(2 * torch.pi * frequency * t + phase)
    return clean + noise * torch.randn_like(clean), clean


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--signals", type=int, default=512)
    args = parser.parse_args()

    torch.set_default_dtype(torch.float64)
    torch.manual_seed(67)
    model = Autoencoder(points=64, hidden=32, latent=3)
    loader = DataLoader(TensorDataset(*signals(args.signals, 64, 0.1)), batch_size=64, shuffle=True)
    noisy, clean = signals(256, 64, 0.1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.epochs)
    criterion = nn.MSELoss()
    for epoch in range(1, args.epochs + 1):
        total = 0.0
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += loss.item()
        scheduler.step()
        if epoch % 5 == 0:
            with torch.no_grad():
                error = criterion(model(noisy), clean).sqrt()
            print(
                f"epoch {epoch:2d}, loss {total / len(loader):.6f}, error of new signals {error.item():.6f}"
            )
    with torch.no_grad():
        codes = model.encoder(noisy)
    print("the three numbers spread by", ", ".join(f"{s:.6f}" for s in codes.std(dim=0).tolist()))


if __name__ == "__main__":
    main()
