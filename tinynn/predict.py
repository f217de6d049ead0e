"""Use a trained network: ``python -m tinynn predict``, on what was held out or on your own."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import numpy as np

from . import functional as F
from .checkpoint import load_weights
from .errors import ArgumentError, FileError, ShapeError
from .gpu.arrays import to_host
from .nn import Module
from .nn.utils import device_of
from .recipes import RECIPES, ImageRecipe, saved_settings
from .tensor import Tensor, no_grad

SHADES = " .:-=+*#%@"
WIDTH = 78  # columns of a terminal to fill


def add_predict_arguments(parser: ArgumentParser) -> None:
    usual = Path("runs") / "digits-mlp.safetensors"
    parser.add_argument("checkpoint", type=Path, nargs="?", default=usual, help=f"what train saved ({usual})")
    parser.add_argument(
        "--input", type=Path, metavar="FILE",
        help="images of your own, bright on dark, of the size of the training images: .npy, .csv or .png",
    )  # fmt: skip
    parser.add_argument(
        "--text", help="for a network that reads text: words to judge, or a beginning to continue"
    )
    parser.add_argument("--examples", type=int, default=8, metavar="N", help="how many to show (8)")


def run_predict(args: Namespace) -> int:
    """Load a network that `train` saved, and print what it says."""
    if not args.checkpoint.exists():
        got = f"{args.checkpoint}, which is not there"
        raise FileError("predict", got, "a file that train wrote", "python -m tinynn train digits-mlp")
    recipe = RECIPES[saved_settings(args.checkpoint)["recipe"]]
    model = load_weights(args.checkpoint, recipe.model())
    if args.examples < 0:
        raise ArgumentError("predict", f"--examples {args.examples}", "at least 0", "--examples 8")
    images = isinstance(recipe, ImageRecipe)
    if args.text is not None if images else args.input is not None:
        got, other = ("--text", "--input FILE") if images else ("--input", "--text TEXT")
        raise ArgumentError(
            "predict", f"{got} for {args.checkpoint}", "what the network was trained on", other
        )
    if not isinstance(recipe, ImageRecipe):
        recipe.show(model, args.text, args.examples)
    elif args.input is None:
        _held_out(model, recipe, args.examples)
    else:
        x = read_input(args.input, recipe)
        p = probabilities(model, x)
        captions = [f"{k} ({share:.0%})" for k, share in zip(p.argmax(1), p.max(1))]
        print(pictures(x, captions))
    return 0


def _held_out(model: Module, recipe: ImageRecipe, examples: int) -> None:
    """Accuracy on the test part, and some examples, mistakes first."""
    test = recipe.split().test
    said = probabilities(model, test.x).argmax(1)
    wrong = np.flatnonzero(said != test.y)
    right = np.flatnonzero(said == test.y)
    print(f"{len(right)} of {len(test)} right that were held out: {len(right) / len(test):.2%}")
    mistakes = wrong[: max(examples // 2, examples - len(right))]
    chosen = np.concatenate([mistakes, right[: examples - len(mistakes)]])
    captions = [f"{said[i]}" + (f", is {test.y[i]}" if said[i] != test.y[i] else "") for i in chosen]
    print(pictures(test.x[chosen], captions))


def probabilities(model: Module, x: np.ndarray) -> np.ndarray:
    """What the network holds each class for, (N, K)."""
    model.eval()
    with no_grad():
        return to_host(F.softmax(model(Tensor(x).to(device_of(model)))).data)  # (N, K)


# -- reading -----------------------------------------------------------------------------------------


def read_input(path: Path, recipe: ImageRecipe) -> np.ndarray:
    """Examples from a file, in the shape and scale of the training data.

    Whole numbers above 1 are grey levels: up to those of the recipe's own data, otherwise up to 255.
    """
    raw = _numbers(path)
    shape = recipe.data().x.shape[1:]
    if not raw.size or not _fits(raw.shape, shape):
        size = " x ".join(map(str, shape[1:] or shape))
        hint = "an image scaled to that size, or no --input"
        raise ShapeError("predict", f"{path} with numbers {raw.shape}", f"{size}, one or many", hint)
    x = raw.reshape(-1, *shape).astype(np.float32)
    if recipe.grey_levels is None:
        return x
    top = x.max()
    if top > 1:
        x /= recipe.grey_levels if top <= recipe.grey_levels else 255
    if not (x.min() >= 0 and x.max() <= 1):  # also for NaN
        got = f"{path} with values from {raw.min():g} to {raw.max():g}"
        raise ArgumentError("predict", got, "values from 0 to 1, or grey levels up to 255", "x.clip(0, 1)")
    return x


def _fits(given: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether an array is one example or several: as in training, without the channel, or flat."""
    forms = (shape, shape[1:], (int(np.prod(shape)),))
    return any(form and given[-len(form) :] == form and len(given) <= len(form) + 1 for form in forms)


def _numbers(path: Path) -> np.ndarray:
    """The numbers in a file, by its ending."""
    readers = {".npy": _read_npy, ".csv": _read_csv, ".png": _read_png}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise FileError("predict", f"{path}", "a file ending in " + ", ".join(readers), "np.save('x.npy', x)")
    try:
        array = np.asarray(reader(path))
    except (OSError, ValueError, EOFError, SyntaxError) as problem:
        raise FileError("predict", f"{path} ({problem})", f"a {path.suffix} file of numbers") from None
    if array.dtype.kind not in "fiub":
        raise FileError("predict", f"{path} with {array.dtype}", "numbers")
    return array


def _read_npy(path: Path) -> Any:
    return np.load(path, allow_pickle=False)


def _read_csv(path: Path) -> Any:
    with open(path, encoding="utf-8") as file:
        return np.loadtxt(file, delimiter=",", ndmin=2)


def _read_png(path: Path) -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise FileError(
            "predict", f"{path}, but Pillow is not installed", "Pillow", "pip install pillow"
        ) from None
    with Image.open(path) as image:
        return np.asarray(image.convert("L"), np.float32) / 255


# -- showing ---------------------------------------------------------------------------------------------


def pictures(x: np.ndarray, captions: list[str]) -> str:
    """Examples as text, as many side by side as fit; points as their coordinates."""
    if x.ndim == 2:
        return "\n".join(f"({', '.join(f'{v:.2f}' for v in row)}): {c}" for row, c in zip(x, captions))
    blocks = [[caption, *_shaded(image[0])] for image, caption in zip(x, captions)]
    width = max((len(line) for block in blocks for line in block), default=0) + 2
    columns = max(WIDTH // width, 1)
    rows = (blocks[i : i + columns] for i in range(0, len(blocks), columns))
    lines = (
        "\n".join("".join(s.ljust(width) for s in parts).rstrip() for parts in zip(*row)) for row in rows
    )
    return "\n\n".join(lines)


def _shaded(image: np.ndarray) -> list[str]:
    """One line of characters for each row; a character is twice as high as wide."""
    if image.shape[1] > 16:
        image = np.maximum(image[:-1:2], image[1::2])  # (H, W) -> (H/2, W)
    else:
        image = image.repeat(2, axis=1)  # (H, W) -> (H, 2W)
    levels = (image.clip(0, 1) * (len(SHADES) - 1)).round().astype(int)
    return ["".join(SHADES[v] for v in row) for row in levels]
