"""A prediction, locked in before the result is shown, and laid over it."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from .engine.kinds import PredictExplain, laid_over, not_a_guess, shortly
from .engine.texts import phrases
from .engine.verdict import Verdict, marked
from .views import with_view

_locked: dict[str, list[Any]] = {}  # by question: what was predicted in this session, the first one counts


def predict(
    question: str, options: Sequence[str] | None = None, unit: str = "", guess: Any = None
) -> Prediction:
    """Ask for a prediction, in a field or among options; `Prediction.show` then tells the result.

    Parameters
    ----------
    question : str
    options : sequence of str, optional
        What to choose from. Without them the answer is a number.
    unit : str
        What is counted. A guess in "percent" is from 0 to 100.
    guess : number or str, optional
        The prediction itself, where no field is wanted.
    """
    prediction = Prediction(question, options, unit)
    if guess is not None:
        prediction.lock(guess)
    return prediction


def predict_first() -> Verdict:
    """What stands in the place of a result that waits for its prediction."""
    text = "Predict first, in the cell above, then run this cell again."
    return Verdict("open", text, phrases("check")["predict"]["none"])


def committed(exercise: PredictExplain, answer: Any) -> Any:
    """`answer` with the first number that was predicted for this exercise: the result was told after it."""
    guess, letter = exercise.parts(answer)
    prediction = Prediction(exercise.id, unit=exercise.unit)
    if guess is None or guess is ... or prediction.lock(guess).kind == "look":
        return answer
    return prediction.guess, letter


class Prediction:
    """One question; the last line of a cell shows it with its field. See `predict`.

    Attributes
    ----------
    guess : number, str or None
        The first prediction: the one that counts.
    """

    def __init__(self, question: str, options: Sequence[str] | None = None, unit: str = "") -> None:
        self.question, self.options, self.unit = question, list(options or []), unit
        self._waiting: list[Shown] = []
        self._panel: _Panel | None = None

    @property
    def guess(self) -> Any:
        return next(iter(_locked.get(self.question, [])), None)

    @property
    def second_thoughts(self) -> int:
        """Predictions made after the first, other than it."""
        return max(0, len(_locked.get(self.question, [])) - 1)

    def lock(self, guess: Any) -> Verdict:
        """Lock `guess` in. What is no prediction is told; one after the first is counted apart."""
        refused = self._refused(guess)
        if refused:
            return refused
        made = _locked.setdefault(self.question, [])
        if guess not in made:
            made.append(guess)
        for outcome in self._waiting:
            outcome.update()
        if self._panel is not None:
            self._panel.leave(self.state())
        return self.state()

    def _refused(self, guess: Any) -> Verdict | None:
        if not self.options:
            return not_a_guess(guess, self.unit)
        if guess in self.options:
            return None
        say = phrases("check")["predict"]
        if guess is None:  # the button was pressed first
            return Verdict("look", say["nothing_chosen"], say["nothing_chosen_headline"])
        text = say["not_an_option"].format(guess=shortly(guess), options=", ".join(map(repr, self.options)))
        return Verdict("look", text, say["not_an_option_headline"])

    def state(self) -> Verdict:
        """What stands: nothing yet, or the first prediction."""
        say = phrases("check")["predict"]
        if self.guess is None:
            ask = say["ask_options" if self.options else "ask"]
            return Verdict("open", ask, self.question)
        again = say["again"].format(first=_with_unit(self.guess, self.unit), n=self.second_thoughts)
        text = say["locked"].format(guess=_with_unit(self.guess, self.unit))
        return Verdict("said", text if not self.second_thoughts else again, self.question)

    def show(self, outcome: Any, close: float = 10) -> Shown:
        """The prediction laid over `outcome`, a number or one of the options; hidden while there is none."""
        return Shown(self, outcome, close)

    def told(self, outcome: Any, close: float) -> Verdict:
        """What `show` says."""
        say = phrases("check")["predict"]
        if self.guess is None:
            return Verdict("open", say["first"], say["none"])
        if not self.options:
            return laid_over(self.guess, float(outcome), self.unit, close)
        text = say["chosen"].format(guess=self.guess, outcome=outcome)
        return Verdict("said", text, say["right_headline" if self.guess == outcome else "wrong_headline"])

    def mark(self, ax: Any, vertical: bool = False) -> None:
        """Draw the predicted number into a picture as a dashed line with a label, once there is one."""
        if isinstance(self.guess, (int, float)):
            label = phrases("check")["predict"]["mark"].format(guess=f"{self.guess:g}")
            mark_guess(ax, self.guess, label, vertical)

    # -- showing -----------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return str(self.state())

    def _ipython_display_(self) -> None:
        from IPython.display import display

        data = _bundle(self.state())
        if self.guess is None:
            self._panel = _Panel(self)
            data = with_view(data, self._panel.box)
        place = display(data, raw=True, display_id=True)
        if self._panel is not None:
            self._panel.place = place


class Shown:
    """What came out, in a place that fills itself once the prediction is locked in."""

    def __init__(self, prediction: Prediction, outcome: Any, close: float) -> None:
        self.prediction, self._outcome, self._close = prediction, outcome, close
        self._place: Any = None

    @property
    def verdict(self) -> Verdict:
        return self.prediction.told(self._outcome, self._close)

    def update(self) -> None:
        if self._place is not None:
            self._place.update(_bundle(self.verdict), raw=True)

    def __repr__(self) -> str:
        return str(self.verdict)

    def _repr_html_(self) -> str:
        return self.verdict._repr_html_()

    def _ipython_display_(self) -> None:
        from IPython.display import display

        self._place = display(_bundle(self.verdict), raw=True, display_id=True)
        self.prediction._waiting = [o for o in self.prediction._waiting if o is not self] + [self]


class _Panel:
    """The question, its field or its options, and the button that locks in."""

    def __init__(self, prediction: Prediction) -> None:
        import ipywidgets as widgets

        say = phrases("check")["predict"]
        self.prediction = prediction
        self.place: Any = None
        self.question = widgets.HTML(f"<strong>{marked(prediction.question)}</strong>")
        self.field = _field(prediction)
        self.button = widgets.Button(description=say["lock"], icon="lock", tooltip=say["lock"])
        self.status = widgets.HTML(f"<small>{html.escape(say['then'])}</small>")
        self.button.on_click(self.lock)
        if prediction.options:
            self.field.observe(self.picked, "value")
        row = [self.field, widgets.HBox([self.button, self.status])]
        self.box = widgets.VBox([self.question, *row])

    def lock(self, _: Any = None) -> None:
        said = self.prediction.lock(self.value)
        if said.kind == "look":
            self.status.value = html.escape(f"{said.headline}. {said.text}").replace("`", "")

    def picked(self, change: Any) -> None:
        """In words too: the button's colour alone would say it."""
        said = phrases("check")["predict"]["picked"].format(guess=change.new)
        self.status.value = f"<small>{html.escape(said)}</small>"

    @property
    def value(self) -> Any:
        """The number in the field, or the option chosen."""
        if self.prediction.options:
            return self.field.value
        text = self.field.value.strip().removesuffix("%").replace(",", ".")
        try:
            return float(text)
        except ValueError:
            return self.field.value

    def leave(self, state: Verdict) -> None:
        """Words in the place of the field, which would not outlive the kernel."""
        if self.place is not None:
            self.place.update(_bundle(state), raw=True)
        self.box.close()
        self.prediction._panel = None


def _field(prediction: Prediction) -> Any:
    import ipywidgets as widgets

    say = phrases("check")["predict"]
    if prediction.options:
        # Buttons, for Tab and Enter: among radio buttons one chooses by arrow keys, but JupyterLab takes
        # those to walk from cell to cell. No description: the question stands above. None is chosen at first.
        about = {"tooltips": prediction.options, "style": {"button_width": "auto"}}
        return widgets.ToggleButtons(options=prediction.options, value=None, **about)
    described = f"{say['place']} ({prediction.unit})" if prediction.unit else say["place"]
    # A number as an example would be what many predict.
    # Sent as a whole when the field is left: of what is sent key by key, the last may come after the click.
    whole: dict[str, Any] = {"continuous_update": False, "style": {"description_width": "initial"}}
    return widgets.Text(description=described, placeholder=say["example"], **whole)


def _bundle(verdict: Verdict) -> dict[str, Any]:
    return {"text/html": verdict._repr_html_(), "text/plain": str(verdict)}


def _with_unit(guess: Any, unit: str) -> str:
    return f"{guess:g} {unit}".rstrip() if isinstance(guess, (int, float)) else f"{guess}"


def mark_guess(ax: Any, guess: float, label: str, vertical: bool) -> None:
    """A dashed line across `ax` at the predicted value, named at its end."""
    from .plots.style import GREY

    line, at = (ax.axvline, (guess, 1.0)) if vertical else (ax.axhline, (1.0, guess))
    line(guess, color=GREY, linestyle="--", linewidth=1.2)
    transform = ax.get_xaxis_transform() if vertical else ax.get_yaxis_transform()
    align = {"ha": "left", "va": "top"} if vertical else {"ha": "right", "va": "bottom"}
    ax.text(*at, f" {label}", transform=transform, color=GREY, fontsize=9, **align)
