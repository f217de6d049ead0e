"""13.4: a loss that is too good, on held-out files too, and a model that writes rubbish. Which leak is it?"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ....models import sample
from ....tensor import no_grad
from ... import gpt
from ...engine.kinds import NameTheBug

STEPS, LOOKS = 200, (1, 40, 80, 120, 160, 200)


@cache
def measured() -> tuple[list[tuple[int, float, float]], str]:
    """After how many updates which losses, in training and on held-out files; what is written at the end."""
    model = gpt.WithoutMask(gpt.build(layers=1, width=32))
    rows = []
    for step, loss in enumerate(gpt.training(model, STEPS), start=1):
        if step in LOOKS:
            rows.append((step, loss, gpt.held_loss(model, batches=1)))
            model.train()
    return rows, written(model, "def ", 50)


def written(model: Any, prompt: str, count: int) -> str:
    """The prompt and `count` characters, drawn one after the other."""
    tokens, rng = gpt.source().tokenizer.encode(prompt), np.random.default_rng(0)
    model.eval()
    with no_grad():
        for _ in range(count):
            tokens = np.append(tokens, sample(model(tokens[None]).data[:, -1], generator=rng))
    return gpt.source().tokenizer.decode(tokens)


def symptom() -> str:
    """A table of losses, and a text."""
    rows, text = measured()
    lines = ["updates   training loss   held-out loss   (nats for each character)"]
    lines += [f"{step:7}   {loss:13.2f}   {held:13.2f}" for step, loss, held in rows]
    return "\n".join([*lines, "", 'What it writes after "def ":', repr(text)])


bug = NameTheBug(
    "13.4",
    options=("targets_not_shifted", "no_causal_mask", "held_out_files_learnt", "dropout_in_evaluation"),
    truth="no_causal_mask",
    symptom=symptom,
    level=2,
    minutes=4,
)
