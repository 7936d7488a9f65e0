"""Trivial merges are made without git, and are what git would make of them."""

import random
from contextlib import closing

import pytest

from factory.store.repository.objects import EMPTY_TREE
from factory.store.repository.repository import Repository
from tests.world import World


def commit(world: World, changes: dict[str, str | None], message: str) -> str:
    for path, text in changes.items():
        if text is None:
            (world.root / path).unlink(missing_ok=True)
        else:
            world.write(path, text)
    return world.commit(message)


def merged(world: World, base: str, proposal: str, target: str) -> tuple[str | None, str, tuple[str, ...]]:
    """(what was made without git, what git makes of it, what conflicts in that)."""
    with closing(Repository(world.root)) as repository:
        plain = repository._merging.trivial(base, proposal, target, repository.content_at)
        repository.objects.flush()
        found = repository.merge(base, target, proposal)
        return plain.tree if plain else None, found.tree, found.conflicts


def sides(world: World, ours: dict[str, str | None], theirs: dict[str, str | None]) -> tuple[str, str, str]:
    """(base, proposal, target) where each side has made its changes."""
    base = world.git("rev-parse", "main")
    world.git("switch", "-q", "-c", "theirs")
    proposal = commit(world, theirs, "Theirs")
    world.git("switch", "-q", "main")
    return base, proposal, commit(world, ours, "Ours")


FILES = [f"{folder}{name}.txt" for folder in ("", "a/", "a/b/", "c/") for name in "xyz"]


@pytest.mark.parametrize("seed", range(12))
def test_what_is_made_without_git_is_what_git_makes(world: World, seed: int) -> None:
    chance = random.Random(seed)
    commit(world, {path: f"{path}\n" for path in FILES if chance.random() < 0.7}, "Begin")

    def some() -> dict[str, str | None]:
        return {
            path: chance.choice([f"{chance.random()}\n", "the same\n", None if chance.random() < 0.2 else "more\n"])
            for path in FILES
            if chance.random() < 0.25
        } | {f"new/{chance.randrange(40)}.txt": "new\n"}

    plain, by_git, conflicts = merged(world, *sides(world, some(), some()))
    assert plain is None or (plain, conflicts) == (by_git, ())


def test_changes_of_different_files_need_no_git(world: World) -> None:
    plain, by_git, _ = merged(world, *sides(world, {"a/x.txt": "ours\n"}, {"a/y.txt": "theirs\n", "z.txt": "new\n"}))
    assert plain == by_git != EMPTY_TREE


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"program.py": "ours\n"}, {"program.py": "theirs\n"}),
        ({"program.py": None, "moved.py": "print('hello')\n"}, {"new.txt": "new\n"}),
        ({"new.txt": "new\n"}, {"program.py": None}),
        ({"new": "a file\n"}, {"new/folder.txt": "below\n"}),
    ],
    ids=["one file changed twice", "moved by us", "deleted by them", "a file and a folder"],
)
def test_what_is_less_plain_is_left_to_git(
    world: World, ours: dict[str, str | None], theirs: dict[str, str | None]
) -> None:
    assert merged_without_git(world, *sides(world, ours, theirs)) is None


def test_what_has_been_merged_already_is_left_to_git(world: World) -> None:
    base, proposal, _ = sides(world, {"a.txt": "ours\n"}, {"b.txt": "theirs\n"})
    world.git("merge", "-q", "--no-ff", "-m", "Merge", "theirs")
    target = commit(world, {"b.txt": "changed since\n"}, "Go on")
    assert merged_without_git(world, base, proposal, target) is None


def test_what_was_merged_on_a_branch_beside_is_left_to_git(world: World) -> None:
    base, proposal, _ = sides(world, {"a.txt": "ours\n"}, {"b.txt": "theirs\n"})
    world.git("switch", "-q", "-c", "beside")
    world.git("merge", "-q", "--no-ff", "-m", "Merge", "theirs")
    commit(world, {"c.txt": "beside\n"}, "Beside")
    world.git("switch", "-q", "main")
    commit(world, {"d.txt": "on main\n"}, "On main")
    world.git("merge", "-q", "--no-ff", "-m", "Merge beside", "beside")
    assert merged_without_git(world, base, proposal, world.git("rev-parse", "main")) is None


def test_a_history_that_was_made_anew_is_left_to_git(world: World) -> None:
    base, proposal, target = sides(world, {"a.txt": "ours\n"}, {"b.txt": "theirs\n"})
    anew = world.git("commit-tree", f"{target}^{{tree}}", "-m", "Another beginning")
    assert merged_without_git(world, base, proposal, anew) is None


def merged_without_git(world: World, base: str, proposal: str, target: str) -> str | None:
    with closing(Repository(world.root)) as repository:
        plain = repository._merging.trivial(base, proposal, target, repository.content_at)
        return plain.tree if plain else None
