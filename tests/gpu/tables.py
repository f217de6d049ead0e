"""The page beside the file of results: what was found, in Markdown."""

from __future__ import annotations

from typing import Any

AIMS = {
    "memory": "85% of copy bandwidth and PyTorch's speed",
    "best rung": "80% of cuBLAS",
    "rung": "50% of cuBLAS by a rung of at most 60 lines",
    "attention": "0.7 of PyTorch's fused attention",
    "lstm": "PyTorch's speed",
}


def page(content: dict[str, Any]) -> str:
    """Everything that is known so far."""
    parts = [
        _head(content), _aims(content), _ceilings(content), _kernels(content), _steps(content),
        _compared(content), _trained(content), _rest(content), _bad(content),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(content: dict[str, Any]) -> str:
    machine = content.get("check", {}).get("machine", {})
    packages = ", ".join(f"{k} {v}" for k, v in machine.get("versions", {}).items())
    end = f", {content['seconds']:.0f} s" if "seconds" in content else ", not finished"
    return (
        f"# {content['device']}\n\n`{content['command']}`, {content['date']}{end}. Python "
        f"{machine.get('python', '?')}, {packages or 'versions unknown'}. float32, TF32 off. Times are of "
        "CUDA events, medians of rounds in which the libraries take turns; inputs are larger than the cache."
    )


def _ceilings(content: dict[str, Any]) -> str:
    found = content.get("ceilings", {}).get("ceilings", {})
    lines = []
    if found.get("status") == "ok":
        lines = [
            f"Ceilings of this run: a copy moves {found['bytes'] / 1e9:,.0f} GB/s (read and written); "
            f"cuBLAS computes {found['flops'] / 1e12:.1f} TFLOP/s in float32 at {found['side']}."
        ]
    for answer in content.get("overhead", {}).values():
        if answer.get("microseconds"):
            said = [f"{name} {micro:.1f}" for name, micro in answer["microseconds"].items()]
            lines.append(f"One launch costs the host, in microseconds: {', '.join(said)}.")
    return " ".join(lines)


def share(answer: dict[str, Any], roof: dict[str, float]) -> float | None:
    """How much of the ceiling a kernel reaches: of arithmetic where it has operations, else of memory."""
    if answer.get("times") is None or not roof:
        return None
    seconds = answer["times"]["tinynn"]["median"]
    if answer.get("flops"):
        return answer["flops"] / seconds / roof["flops"]
    return answer["bytes"] / seconds / roof["bytes"] if answer.get("bytes") else None


def met(answer: dict[str, Any], roof: dict[str, float]) -> bool | None:
    """Whether a kernel or step reaches its aim; None where that was not measured."""
    of, ratio, aim = share(answer, roof), answer.get("ratio", {}).get("torch"), answer.get("aim")
    if aim in ("best rung", "rung"):
        return None if of is None else of >= {"best rung": 0.8, "rung": 0.5}[aim]
    if ratio is None or (aim == "memory" and of is None):
        return None
    return ratio >= {"attention": 0.7}.get(aim, 1.0) and (aim != "memory" or (of or 0) >= 0.85)


def _aims(content: dict[str, Any]) -> str:
    """Aims with the worst and best of what counts towards them."""
    roof, lines = content.get("roof", {}), []
    answers = {**content.get("kernel", {}), **content.get("step", {})}
    for aim, words in AIMS.items():
        mine = {name: a for name, a in answers.items() if a.get("aim") == aim}
        verdicts = {name: met(a, roof) for name, a in mine.items()}
        known = bool(mine) and None not in verdicts.values()
        if aim in ("rung", "best rung"):  # one that reaches it is enough
            verdict = True if True in verdicts.values() else False if known else None
        else:
            verdict = all(verdicts.values()) if known else None
        short = [name for name, v in verdicts.items() if v is False] if verdict is False else []
        said = {True: "met", False: "not met", None: "not measured"}[verdict]
        lines.append(f"| {words} | {said} | {'; '.join(short)} |")
    lines.append(_memory(content))
    return "\n".join(["| aim | | by |", "|---|---|---|", *lines])


def _memory(content: dict[str, Any]) -> str:
    peaks = content.get("memory", {}).get("attention", {}).get("peaks")
    words = "memory of tiled attention linear in T"
    if not peaks:
        return f"| {words} | not measured | |"
    (t, small), (t2, large) = list(peaks.items())
    linear = large <= 2.5 * small
    figures = f"{small / 1e6:.0f} MB at {t}, {large / 1e6:.0f} at {t2}"
    return f"| {words} | {'met' if linear else 'not met'} | {figures} |"


def _kernels(content: dict[str, Any]) -> str:
    roof = content.get("roof", {})
    lines = [
        "| kernel | µs | of the ceiling | PyTorch / ours | CuPy / ours | aim |",
        "|---|---|---|---|---|---|",
    ]
    for name, answer in content.get("kernel", {}).items():
        if name.startswith("race "):
            continue
        lines.append(f"| {name} | {' | '.join(_cells(answer, roof))} | {_verdict(answer, roof)} |")
    return "\n".join(lines) if len(lines) > 2 else ""


def _cells(answer: dict[str, Any], roof: dict[str, float]) -> list[str]:
    if answer.get("times") is None:
        return [answer["status"], "", "", ""]
    of = share(answer, roof)
    kind = "" if of is None else " of arithmetic" if answer.get("flops") else " of memory"
    return [
        micro(answer["times"]["tinynn"]), "" if of is None else f"{100 * of:.0f}%{kind}",
        *[f"{answer['ratio'][key]:.2f}" if key in answer["ratio"] else "" for key in ("torch", "cupy")],
    ]  # fmt: skip


def _verdict(answer: dict[str, Any], roof: dict[str, float]) -> str:
    if not answer.get("aim"):
        return ""
    return {True: "met", False: "not met", None: "not measured"}[met(answer, roof)]


def micro(times: dict[str, Any]) -> str:
    """Median and the middle half, in microseconds."""
    digits = 1 if times["median"] < 1e-4 else 0
    median, low, high = (f"{times[k] * 1e6:,.{digits}f}" for k in ("median", "low", "high"))
    return f"{median} ({low} to {high})"


def _steps(content: dict[str, Any]) -> str:
    lines = ["| training step | ours, µs | PyTorch, µs | PyTorch / ours |", "|---|---|---|---|"]
    for name, answer in content.get("step", {}).items():
        times = answer.get("times", {})
        cells = [micro(times[k]) if k in times else "" for k in ("tinynn", "torch")]
        ratio = f"{answer['ratio']['torch']:.2f}" if answer.get("ratio") else answer["status"]
        lines.append(f"| {name} | {' | '.join(cells)} | {ratio} |")
    return "\n".join(lines) if len(lines) > 2 else ""


def _compared(content: dict[str, Any]) -> str:
    lines = ["| op | runs | cases | largest difference | |", "|---|---|---|---|---|"]
    for name, a in content.get("compare", {}).items():
        runs = "" if "kernels" not in a else "kernels" if a["kernels"] else "the reference, on CuPy"
        error = f"{a['worst']:.1e}" if "worst" in a else ""
        lines.append(f"| {name} | {runs} | {a.get('cases', '')} | {error} | {a['status']} |")
    head = "Against the NumPy reference in float64, both passes; differences in units of the largest value:"
    return "\n".join([head, "", *lines]) if len(lines) > 2 else ""


def _trained(content: dict[str, Any]) -> str:
    lines = [
        "| training | steps | losses | apart from the CPU's, at first and at most | |",
        "|---|---|---|---|---|",
    ]
    for name, a in content.get("train", {}).items():
        losses = f"{a['losses'][0]:.4f} to {a['losses'][-1]:.4f}" if a.get("losses") else ""
        apart = f"{a['first']:.1e}, {a['worst']:.1e}" if "first" in a else ""
        lines.append(f"| {name} | {a.get('steps', '')} | {losses} | {apart} | {a['status']} |")
    return "\n".join(lines) if len(lines) > 2 else ""


def _rest(content: dict[str, Any]) -> str:
    found = content.get("sanitizer", {}).get("compute-sanitizer")
    if not found:
        return ""
    tools = found.get("tools", {})
    said = [
        f"{name} {v['status']}" + (f", {len(v['ops'])} ops" if v.get("ops") else "")
        for name, v in tools.items()
    ]
    return f"compute-sanitizer: {'; '.join(said) or found['status']}."


def _bad(content: dict[str, Any]) -> str:
    """What failed, differs or was not reached."""
    lines = []
    for part, answers in content.items():
        if isinstance(answers, dict) and part != "roof":
            for name, a in answers.items():
                if isinstance(a, dict) and a.get("why") and a.get("status") != "ok":
                    lines.append(f"- {part} {name}, {a['status']}: {a['why']}".replace("\n", " "))
    return "\n".join(["What failed, differs, is absent or was not reached:", "", *lines]) if lines else ""
