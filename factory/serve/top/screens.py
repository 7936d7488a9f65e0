"""Screens over the others: a form that asks before something is done, and a page to read."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Checkbox, Footer, Input, Static

from factory.serve.top.intents import Intent
from factory.serve.top.lines import Line
from factory.serve.top.styles import contents

_YES = "yes"


class Tick(Checkbox):
    """A box that is seen to be ticked without any colour."""

    BUTTON_INNER = " "

    def watch_value(self) -> None:
        """Draw the tick, or none."""
        self.BUTTON_INNER = "x" if self.value else " "
        super().watch_value()


class Form(ModalScreen[dict[str, str] | None]):
    """Asks once; what was filled in, or None where somebody has thought better of it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "leave", "leave it"),
        Binding("y", "agree", "yes"),
        Binding("ctrl+c,ctrl+q", "app.end", show=False, priority=True),
    ]

    def __init__(self, intent: Intent) -> None:
        super().__init__()
        self._intent = intent

    def compose(self) -> ComposeResult:
        """The question, its fields, and the two ways out."""
        with VerticalScroll(id="form"):
            yield Static(self._intent.title, markup=False, id="question")
            for number, field in enumerate(self._intent.fields):
                if not field.tick:
                    yield Static(field.label, markup=False, classes="label")
                    yield Input(field.given, id=f"field-{number}", compact=True)
                else:
                    yield Tick(contents([((field.label, ""),)], self.app.theme), id=f"field-{number}", compact=True)
            yield Static("", markup=False, id="missing")
            with Horizontal(id="ways"):
                yield Button(f"{self._intent.yes} (y)", id="yes", compact=True)
                yield Button("Leave it (escape)", id="no", compact=True)

    def on_mount(self) -> None:
        """Begin with the first field, or with the way out that does nothing."""
        self.query_one("#field-0" if self._intent.fields else "#no").focus()

    def action_leave(self) -> None:
        """Nothing is done."""
        self.dismiss(None)

    @on(Button.Pressed, "#no")
    def _no(self) -> None:
        self.action_leave()

    @on(Input.Submitted)
    def _next(self) -> None:
        self.focus_next()

    @on(Button.Pressed, "#yes")
    def action_agree(self) -> None:
        """Go on, unless something is missing."""
        said: dict[str, str] = {}
        for number, field in enumerate(self._intent.fields):
            place = self.query_one(f"#field-{number}")
            if isinstance(place, Checkbox):
                said[field.key] = _YES if place.value else ""
            elif isinstance(place, Input):
                said[field.key] = place.value.strip()
            if field.must and not said[field.key]:
                self.query_one("#missing", Static).update("This has to be filled in.")
                place.focus()
                return
        self.dismiss(said)


class Page(ModalScreen[None]):
    """Something to read."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "leave", "back", key_display="esc"),
        Binding("down,j", "scroll('scroll_down')", "down", key_display="↓"),
        Binding("up,k", "scroll('scroll_up')", "up", key_display="↑"),
        Binding("pagedown,space", "scroll('scroll_page_down')", "page", key_display="space"),
        Binding("pageup,b", "scroll('scroll_page_up')", show=False),
        Binding("home,g", "scroll('scroll_home')", show=False),
        Binding("end,G", "scroll('scroll_end')", show=False),
        Binding("ctrl+c,ctrl+q", "app.end", show=False, priority=True),
    ]

    def __init__(self, title: str, lines: Sequence[Line]) -> None:
        super().__init__()
        self._heading, self._lines = title, lines

    def compose(self) -> ComposeResult:
        """The lines."""
        with VerticalScroll(id="page") as page:
            page.border_title = contents([((self._heading, ""),)], self.app.theme)
            yield Static(contents(list(self._lines), self.app.theme), markup=False)
        yield Footer()

    def on_mount(self) -> None:
        """Begin at its top."""
        self.query_one("#page").focus()

    def action_leave(self) -> None:
        """Back to the items."""
        self.dismiss(None)

    def action_scroll(self, how: str) -> None:
        """Move about in it."""
        page = self.query_one("#page", VerticalScroll)
        {
            "scroll_down": page.scroll_down,
            "scroll_up": page.scroll_up,
            "scroll_page_down": page.scroll_page_down,
            "scroll_page_up": page.scroll_page_up,
            "scroll_home": page.scroll_home,
            "scroll_end": page.scroll_end,
        }[how](animate=False)
