"""What a patch and a merge are hangs on the two trees alone: no setting, attribute, driver or replacement has a say."""

from pathlib import Path

import pytest

from factory.store.repository.repository import Repository
from tests.world import World

_LINES = "".join(f"line {number}\n" for number in range(20))


def _changed(world: World, name: str, old: str, new: str) -> tuple[str, str]:
    world.write(name, old)
    before = world.commit()
    world.write(name, new)
    return world.git("rev-parse", f"{before}^{{tree}}"), world.git("rev-parse", f"{world.commit()}^{{tree}}")


def _patch(world: World, trees: tuple[str, str]) -> str:
    repository = Repository(world.root)
    try:
        return repository.patch(*trees).decode()
    finally:
        repository.close()


@pytest.mark.parametrize("attribute", ["-diff", "diff=mine", "binary", "-text", "ident", "filter=mine"])
@pytest.mark.parametrize("where", [".gitattributes", ".git/info/attributes"])
def test_attributes_do_not_hide_what_a_patch_says(world: World, attribute: str, where: str) -> None:
    # given a repository whose attributes would hide or rewrite the difference of a text
    world.git("config", "diff.mine.command", "echo hidden")
    world.git("config", "diff.mine.textconv", "echo hidden")
    world.git("config", "filter.mine.clean", "echo hidden")
    world.git("config", "filter.mine.smudge", "echo hidden")
    trees = _changed(world, "notes.txt", _LINES, _LINES.replace("line 7\n", "line seven\n"))
    world.write(where, f"* {attribute}\n")
    # then the patch shows text as text
    assert "\n-line 7\n+line seven\n" in _patch(world, trees)


@pytest.mark.parametrize(
    "setting",
    [
        "diff.suppressBlankEmpty=true",
        "diff.noprefix=true",
        "diff.context=1",
        "diff.algorithm=patience",
        "color.ui=always",
    ],
)
def test_a_persons_settings_do_not_change_what_a_patch_says(world: World, setting: str) -> None:
    trees = _changed(world, "notes.txt", "a\n\n" * 9, "a\n\n" * 8 + "b\n\n")
    plain = _patch(world, trees)
    # when a person sets how git shows differences to them
    world.git("config", *setting.split("=", 1))
    # then nothing is different in what the factory records
    assert _patch(world, trees) == plain


def test_no_merge_driver_of_the_repository_runs(world: World, tmp_path: Path) -> None:
    # given a merge driver for every file, and two branches that both changed one
    world.git("config", "merge.mine.driver", f"touch {tmp_path}/ran; exit 0")
    world.write(".gitattributes", "* merge=mine\n")
    world.write("notes.txt", _LINES)
    base = world.commit()
    world.write("notes.txt", _LINES.replace("line 7", "ours"))
    ours = world.commit()
    world.git("checkout", "-q", "-b", "other", base)
    world.write("notes.txt", _LINES.replace("line 7", "theirs"))
    theirs = world.commit()
    # when the factory merges them in memory
    repository = Repository(world.root)
    merge = repository.merge(base, ours, theirs)
    repository.close()
    # then that is a conflict, and no program was asked
    assert merge.conflicts == ("notes.txt",)
    assert not (tmp_path / "ran").exists()


def test_a_replacement_does_not_change_what_a_commit_says(world: World) -> None:
    real = world.git("rev-parse", "HEAD")
    world.write("program.py", "print('another')\n")
    other = world.commit()
    world.git("replace", real, other)
    repository = Repository(world.root)
    tree = repository.objects.commit(real).tree
    repository.close()
    assert tree == world.git("--no-replace-objects", "rev-parse", f"{real}^{{tree}}")


def test_a_shallow_clone_can_be_patched_and_merged(world: World, tmp_path: Path) -> None:
    trees = _changed(world, "notes.txt", "a\n", "b\n")
    world.git("clone", "-q", "--depth", "1", f"file://{world.root}", str(tmp_path / "clone"))
    clone = World(tmp_path / "clone")
    head = clone.git("rev-parse", "HEAD")
    clone.write("more.txt", "more\n")
    more = clone.commit()
    repository = Repository(clone.root)
    merge, whole = repository.merge(head, head, more), repository.content_at(more)
    repository.close()
    assert merge.conflicts == () and merge.tree == whole
    assert trees[1] == clone.git("rev-parse", f"{head}^{{tree}}")
