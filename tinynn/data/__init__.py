"""Data sets that need no network, and what lies between them and a network.

    train, val, test = train_val_test_split(*digits())
    for xb, yb in Batches(*train, batch_size=64, transform=Shift(1)):
        ...

Everything is plain NumPy arrays, images float32 (N, C, H, W) from 0 to 1, labels int64 (N,). Texts are
plain str, and tokens whole numbers int64 (T,).
"""

from tinynn.data.batches import Batches
from tinynn.data.bpe import BPETokenizer
from tinynn.data.corpora import Corpus, joined, python_docs, python_source
from tinynn.data.dataset import Dataset, digits, mnist
from tinynn.data.disk import load_cifar10, load_mnist
from tinynn.data.generated import Sentences, add_pairs, copy_pairs, grammar_sentiment, sort_pairs
from tinynn.data.points import checkerboard, moons, rings, spirals
from tinynn.data.sequences import SequenceBatches, Streams, Windows, mask, pad_sequence
from tinynn.data.series import sunspots
from tinynn.data.split import Split, Standardise, train_val_test_split
from tinynn.data.tokenizers import CharTokenizer, Vocabulary
from tinynn.data.transforms import Compose, Cutout, Flip, Noise, Rotate, Shift, rotate, shift
from tinynn.data.words import AlignedDate, Words, WordSplit, aligned_dates, dates, language_words

__all__ = [
    "AlignedDate",
    "BPETokenizer",
    "Batches",
    "CharTokenizer",
    "Compose",
    "Corpus",
    "Cutout",
    "Dataset",
    "Flip",
    "Noise",
    "Rotate",
    "Sentences",
    "SequenceBatches",
    "Shift",
    "Split",
    "Standardise",
    "Streams",
    "Vocabulary",
    "Windows",
    "WordSplit",
    "Words",
    "add_pairs",
    "aligned_dates",
    "checkerboard",
    "copy_pairs",
    "dates",
    "digits",
    "grammar_sentiment",
    "joined",
    "language_words",
    "load_cifar10",
    "load_mnist",
    "mask",
    "mnist",
    "moons",
    "pad_sequence",
    "python_docs",
    "python_source",
    "rings",
    "rotate",
    "shift",
    "sort_pairs",
    "spirals",
    "sunspots",
    "train_val_test_split",
]
