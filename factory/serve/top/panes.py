"""Panes: the list of items, which keeps to the chosen one whatever moves, and boxes of lines."""

from collections.abc import Mapping
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from factory.model.lifecycle import Lane
from factory.serve.top.lines import Line, lane_line
from factory.serve.top.picture import Picture
from factory.serve.top.styles import content, contents


class Items(OptionList):
    """The open items, lane by lane. The chosen one stays so as it moves; one that goes leaves that to its neighbour."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "app.next_pane", "more", key_display="tab")]

    def __init__(self) -> None:
        super().__init__(markup=False, id="items", compact=True)
        self._shown: dict[str, Line] = {}  # by the id of the option, in their order
        self._theme = ""

    @property
    def chosen(self) -> str:
        """The id of the chosen item; empty when there is none."""
        option = self.highlighted_option
        return option.id.removeprefix("item ") if option and option.id else ""

    def show(self, seen: Picture, lines: Mapping[str, Line], theme: str) -> None:
        """Show these lines; only what differs from before is drawn again."""
        wanted = _options(seen, lines)
        if theme == self._theme and [*wanted] == [*self._shown]:
            for option_id, line in wanted.items():
                if line != self._shown[option_id]:
                    self.replace_option_prompt(option_id, content(line, theme))
            self._shown = wanted
            return
        chosen, place = self.chosen, self.highlighted or 0
        before, top = [*self._shown], self.scroll_offset.y
        self._shown, self._theme = wanted, theme
        self.set_options(
            Option(content(line, theme), option_id, disabled=option_id.startswith("lane "))
            for option_id, line in wanted.items()
        )
        self.scroll_to(y=top, animate=False, immediate=True)
        self.highlighted = _place(before, [*wanted], f"item {chosen}" if chosen else "", place)


def _options(seen: Picture, lines: Mapping[str, Line]) -> dict[str, Line]:
    """The lines by the id of their option: each lane's own, then those of its items."""
    found: dict[str, Line] = {}
    for lane in Lane:
        ids = [card.row.id for card in seen.cards if card.row.lane is lane]
        if ids:
            found[f"lane {lane}"] = lane_line(lane, len(ids))
            found |= {f"item {item_id}": lines[item_id] for item_id in ids}
    return found


def _place(before: list[str], now: list[str], chosen: str, place: int) -> int | None:
    """Where the highlight goes: with the chosen item; where that is gone to the nearest that is still there."""
    near = sorted(range(len(before)), key=lambda each: (abs(each - place), each < place))
    for name in (chosen, *(before[each] for each in near)):
        if name.startswith("item ") and name in now:
            return now.index(name)
    return next((number for number, name in enumerate(now) if name.startswith("item ")), None)


class Pane(Static):
    """A box of lines under a title; what does not fit is cut off at its end."""

    def __init__(self, name: str, title: str) -> None:
        super().__init__("", markup=False, id=name, classes="pane")
        self.border_title = title
        self._lines: tuple[list[Line], str] = ([], "")

    def show(self, lines: list[Line], theme: str) -> None:
        """Show these lines, if they differ."""
        if (lines, theme) != self._lines:
            self._lines = lines, theme
            self.update(contents(lines, theme), layout=False)


class Heading(Pane):
    """What comes first on the screen: as high as it needs to be."""

    def __init__(self) -> None:
        super().__init__("heading", "")
        self.remove_class("pane")

    def show(self, lines: list[Line], theme: str) -> None:
        """Show these lines, if they differ."""
        super().show(lines, theme)
        if self.styles.height is None or self.styles.height.value != len(lines):
            self.styles.height = len(lines)
