"""The golden story: a record is the same whenever the same code tells it, and a comparison finds what is not."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.golden import story
from tests.golden.chronicle import Chronicle
from tests.golden.compare import differences, renames
from tests.golden.normal import Normal, numbered
from tests.golden.stage import Stage

REASON = '"reason":"all checks passed"'


def told(place: Path) -> str:
    """A story of one item, told by this version."""
    stage = Stage(place, "small", Path(sys.executable))
    story.begin(stage)
    stage.drop("one")
    stage.drain()
    return numbered(Chronicle(stage).text())


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> str:
    return told(tmp_path_factory.mktemp("told"))


def commits(record: str) -> list[str]:
    return [f"=== {block}" for block in record.split("=== ") if block]


def test_a_story_that_is_told_again_gives_the_same_record(record: str, tmp_path: Path) -> None:
    assert told(tmp_path) == record
    assert differences(record, record) == []


def test_a_record_holds_every_commit_with_its_lanes_and_what_it_changed(record: str) -> None:
    [start] = [block for block in commits(record) if "inbox -> active" in block.split("\n")[0]]
    assert "author: factory <factory@<host>>" in start and "Factory-Move: inbox -> active" in start
    assert "queue/active: .gitkeep one.yaml" in start
    assert "--- A moved queue/active/one.yaml" in start
    assert '"lease":{"owner":"<host>:<id ' in start and '"expires_at":"<time+50m>"' in start
    # the proposal stands just before the merge that brings it in
    titles = [block.split("\n")[0] for block in commits(record)]
    assert titles[titles.index("=== small: Merge one: do one") - 1] == "=== small: do one"
    assert "[0]\ntake in queue/inbox/one.yaml\n" in record


PLANTED: dict[str, Callable[[str], str]] = {
    "another reason": lambda text: text.replace(REASON, REASON.replace("passed", "well")),
    "a field less": lambda text: text.replace(f",{REASON}", ""),
    "another author": lambda text: text.replace("author: Ann", "author: Bob", 1),
    "another lease": lambda text: text.replace("<time+50m>", "<time+45m>"),
    "another object": lambda text: re.sub(r'("proposal":")<id \d+>', r"\g<1><id 1>", text),
    "a commit less": lambda text: "".join(block for block in commits(text) if "active -> review" not in block[:60]),
    "another order": lambda text: "".join(
        [*commits(text)[:-3], commits(text)[-2], commits(text)[-3], commits(text)[-1]]
    ),
    "another answer": lambda text: text.replace("tick --drain [0]", "tick --drain [1]"),
}


@pytest.mark.parametrize("what", PLANTED)
def test_what_differs_is_found_and_shown(record: str, what: str) -> None:
    later = PLANTED[what](record)
    assert later != record
    found = differences(record, later)
    assert found[:2] == ["--- earlier", "+++ later"]
    # what follows has other numbers by then, and is not shown for that
    assert 0 < sum(line[0] in "+-" for line in found[2:]) < 200


def test_a_field_that_the_later_version_adds_is_no_difference_nor_are_the_ids_after_it(record: str) -> None:
    added = numbered(record.replace('"event":"start",', f'"event":"start","novel":"sha256:{"a" * 64}","lest":[1],'))
    assert added != record
    assert differences(record, added) == []
    # and it is one the other way round
    assert any("novel" in line for line in differences(added, record))


def test_a_message_that_is_listed_as_renamed_is_no_difference(record: str) -> None:
    later = record.replace("all checks passed", "every check passed")
    listed = renames("# one word for all of them\nall (check)s passed => every \\1 passed\n")
    assert differences(record, later, listed) == []
    found = differences(record, later)
    assert any(line.endswith('"every check passed"') for line in found)
    assert [line for line in found if line.startswith("@@")][-1].endswith(
        "=== small: factory: one review -> done (run 1)"
    )


def test_what_depends_on_the_machine_and_the_hour_is_taken_out() -> None:
    normal = Normal((("/tmp/place", "<place>"),), "vm")
    assert normal.text('{"at":"2026-11-29T20:41:41Z","until":"2026-11-29T21:11:42Z","seconds":3.305}') == (
        '{"at":"<time>","until":"<time+30m>","seconds":"<number>"}'
    )
    assert (
        normal.text("factory@vm vm vm:0123456789abcdef in 2.5 s")
        == "factory@<host> vm <host>:0123456789abcdef in <seconds>"
    )
    assert normal.shown("20:41:41 one (/tmp/place): -> done/2026-11-29    4m") == "one (<place>): -> done/<day>  <ago>"


def test_the_program_ends_with_1_when_the_records_differ(record: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_text(record)
    (tmp_path / "b").write_text(record.replace("author: Ann", "author: Bob"))
    for other, status in (("a", 0), ("b", 1)):
        argv = [sys.executable, "-m", "tests.golden", "compare", str(tmp_path / "a"), str(tmp_path / other)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stderr
        assert ("+author: Bob" in done.stdout) is bool(status)
