"""The last milestone: samples, and a page whose figures are those that were measured."""

from __future__ import annotations

import math
import re
from typing import Any

from ...engine.call import Outcome
from ...engine.verdict import Verdict
from .judged import look, say

FIGURES = ("gpt", "baseline", "parameters", "copied")
WORDS = (120, 500)
NUMBER = re.compile(r"(?<![\w.])\d[\d, ]*(?:\.\d+)?")
QUOTED = re.compile(r"(\d+(?:\.\d+)?)\s+bits")


def judge(answer: Any, outcomes: list[Outcome]) -> Verdict:
    if not isinstance(answer, (tuple, list)) or len(answer) != 3:
        return look("no_three")
    report, measured, samples = answer
    if not report and not measured and not samples:
        return Verdict("open")
    return _of_figures(measured) or _of_samples(samples) or _of_report(report, measured)


def _of_figures(measured: Any) -> Verdict | None:
    if not isinstance(measured, dict):
        return look("no_figures", names=", ".join(FIGURES))
    missing = [name for name in FIGURES if not _is_number(measured.get(name))]
    return look("no_figures", names=", ".join(missing)) if missing else None


def _is_number(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and math.isfinite(float(value))
    except (TypeError, ValueError):
        return False


def _of_samples(samples: Any) -> Verdict | None:
    """At least three different ones, by at least two temperatures."""
    if not isinstance(samples, dict) or not all(isinstance(t, str) for t in samples.values()):
        return look("no_samples")
    if len(samples) < 2 or any(len(t) < 100 for t in samples.values()):
        return look("few_samples")
    return look("one_sample") if len(set(samples.values())) < len(samples) else None


def _of_report(report: Any, measured: dict[str, Any]) -> Verdict:
    if not isinstance(report, str) or "(your" in report:
        return look("no_report")
    words = len(report.split())
    if not WORDS[0] <= words <= WORDS[1]:
        return look("length", words=words, least=WORDS[0], most=WORDS[1])
    numbers = [n.replace(",", "").replace(" ", "") for n in NUMBER.findall(report)]
    for name in FIGURES:
        if not any(_says(n, float(measured[name])) for n in numbers):
            return look("not_quoted", name=name, value=f"{float(measured[name]):.4g}")
    known = [float(v) for v in measured.values() if _is_number(v)]
    for quoted in QUOTED.findall(report):
        if not any(_says(quoted, value) for value in known):
            return look("not_measured", quoted=quoted)
    return Verdict("right", say("report", words=words, figures=len(FIGURES)))


def _says(number: str, value: float) -> bool:
    """Whether a number as it was written is `value`, rounded to its decimals; figures in bits need two."""
    decimals = len(number.partition(".")[2])
    if value != int(value) and decimals < 2:
        return False
    return number != "" and abs(float(number) - value) <= 0.5 * 10.0**-decimals + 1e-9
