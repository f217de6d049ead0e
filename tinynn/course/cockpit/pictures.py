"""All that a cockpit shows at one moment: as moving sheets, in words, and as one picture to keep."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import plots
from . import look
from .run import Run, Trainer
from .settings import Settings
from .sheet import Sheet
from .sheets import Bars, Curve, Curves, Plane, Strips, Worst

LOSS, SHARE, NORMS, VALUES = "Loss", "Right, in percent", "Gradient norm by layer", "Activations by layer"
SHORT = {
    "optimizer": "", "lr": "lr ", "batch_size": "batch ", "momentum": "momentum ", "weight_decay": "decay ",
}  # fmt: skip
PLANE, WORST = "The class of each place", "Worst mistakes"


class Pictures:
    """The sheets of one trainer, by name, in the order they stand on the page."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer, machine = trainer, trainer.machine
        self.kind = look.kind_of_data(machine)
        titles = look.layer_titles(machine).values()
        names = [title if len(title) < 10 else title.partition(" ")[0] for title in titles]
        side = self.kind != ""
        self.sheets: dict[str, Sheet] = {
            "loss": Curves(480 if side else 770, 210, LOSS, "training step", margins=(40, 12, 38, 24))
        }
        if self.kind == "plane":
            x, y = machine.x, machine.y
            self.sheets["plane"] = Plane(290, 210, PLANE, x=x, y=y, margins=(36, 8, 22, 24))
        if self.kind == "images":
            self.sheets["worst"] = Worst(290, 210, WORST, margins=(4, 4, 4, 24))
        if machine.classes:
            self.sheets["share"] = Curves(245, 165, SHARE, top=103, margins=(34, 12, 22, 24))
        narrow = 250 if machine.classes else 370
        self.sheets["norms"] = Bars(narrow, 165, NORMS, names=names, margins=(62, 34, 22, 24))
        self.sheets["values"] = Strips(narrow + 20, 165, VALUES, names=names, margins=(62, 62, 22, 24))

    def png(self, name: str) -> bytes:
        """One sheet as it is now."""
        trainer, sheet = self.trainer, self.sheets[name]
        if isinstance(sheet, Curves):
            sheet.show(curves(trainer, share=name == "share"))
        elif isinstance(sheet, Bars):
            sheet.show(list(look.norms(trainer.machine, trainer.run, trainer.at).values()))
        elif isinstance(sheet, Strips):
            sheet.show(look.activations(trainer.machine))
        elif isinstance(sheet, Plane):
            sheet.show(lambda x: look.scores(trainer.machine, x))
        elif isinstance(sheet, Worst):
            sheet.show(look.mistakes(trainer.machine))
        return sheet.png()

    def words(self) -> dict[str, str]:
        """Each sheet's text alternative."""
        trainer, machine = self.trainer, self.trainer.machine
        says = {
            "loss": lambda: plots.losses_in_words(*losses(trainer)),
            "share": lambda: shares_in_words(trainer),
            "norms": lambda: plots.norms_in_words(look.norms(machine, trainer.run, trainer.at), NORMS),
            "values": lambda: plots.histograms_in_words(look.activations(machine), VALUES),
            "plane": lambda: plots.surface_in_words(_predict(trainer), machine.x, machine.y, PLANE),
            "worst": lambda: plots.worst_in_words(*look.mistakes(machine), title=WORST),
        }
        return {name: says[name]() for name in self.sheets}

    def picture(self) -> plots.Picture:
        """Everything in one picture that needs no widgets."""
        trainer, machine = self.trainer, self.trainer.machine
        picture = plots.Picture(9.6, 6.4)
        rows = picture.subfigures(2, 1, height_ratios=(1.25, 1), squeeze=False, facecolor="none")
        above, below = rows[:, 0]
        first, *rest = above.subplots(1, 2, width_ratios=(1.7, 1)) if self.kind else [above.subplots()]
        plots.draw_losses(first, *losses(trainer))
        if self.kind == "plane":
            plots.draw_surface(rest[0], _predict(trainer), machine.x, machine.y, PLANE)
        if self.kind == "images":
            plots.draw_worst(rest[0], *look.mistakes(machine), columns=4, title=WORST)
        *share, bars, strips = below.subplots(1, 2 + machine.classes)
        if share:
            plots.draw_losses(share[0], shares(trainer), SHARE, ylabel="")
            if share[0].get_legend():  # the loss has the same one, and more room for it
                share[0].get_legend().remove()
        plots.draw_norms(bars, look.norms(machine, trainer.run, trainer.at), NORMS)
        plots.draw_histograms(strips, look.activations(machine), VALUES)
        picture.alt = " ".join(self.words().values())
        return picture


def _predict(trainer: Trainer) -> Any:
    return lambda x: look.scores(trainer.machine, x)


# -- numbers of the runs ---------------------------------------------------------------------------------


def curves(trainer: Trainer, share: bool = False) -> dict[str, Curve]:
    """What is drawn of each run: its loss, or its share of right answers in percent."""
    found = {}
    for run in trainer.runs:
        values = [100 * (r.accuracy or 0) if share else r.loss for r in run.records]
        later = run is trainer.run and trainer.at < len(run.records)
        found[run.name] = Curve(
            np.array(values, float), _validation(run, share), run.start,
            (0, np.zeros(0)) if share else (run.cut[0], np.array(run.cut[1])),
            () if share else list(changes(run)), trainer.at if later else None,
        )  # fmt: skip
    return found


def _validation(run: Run, share: bool) -> tuple[np.ndarray, np.ndarray]:
    measured = [
        (step, 100 * r.val_accuracy if share and r.val_accuracy is not None else r.val_loss)
        for step, r in enumerate(run.records, start=1)
        if r.val_loss is not None
    ]
    steps, values = zip(*measured) if measured else ((), ())
    return np.array(steps, float), np.array(values, float)


def changes(run: Run) -> Iterator[tuple[int, str]]:
    """Where a run's settings were changed, after its fork, and to what."""
    for step in range(max(1, run.start), len(run.records)):
        before, after = run.records[step - 1].settings, run.records[step].settings
        if before is not after and before != after:
            yield step, difference(before, after)


def difference(before: Settings, after: Settings) -> str:
    """The settings that differ, as they are now."""
    changed = [(n, getattr(after, n)) for n in SHORT if getattr(before, n) != getattr(after, n)]
    return ", ".join(SHORT[n] + (v if isinstance(v, str) else f"{v:g}") for n, v in changed)


def losses(trainer: Trainer) -> tuple[dict[str, Any], str, dict[str, Any]]:
    """The arguments of `plots.draw_losses`: curves, title, and where settings were changed."""
    return _parts(curves(trainer)), LOSS, {run.name: list(changes(run)) for run in trainer.runs}


def shares(trainer: Trainer) -> dict[str, Any]:
    return _parts(curves(trainer, share=True))


def _parts(found: dict[str, Curve]) -> dict[str, Any]:
    """Curves as `plots.draw_losses` takes them; a fork's begin where it left the other run."""
    parts: dict[str, Any] = {}
    for name, curve in found.items():
        steps, later = np.arange(curve.start, len(curve.values)), curve.val[0] > curve.start
        if len(steps):
            parts[name] = {"training": (1.0 + steps, curve.values[steps])}
        if later.any():
            parts[name]["validation"] = (curve.val[0][later], curve.val[1][later])
    return parts


def shares_in_words(trainer: Trainer) -> str:
    """The share of right answers of each run: the mean of its last 25 batches, and on validation data."""
    parts = []
    for name, curve in curves(trainer, share=True).items():
        if not len(curve.values):
            continue
        text = f"run {name} {plots.running_mean(curve.values)[-1]:.0f} of training"
        parts.append(text + (f", {curve.val[1][-1]:.0f} of validation" if len(curve.val[1]) else ""))
    return f"{SHARE}. {'; '.join(parts)}." if parts else f"{SHARE}. Nothing is trained yet."
