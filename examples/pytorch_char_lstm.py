"""A character LSTM, written for PyTorch. It runs under both, with the same numbers:

    python examples/pytorch_char_lstm.py
    python -m cnn_physics77.as_torch examples/pytorch_char_lstm.py

The network reads a text character by character and predicts the next one; then it writes by itself (the LSTM
is that of S. Hochreiter and J. Schmidhuber, Neural Computation 9 (1997) 1735; the idea of writing one
character after the other is told by A. Karpathy, *The unreasonable effectiveness of recurrent neural
networks*, 2015). The same seed draws the same weights and pieces of text in both; everything is computed in
float64.
"""

import argparse

import torch
import torch.nn.functional as F
from torch import nn

TEXT = """
a pendulum swings, and every swing takes the same time. a spring swings, and every swing takes the same time.
a string swings, and every swing has the same tone. what swings has energy, and what has energy can swing.
a wave is a swing that travels, and light is a wave, and a wave can bend, and a wave can add to a wave.
""".replace("\n", " ").strip()


class CharacterModel(nn.Module):
    def __init__(self, characters, embedding=16, hidden=64, layers=2):
        super().__init__()
        self.embedding = nn.Embedding(characters, embedding)
        self.lstm = nn.LSTM(embedding, hidden, num_layers=layers, batch_first=True)
        self.head = nn.Linear(hidden, characters)

    def forward(self, x, state=None):
        y, state = self.lstm(self.embedding(x), state)
        return self.head(y), state


def write(model, characters, start, length):
    """Continue a text with the most likely characters, one at a time; the state remembers what was read."""
    model.eval()
    written, state = start, None
    x = torch.tensor([[characters.index(c) for c in start]])
    with torch.no_grad():
        for _ in range(length):
            logits, state = model(x, state)
            x = logits[:, -1:].argmax(dim=-1)
            written += characters[x.item()]
    return written


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--length", type=int, default=32, help="of the pieces of text in a batch")
    args = parser.parse_args()

    torch.set_default_dtype(torch.float64)
    torch.manual_seed(67)
    characters = sorted(set(TEXT))
    text = torch.tensor([characters.index(c) for c in TEXT])
    model = CharacterModel(len(characters))
    print(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for step in range(1, args.steps + 1):
        starts = torch.randint(len(text) - args.length, (16,)).tolist()
        pieces = torch.stack([text[s : s + args.length + 1] for s in starts])
        logits, _ = model(pieces[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), pieces[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 10 == 0:
            print(f"step {step:3d}, loss {loss.item():.6f}")
    print(write(model, characters, "a wave ", 80))


if __name__ == "__main__":
    main()
