"""The audit's gallery: a falsified archive, each way found with its rule and its commit."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from factory.line.retention.archive import archivable
from factory.line.snapshot import SnapshotReader
from factory.model.archive import ArchivedItem
from factory.model.commit_message import archive_message
from factory.model.layout import archive_path, artifact_folder, item_path
from factory.model.lifecycle import Lane
from factory.model.moments import day_of
from factory.report.audit.rules import Rule
from factory.store.repository.objects import Person
from factory.store.repository.repository import Repository
from factory.store.system import MACHINE
from tests.forger import ANN, Files, Forger, Forgery, Gallery, assert_found_out

forgery = Gallery()
Change = Callable[[dict[str, str]], object]


def nothing(_line: dict[str, str]) -> None:
    """Leave a line as it is."""


def tomorrow() -> str:
    """The first day of which the audit, by whose clock it may be today, does not say that it is yet to come."""
    return day_of(MACHINE.now() + timedelta(days=1))


def items_of(forger: Forger) -> tuple[ArchivedItem, ...]:
    """What the factory would archive of the honest history."""
    repository = Repository(forger.root)
    try:
        reader = SnapshotReader(repository, "main")
        return archivable(reader, reader.snapshot(MACHINE.now(), forger.head), tomorrow()).items
    finally:
        repository.close()


@dataclass
class Archive:
    """An archive commit, with a difference."""

    forger: Forger
    items: tuple[ArchivedItem, ...]

    @classmethod
    def of(cls, forger: Forger) -> "Archive":
        return cls(forger, items_of(forger))

    def lines(self, change: Change = nothing, of: str = "approved", without: Iterable[str] = ()) -> Files:
        """The index, in which one line says something else."""
        found: dict[str, bytes] = {}
        for item in self.items:
            line = item.model_dump(mode="json")
            if item.id == of:
                change(line)
            if item.id not in without:
                path = archive_path(item.year)
                found[path] = found.get(path, b"") + json.dumps(line, separators=(",", ":")).encode() + b"\n"
        return found

    def gone(self, without: Iterable[str] = ()) -> Files:
        """The files of all items, gone."""
        kept = [item for item in self.items if item.id not in without]
        folders = tuple(f"{artifact_folder(item.id, item.day)}/" for item in kept)
        artifacts = (path for path in self.forger.paths("artifacts") if path.startswith(folders))
        queued = (item_path(Lane.DONE, item.id, item.day) for item in kept)
        return dict.fromkeys([*artifacts, *queued])

    def commit(self, files: Files, by: Person | None = None, before: str = "") -> str:
        message = archive_message(before or tomorrow(), len(self.items), str(ANN))
        return self.forger.put(files, message, by or self.forger.me)


def archived(forger: Forger) -> str:
    """An honest archive commit; the path of its index."""
    made = Archive.of(forger)
    made.commit({**made.gone(), **made.lines()})
    return archive_path(made.items[0].year)


@pytest.mark.parametrize("made", forgery, ids=lambda made: made.__name__)
def test_a_falsified_archive_is_found_out(forger: Forger, made: Forgery) -> None:
    assert_found_out(forger, made)


def test_an_honest_one_is_not(forger: Forger) -> None:
    honest = forger.head
    archived(forger)
    assert forger.audit() == forger.audit("--since", honest) == forger.audit("--since", forger.head) == []


def test_an_honest_one_that_was_rebased_is_not(forger: Forger) -> None:
    honest = forger.head
    archived(forger)
    commit = forger.head
    forger.cut(honest)
    forger.put({"notes.md": b"of Ann's\n"})
    forger.git("worktree", "add", "-q", "--detach", str(forger.root / "beside"), "main")
    there = Forger(forger.root / "beside")
    there.git("-c", "user.name=Ann", "-c", "user.email=ann@example.org", "cherry-pick", commit)
    forger.cut(there.git("rev-parse", "HEAD"))
    assert forger.audit() == []


def test_a_merge_of_what_left_the_tree_on_one_side_alone_is_not(forger: Forger) -> None:
    honest = forger.head
    aside = forger.put({"notes.md": b"of Ann's\n"})
    forger.cut(honest)
    archived(forger)
    forger.put({"notes.md": b"of Ann's\n"}, merged=(aside,))
    assert forger.audit() == []


def with_a_line(forger: Forger, change: Change) -> tuple[Rule, str]:
    made = Archive.of(forger)
    return Rule.ARCHIVE, made.commit({**made.gone(), **made.lines(change)})


@forgery
def a_line_says_another_outcome_than_the_journal(forger: Forger) -> tuple[Rule, str]:
    return with_a_line(forger, lambda line: line.update(outcome="rejected"))


@forgery
def a_line_says_another_title(forger: Forger) -> tuple[Rule, str]:
    return with_a_line(forger, lambda line: line.update(title="something else"))


@forgery
def a_line_says_another_commit(forger: Forger) -> tuple[Rule, str]:
    return with_a_line(forger, lambda line: line.update(commit="1" * 40))


@forgery
def a_line_names_another_text_of_the_item(forger: Forger) -> tuple[Rule, str]:
    other = forger.git("hash-object", "-w", "--stdin", stdin=b"title: something else\n")
    return with_a_line(forger, lambda line: line.update(item=other))


@forgery
def a_line_names_other_artifacts(forger: Forger) -> tuple[Rule, str]:
    return with_a_line(forger, lambda line: line.update(artifacts=forger.git("rev-parse", "main:contracts")))


@forgery
def a_line_names_another_item(forger: Forger) -> tuple[Rule, str]:
    return with_a_line(forger, lambda line: line.update(id="approved-too"))


@forgery
def a_line_cannot_be_read(forger: Forger) -> tuple[Rule, str]:
    return with_a_line(forger, lambda line: line.update(outcome="wonderful"))


@forgery
def a_line_is_of_an_item_that_has_not_ended(forger: Forger) -> tuple[Rule, str]:
    return with_a_line(forger, lambda line: line.update(id="open"))


@forgery
def a_line_is_of_an_item_that_never_was(forger: Forger) -> tuple[Rule, str]:
    made = Archive.of(forger)
    path = archive_path(made.items[0].year)
    more = {**made.items[0].model_dump(mode="json"), "id": "nobody"}
    lines = made.lines()[path] or b""
    return Rule.ARCHIVE, made.commit(
        {**made.gone(), path: lines + json.dumps(more, separators=(",", ":")).encode() + b"\n"}
    )


@forgery
def what_is_archived_still_lies_in_the_tree(forger: Forger) -> tuple[Rule, str]:
    made = Archive.of(forger)
    return Rule.ARCHIVE, made.commit({**made.gone(without=["approved"]), **made.lines()})


@forgery
def an_item_leaves_the_tree_without_a_line(forger: Forger) -> tuple[Rule, str]:
    made = Archive.of(forger)
    return Rule.LOST, made.commit({**made.gone(), **made.lines(without=["approved"])})


@forgery
def a_person_takes_finished_items_away(forger: Forger) -> tuple[Rule, str]:
    return Rule.LOST, forger.put(Archive.of(forger).gone(), "Tidy up")


@forgery
def a_person_archives_by_themself(forger: Forger) -> tuple[Rule, str]:
    made = Archive.of(forger)
    return Rule.ARCHIVE, forger.put({**made.gone(), **made.lines()}, "Tidy up")


@forgery
def a_person_writes_the_trailer_too(forger: Forger) -> tuple[Rule, str]:
    made = Archive.of(forger)
    return Rule.FORGED, made.commit({**made.gone(), **made.lines()}, by=ANN)


@forgery
def the_factory_archives_and_says_nothing(forger: Forger) -> tuple[Rule, str]:
    made = Archive.of(forger)
    return Rule.TRAILERS, forger.put({**made.gone(), **made.lines()}, "factory: tidy up", forger.me)


@forgery
def something_else_is_changed_in_passing(forger: Forger) -> tuple[Rule, str]:
    made = Archive.of(forger)
    return Rule.TRAILERS, made.commit({**made.gone(), **made.lines(), "program.py": b"print('mine')\n"})


@forgery
def what_was_finished_later_goes_too(forger: Forger) -> tuple[Rule, str]:
    made = Archive.of(forger)
    return Rule.ARCHIVE, made.commit({**made.gone(), **made.lines()}, before="2000-01-01")


@forgery
def what_is_yet_to_be_finished_goes_too(forger: Forger) -> tuple[Rule, str]:
    made = Archive.of(forger)
    return Rule.ARCHIVE, made.commit({**made.gone(), **made.lines()}, before="9000-01-01")


@forgery
def a_line_is_edited_later(forger: Forger) -> tuple[Rule, str]:
    path = archived(forger)
    return Rule.ARCHIVE, forger.put({path: forger.read(path).replace(b'"applied"', b'"rejected"')}, "x", forger.me)


@forgery
def a_line_is_edited_later_by_a_person(forger: Forger) -> tuple[Rule, str]:
    path = archived(forger)
    return Rule.ARCHIVE, forger.put({path: forger.read(path).replace(b'"applied"', b'"rejected"')})


@forgery
def a_line_is_removed_later(forger: Forger) -> tuple[Rule, str]:
    path = archived(forger)
    return Rule.ARCHIVE, forger.put({path: b"\n".join(forger.read(path).split(b"\n")[1:])})


@forgery
def the_index_is_taken_away(forger: Forger) -> tuple[Rule, str]:
    return Rule.ARCHIVE, forger.put({archived(forger): None}, "Tidy up", forger.me)


@forgery
def a_merge_writes_a_line_of_its_own(forger: Forger) -> tuple[Rule, str]:
    honest = forger.head
    aside = forger.put({"notes.md": b"of Ann's\n"})
    forger.cut(honest)
    path = archived(forger)
    files: Files = {"notes.md": b"of Ann's\n", path: forger.read(path).replace(b'"applied"', b'"rejected"')}
    return Rule.ARCHIVE, forger.put(files, "Merge", merged=(aside,))


@forgery
def an_item_is_archived_twice(forger: Forger) -> tuple[Rule, str]:
    path = archived(forger)
    data = forger.read(path)
    return Rule.ARCHIVE, Archive(forger, ()).commit({path: data + data.split(b"\n")[0] + b"\n"})


@forgery
def a_new_item_takes_the_id_of_an_archived_one(forger: Forger) -> tuple[Rule, str]:
    archived(forger)
    return Rule.ONE_LANE, forger.put({"queue/inbox/approved.yaml": b"title: something else\n"})


@forgery
def the_factory_brings_an_archived_item_back(forger: Forger) -> tuple[Rule, str]:
    text = forger.read(forger.path("approved.yaml"))
    archived(forger)
    return Rule.ONE_LANE, forger.put({"queue/blocked/approved.yaml": text}, "factory: bring back approved", forger.me)


def test_the_index_is_read_as_it_was_written(forger: Forger, tmp_path: Path) -> None:
    path = archived(forger)
    for line in forger.read(path).splitlines(keepends=True):
        assert ArchivedItem.model_validate_json(line).line() == line
