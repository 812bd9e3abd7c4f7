"""A small GPT, written for PyTorch. It runs under both, with the same numbers:

    python examples/pytorch_small_gpt.py
    python -m cnn_physics77.as_torch examples/pytorch_small_gpt.py

A Transformer in which each character attends to those before it (A. Radford et al., *Improving language
understanding by generative pre-training*, 2018) learns to add, as in the adder of A. Karpathy's minGPT: it
reads "27+15=" and writes the digits of the sum, the last one first, as one does by hand. The same seed draws
the same weights and sums in both; everything is computed in float64.
"""

import argparse

import torch
import torch.nn.functional as F
from torch import nn

CHARACTERS = "0123456789+="


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.transpose(1, 2).reshape(batch, length, width))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    def __init__(self, characters, length, width=48, heads=4, blocks=2):
        super().__init__()
        self.tokens = nn.Embedding(characters, width)
        self.places = nn.Embedding(length, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, characters, bias=False)

    def forward(self, x):
        x = self.tokens(x) + self.places(torch.arange(x.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def sums(count):
    """Lines such as "27+15=240": two digits, two digits, and the three digits of 42 from the last one."""
    a, b = torch.randint(100, (2, count)).tolist()
    lines = [f"{x:02d}+{y:02d}=" + f"{x + y:03d}"[::-1] for x, y in zip(a, b)]
    return torch.tensor([[CHARACTERS.index(c) for c in line] for line in lines])


def complete(model, x, count):
    """Append the most likely characters, one at a time."""
    with torch.no_grad():
        for _ in range(count):
            x = torch.cat([x, model(x)[:, -1:].argmax(dim=-1)], dim=1)
    return x


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--batch-size", type=int, default=64)
    args = parser.parse_args()

    torch.set_default_dtype(torch.float64)
    torch.manual_seed(67)
    model = GPT(len(CHARACTERS), length=8)
    print(sum(p.numel() for p in model.parameters()), "parameters")
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.006, weight_decay=0.01)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.006, total_steps=args.steps)
    for step in range(1, args.steps + 1):
        lines = sums(args.batch_size)
        logits = model(lines[:, :-1])[:, 5:]  # of the three digits after "="
        loss = F.cross_entropy(logits.flatten(0, 1), lines[:, 6:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        if step % max(1, args.steps // 10) == 0:
            print(f"step {step:3d}, loss {loss.item():.6f}")
    lines = sums(200)
    found = complete(model, lines[:, :6], 3)
    right = (found == lines).all(dim=1)
    print(f"{right.sum().item()} of {len(lines)} new sums are right, for example")
    for line in found[:3].tolist():
        text = "".join(CHARACTERS[c] for c in line)
        print(text[:6] + text[:5:-1])


if __name__ == "__main__":
    main()
