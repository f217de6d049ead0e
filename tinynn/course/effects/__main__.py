"""``python -m tinynn.course.effects``: measure the effects of all mistakes, and keep them with ``--save``."""

from __future__ import annotations

import argparse
import datetime
import platform
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
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
    parser.add_argument("--jobs", type=int, default=1, help="how many exercises are measured at a time")
    args = parser.parse_args(argv)
    known = measure.exercises()
    found = {id: kept for id, kept in store.read()["exercises"].items() if id in known}
    for id, measured in in_turn([id for id in known if not args.only or id in args.only], args.jobs):
        found[id] = measured
        if args.save:  # each at once, so that a run that is stopped has not been in vain
            store.write(
                about(sys.argv[1:] if argv is None else argv) | {"exercises": dict(sorted(found.items()))},
                store.FILE,
            )
    if args.save:
        print(f"{store.FILE}: {store.FILE.stat().st_size / 1000:.0f} kB")
    return 0


def in_turn(ids: list[str], jobs: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each exercise as it is done, with a bar; in processes of their own where there are several jobs."""
    exercises = measure.exercises()
    counts = {id: len(measure.implementations(exercises[id])) for id in ids}
    with tqdm(total=sum(counts.values()), unit="implementation") as bar:
        if jobs == 1:
            for id in ids:
                bar.set_description(id)
                yield id, measure.measure(exercises[id], bar.update)
            return
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            running = {pool.submit(measure.by_id, id): id for id in ids}
            for done in as_completed(running):
                bar.update(counts[running[done]])
                yield running[done], done.result()


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
