"""Models that several chapters and commands use: a file a family, each model in a screen of code."""

from __future__ import annotations

from .bert import BERT, mask_tokens
from .convolutional import DigitCNN, LeNet, ResNet
from .gpt import GPT
from .mlp import MLP
from .recurrent import CharRNN, TextClassifier
from .sampling import sample
from .seq2seq import Seq2Seq

__all__ = [
    "BERT", "GPT", "MLP", "CharRNN", "DigitCNN", "LeNet", "ResNet", "Seq2Seq", "TextClassifier",
    "mask_tokens", "sample",
]  # fmt: skip
