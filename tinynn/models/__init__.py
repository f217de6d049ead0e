"""Models that several chapters and commands use: a file a family, each model in a screen of code."""

from __future__ import annotations

from .convolutional import DigitCNN, LeNet, ResNet
from .mlp import MLP
from .recurrent import CharRNN, TextClassifier

__all__ = ["MLP", "CharRNN", "TextClassifier"]
__all__ = ["DigitCNN", "LeNet", "MLP", "ResNet"]
from .bert import BERT, mask_tokens
from .gpt import GPT
from .sampling import sample
from .seq2seq import Seq2Seq

__all__ = ["BERT", "GPT", "MLP", "Seq2Seq", "mask_tokens", "sample"]
