"""``python -m tinynn long 07``: a chapter's training at full length."""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ... import atomic
from ...errors import ArgumentError
from ..classroom.stopwatch import machine
from .kept import FOLDER, Kept


def chapters() -> list[str]:
    """The chapters that have a long run."""
    return sorted(file.stem.removeprefix("ch") for file in FOLDER.glob("ch*.py"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("chapter", help="one of " + ", ".join(chapters()))
    parser.add_argument("--save", action="store_true", help="keep the results, for the chapter to show")


def run(args: argparse.Namespace) -> int:
    if args.chapter not in chapters():
        known = "one of " + ", ".join(chapters())
        raise ArgumentError("long", f"chapter {args.chapter!r}", known, "python -m tinynn long 07")
    function = importlib.import_module(f".ch{args.chapter}", __package__).run
    print(measure(args.chapter, function, FOLDER if args.save else None))
    return 0


def measure(chapter: str, function: Callable[[], dict[str, Any]], folder: Path | None) -> Kept:
    """Run `function`; keep what it brought in `folder`, if there is one."""
    began = time.perf_counter()
    results = function()
    saved = {
        "command": f"python -m tinynn long {chapter}",
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "seconds": round(time.perf_counter() - began, 1),
        "results": results,
    }
    text = json.dumps(saved, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    if folder is not None:
        atomic.write(folder / f"{chapter}.json", text.encode())
    return Kept(chapter, json.loads(text))
