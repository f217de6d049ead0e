"""``python -m tinynn COMMAND``: one door to the course. Each command's module loads when it is asked for."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Command(NamedTuple):
    summary: str
    module: str
    arguments: str = "add_arguments"
    run: str = "run"


COMMANDS = {
    "lab": Command("open JupyterLab on the course", "tinynn.course.lab"),
    "reset": Command("set your copy of a chapter aside and lay a fresh one", "tinynn.course.work"),
    "update": Command("lay a newer release under your answers", "tinynn.course.classroom.update"),
    "doctor": Command("say what is installed, what is missing and what to do", "tinynn.course.doctor"),
    "warm": Command(
        "compile the kernels now instead of at their first use",
        "tinynn.course.commands",
        "add_warm_arguments",
        "run_warm",
    ),
    "train": Command("train a network from a recipe", "tinynn.recipes", "add_train_arguments", "run_train"),
    "long": Command("train what a chapter trains, at full length", "tinynn.course.long_runs.command"),
    "predict": Command("use a trained network", "tinynn.predict", "add_predict_arguments", "run_predict"),
    "bench": Command(
        "race this package, plain NumPy and PyTorch",
        "tinynn.course.commands",
        "add_bench_arguments",
        "run_bench",
    ),
    "solutions": Command("write the chapters with the exercises solved", "tinynn.course.classroom.solutions"),
    "slides": Command("write the chapters as slides that open offline", "tinynn.course.classroom.slides"),
    "grade": Command("grade a folder of submitted notebooks", "tinynn.course.classroom.grade"),
    "chapters": Command(
        "the course in numbers; its map and its glossary", "tinynn.course.classroom.chapters"
    ),
    "docs": Command(
        "write the API reference into docs/api", "tinynn.course.commands", "add_docs_arguments", "run_docs"
    ),
    "version": Command("print the version", "tinynn.course.commands", "no_arguments", "run_version"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if not argv:
        top_parser().print_help()
        return 2
    name, rest = top_parser().parse_known_args(argv[:1])[0].command, argv[1:]
    command = COMMANDS[name]
    from .course.places import prepare_environment

    prepare_environment()
    module = importlib.import_module(command.module)
    parser = argparse.ArgumentParser(prog=f"python -m tinynn {name}", description=command.summary)
    getattr(module, command.arguments)(parser)
    return _run(getattr(module, command.run), parser.parse_args(rest))


def top_parser() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    listing = "\n".join(f"  {name:{width}}  {command.summary}" for name, command in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m tinynn",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"commands:\n{listing}\n\n`python -m tinynn COMMAND --help` tells more.",
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND")
    return parser


def _run(run: Callable[[argparse.Namespace], int | None], args: argparse.Namespace) -> int:
    from .errors import TinynnError

    try:
        return run(args) or 0
    except TinynnError as problem:  # a refusal is a sentence, not a traceback
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
