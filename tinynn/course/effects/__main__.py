"""``python -m tinynn.course.effects``: measure the effects of all mistakes, and keep them with ``--save``."""

from __future__ import annotations

import argparse
import datetime
import platform
import sys
from typing import Any

import numpy as np
from tqdm import tqdm

from ... import __version__
from ..engine.texts import phrases
from . import measure, store
from .training import SEEDS


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tinynn.course.effects", description=__doc__)
    parser.add_argument("--save", action="store_true", help=f"write {store.FILE.name} beside the exercises")
    parser.add_argument("--only", nargs="*", help="ids of exercises; the others keep what the file has")
    args = parser.parse_args(argv)
    chosen = {id: e for id, e in measure.exercises().items() if not args.only or id in args.only}
    found = {} if not args.only else dict(store.read()["exercises"])
    total = sum(len(measure.implementations(e)) * len(measure.optimizers(e)) for e in chosen.values())
    with tqdm(total=total, unit="mistake") as bar:
        for id, exercise in chosen.items():
            bar.set_description(id)
            found[id] = measure.measure(exercise, bar.update)
    if args.save:
        given = sys.argv[1:] if argv is None else argv
        store.write(about(given) | {"exercises": dict(sorted(found.items()))}, store.FILE)
        print(f"{store.FILE}: {store.FILE.stat().st_size / 1000:.0f} kB")
    return 0


def about(argv: list[str]) -> dict[str, Any]:
    """When, how and with what the file was made."""
    say = phrases("effects")
    return {
        "date": datetime.date.today().isoformat(),
        "command": " ".join(["python -m tinynn.course.effects", *argv]),
        "versions": {"tinynn": __version__, "numpy": np.__version__, "python": platform.python_version()},
        "machine": f"{platform.system()} {platform.machine()}",
        "seeds": list(SEEDS),
        "networks": {name: words["about"] for name, words in say["networks"].items()},
        "optimisers": {name: words["about"] for name, words in say["optimisers"].items()},
    }


if __name__ == "__main__":
    sys.exit(main())
