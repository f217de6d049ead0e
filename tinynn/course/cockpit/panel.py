"""The cockpit's widgets: buttons, sliders, pictures, a line that says what happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from ..live import _with_view as with_view
from ..plots import Picture, in_words
from .run import NAMES
from .settings import Settings
from .words import below_the_pictures, sentence_as_html, trouble_as_html

if TYPE_CHECKING:
    from .player import Cockpit

TITLES = {
    "sgd": "SGD",
    "momentum": "SGD with momentum",
    "rmsprop": "RMSprop",
    "adam": "Adam",
    "adamw": "AdamW",
}
RATES = [m * 10.0**p for p in range(-4, 1) for m in (1, 1.5, 2, 3, 5, 7)] + [10.0]
MOMENTA = (0.0, 0.5, 0.8, 0.9, 0.95, 0.99)
DECAYS = (0.0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
SPEEDS = (1, 2, 5, 10, 20, 50, 100, 1000)
LABEL = {"description_width": "initial"}


class Panel:
    """The widgets of one `Cockpit`. What is typed or clicked goes to the cockpit's methods."""

    def __init__(self, pit: Cockpit) -> None:
        import ipywidgets as widgets

        self.pit, self._quiet = pit, False
        self._buttons(widgets)
        self._sliders(widgets)
        self._pictures(widgets)
        self.status, self.news = widgets.Label(), widgets.HTML()
        row = lambda *items: widgets.HBox(items, layout={"flex_flow": "row wrap", "align_items": "center"})
        self.box = widgets.VBox(
            [
                row(self.play, self.one, self.again, self.fork, self.which, self.optimizer),
                row(self.lr, self.batch_size, self.speed),
                row(self.momentum, self.weight_decay, self.back),
                row(self.status),
                self.news,
                row(*self.images.values()),
            ]
        )

    # -- making ----------------------------------------------------------------------------------------

    def _buttons(self, widgets: Any) -> None:
        def button(text: str, tooltip: str, act: Callable[[], Any], icon: str) -> Any:
            made = widgets.Button(description=text, tooltip=tooltip, icon=icon, layout={"width": "6.4em"})
            made.on_click(lambda _: self._do(act))
            return made

        pit = self.pit
        toggle = lambda: pit.pause() if pit.running else pit.play()
        self.play = button("Play", "Start the training, or pause it", toggle, "play")
        self.one = button("Step", "Train a single step", pit.step, "step-forward")
        self.again = button("Restart", "Go back to the beginning, with these settings", pit.restart, "undo")
        self.fork = button("Fork", "Begin another run from here, in another colour", pit.fork, "code-fork")

    def _sliders(self, widgets: Any) -> None:
        pit, settings = self.pit, self.pit.settings
        examples = len(pit.trainer.machine.x)
        sizes = [2**k for k in range(examples.bit_length()) if 2**k <= examples]
        menu = pit.trainer.machine.menu
        self.optimizer = widgets.Dropdown(
            options=[(TITLES.get(name, name), name) for name in menu], value=settings.optimizer,
            description="Optimiser", layout={"width": "15em"}, style=LABEL,
        )  # fmt: skip
        self.which = widgets.Dropdown(
            options=[run.name for run in pit.runs], value=pit.run.name, description="Run",
            layout={"width": "6.5em"}, style=LABEL,
        )  # fmt: skip
        self.lr = _choice(widgets, "Learning rate", [*RATES, settings.lr], settings.lr)
        self.batch_size = _choice(widgets, "Batch size", [*sizes, settings.batch_size], settings.batch_size)
        self.momentum = _choice(widgets, "Momentum, β₁", [*MOMENTA, settings.momentum], settings.momentum)
        decay = settings.weight_decay
        self.weight_decay = _choice(widgets, "Weight decay", [*DECAYS, decay], decay)
        self.speed = _choice(widgets, "Steps a picture", SPEEDS, pit.speed)
        self.back = widgets.IntSlider(
            0, 0, 0, description="Rewind to step", continuous_update=False,
            layout={"width": "20em"}, style=LABEL,
        )  # fmt: skip
        for name in ("optimizer", "lr", "batch_size", "momentum", "weight_decay"):
            self._when_changed(getattr(self, name), partial(self._set, name))
        self._when_changed(self.which, pit.switch)
        self._when_changed(self.back, pit.rewind)
        self._when_changed(self.speed, lambda value: setattr(pit, "speed", value))

    def _set(self, name: str, value: Any) -> None:
        self.pit.set(**{name: value})
        self._refresh_settings(self.pit.settings)  # another optimiser takes other settings

    def _pictures(self, widgets: Any) -> None:
        self.images = {
            name: widgets.Image(format="png", width=str(sheet.width), height=str(sheet.height))
            for name, sheet in self.pit.pictures.sheets.items()
        }

    def _when_changed(self, widget: Any, act: Callable[[Any], Any]) -> None:
        """Act on what the student chooses, and not on what `refresh` writes."""

        def changed(change: dict[str, Any]) -> None:
            if not self._quiet:
                self._do(lambda: act(change["new"]))

        widget.observe(changed, names="value")

    def _do(self, act: Callable[[], Any]) -> None:
        """An exception in a callback would vanish in a log."""
        try:
            act()
        except Exception as problem:
            self.say(f"{type(problem).__name__}: {problem}")

    # -- showing ---------------------------------------------------------------------------------------

    def show(self, picture: Picture) -> None:
        from IPython.display import display

        data, about = picture.bundle()
        self.place = display(with_view(data, self.box), metadata=about, raw=True, display_id=True)
        self.words = display(below_the_pictures(picture.alt), raw=True, display_id=True)

    def tell_status(self, text: str) -> None:
        self.status.value = text

    def refresh(self, status: str, news: str) -> None:
        """Bring every control in line with the cockpit, and say what happened."""
        pit = self.pit
        self.status.value = status
        self.play.description, self.play.icon = ("Pause", "pause") if pit.running else ("Play", "play")
        with self._quietly():
            self._refresh_settings(pit.settings)
            self.which.options = [run.name for run in pit.runs]
            self.which.value = pit.run.name
            self.back.max = max(len(pit.run.records), self.back.min)
            self.back.value = pit.at
        self.back.disabled = pit.running
        self.fork.disabled = len(pit.runs) == len(NAMES)
        if pit.trouble is not None:
            self.news.value = trouble_as_html(pit.trouble)
        elif news:
            self.say(news if pit.running else f"{news}. {status}")
        else:
            self.news.value = ""

    def _refresh_settings(self, settings: Settings) -> None:
        takes = self.pit.trainer.machine.menu[settings.optimizer].takes
        self.optimizer.value = settings.optimizer
        for name in ("lr", "batch_size", "momentum", "weight_decay"):
            _put(getattr(self, name), getattr(settings, name))
        self.momentum.disabled = "momentum" not in takes
        self.weight_decay.disabled = "weight_decay" not in takes

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False

    def say(self, text: str) -> None:
        """One sentence, which screen readers read out."""
        self.news.value = sentence_as_html(text)

    def tell(self, words: dict[str, str]) -> None:
        """Give every picture its words, as a name for screen readers and below to unfold."""
        for name, text in words.items():
            self.images[name].tooltip = text
        self.words.update(below_the_pictures(" ".join(words.values())), raw=True)

    def leave(self, picture: Picture) -> None:
        """Put a plain picture where the widgets were: it outlives the kernel, and buttons would not."""
        data, about = picture.bundle()
        self.place.update(data, metadata=about, raw=True)
        self.words.update({"text/html": in_words(picture.alt), "text/plain": picture.alt}, raw=True)
        self.close()

    def close(self) -> None:
        self.box.close()


def _choice(widgets: Any, label: str, values: Sequence[float], value: float) -> Any:
    """A slider over `values`, named and sorted."""
    return widgets.SelectionSlider(
        options=[(f"{v:g}", v) for v in sorted({*values, value})], value=value, description=label,
        layout={"width": "20em"}, style=LABEL,
    )  # fmt: skip


def _put(slider: Any, value: float) -> None:
    """Set a slider, making room for a value that a cell has chosen."""
    if value not in [v for _, v in slider.options]:
        slider.options = sorted([*slider.options, (f"{value:g}", value)], key=lambda option: option[1])
    slider.value = value
