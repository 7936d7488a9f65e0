"""The fold: what all items of a commit have come to, remembered locally and never believed beyond its shape."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.line.snapshot import SnapshotReader
from factory.model.errors import InvalidFile
from factory.model.layout import archive_path
from factory.model.lifecycle import Event, Lane, Outcome
from factory.report.fold.facts import ItemFacts
from factory.report.fold.fold import Fold, fold_of
from factory.report.fold.words import Words, plain_words, words_of
from factory.store.queue import read_item
from factory.store.remembered import Remembered
from factory.store.repository.repository import Repository
from tests.lives import BEGINNING, DAY, Chance, written
from tests.world import REVIEWED, SCRIPTED, WORKFLOW, World

FILES = {"WORKFLOW.md": WORKFLOW, "contracts/repair.yaml": SCRIPTED, "contracts/change.yaml": REVIEWED}
DAYS = 10


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> World:
    """200 items in ten days, with a commit for each day."""
    lives = list(Chance(7, days=DAYS - 2).lives(200))
    moments = [BEGINNING + number * DAY for number in range(1, DAYS + 1)]
    return written(tmp_path_factory.mktemp("past") / "repo", lives, moments, FILES)


@contextmanager
def folded(world: World, rev: str = "main") -> Iterator[Fold]:
    repository = Repository(world.root)
    try:
        yield fold_of(SnapshotReader(repository, "main"), world.git("rev-parse", rev))
    finally:
        repository.close()


def items(world: World, rev: str = "main") -> list[ItemFacts]:
    with folded(world, rev) as fold:
        return [*fold.items()]


def memory(world: World) -> Path:
    return world.root / ".git/factory/fold"


def test_an_items_facts_are_what_its_journal_says(world: World) -> None:
    runs = [[{"write": {"path": "one.txt", "text": text}}] for text in ("first", "second")]
    world.item("one", *runs, contract="reviewed", text="labels: [bug]\npriority: 2\n")
    world.commit()
    world.tick(drain=True)
    world.command("review", "one", "--rework", "-m", "not like this")
    world.tick(drain=True)
    world.verdict("one", "approve")
    world.tick(drain=True)
    (one,) = items(world)
    assert (one.id, one.title, one.contract, one.labels, one.priority) == ("one", "do one", "reviewed", ("bug",), 2)
    assert (one.lane, one.outcome, one.round, one.landed) == (Lane.DONE, Outcome.APPLIED, 2, True)
    lanes = [stay.lane for stay in one.stays]
    assert lanes == [*map(Lane, ("inbox", "active", "review", "rework", "active", "review", "done"))]
    assert all(stay.until == following.since for stay, following in zip(one.stays, one.stays[1:], strict=False))
    assert [(run.number, run.round, run.worker, run.ended_by) for run in one.runs] == [
        (1, 1, "factory-scripted", Event.DELIVER),
        (2, 2, "factory-scripted", Event.DELIVER),
    ]
    assert [(seat.seat, str(seat.decision), seat.human, seat.overturned) for seat in one.seats] == [
        ("human", "rework", True, False),
        ("human", "approve", True, False),
    ]
    assert [(each.event, each.cause) for each in one.setbacks] == [(Event.REWORK, "seat")]
    journal = world.journal("one")
    assert (one.lines, one.submitted) == (len(journal), int(journal[0].at.timestamp()))


def test_what_a_person_does_about_a_loose_end_is_told(world: World) -> None:
    left = {"result": {"handoff": {"left_undone": ["the manual", "the tests"]}}}
    world.item("one", [{"write": {"path": "one.txt", "text": "1"}}, left], contract="reviewed")
    world.commit()
    world.tick(drain=True)
    with folded(world) as fold:
        keys = [each.key for each in fold.open[0].loose_ends]
        assert [each.answer for each in fold.open[0].loose_ends] == ["", ""]
    verdict = world.root / "queue/review/one.human.verdict.yaml"
    text = verdict.read_text().replace("decision: pending", "decision: approve")
    text = text.replace(f"{keys[0]}: open", f"{keys[0]}: item")
    verdict.write_text(text.replace(f"{keys[1]}: open", f"{keys[1]}: nobody needs these any more, see the wiki"))
    world.tick()
    done = next(item for item in items(world) if item.id == "one")
    assert [each.answer for each in done.loose_ends] == ["item", "dismissed"]


def test_paths_outside_the_scope_are_named(world: World) -> None:
    steps = [{"write": {"path": path, "text": "x\n"}} for path in ("src/a.py", "other.py")]
    world.item("one", steps, text="scope: [src/**]\n")
    world.commit()
    world.tick(drain=True)
    assert [item.strayed for item in items(world)] == [("other.py",)]


def test_any_commit_of_the_past_is_folded_as_it_was(past: World) -> None:
    for number in range(DAYS):
        rev = f"main~{DAYS - 1 - number}"
        with folded(past, rev) as fold:
            assert fold.at == BEGINNING + (number + 1) * DAY
            for item in fold.items():
                assert item.submitted is not None and item.submitted <= fold.at
                assert item.lane is item.stays[-1].lane
                assert str(item.lane) == past.lane(item.id, rev) if number == 3 else True


def test_a_fresh_clone_shows_the_same(past: World, tmp_path: Path) -> None:
    past.git("clone", "-q", str(past.root), str(tmp_path / "clone"))
    assert items(World(tmp_path / "clone")) == items(past)


def test_what_is_remembered_is_what_would_be_read(past: World) -> None:
    first = items(past)
    names = {each.name for each in memory(past).iterdir()}
    assert "open" in names and any(name.startswith("done-2026-01-") for name in names)
    assert items(past) == first


@pytest.mark.parametrize("damage", [b"", b"{}", b"\0" * 500, None], ids=["empty", "foreign", "zeros", "torn"])
def test_a_damaged_memory_is_begun_anew(past: World, damage: bytes | None) -> None:
    first = items(past)
    for path in memory(past).iterdir():
        path.write_bytes(path.read_bytes()[:-20] if damage is None else damage)
    assert items(past) == first
    assert items(past) == first


def test_a_memory_of_another_shape_is_not_believed(past: World) -> None:
    first = items(past)
    with folded(past) as fold:
        part, folding = fold.parts[0], fold
        form = (memory(past) / part.name).read_bytes().partition(b"\n")[0].decode()
        known = Remembered(memory(past), form)
        note = known.note(part.name, part.key)
        assert note is not None
        known.put(part.name, part.key, note, b'item-00000 done a b\t{"id": 7}')
        assert [*folding.items()] == first
    assert items(past) == first


def test_a_broken_journal_is_named_and_stops_nothing(past: World, tmp_path: Path) -> None:
    past.git("clone", "-q", str(past.root), str(tmp_path / "clone"))
    world = World(tmp_path / "clone")
    broken = next(item for item in items(world) if not item.is_open)
    path = f"artifacts/done/{broken.day}/{broken.id}/journal.jsonl"
    world.write(path, world.read(path).replace('"seq":2', '"seq":3', 1))
    world.commit()
    with folded(world) as fold:
        assert [problem.path for problem in fold.unreadable] == [path]
        assert len([*fold.items()]) == len(items(past)) - 1
    with folded(world) as fold:
        assert [problem.path for problem in fold.unreadable] == [path]


def test_archived_items_are_there_as_before(world: World) -> None:
    world.item("one")
    world.item("two")
    world.commit()
    world.tick(drain=True)
    before = {item.id: item for item in items(world)}
    world.git("branch", "-q", "before")
    with folded(world) as fold:
        assert fold.get("one") == before["one"] and fold.get("none") is None
    lines = world.command("archive", "--before", "2999-01-01", status=None)
    assert "yet to come" in lines
    day = before["one"].day
    world.now = None
    kept = (
        world.git("rev-parse", f"main:artifacts/done/{day}/one"),
        world.git("rev-parse", f"main:queue/done/{day}/one.yaml"),
    )
    line = (
        f'{{"id":"one","day":"{day}","outcome":"applied","title":"do one","commit":"{world.git("rev-parse", "main")}",'
        f'"item":"{kept[1]}","artifacts":"{kept[0]}"}}\n'
    )
    world.git("rm", "-qr", f"queue/done/{day}/one.yaml", f"artifacts/done/{day}/one")
    world.write(archive_path(day[:4]), line)
    world.commit()
    with folded(world) as fold:
        assert {item.id: item for item in fold.items()} == before
        assert fold.get("one") == before["one"]
        assert sum(map(len, fold.days.values())) == 2


WORDS = st.text("abc01 .,:#'\"[]{}*&-_|>\\\t\n", max_size=12)
LINES = st.one_of(
    st.builds(
        "{}: {}".format, st.sampled_from(["title", "contract", "labels", "priority", "scope", "description"]), WORDS
    ),
    st.builds("{}: [{}]".format, st.sampled_from(["labels", "depends_on", "scope"]), WORDS),
    st.sampled_from(
        ["description: |", "acceptance:", "  - {id: A1, text: x}", "- a", "inputs: {a: [1]}", "hold: true"]
    ),
    st.builds("  {}".format, WORDS),
    st.just('title: "Do it"'),
)


@given(st.lists(LINES, max_size=6), st.booleans())
def test_a_plain_item_says_the_same_as_to_the_reader_of_yaml(lines: list[str], titled: bool) -> None:
    data = "\n".join((["title: Do it"] if titled else []) + lines).encode()
    quick = plain_words(data)
    if quick is None:
        return
    try:
        item = read_item("queue/inbox/x.yaml", data)
    except InvalidFile:
        return
    assert quick == Words(
        item.title,
        item.contract or "",
        item.labels,
        item.priority,
        item.mission or "",
        item.milestone or "",
        item.depends_on,
        item.scope,
        item.discovered_from or "",
        item.reverts or "",
        item.validates,
        item.steers,
        item.hold,
    )


@pytest.mark.parametrize(
    "text",
    [
        "title: Do it\ncontract: repair\nlabels: [bug, a-b]\nscope: [src/**]\n",
        'title: "Größe: 3 # no"\ndepends_on: [one, two]\npriority: 2\ndescription: |\n  title: no\n\n  x\nhold: true\n',
        'title: Do it\ninputs: {"runs": [[{"say": "b"}]]}\nacceptance:\n  - {id: A1, text: x}\n',
    ],
)
def test_the_usual_items_are_read_quickly(text: str) -> None:
    assert plain_words(text.encode()) == words_of("x", text.encode()) != Words()
    assert read_item("x", text.encode()).title == words_of("x", text.encode()).title
