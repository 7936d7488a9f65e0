"""How mission control looks: the whole screen as text, held against files, and colours that can be read."""

from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest

from factory.execution.redaction.mask import Mask
from factory.model.lifecycle import Lane
from factory.report.output import Output
from factory.report.status_row import Row
from factory.serve.top import lines
from factory.serve.top.live import Tail, Worker
from factory.serve.top.picture import Card, Picture
from factory.serve.top.styles import COLOURS, DARK, GROUNDS, LIGHT, TEXT, suits
from tests.top import Screen, watched
from tests.world import World

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
WRITES = {"write": {"path": "a.txt", "text": "a\n"}}
LEFT = {"left_undone": ["the docs of [b]it[/b]"], "issues": []}
ASKS = {"result": {"status": "blocked", "questions": [{"id": "name", "text": "What is it called?"}]}}


def busy(world: World) -> None:
    """A verdict, an answer and a held item wait; one is finished."""
    world.now = NOW
    world.policy("budget: {usd_per_day: 20}")
    usage = {"usage": {"usd": 4.5}, "summary": "Wrote [it] \x1b[31mall\x1b[0m", "handoff": LEFT}
    world.item(
        "judged", [WRITES, {"result": usage}], text="acceptance: [{id: A1, text: reads well}]\n", contract="reviewed"
    )
    world.item("asks", [ASKS])
    world.item("finished")
    world.tick()
    world.item("held", text="hold: true\n")
    world.commit("One more")
    world.now = NOW + timedelta(minutes=7)


def test_the_screens(world: World) -> None:
    busy(world)

    async def story(screen: Screen) -> None:
        await screen.shows("waits for you: 1 verdict, 1 answer", "4.50 of 20 USD today [##--------]")
        await screen.choose("judged")
        await screen.shows("a approve")
        await screen.is_as_kept("narrow")
        for item_id, key, name in (("judged", "a", "approve"), ("judged", "r", "rework"), ("asks", "n", "answer")):
            await screen.choose(item_id)
            await screen.press(key)
            await screen.shows("Leave it")
            await screen.is_as_kept(name)
            await screen.press("escape")
        await screen.pilot.resize_terminal(140, 34)
        await screen.shows("finished  run 1 to review: said nothing", "asks name: What is it called?")
        await screen.is_as_kept("wide")

    watched(world, story)


def contrast(one: str, other: str) -> float:
    """How well two colours can be told apart, as WCAG 2.2 has it: from 1 to 21; text needs 4.5."""

    def luminance(colour: str) -> float:
        parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [DARK, LIGHT])
def test_every_colour_can_be_read_on_every_ground_of_its_theme(theme: str) -> None:
    for colour, ground in product((TEXT[theme], *COLOURS[theme].values()), GROUNDS[theme]):
        assert contrast(colour, ground) >= 4.5, f"{colour} on {ground}"
    assert {*COLOURS[theme]} >= {str(lane) for lane in Lane}


@pytest.mark.parametrize(("told", "theme"), [("15;0", DARK), ("0;15", LIGHT), ("0;default;7", LIGHT), ("", DARK)])
def test_the_ground_is_the_one_that_a_terminal_says_it_has(told: str, theme: str) -> None:
    assert suits({"COLORFGBG": told} if told else {}) == theme


def pieces(told: "list[lines.Line]") -> list[str]:
    return ["".join(text for text, _ in line) for line in told]


def test_workers_share_the_room_and_the_chosen_one_has_most_of_it() -> None:
    cards = tuple(Card(Row(name, name, Lane.ACTIVE, "running", NOW, "")) for name in "ab")
    seen = Picture(NOW, "main", "", (), 0, 0, 0.0, None, 0, None, cards)
    tail = tuple(f"line {number}" for number in range(20))
    workers = [Worker(name, 1, "running", "builds", NOW, tail) for name in "ab"]
    shared = pieces([*lines.workers_pane(seen, workers, "", NOW, 8)])
    assert (len(shared), shared[3], shared[7]) == (8, "  line 19", "  line 19")
    chosen = pieces([*lines.workers_pane(seen, workers, "b", NOW, 8)])
    assert chosen[0].startswith("b  run 1") and chosen[1:6] == [f"  line {number}" for number in range(15, 20)]
    assert chosen[6].startswith("a  run 1") and chosen[7] == "  line 19"


def test_of_output_that_comes_faster_than_it_is_read_the_end_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "one"
    tail = Tail(path, lambda: Output(Mask({}), is_trace=False))
    assert tail.lines() == ()
    path.write_text("first\nsec")
    assert tail.lines() == ("first",)
    with path.open("a") as file:
        file.write("ond\n" + "flood\n" * 50_000 + "last\n")
    assert tail.lines()[-2:] == ("flood", "last")
    path.unlink()  # the run is over, and what was seen stays
    assert tail.lines()[-1] == "last"
    path.write_text("another\n")
    assert tail.lines() == ("another",)
