"""The layout: what a path means is what it was built from, and what people misplace is told from what lies in place."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.model import layout, run_layout
from factory.model.item import ID_PATTERN, id_problem
from factory.model.layout import in_no_lane, parse
from factory.model.lifecycle import Lane
from factory.model.places import (
    BatchFile,
    BreakerFile,
    ContractFile,
    ItemFile,
    JournalFile,
    LooseArtifact,
    OpenVerdict,
    PolicyFile,
    PromptFile,
    RunFile,
)

IDS = st.from_regex(ID_PATTERN, fullmatch=True).filter(lambda item_id: not id_problem(item_id))
NAMES = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,39}", fullmatch=True)  # of seats, contracts and checks: no dots
DAYS = st.dates().map(lambda day: f"{day:%Y-%m-%d}")
RUNS = st.integers(min_value=0, max_value=1_000_000_000)
WITH_DAY = st.just("") | DAYS
FILES = st.text(string.ascii_letters + string.digits + "._- é\n", min_size=1, max_size=20).filter(
    lambda name: name not in (".", "..")
)
PATHS = st.lists(FILES, min_size=1, max_size=4).map("/".join)


@given(IDS, st.sampled_from(list(Lane)), DAYS)
def test_an_item_is_found_where_it_was_put(item_id: str, lane: Lane, day: str) -> None:
    found = parse(layout.item_path(lane, item_id, day))
    assert found == ItemFile(lane, day if lane is Lane.DONE else "", item_id)
    assert isinstance(found, ItemFile) and found.id == item_id
    assert not in_no_lane(layout.item_path(lane, item_id, day))


@given(IDS, DAYS)
def test_the_day_of_a_finished_item_is_the_folder_it_lies_in(item_id: str, day: str) -> None:
    assert layout.day_of(layout.item_path(Lane.DONE, item_id, day)) == day
    assert layout.day_of(layout.item_path(Lane.DONE, item_id)) == ""
    assert layout.day_of(layout.item_path(Lane.REVIEW, item_id, day)) == ""


@given(IDS, NAMES)
def test_a_verdict_file_says_of_which_item_and_seat_it_is_though_ids_have_dots(item_id: str, seat: str) -> None:
    assert parse(layout.verdict_path(item_id, seat)) == OpenVerdict(Lane.REVIEW, "", item_id, seat)


@given(NAMES)
def test_breakers_and_contracts_are_told_apart_by_their_folders(name: str) -> None:
    assert parse(layout.breaker_path(name)) == BreakerFile(name)
    assert parse(layout.contract_path(name)) == ContractFile(name)
    assert not in_no_lane(layout.breaker_path(name))


@given(IDS, WITH_DAY)
def test_a_journal_says_of_which_item_it_is(item_id: str, day: str) -> None:
    found = parse(layout.journal_path(item_id, day))
    assert found == JournalFile(item_id, day)
    assert isinstance(found, JournalFile)
    assert layout.journal_path(item_id, day) == f"{layout.artifact_folder(item_id, day)}/{found.below}"


@given(IDS, RUNS, PATHS, WITH_DAY)
def test_a_file_of_a_run_says_of_which_run_it_is_whatever_a_worker_called_it(
    item_id: str, run: int, name: str, day: str
) -> None:
    path = layout.run_file(item_id, run, name, day)
    found = parse(path)
    assert found == RunFile(item_id, day, run, name)
    assert isinstance(found, RunFile)
    assert path == f"{layout.artifact_folder(item_id, day)}/{found.below}"
    assert path == f"{layout.run_folder(item_id, run, day)}/{name}"
    assert run_layout.parse_run_path(found.below) == (run, name)


@given(RUNS, NAMES)
def test_the_files_of_a_run_tell_who_wrote_them(run: int, name: str) -> None:
    assert run_layout.seat_in(run_layout.kept_verdict(name)) == name
    assert run_layout.is_by_worker(run_layout.worker_file(name)) and run_layout.is_by_worker(run_layout.RESULT)
    again = run_layout.rechecked(run_layout.check_log(name))
    assert run_layout.is_of_recheck(run_layout.run_path(run, again))
    assert run_layout.is_of_recheck(run_layout.run_path(run, run_layout.RECHECK))
    assert run_layout.is_of_apply(run_layout.run_path(run, run_layout.APPLY))
    for first in (run_layout.check_log(name), run_layout.seat_log(name), run_layout.seat_trace(name), run_layout.PATCH):
        below = run_layout.run_path(run, first)
        assert not (run_layout.is_by_worker(first) or run_layout.is_of_recheck(below) or run_layout.is_of_apply(below))
        assert not run_layout.seat_in(first)


@given(IDS)
def test_a_folder_that_is_called_nearly_like_a_run_is_none(item_id: str) -> None:
    for name in ("run-01/patch.diff", "run-x/patch.diff", "run-1", "Run-1/patch.diff", "notes.txt", "run-١/a"):
        assert parse(f"artifacts/{item_id}/{name}") == LooseArtifact(item_id, "", name)


@given(IDS)
def test_an_id_is_the_name_in_small_letters_and_the_name_stays_known(item_id: str) -> None:
    found = parse(f"queue/inbox/{item_id.upper()}.yaml")
    assert isinstance(found, ItemFile)
    assert (found.id, found.name) == (item_id, item_id.upper())


@pytest.mark.parametrize(
    "path",
    [
        "queue/fix.yaml",
        "queue/inbx/fix.yaml",
        "queue/inbox/mine/fix.yaml",
        "queue/done/2026-11-21/mine/fix.yaml",
        "queue/breakers/notes.txt",
        "queue/breakers/old/change.yaml",
        "queue/notes.txt",
    ],
)
def test_what_lies_where_nobody_looks_is_said_to(path: str) -> None:
    assert in_no_lane(path)


@pytest.mark.parametrize(
    "path", ["queue/README.md", "queue/.gitkeep", "queue/.mine/fix.yaml", "queue/inbox/.fix.yaml.swp", "queue/.idea/a"]
)
def test_what_is_none_of_the_factorys_business_is_passed_over(path: str) -> None:
    assert not in_no_lane(path)


def test_a_misplaced_file_still_is_what_its_name_says() -> None:
    assert parse("queue/inbox/mine/fix.yaml") == ItemFile(Lane.INBOX, "mine", "fix")
    assert parse("queue/mine/fix.yaml") == ItemFile(None, "mine", "fix")
    assert parse("queue/blocked/fix.human.verdict.yaml") == OpenVerdict(Lane.BLOCKED, "", "fix", "human")
    assert parse("queue/active/many.jsonl") == BatchFile(Lane.ACTIVE, "", "many")


def test_a_batch_lies_in_the_inbox_and_nowhere_else() -> None:
    assert parse("queue/inbox/many.jsonl") == BatchFile(Lane.INBOX, "", "many")
    assert layout.is_batch("queue/inbox/many.jsonl")
    assert not any(map(layout.is_batch, ["queue/active/many.jsonl", "queue/inbox/mine/many.jsonl", "many.jsonl"]))


def test_the_policy_and_the_prompts_belong_to_the_library() -> None:
    assert parse("WORKFLOW.md") == PolicyFile()
    assert parse("contracts/prompts/review/kind.md") == PromptFile("review/kind.md")
    assert all(map(layout.in_library, ["WORKFLOW.md", "contracts/change.yaml", layout.schema_path("item")]))
    assert not any(map(layout.in_library, ["docs/WORKFLOW.md", "contracts", "my/contracts/change.yaml"]))


@pytest.mark.parametrize(
    "path",
    ["queue", "artifacts", "artifacts/fix", "artifacts/done/2026-11-21/fix", "src/queue/inbox/fix.yaml", ""],
)
def test_what_is_no_file_of_the_factorys_means_nothing(path: str) -> None:
    assert parse(path) is None
