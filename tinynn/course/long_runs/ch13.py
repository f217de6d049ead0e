"""Chapter 13 at full length: the recipe code-gpt; what it writes on the way, what it is worth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...data import CharTokenizer
from ...models import GPT
from ...recipes import RECIPES
from ...recipes.code import CodeRecipe, encoded, is_python
from ...recipes.ngrams import ngram_bits, packed_bits
from ...recipes.recipe import Run
from ...train import train

PROMPT, COUNT = "    def __init__(self", 60
WRITES_AT = (0, 20, 100, 400)
"""Updates after which it writes, besides the end."""


def run() -> dict[str, Any]:
    recipe = RECIPES["code-gpt"]
    assert isinstance(recipe, CodeRecipe)
    run = Run(recipe, recipe.usual)
    model: GPT = run.parts["model"]
    samples = dict(_training(run, recipe, model))
    history = run.parts["history"]
    return {
        "epochs": recipe.epochs,
        "updates": len(history.loss),
        "parameters": sum(p.size for p in model.parameters()),
        "tokens": recipe.tokens,
        "context": recipe.context,
        "GPT": run.test(),
        **_beside(recipe, model, run.data),
        "loss": [round(float(value), 4) for value in history.loss[::10]],
        "samples": samples,
    }


def _training(run: Run, recipe: CodeRecipe, model: GPT) -> Iterator[tuple[str, str]]:
    """The recipe's training; after how many updates it wrote, and what."""
    yield "0", _sample(model, recipe)
    steps = train(
        model, run.parts["batches"], recipe.loss(), run.parts["optimizer"], epochs=recipe.epochs,
        schedule=run.parts["schedule"], clip_norm=recipe.clip_norm, history=run.parts["history"],
    )  # fmt: skip
    for done, _ in enumerate(steps, start=1):
        if done in WRITES_AT:
            yield str(done), _sample(model, recipe)
    yield str(done), _sample(model, recipe)


def _sample(model: GPT, recipe: CodeRecipe) -> str:
    """What it writes after `PROMPT`, always with the same drawn numbers."""
    tokenizer = encoded(recipe.tokens)[0]
    rows = model.generate(tokenizer.encode(PROMPT)[None], COUNT, recipe.temperature, generator=0)
    return tokenizer.decode(rows[0])


def _beside(recipe: CodeRecipe, model: GPT, data: Any) -> dict[str, float]:
    """Bits per character of the same held-out files by other means; shares of lines that are Python."""
    train, _, test = map(encoded(recipe.tokens)[0].decode, data)
    letters = CharTokenizer.train(train)
    real = [line for line in test.split("\n") if line.strip()]
    return {
        **packed_bits(test),
        "5-gram of characters": ngram_bits(letters.encode(train), letters.encode(test), len(letters)),
        "sampled lines that tokenise as Python": _share(recipe.sample_lines(model, 50)),
        "held-out lines that tokenise as Python": _share(real),
    }


def _share(lines: list[str]) -> float:
    return float(np.mean([is_python(line) for line in lines]))
