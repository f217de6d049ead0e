"""The command ``python -m tinynn train``."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from statistics import median
from typing import Any

from .. import checkpoint
from ..errors import ArgumentError, FileError
from .catalogue import RECIPES
from .recipe import Run


def add_train_arguments(parser: ArgumentParser) -> None:
    names = "; ".join(f"{name}: {recipe.about}" for name, recipe in RECIPES.items())
    parser.add_argument("recipe", choices=RECIPES, metavar="RECIPE", help=names)
    parser.add_argument("--seed", type=int, help="of the initial weights, the order and the dropout (0)")
    parser.add_argument("--epochs", type=int, help="how often to go through the data")
    parser.add_argument("--lr", type=float, help="learning rate at the start; it falls along a cosine")
    parser.add_argument("--batch-size", type=int)
    parser.add_argument(
        "--seeds", type=int, default=1, metavar="N", help="train N times and print the median"
    )
    parser.add_argument("--out", type=Path, help="where to save the first network (runs/RECIPE.safetensors)")
    parser.add_argument("--resume", action="store_true", help="go on with a run that was interrupted")
    parser.add_argument("--device", default="cpu", help="cpu, or cuda for an NVIDIA GPU (cpu)")
    parser.add_argument("--quiet", action="store_true", help="print the result only")


def run_train(args: Namespace) -> int:
    """Train as the arguments say, save the network of the first seed, and print the test accuracy."""
    out = args.out or Path("runs") / f"{args.recipe}.safetensors"
    if args.seeds < 1 or (args.resume and args.seeds > 1):
        got = f"--seeds {args.seeds}" + " with --resume" * args.resume
        raise ArgumentError("train", got, "at least one, and just one to resume", "--seeds 1")
    settings = _resumed(args, out) if args.resume else _settings(args)
    results = [_train_one(settings | {"seed": settings["seed"] + i}, args, i, out) for i in range(args.seeds)]
    if None in results:
        return 130
    if args.seeds > 1:
        recipe, figures = RECIPES[args.recipe], [figure for figure in results if figure is not None]
        listing = ", ".join(map(recipe.written.format, figures))
        middle = recipe.written.format(median(figures))
        print(f"median {recipe.figure} of {len(figures)} seeds: {middle} ({listing})")
    return 0


def _settings(args: Namespace) -> dict[str, Any]:
    recipe = RECIPES[args.recipe]
    usual = recipe.usual
    given = {key: getattr(args, key) for key in usual}
    chosen = {key: usual[key] if value is None else value for key, value in given.items()}
    if chosen["epochs"] < 1:
        raise ArgumentError(
            "train", f"--epochs {chosen['epochs']}", "at least 1", f"--epochs {recipe.epochs}"
        )
    return {"recipe": args.recipe} | chosen


def _resumed(args: Namespace, out: Path) -> dict[str, Any]:
    """The settings of the saved run; whoever asks for others is told."""
    settings = saved_settings(out)
    wanted = {key: getattr(args, key) for key in settings if getattr(args, key) is not None}
    other = {key: value for key, value in wanted.items() if value != settings[key]}
    if other:
        got = ", ".join(f"{key}={value}" for key, value in other.items())
        saved = ", ".join(f"{key}={settings[key]}" for key in other)
        raise ArgumentError("train --resume", got, f"those of {out}, {saved}", "--resume without them")
    return settings


def saved_settings(path: Path) -> dict[str, Any]:
    """The settings in a checkpoint that `run_train` wrote."""
    extra = checkpoint.read(path).extra
    settings = extra.get("settings") if isinstance(extra, dict) else None
    if not isinstance(settings, dict) or settings.get("recipe") not in RECIPES:
        raise FileError(
            "checkpoint",
            f"{path} without a recipe",
            "a file that train wrote",
            "python -m tinynn train digits-mlp",
        )
    return settings


def _train_one(settings: dict[str, Any], args: Namespace, number: int, out: Path) -> float | None:
    """The figure of one seed, or None after Ctrl-C. Beside that of the first stands what others reach."""
    recipe = RECIPES[settings["recipe"]]
    start, run = time.perf_counter(), Run(recipe, settings, args.device)
    say = print if not args.quiet else lambda *_: None
    if args.resume:
        checkpoint.load(out, **run.parts)
        say(f"going on after step {len(run.parts['history'].loss)}")
    if number == 0:
        sizes = [len(part) for part in run.data]
        say(f"{settings['recipe']}: {recipe.about}")
        say(f"{sizes[0]} {recipe.unit} to train on, {sizes[1]} to watch, {sizes[2]} held out for the test")
    try:
        run.train(out if number == 0 else None, progress=not args.quiet)
    except KeyboardInterrupt:
        kept = f"{out} goes on with --resume" if out.exists() else "nothing was saved yet"
        print(f"interrupted after step {len(run.parts['history'].loss)}; {kept}")
        return None
    figure, seconds = run.test(), time.perf_counter() - start
    written = recipe.written.format(figure)
    print(f"seed {settings['seed']}: {recipe.figure} {written} after {run.epochs} epochs, {seconds:.1f} s")
    if number == 0:
        for line in run.beside() if not args.quiet else ():
            print(f"  {line}")
        say(f"saved: {out}. Try: python -m tinynn predict {out}")
    return figure
