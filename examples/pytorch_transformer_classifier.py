"""A Transformer encoder that classifies sequences, written for PyTorch. Both print the same numbers:

    python examples/pytorch_transformer_classifier.py
    python -m cnn_physics77.as_torch examples/pytorch_transformer_classifier.py

The encoder and its positions are those of A. Vaswani et al., *Attention is all you need*, NeurIPS 2017. A
sequence is what an oscillator does: it swings freely, is damped, or swings faster and faster. Frequency,
phase and noise differ, and so do the lengths; what is padded is masked. The same seed draws the same data and
weights in both; everything is computed in float64.
"""

import argparse
import math

import torch
import torch.nn.functional as F
from torch import nn

KINDS = ["free", "damped", "chirped"]


def oscillations(count, longest):
    """Sequences (count, longest), what of them is padding, and their kinds."""
    kinds = torch.randint(len(KINDS), (count,))
    frequency, phase = torch.empty(count, 1).uniform_(0.4, 0.8), 2 * torch.pi * torch.rand(count, 1)
    t = torch.arange(longest)
    damping = 0.1 * (kinds == 1).unsqueeze(1)
    chirp = 0.03 * (kinds == 2).unsqueeze(1)
    x = torch.exp(-damping * t) * torch.sin((frequency + chirp * t) * t + phase)
    x += 0.05 * torch.randn_like(x)
    padding = t >= torch.randint(longest // 2, longest + 1, (count, 1))
    return x.masked_fill(padding, 0.0), padding, kinds


class PositionalEncoding(nn.Module):
    """Adds sines and cosines of the position, of wavelengths from 2π to about 10000·2π."""

    def __init__(self, features, longest):
        super().__init__()
        position = torch.arange(longest).unsqueeze(1)
        rate = torch.exp(torch.arange(0, features, 2) * (-math.log(10000.0) / features))
        table = torch.zeros(longest, features)
        table[:, 0::2] = torch.sin(position * rate)
        table[:, 1::2] = torch.cos(position * rate)
        self.register_buffer("table", table)

    def forward(self, x):
        return x + self.table[: x.size(1)]


class Classifier(nn.Module):
    def __init__(self, longest, features=16, heads=4, layers=2):
        super().__init__()
        self.embedding = nn.Linear(1, features)
        self.position = PositionalEncoding(features, longest)
        layer = nn.TransformerEncoderLayer(
            features, heads, dim_feedforward=32, dropout=0.0, activation="gelu", batch_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.head = nn.Linear(features, len(KINDS))

    def forward(self, x, padding):
        y = self.position(self.embedding(x.unsqueeze(-1)))
        y = self.encoder(y, src_key_padding_mask=padding)
        kept = (~padding).unsqueeze(-1).to(y.dtype)
        return self.head((y * kept).sum(dim=1) / kept.sum(dim=1))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=160)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--longest", type=int, default=24, help="sequence")
    args = parser.parse_args()

    torch.set_default_dtype(torch.float64)
    torch.manual_seed(67)
    model = Classifier(args.longest)
    print(sum(p.numel() for p in model.parameters()), "parameters")
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=8e-3, total_steps=args.steps)
    model.train()
    for step in range(1, args.steps + 1):
        x, padding, kinds = oscillations(args.batch_size, args.longest)
        loss = F.cross_entropy(model(x, padding), kinds)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 10 == 0:
            print(f"step {step:3d}, loss {loss.item():.6f}")

    model.eval()
    x, padding, kinds = oscillations(300, args.longest)
    with torch.no_grad():
        found = model(x, padding).argmax(dim=-1)
    for i, kind in enumerate(KINDS):
        counts = torch.bincount(found[kinds == i], minlength=len(KINDS)).tolist()
        print(f"{kind:>7}: taken for " + ", ".join(f"{k} {n:3d}" for k, n in zip(KINDS, counts)))


if __name__ == "__main__":
    main()
