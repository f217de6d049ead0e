"""Ready-made trainings: ``python -m tinynn train digits-mlp``, then ``python -m tinynn predict``.

A recipe says what to train on, with which network and settings, and what to measure; `Run` follows it. A
file a kind: images, words, code.
"""

from .catalogue import RECIPES
from .command import add_train_arguments, run_train, saved_settings
from .images import ImageRecipe
from .recipe import Recipe, Run

__all__ = [
    "RECIPES",
    "ImageRecipe",
    "Recipe",
    "Run",
    "add_train_arguments",
    "run_train",
    "saved_settings",
]
