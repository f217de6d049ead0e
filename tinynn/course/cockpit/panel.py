"""The cockpit's widgets: buttons, sliders, pictures, a line that says what happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from ..plots import Picture, in_words
from ..views import with_view
from .run import NAMES
from .settings import Settings
from .words import below_the_pictures, sentence_as_html, trouble_as_html

if TYPE_CHECKING:
    from .player import Cockpit

TITLES = {"sgd": "SGD", "momentum": "Momentum", "rmsprop": "RMSprop", "adam": "Adam", "adamw": "AdamW"}
RATES = [float(f"{m}e{p}") for p in range(-4, 1) for m in (1, 1.5, 2, 3, 5, 7)] + [10.0]
SETTINGS = ("optimizer", "lr", "batch_size", "momentum", "weight_decay")
LABEL = {"description_width": "initial"}


class Panel:
    """The widgets of one `Cockpit`. What is typed or clicked goes to the cockpit's methods.

    Each slider has a field beside it that does the same, with a label that screen readers find, which a
    slider of ipywidgets has not. There are no drop-down lists: JupyterLab takes their arrow keys for itself.
    """

    def __init__(self, pit: Cockpit) -> None:
        import ipywidgets as widgets

        self.pit, self._quiet = pit, False
        self._make_buttons(widgets)
        self._make_settings(widgets)
        self._make_rewind(widgets)
        self.images = {
            name: _named_image(widgets, sheet.width, sheet.height)
            for name, sheet in pit.pictures.sheets.items()
        }
        self.status, self.news = widgets.Label(layout={"margin": "0 1.5em 0 0"}), widgets.HTML()
        row = lambda *items: widgets.HBox(items, layout={"flex_flow": "row wrap", "align_items": "center"})
        self.box = widgets.VBox(
            [
                row(self.play, self.one, self.again, self.fork, widgets.Label("Run"), self.which),
                row(widgets.Label("Optimiser"), self.optimizer, self.momentum, self.weight_decay),
                row(self.lr, self.lr_slider, self.batch_size, self.speed),
                row(self.back, self.back_slider),
                row(self.status, self.news),
                row(*self.images.values()),
            ]
        )

    # -- making ----------------------------------------------------------------------------------------

    def _make_buttons(self, widgets: Any) -> None:
        def button(text: str, tooltip: str, act: Callable[[], Any], icon: str) -> Any:
            made = widgets.Button(description=text, tooltip=tooltip, icon=icon, layout={"width": "6.8em"})
            made.on_click(lambda _: self._do(act))
            return made

        pit = self.pit
        toggle = lambda: pit.pause() if pit.running else pit.play()
        self.play = button("Play", "Start the training, or pause it", toggle, "play")
        self.one = button("Step", "Train a single step", pit.step, "step-forward")
        self.again = button("Restart", "Go back to the beginning, with these settings", pit.restart, "undo")
        self.fork = button("Fork", "Begin another run from here, in another colour", pit.fork, "code-fork")

    def _make_settings(self, widgets: Any) -> None:
        pit, now, examples = self.pit, self.pit.settings, len(self.pit.trainer.machine.x)
        named = {"style": LABEL, "layout": {"width": "11.5em"}}
        decimal, whole = partial(widgets.BoundedFloatText, **named), partial(widgets.BoundedIntText, **named)
        self.which = widgets.ToggleButtons(options=["A"], style={"button_width": "2.8em"})
        titles = {TITLES.get(name, name): name for name in pit.trainer.machine.menu}
        self.optimizer = widgets.ToggleButtons(
            options=list(titles.items()), value=now.optimizer, style={"button_width": "auto"},
            tooltips=[f"Optimiser: {title}" for title in titles],
        )  # fmt: skip
        self.momentum = decimal(0, min=0, max=0.999, step=0.05, description="Momentum")
        self.weight_decay = decimal(0, min=0, max=10, description="Weight decay")
        self.lr = widgets.FloatText(now.lr, description="Learning rate", **named)
        self.lr_slider = widgets.SelectionSlider(
            options=_rates(now.lr), value=now.lr, readout=False, layout={"width": "13em"}
        )
        self.batch_size = whole(1, min=1, max=examples, description="Batch size")
        self.speed = whole(pit.speed, min=1, max=1000, description="Steps a picture")
        self._refresh_settings(now)
        for name in SETTINGS:
            self._when_changed(getattr(self, name), partial(self._set, name))
        self._when_changed(self.lr_slider, partial(self._set, "lr"))
        self._when_changed(self.which, pit.switch)
        self._when_changed(self.speed, lambda value: setattr(pit, "speed", value))

    def _make_rewind(self, widgets: Any) -> None:
        named = {"description": "Rewind to step", "style": LABEL, "layout": {"width": "12em"}}
        self.back = widgets.BoundedIntText(0, min=0, max=0, **named)
        self.back_slider = widgets.IntSlider(
            0, 0, 0, continuous_update=False, readout=False, layout={"width": "34em"}
        )
        for control in (self.back, self.back_slider):
            self._when_changed(control, self.pit.rewind)

    def _set(self, name: str, value: Any) -> None:
        try:
            self.pit.set(**{name: value})
        finally:  # also after a refusal: the controls show what holds
            with self._quietly():
                self._refresh_settings(self.pit.settings)

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
            if len(self.which.options) != len(pit.runs):
                self.which.options = [run.name for run in pit.runs]
            self.which.value = pit.run.name
            for control in (self.back, self.back_slider):
                control.max, control.value = len(pit.run.records), pit.at
                control.disabled = pit.running
        self.fork.disabled = len(pit.runs) == len(NAMES)
        if pit.trouble is not None:
            self.news.value = trouble_as_html(pit.trouble)
        elif news:
            self.say(news, "" if pit.running else status)
        else:
            self.news.value = ""

    def _refresh_settings(self, settings: Settings) -> None:
        takes = self.pit.trainer.machine.menu[settings.optimizer].takes
        for name in SETTINGS:
            getattr(self, name).value = getattr(settings, name)
        self.lr.step = settings.lr / 10  # an arrow key changes it by a tenth
        self.weight_decay.step = settings.weight_decay / 10 or 1e-4
        if self.lr_slider.value != settings.lr:
            self.lr_slider.options = _rates(settings.lr)
            self.lr_slider.value = settings.lr
        self.momentum.disabled = "momentum" not in takes
        self.weight_decay.disabled = "weight_decay" not in takes

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before

    def say(self, text: str, more: str = "") -> None:
        """One sentence, which screen readers read out, and after it what stands elsewhere on the page."""
        self.news.value = sentence_as_html(text, more)

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


def _rates(lr: float) -> list[tuple[str, float]]:
    """The slider's learning rates, and among them the one chosen."""
    return [(f"{v:g}", v) for v in sorted({*RATES, lr})]


def _named_image(widgets: Any, width: int, height: int) -> Any:
    """An image whose tooltip becomes its name for screen readers.

    The page asks for a description before it shows a tooltip, and an Image of ipywidgets 8.1 has none.
    """
    from traitlets import Unicode

    kind = type("NamedImage", (widgets.Image,), {"description": Unicode("").tag(sync=True)})
    return kind(format="png", width=str(width), height=str(height))
