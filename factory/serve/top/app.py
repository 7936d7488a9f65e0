"""Mission control: the queue on a terminal as it moves, and a person's keys, which edit what an editor would edit."""

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import ClassVar, TypeVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message
from textual.widgets import Footer, Static

from factory.line.person.editing import editing, no_such_item, reading
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.errors import FactoryError, told_by
from factory.model.text import one_line
from factory.report.detail import detail
from factory.report.detail_lines import detail_lines
from factory.report.difference import difference
from factory.serve.top import lines
from factory.serve.top.intents import DIFF, KEYS, OPEN, Intent, Said, offered
from factory.serve.top.lines import Line
from factory.serve.top.live import Worker
from factory.serve.top.looker import Looker, Seen, Trouble
from factory.serve.top.panes import Heading, Items, Pane
from factory.serve.top.picture import Card, Picture
from factory.serve.top.screens import Form, Page
from factory.serve.top.styles import DARK, LIGHT, content, theme
from factory.store.repository.repository import Repository
from factory.store.system import MACHINE, System

_Came = TypeVar("_Came")
_MOST_LINES = 5000  # of a patch
_AGES_S = 2.0  # between two looks at the clock
_PANES = {
    "workers": "workers (live: in no commit)",
    "waiting": "waits for you",
    "missions": "missions",
    "handoffs": "handed over",
}
_ACTS = [Binding(key.key, f"act('{name}')", key.word) for name, key in KEYS.items()]


class News(Message):
    """What the looker sees; None once it looks no more."""

    def __init__(self, seen: Seen | None) -> None:
        super().__init__()
        self.seen = seen


class Top(App[None]):
    """Mission control for the repository at a place. Raises UnusableError where there is no factory."""

    CSS_PATH = "top.tcss"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", OPEN, "open"),
        Binding("d", DIFF, "diff"),
        *_ACTS,
        Binding("q", "end", "quit"),
        Binding("ctrl+c,ctrl+q", "end", show=False, priority=True),
        Binding("l", "ground", "light/dark", show=False),
    ]

    def __init__(self, place: Path, ground: str = DARK, system: System = MACHINE) -> None:
        super().__init__()
        self._place = place
        for name in (DARK, LIGHT):
            self.register_theme(theme(name))
        self.theme = ground
        self._system = system
        self._looker = Looker(place, system, lambda seen: self.post_message(News(seen)))
        self._seen: Picture | None = None
        self._at_work: tuple[Worker, ...] = ()
        self._trouble = ""
        self._offered: frozenset[str] = frozenset()  # the keys that are named below
        self._pane = "workers"

    def compose(self) -> ComposeResult:
        """The heading, the items, the panes beside or below them, and the keys."""
        yield Heading()
        with Container(id="body"):
            yield Items()
            with Container(id="panes"):
                for name, title in _PANES.items():
                    yield Pane(name, title)
        yield Static("", markup=False, id="said")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Begin to look."""
        self.action_next_pane(0)
        self.looking = self._system.threads(1, "look").submit(self._look)
        self.set_interval(_AGES_S, self._show)

    def on_unmount(self) -> None:
        """However it ends, nobody looks any more."""
        self._looker.stop()

    def stop(self) -> None:
        """End it. May be called from any thread, and from within a signal handler."""
        self._looker.stop()

    def _look(self) -> None:
        try:
            self._looker.go()
        finally:
            self.post_message(News(None))

    def on_news(self, news: News) -> None:
        """Show what has been seen."""
        match news.seen:
            case None:
                self.exit()
            case Picture() as seen:
                self._seen, self._trouble = seen, ""
            case Trouble(said):
                self._trouble = said
                if self._seen is None:
                    self._say(said, "bad")
            case workers:
                self._at_work = workers
        self._show()

    def _show(self) -> None:
        """Draw whatever differs from what is shown."""
        seen, workers, ground, now = self._seen, self._at_work, self.theme, self._system.now()
        if seen is None or not self.screen_stack:
            return
        below = self.screen_stack[0]
        below.query_one(Heading).show([*lines.heading(seen, workers, self._trouble)], ground)
        items = below.query_one(Items)
        items.show(seen, lines.item_lines(seen, workers, now), ground)
        boxes: dict[str, Callable[[int], Iterator[Line]]] = {
            "workers": lambda height: lines.workers_pane(seen, workers, items.chosen, now, height),
            "waiting": lambda _: lines.waiting_pane(seen),
            "missions": lambda _: lines.missions_pane(seen),
            "handoffs": lambda _: lines.handoffs_pane(seen, now),
        }
        for name, told in boxes.items():
            pane = below.query_one(f"#{name}", Pane)
            height = pane.content_size.height
            pane.show([*islice(told(height), height)], ground)
        if (named := offered(self._card())) != self._offered:  # the keys are laid out anew
            self._offered = named
            self.refresh_bindings()

    def on_option_list_option_highlighted(self) -> None:
        """Another item is chosen."""
        self._show()

    def on_option_list_option_selected(self) -> None:
        """Enter was pressed on an item."""
        self.action_open()

    def on_resize(self) -> None:
        """The panes have another size."""
        self.call_after_refresh(self._show)

    def _card(self) -> Card | None:
        items = self.screen_stack[0].query(Items) if self.screen_stack else None
        return self._seen.card(items.first().chosen) if self._seen and items else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether a key does anything for the chosen item; else it is not named either."""
        name = str(parameters[0]) if action == "act" else action
        return name in offered(self._card()) if name in (*KEYS, OPEN, DIFF) else True

    def action_act(self, name: str) -> None:
        """Ask, where that is due, and then do what a key means for the chosen item."""
        card = self._card()
        if card is None:
            return
        intent = KEYS[name].intent(card)
        if intent.asks:
            self.push_screen(Form(intent), partial(self._agreed, intent))
        else:
            self._agreed(intent, {})

    def _agreed(self, intent: Intent, said: dict[str, str] | None) -> None:
        if said is not None:
            self.run_worker(partial(self._in_the_open, partial(self._carry_out, intent, said)), thread=True)

    def _in_the_open(self, act: Callable[[], str]) -> None:
        """Do something, in a thread of its own, and say what came of it."""
        told = self._tried(act)
        if told is not None:
            self.call_from_thread(self._say, told, "good")
        self._looker.wake()

    def _tried(self, act: Callable[[], _Came]) -> _Came | None:
        """What came of something; None once it is said why nothing was done."""
        try:
            return act()
        except (FactoryError, OSError) as error:
            hint = f"; {error.hint}" if isinstance(error, FactoryError) and error.hint else ""
            self.call_from_thread(self._say, f"{told_by(error)}{hint}", "bad")
            return None

    def _say(self, said: str, kind: str) -> None:
        """Say what came of a key, until the next one is pressed."""
        line = ((one_line(said), kind),) if said else ()
        self.screen_stack[0].query_one("#said", Static).update(content(line, self.theme))

    def on_key(self) -> None:
        """What came of the key before was read by now."""
        self._say("", "")

    def action_open(self) -> None:
        """Show all that is known of the chosen item."""
        self._read(_detail)

    def action_diff(self) -> None:
        """Show what the chosen item's proposal changes."""
        self._read(_patch)

    def _carry_out(self, intent: Intent, said: Said) -> str:
        """Do it as the person would, on what there is now; what came of it."""
        with closing(Repository(self._place)) as opened, editing(opened) as desk:
            return intent.act(desk, said)

    def _read(self, read: Callable[[SnapshotReader, Snapshot, str], list[Line]]) -> None:
        card = self._card()
        if card is not None:
            self.run_worker(partial(self._turn_to, card.row.id, read), thread=True)

    def _turn_to(self, item_id: str, read: Callable[[SnapshotReader, Snapshot, str], list[Line]]) -> None:
        def found() -> list[Line]:
            with closing(Repository(self._place)) as opened, reading(opened) as (reader, snapshot):
                return read(reader, snapshot, item_id)

        told = self._tried(found)
        if told is not None:
            self.call_from_thread(self.push_screen, Page(item_id, told))

    def action_next_pane(self, further: int = 1) -> None:
        """Where there is room for one pane only, show the next one."""
        names = [*_PANES]
        self._pane = names[(names.index(self._pane) + further) % len(names)]
        for name in names:
            self.query_one(f"#{name}").set_class(name == self._pane, "-chosen")
        self.call_after_refresh(self._show)

    def action_ground(self) -> None:
        """Change between the dark ground and the light one."""
        self.theme = LIGHT if self.theme == DARK else DARK
        self._show()

    def action_end(self) -> None:
        """Leave; whatever is being looked at is looked at to its end behind the screen that was there before."""
        self.stop()
        self.exit()


def _detail(reader: SnapshotReader, snapshot: Snapshot, item_id: str) -> list[Line]:
    found = detail(reader, snapshot, item_id)
    if found is None:
        raise no_such_item(reader, snapshot, item_id)
    return [*lines.plain_lines(detail_lines(found))]


def _patch(reader: SnapshotReader, snapshot: Snapshot, item_id: str) -> list[Line]:
    if item_id not in snapshot.items:
        raise no_such_item(reader, snapshot, item_id)
    patch = difference(reader, snapshot, item_id).split("\n")
    more = [f"… and {len(patch) - _MOST_LINES} more lines: factory diff {item_id}"] * (len(patch) > _MOST_LINES)
    return [*map(lines.patch_line, (*patch[:_MOST_LINES], *more))]
