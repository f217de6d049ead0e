"""10.6: the loss falls, and the accuracy stays where it is. Which line is wrong?"""

from __future__ import annotations

from functools import cache

import numpy as np

from .... import functional as F
from .... import manual_seed, nn, no_grad, optim
from ....backends import backend
from ....data import SequenceBatches
from ...engine.kinds import NameTheBug
from ...words import Bag, LettersOf
from .training import two_languages

CODE = """\
a)  for words, lengths, y in batches:                 # y is 1 for Polish, 0 for Finnish
b)      logits = model(words, lengths)                # (N, 1)
c)      loss = binary_cross_entropy_with_logits(logits, y[:, None])
d)      optimiser.zero_grad(); loss.backward(); optimiser.step()
e)  accuracy = mean(model(new).argmax(axis=1) == new_y)
"""


@cache
def measured(epochs: int = 5) -> list[tuple[float, float, int, float]]:
    """For each epoch the loss, the share that the line e) calls right, its 1s, and the true share."""
    (words, y), (new, new_y) = two_languages("train"), two_languages("test")
    letters = LettersOf(words)
    rows = []
    with backend("numpy"):
        manual_seed(0)
        model: nn.Module = Bag(len(letters), seed=0)
        optimiser = optim.Adam(model.parameters(), lr=0.02)
        batches = SequenceBatches([letters.encode(w) for w in words], y.astype(np.float32), batch_size=64)
        ((x, lengths),) = SequenceBatches(
            [letters.encode(w) for w in new], batch_size=len(new), shuffle=False
        )
        for _ in range(epochs):
            losses = []
            for xb, at, yb in batches:
                loss = F.binary_cross_entropy_with_logits(model(xb, at), yb)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                losses.append(loss.item())
            with no_grad():
                logits = model(x, lengths).data[:, None]  # (N, 1)
            said = logits.argmax(axis=1)
            true = np.mean((logits[:, 0] > 0) == new_y)
            rows.append((float(np.mean(losses)), float(np.mean(said == new_y)), int(said.sum()), float(true)))
    return rows


def symptom() -> str:
    """The loop, a letter a line, and what it prints."""
    lines = [CODE, f"{'epoch':<7}{'loss':<8}{'accuracy':<11}words called Polish"]
    for epoch, (loss, accuracy, ones, _) in enumerate(measured()):
        lines.append(f"{epoch + 1:<7}{loss:<8.3f}{accuracy:<11.1%}{ones}")
    return "\n".join(lines)


one_output = NameTheBug(
    "10.6",
    options=(
        "labels_shuffled_apart",
        "logits_of_shape_n_1",
        "loss_of_probabilities",
        "rate_too_small",
        "argmax_of_one",
    ),  # fmt: skip
    truth="argmax_of_one",
    symptom=symptom,
    level=1,
    minutes=3,
)
