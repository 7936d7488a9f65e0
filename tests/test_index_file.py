"""The index that the factory writes by itself has what git would have written, byte for byte but for the version."""

import hashlib
import os
import random
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from factory.store.repository.git import Git, GitError
from factory.store.repository.index import Index
from factory.store.repository.index_file import IndexFile, NotPlain, Put
from factory.store.repository.objects import TreeEntry
from factory.store.repository.trees import Change
from factory.store.system import MACHINE

BLOB = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"  # git's id of an empty file
OTHER = "d00491fd7e5bb6fa28c517a0bb32b8b506539d4d"  # and of one with "1" and a line end
LONG = "long/" + "/".join(["n" * 200] * 21)  # longer than the twelve bits that an entry has for it
NAMES = [
    "a",
    "b",
    "b-c",
    "b.c",
    "b/c",
    "b/c/d",
    "b0",
    "queue",
    "queue/inbox/x.yaml",
    "queue/x",
    "ü/ö",
    "with space",
    "z~1",
]
PAST = 1_600_000_000


class Tried:
    """A repository whose index is changed in both ways."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        self.git("init", "-q")
        for content in (b"", b"1\n"):
            self.git("hash-object", "-w", "--stdin", stdin=content)
        self.state = root / ".git/factory"
        self.state.mkdir()
        self.index = Index(Git(root, MACHINE), root / ".git", self.state)

    def git(self, *arguments: str, stdin: bytes = b"", index: Path | None = None) -> bytes:
        env = {**os.environ, **({"GIT_INDEX_FILE": str(index)} if index else {})}
        return subprocess.run(
            ["git", *arguments], cwd=self.root, env=env, input=stdin, check=True, capture_output=True
        ).stdout

    def write(self, path: str, text: str, *, at: int = PAST) -> Path:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        os.utime(place, (at, at))
        return place

    def put_by_git(self, lines: Sequence[str], index: Path | None = None) -> None:
        self.git(
            "update-index",
            "-z",
            "--index-info",
            stdin=b"".join(os.fsencode(f"{line}\0") for line in lines),
            index=index,
        )

    def expect_what_git_makes(self, changes: Sequence[Change]) -> bytes:
        """Prepare and adopt; what is in the index then."""
        theirs = self.root / ".git/by-git"
        theirs.write_bytes(self.index.path.read_bytes())
        gone_first = sorted(changes, key=lambda change: change.new is not None)
        self.put_by_git([f"{' '.join(change.new or ('0', '0' * 40))}\t{change.path}" for change in gone_first], theirs)
        self.index.prepare(changes)
        self.index.adopt()
        ours = self.index.path.read_bytes()
        assert ours[8:-20] == theirs.read_bytes()[8:-20], changes  # git writes version 2 again once it can
        for asked in (("ls-files", "-s", "-v", "--debug"), ("status", "--porcelain")):
            told = [self.git("--no-optional-locks", *asked, index=index) for index in (self.index.path, theirs)]
            assert told[0] == told[1], changes
        return ours


@pytest.fixture
def tried(tmp_path: Path) -> Tried:
    return Tried(tmp_path / "repository")


def put(path: str, mode: str = "100644", oid: str = BLOB) -> Change:
    return Change(path, None, TreeEntry(mode, oid))


def gone(path: str) -> Change:
    return Change(path, TreeEntry("100644", BLOB), None)


def random_name(chance: random.Random) -> str:
    folder = "/".join(chance.choice("abq") for _ in range(chance.randrange(3)))
    name = chance.choice(["a", "b", "q", "x.yaml", "ä", "-", *(f"n{number}" for number in range(200))])
    return f"{folder}/{name}" if folder else name


def random_changes(chance: random.Random, held: Sequence[str]) -> list[Change]:
    paths = {chance.choice([random_name(chance), chance.choice(held or ["a"])]) for _ in range(chance.randrange(1, 9))}
    chosen: list[Change] = []
    for path in sorted(paths):
        if not any(other.path.startswith(f"{path}/") or path.startswith(f"{other.path}/") for other in chosen):
            mode = chance.choice(["100644", "100644", "100755", "120000", "160000"])
            chosen.append(chance.choice([gone(path), put(path, mode, chance.choice([BLOB, OTHER]))]))
    chance.shuffle(chosen)
    return chosen


def random_index(tried: Tried, chance: random.Random) -> None:
    """Entries of files that are there, and of none; of some git was told something."""
    for _ in range(chance.choice([0, 3, 60, 300])):
        name = random_name(chance)
        if not (tried.root / name).is_dir() and not any(each.is_file() for each in (tried.root / name).parents):
            tried.write(name, chance.choice(["", "1\n", "22\n"]))
    tried.git("add", "-A")
    tried.git("commit", "-q", "--allow-empty", "-m", "Some")  # so that git knows the ids of folders
    held = os.fsdecode(tried.git("ls-files", "-z")).split("\0")[:-1]
    for told in ("--skip-worktree", "--assume-unchanged"):
        some = chance.sample(held, min(len(held), chance.choice([0, 0, 2])))
        tried.git("update-index", told, "-z", "--stdin", stdin=b"".join(os.fsencode(each) + b"\0" for each in some))
    if chance.random() < 0.3:
        tried.write("meant.txt", "to be added\n")
        tried.git("add", "-N", "meant.txt")
    if chance.random() < 0.3:
        tried.put_by_git([f"100644 {BLOB} {stage}\ta/conflict" for stage in (1, 2, 3)])
    if chance.random() < 0.3:
        tried.put_by_git([f"100644 {BLOB}\t{LONG}"])


@pytest.mark.parametrize("seed", range(25))
def test_whatever_an_index_holds_and_whatever_changes_it_becomes_what_git_would_make_of_it(
    tried: Tried, seed: int
) -> None:
    chance = random.Random(seed)
    random_index(tried, chance)
    for _ in range(6):
        held = os.fsdecode(tried.git("ls-files", "-z")).split("\0")[:-1]
        tried.expect_what_git_makes(random_changes(chance, held))
        if chance.random() < 0.2:
            tried.git("read-tree", "HEAD")  # somebody else's comes in between


@pytest.mark.parametrize("there", NAMES)
def test_a_file_where_a_folder_was_and_a_folder_where_a_file_was(tried: Tried, there: str) -> None:
    for name in NAMES:
        tried.put_by_git([f"100644 {BLOB}\t{there}"])
        tried.git("write-tree")
        tried.expect_what_git_makes([put(name, oid=OTHER)])
        tried.expect_what_git_makes([gone(name), gone("nothing/there")])
        tried.git("read-tree", "--empty")


def test_an_index_may_become_empty_and_grow_beyond_every_block(tried: Tried) -> None:
    names = [f"queue/inbox/item-{number:04}.yaml" for number in range(700)]
    tried.put_by_git([f"100644 {BLOB}\tonly.txt"])
    tried.expect_what_git_makes([gone("only.txt")])
    tried.expect_what_git_makes([put(name) for name in names])
    tried.expect_what_git_makes([put(name) for name in NAMES if not name.startswith("b/")])
    tried.expect_what_git_makes([gone(name) for name in names])


def test_what_a_person_resolved_can_still_be_taken_back(tried: Tried) -> None:
    tried.put_by_git([f"100644 {BLOB} {stage}\tboth.txt" for stage in (1, 2, 3)])
    tried.write("both.txt", "resolved\n")
    tried.git("add", "both.txt")
    tried.expect_what_git_makes([put("queue/x")])
    assert tried.git("ls-files", "--resolve-undo").count(b"both.txt") == 3


def test_the_entries_are_not_read_again_as_long_as_nobody_else_wrote_the_index(
    tried: Tried, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried.put_by_git([f"100644 {BLOB}\tb"])
    tried.expect_what_git_makes([put("queue/x")])
    with monkeypatch.context() as patched:
        patched.setattr(IndexFile, "read", None)
        tried.expect_what_git_makes([put("queue/y")])
    tried.put_by_git([f"100644 {BLOB}\tc"])
    assert b"c\0" in tried.expect_what_git_makes([gone("queue/x")])


def test_what_was_edited_in_the_second_in_which_it_was_staged_is_still_found(tried: Tried) -> None:
    tried.git("config", "core.trustctime", "false")  # as if it had been the same moment
    edited = tried.write("program.py", "1\n")
    tried.git("add", "program.py")
    edited.write_text("2\n")
    for place in (edited, tried.index.path):
        os.utime(place, (PAST, PAST))
    assert tried.git("--no-optional-locks", "status", "--porcelain") == b"AM program.py\n"
    tried.index.prepare([put("queue/x")])
    tried.index.adopt()
    assert tried.git("--no-optional-locks", "status", "--porcelain") == b"AM program.py\nAD queue/x\n"


def test_whoever_may_write_an_index_may_still_write_it(tried: Tried) -> None:
    tried.put_by_git([f"100644 {BLOB}\tb"])
    tried.index.path.chmod(0o664)
    tried.expect_what_git_makes([put("queue/x")])
    assert tried.index.path.stat().st_mode & 0o777 == 0o664


@pytest.mark.parametrize(
    "made",
    [
        ("update-index", "--index-version", "4"),
        ("update-index", "--split-index"),
        ("update-index", "--force-untracked-cache"),
        ("-c", "core.fsmonitor=/bin/true", "update-index", "--fsmonitor"),
        ("-c", "index.recordEndOfIndexEntries=true", "update-index", "--force-write-index"),
        ("sparse-checkout", "set", "--cone", "--sparse-index", "queue"),
    ],
)  # fmt: skip
def test_an_index_of_another_kind_is_left_to_git(tried: Tried, made: Sequence[str]) -> None:
    for name in ("queue/inbox/x.yaml", "source/a", "b"):
        tried.write(name, "1\n")
    tried.git("add", "-A")
    tried.git("commit", "-q", "-m", "Some")
    tried.git(*made)
    with pytest.raises(NotPlain):
        IndexFile.read(tried.index.path.read_bytes())
    tried.index.prepare([put("queue/inbox/y.yaml"), gone("b")])
    tried.index.adopt()
    assert tried.git("diff", "--cached", "--name-status", "--no-renames") == b"D\tb\nA\tqueue/inbox/y.yaml\n"


@pytest.mark.parametrize("torn", [b"", b"DIRC", bytes(200), b"DIRC" + bytes(200)])
def test_a_torn_index_is_left_to_git_which_says_so(tried: Tried, torn: bytes) -> None:
    with pytest.raises(NotPlain):
        IndexFile.read(torn)
    tried.index.path.write_bytes(torn)
    if torn:
        with pytest.raises(GitError):
            tried.index.prepare([put("queue/x")])


@pytest.mark.parametrize("cut", range(13, 300, 8))
def test_an_index_that_ends_too_early_and_says_that_it_is_whole_is_left_to_git(tried: Tried, cut: int) -> None:
    for name in ("queue/inbox/x.yaml", "source/a", "b"):
        tried.write(name, "1\n")
    tried.git("add", "-A")
    tried.git("write-tree")
    whole = tried.index.path.read_bytes()[:-20]
    with pytest.raises(NotPlain):
        IndexFile.read(with_digest(whole[:cut]))


def with_digest(data: bytes) -> bytes:
    return data + hashlib.sha1(data, usedforsecurity=False).digest()


@pytest.mark.parametrize(
    "path", [".git/config", "a/.GIT/x", "a/../b", "./a", "a//b", "/a", "a/", "git~1/x", "a\\b", "c:d", ""]
)
def test_whether_a_path_may_be_in_an_index_git_decides(tried: Tried, path: str) -> None:
    tried.put_by_git([f"100644 {BLOB}\tb"])
    index = IndexFile.read(tried.index.path.read_bytes())
    with pytest.raises(NotPlain):
        index.changed([Put(os.fsencode(path), "100644", BLOB)])
