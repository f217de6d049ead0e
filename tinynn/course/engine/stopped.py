"""What is said about calls that gave no value: exceptions at the student's own line, limits."""

from __future__ import annotations

from typing import Any

from .call import Line, Problem
from .evidence import Evidence, Seen
from .texts import phrases
from .verdict import Block, Code, Table, Text

LOCALS = 8
"""Local names shown beside a line."""


def limit(evidence: Evidence) -> Seen | None:
    """The first case that was stopped from outside, or that ended its process."""
    return next((s for s in evidence.seen if s.outcome.end in ("time", "memory", "died")), None)


def stopped_at(evidence: Evidence) -> Seen | None:
    """The first case with an exception that is not asked for."""
    return next((s for s in evidence.failing if s.outcome.end == "raised"), None)


def told(problem: Problem) -> list[Block]:
    """The message, the student's own line with its local names, and what the message usually means."""
    say = phrases("engine")["stopped"]
    blocks: list[Block] = [Text(f"{problem.kind}: {problem.message}", say["message"])]
    blocks += _line(problem.lines[-1]) if problem.lines else []
    advice = usual(problem)
    return [*blocks, Text(advice, say["usual"])] if advice else blocks


def in_short(problem: Problem) -> str:
    """The exception, its line, and what it usually means, in one paragraph."""
    line = f"`{problem.lines[-1].text.strip()}`" if problem.lines else ""
    return " ".join(filter(None, [f"{problem.kind}: {problem.message}", line, usual(problem)]))


def running(problem: Problem) -> list[Block]:
    """The student's line that was running when it was stopped, with its local names."""
    return _line(problem.lines[-1], "running") if problem.lines else []


def was_at(problem: Problem) -> str:
    """The same in a sentence."""
    line = problem.lines[-1]
    return phrases("engine")["stopped"]["was_at"].format(number=line.number, text=line.text.strip())


def _line(line: Line, heading: str = "line") -> list[Block]:
    say = phrases("engine")["stopped"]
    where = say[heading].format(number=line.number, function=line.function)
    rows = tuple(line.names.items())[:LOCALS]
    return [
        Code(line.text.strip(), where),
        *([Table((say["name"], say["held"]), rows, say["then"])] if rows else []),
    ]


def usual(problem: Problem) -> str:
    """What a message usually means; "" where that is not known."""
    whole = f"{problem.kind}: {problem.message}"
    rules: list[dict[str, Any]] = phrases("engine").get("usual", [])
    return next((rule["means"] for rule in rules if all(sign in whole for sign in rule["signs"])), "")
