"""The git of the simulation: it says, refuses and leaves behind what git does."""

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from factory.model.errors import FactoryError
from factory.report.audit.audit import audit
from factory.store.repository.batch import Batch, Signature
from factory.store.repository.git import environment
from factory.store.repository.objects import Person
from factory.store.repository.refs import RefUpdate
from factory.store.repository.repository import Repository
from tests.simulation.git.chance import AS_WRITTEN, Chance
from tests.simulation.git.objects import Entry, Store
from tests.simulation.git.process import SimSystem
from tests.simulation.git.program import person
from tests.simulation.git.steps import Done, Failure, run
from tests.simulation.git.trees import built, flat
from tests.simulation.git.twins import Twins
from tests.world import World

ANN = Person("Ann", "ann@example.org")
NOTHING = "0" * 40
BLOCKS, A_BLOCK, STEPS = 25, 8, 8


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three branches that went apart and met, packed in part; not to be written to."""
    place = tmp_path_factory.mktemp("story")
    twins = Twins(place)
    twins.git("init", "-q", "-b", "main", "repo", below=".")
    twins.write("repo/.gitignore", "*.log\n!keep.log\nbuild/\n")
    for path in ("a.txt", "b.txt", "d/c.txt"):
        twins.write(f"repo/{path}", "".join(f"line {number}\n" for number in range(20)))
    twins.git("add", "-A")
    twins.git("commit", "-q", "-m", "The beginning")
    for branch in ("side", "topic"):
        twins.git("checkout", "-q", "-b", branch, "main")
        for number in range(2):
            lines = [f"{branch} {number}\n" if at == 3 * number + len(branch) else f"line {at}\n" for at in range(20)]
            twins.write("repo/a.txt", "".join(lines))
            twins.write(f"repo/queue/inbox/{branch}.yaml", f"title: {branch} {number}\n")
            twins.git("add", "-A")
            twins.git("commit", "-q", "-m", f"{branch} {number}\n\nFactory-Item: {branch}")
    twins.git("switch", "-q", "main")
    twins.git("merge", "-q", "--no-ff", "--no-edit", "side")
    twins.git("gc", "-q")
    twins.git("rm", "-q", "b.txt")
    twins.git("commit", "-q", "-m", "Away with b")
    twins.git("clone", "-q", "--bare", "--no-local", "repo", "other.git", below=".")
    twins.compare()
    return place / "real"


@pytest.fixture
def twins(tmp_path: Path, story: Path) -> Twins:
    return copied(tmp_path / "twins", story)


def copied(place: Path, story: Path) -> Twins:
    twins = Twins(place)
    for root in (twins.real, twins.made):
        shutil.copytree(story, root, symlinks=True, dirs_exist_ok=True)
        # the index knows files by their inodes too
        subprocess.run(["git", "update-index", "-q", "--refresh"], cwd=root / "repo", check=True)
    return twins


@pytest.mark.parametrize("block", range(BLOCKS))
def test_whatever_people_and_the_product_do_both_end_alike(tmp_path: Path, story: Path, block: int) -> None:
    for seed in range(block * A_BLOCK, (block + 1) * A_BLOCK):
        place = tmp_path / str(seed)
        Chance(copied(place, story), seed).go(STEPS, every=STEPS)
        shutil.rmtree(place)


FORMS = [
    "rev-parse --path-format=absolute --is-bare-repository --show-object-format --git-common-dir --git-dir",
    "rev-parse --show-toplevel",
    "rev-parse --is-shallow-repository",
    "rev-parse --verify -q refs/heads/main",
    "rev-parse --verify -q refs/heads/none",
    "rev-parse --verify --quiet --end-of-options side^{commit}",
    "rev-parse HEAD~1 main^{tree} HEAD:d main^2",
    "rev-parse nothing",
    "symbolic-ref -q --short HEAD",
    "symbolic-ref HEAD",
    "config --type=bool --default=false --get core.bare",
    "config --type=bool --default=false --get core.sparseCheckout",
    "config --type=path --default= --get core.excludesFile",
    "config --type=bool --get-regexp ^remote\\..*\\.promisor$",
    "config user.none",
    "var GIT_AUTHOR_IDENT",
    "var GIT_COMMITTER_IDENT",
    "for-each-ref",
    "for-each-ref --format=%(refname) refs/factory/proposals",
    "for-each-ref --format=%(refname) refs/heads",
    "for-each-ref --format=%(refname:lstrip=2) refs/heads/s*",
    "merge-base main topic",
    "merge-base --is-ancestor side main",
    "merge-base --is-ancestor topic main",
    "merge-base main nothing",
    "cat-file -e HEAD",
    f"cat-file -e {'1' * 40}",
    "cat-file -t HEAD",
    "ls-files -s -z -- a.txt d",
    "ls-files -t -z -- :(top,literal)a.txt :(top,literal)none",
    "ls-files --stage -z",
    "diff-index --cached --name-only --no-renames -z side -- d queue",
    "rev-list --first-parent --max-count=3 HEAD",
    "rev-list HEAD ^side",
    "log -1 --format=%an%x00%ae main -- :(literal)a.txt",
    "log -1 -z --diff-filter=D --no-renames --name-only --format=%H%x00%an%x00%ae%x00 main -- :(glob)**/b.*",
    "log -1 -z --diff-filter=D --no-renames --name-only --format=%H%x00%an%x00%ae%x00 main -- :(glob)*.txt",
    "log --reverse -z --raw --no-abbrev --diff-filter=A --no-renames --format=%x01%ct%x00%an%x00%ae main -- queue",
    "log --reverse -z --raw --no-abbrev --diff-filter=A --no-renames --format=%x01%ct%x00%an main ^side -- d",
    "log -z --format=%H%x00%T%x00%P%x00%an%x00%ae%x00%ct%x00%B main",
    "log -z --format=%H%x00%B topic ^main",
    "log --topo-order --format=%H --raw --no-abbrev --no-renames --diff-filter=AM main -- :(literal,top)a.txt",
    "log --fixed-strings --author=Ann --format=%H%x00%an%x00%(trailers:key=Factory-Item,valueonly)%x01 main",
    "log --fixed-strings --author=Eve --format=%H main",
    "log --first-parent -3 --format=%H%x00%s%x00%(trailers:key=Factory-Item,valueonly,separator=%x2C)%x00 main --"
    " :(top) :(exclude,top)queue :(exclude,top)artifacts",
    "log -g --format=%H refs/heads/main --",
    "log -g --format=%H refs/heads/none --",
    "log -1 --first-parent --diff-filter=A --no-renames --format=%T main -- queue/inbox/side.yaml",
    "merge-tree --write-tree -z --name-only --no-messages main topic",
    "merge-tree --write-tree -z --name-only --no-messages main nothing",
    f"diff-tree {' '.join(AS_WRITTEN)} side main",
    "diff-tree -r --numstat --no-ext-diff --no-textconv side main",
    "--no-optional-locks status --porcelain -z --no-renames --untracked-files=all -- queue contracts WORKFLOW.md",
    "maintenance run --auto --quiet",
    "hash-object -- a.txt",
    "write-tree",
    "--version",
]


@pytest.fixture(scope="module")
def only_asked(tmp_path_factory: pytest.TempPathFactory, story: Path) -> Iterator[Twins]:
    """Twins of which nothing but questions are asked; in the end they still are alike."""
    twins = copied(tmp_path_factory.mktemp("asked") / "twins", story)
    yield twins
    twins.compare()


@pytest.mark.parametrize("form", FORMS)
def test_each_question_of_the_product_gets_the_same_answer(only_asked: Twins, form: str) -> None:
    only_asked.git(*form.split(" "))


def test_objects_are_asked_for_in_one_conversation(twins: Twins) -> None:
    asked = f"contents HEAD\ninfo main^{{tree}}\ncontents {'1' * 40}\ncontents refs/heads/none\ncontents main:a.txt\n"
    twins.git("cat-file", "--batch-command", stdin=asked.encode())
    names = b"HEAD\n" + b"1" * 40 + b"\nmain:d\n"
    twins.git("cat-file", "--batch-check=%(objecttype)", stdin=names)
    twins.git("cat-file", "--batch-check=%(objectsize)", stdin=names)


def test_commits_are_compared_in_one_conversation(twins: Twins) -> None:
    ids = twins.git("log", "--format=%H %P", "--no-merges", "main").out
    form = "--format=%x01%H%x00%T%x00%P%x00%an%x00%ae%x00%cn%x00%ce%x00%at%x00%ct%x00%B"
    arguments = ("-r", "--root", "--always", "--raw", "-z", "--no-abbrev", "--no-renames", form)
    lines = b"".join(line.rstrip() + b"\n" for line in ids.splitlines())
    twins.git("diff-tree", "--stdin", *arguments, stdin=lines)
    tip = twins.git("rev-parse", "main~1", "side").out.split()
    twins.git("diff-tree", "--stdin", *arguments, stdin=b" ".join(tip) + b"\n")
    twins.git("diff-tree", "--stdin", *AS_WRITTEN, stdin=b" ".join(tip) + b"\n= that was all =\n")


def test_git_packs_no_references_and_deletes_none_that_is_packed_while_what_one_that_died_had_begun_is_there(
    twins: Twins,
) -> None:
    twins.git("branch", "loose")
    twins.write("repo/.git/packed-refs.new", "")
    twins.git("branch", "-D", "topic")
    twins.git("pack-refs", "--all", "--prune")
    for branch in ("side", "loose"):
        twins.git(
            "update-ref", "-z", "--stdin", stdin=f"start\0delete refs/heads/{branch}\0\0prepare\0commit\0".encode()
        )
    twins.compare()


def test_a_transaction_moves_all_or_says_why_not_in_gits_words(twins: Twins) -> None:
    main, side, topic = twins.git("rev-parse", "main", "side", "topic").out.decode().split()
    asked = [
        f"update refs/heads/new\0{side}\0{NOTHING}\0",
        f"update refs/heads/main\0{topic}\0{main}\0",
        f"update refs/heads/main\0{topic}\0{side}\0",
        f"update refs/heads/side\0{topic}\0{NOTHING}\0",
        f"update refs/heads/none\0{topic}\0{side}\0",
        f"update refs/heads/side/below\0{topic}\0{NOTHING}\0",
        f"update refs/heads/new\0{NOTHING}\0{side}\0",
        f"update refs/heads/new\0{'1' * 40}\0{NOTHING}\0",
        f"delete refs/heads/topic\0{topic}\0",
    ]
    for number, each in enumerate(asked):
        told = f"start\0{asked[0]}{each}prepare\0commit\0" if number else f"start\0{each}prepare\0abort\0"
        arguments = ("update-ref", "--no-deref", "-m", "moved  by\nus", "-z", "--stdin")
        twins.git(*arguments, stdin=told.encode())
        twins.compare()
        twins.git("update-ref", "-d", "refs/heads/new")


def test_what_another_git_holds_is_refused_in_its_words(twins: Twins) -> None:
    main, side = twins.git("rev-parse", "main", "side").out.decode().split()
    twins.write("repo/.git/refs/heads/side.lock", "")
    twins.write("repo/.git/index.lock", "")
    twins.write("repo/new.txt", "new\n")
    told = f"start\0update refs/heads/side\0{main}\0{side}\0prepare\0"
    twins.git("update-ref", "--no-deref", "-z", "--stdin", stdin=told.encode())
    twins.git("update-ref", "refs/heads/side", main)
    for arguments in (["add", "new.txt"], ["commit", "-q", "-m", "Mine"], ["update-index", "-q", "--refresh"]):
        twins.git(*arguments)
    twins.git("status", "--porcelain", "-z", "--untracked-files=all")
    twins.compare()


def test_an_edit_in_the_second_of_the_index_is_seen(twins: Twins) -> None:
    def in_one_second(root: Path) -> None:
        index = (root / "repo/.git/index").stat()
        place = root / "repo/a.txt"
        place.write_text(place.read_text().replace("line 1\n", "LINE 1\n"))
        os.utime(place, ns=(index.st_mtime_ns, index.st_mtime_ns))

    def entry_of_now(root: Path) -> None:
        now = (root / "repo/a.txt").stat().st_mtime_ns
        subprocess.run(["git", "update-index", "-q", "--refresh"], cwd=root / "repo", check=True)
        os.utime(root / "repo/.git/index", ns=(now, now))

    twins.each(entry_of_now)
    twins.each(in_one_second)
    twins.git("status", "--porcelain", "-z", "--untracked-files=all")
    twins.git("update-index", "--add", "-z", "--stdin", stdin=b"d/c.txt\0")
    twins.git("status", "--porcelain", "-z", "--untracked-files=all")
    twins.compare()


def texts(chance: random.Random) -> Iterator[tuple[str, str, str]]:
    """Three versions of a text: one, and two that came of it."""
    for _ in range(150):
        words = ["", "}", "def f():", "    a = 1", "    b = 2", "", "\treturn a", "x" * chance.randrange(4)]
        base = [chance.choice(words) for _ in range(chance.randrange(40))]
        versions = [list(base) for _ in range(3)]
        for version in versions[1:]:
            for _ in range(chance.randrange(5)):
                at = chance.randrange(len(version) + 1)
                version[at : at + chance.randrange(3)] = [chance.choice(words) for _ in range(chance.randrange(3))]
        ends = [chance.choice(("\n", "\n", "\n", "")) for _ in versions]
        one, two, three = ("\n".join(lines) + end if lines else "" for lines, end in zip(versions, ends, strict=True))
        yield one, two, three


@pytest.mark.parametrize("seed", range(4))
def test_texts_are_compared_applied_and_merged_alike(twins: Twins, seed: int) -> None:
    made = list(texts(random.Random(seed)))
    commits = []
    for number in range(3):
        twins.git("switch" if number else "checkout", "-q", *(["main"] if number else ["-b", f"base-{seed}"]))
        if number:
            twins.git("checkout", "-q", "-b", f"version-{number}", f"base-{seed}")
        for at, versions in enumerate(made):
            twins.write(f"repo/text/{at}.txt", versions[number])
        twins.git("add", "-A")
        twins.git("commit", "-q", "-m", f"Version {number}", "--allow-empty")
        commits.append(twins.git("rev-parse", "HEAD").out.decode().strip())
    patch = twins.git("diff-tree", *AS_WRITTEN, commits[0], commits[1]).out
    env = {"GIT_INDEX_FILE": "@/beside"}
    twins.git("read-tree", commits[0], env=env)
    twins.git("apply", "--cached", "--whitespace=nowarn", "-", stdin=patch, env=env)
    tree = twins.git("write-tree", env=env).out
    assert tree == twins.git("rev-parse", f"{commits[1]}^{{tree}}").out
    for one, two in ((1, 2), (2, 1)):
        arguments = ("--write-tree", "-z", "--name-only", "--no-messages", commits[one], commits[two])
        twins.git("merge-tree", *arguments)
    twins.compare()


def test_binary_files_go_through_a_patch(twins: Twins) -> None:
    main = twins.git("rev-parse", "main").out.decode().strip()
    twins.write("repo/data.bin", bytes(range(256)) * 3)
    twins.write("repo/tool", "#!/bin/sh\n", mode=0o755)
    twins.each(lambda root: (root / "repo/link").symlink_to("a.txt"))
    twins.git("add", "-A")
    twins.git("commit", "-q", "-m", "Odd files")
    patch = twins.git("diff-tree", *AS_WRITTEN, main, "HEAD").out
    back = twins.git("diff-tree", *AS_WRITTEN, "HEAD", main).out
    env = {"GIT_INDEX_FILE": "@/beside"}
    for start, each in ((main, patch), ("HEAD", back)):
        twins.git("read-tree", start, env=env)
        twins.git("apply", "--cached", "--whitespace=nowarn", "-", stdin=each, env=env)
        twins.git("write-tree", env=env)


def test_files_are_checked_out_beside(twins: Twins) -> None:
    names = b"a.txt\0d/c.txt\0"
    twins.git("checkout-index", "-f", "-z", "--stdin", "--prefix=aside/", stdin=names)
    twins.compare()


def test_what_no_working_tree_shows_is_not_missed(twins: Twins) -> None:
    twins.git("update-index", "--skip-worktree", "-z", "--stdin", stdin=b"d/c.txt\0")
    twins.remove("repo/d/c.txt")
    twins.git("ls-files", "-t", "-z")
    twins.git("status", "--porcelain", "-z", "--untracked-files=all")
    twins.compare()


def test_two_clones_go_apart_and_come_together_by_way_of_a_bare_one(twins: Twins) -> None:
    """As people's pulls do it: a file that one of them moved and the other one edited or moved, too."""
    twins.git("switch", "-q", "main")
    twins.git("clone", "-q", "--bare", "--no-local", "repo", "between.git", below=".")
    twins.git("clone", "-q", "--no-local", "between.git", "second", below=".")
    remote = '[remote "origin"]\n\turl = ../between.git\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n'
    twins.each(lambda root: _append(root / "repo/.git/config", remote))
    twins.git("fetch", "-q", "origin")
    # moved there, edited here
    twins.each(lambda root: (root / "second/queue/active").mkdir())
    twins.git("mv", "queue/inbox/side.yaml", "queue/active/side.yaml", below="second")
    twins.git("commit", "-q", "-m", "Moved", below="second")
    twins.git("push", "-q", "origin", "main", below="second", exact=False)
    twins.write("repo/queue/inbox/side.yaml", "title: side 1\nhold: true\n")
    twins.git("commit", "-q", "-am", "Held")
    assert twins.git("push", "-q", "origin", "main", exact=False).status == 1
    twins.git("pull", "-q", "--no-rebase", "--no-edit", "origin", "main", exact=False)
    assert (twins.made / "repo/queue/active/side.yaml").read_text() == "title: side 1\nhold: true\n"
    twins.compare()
    twins.git("push", "-q", "origin", "main", exact=False)
    twins.compare("between.git")
    # moved in both, to two places: taken back, and what is one's own made again
    twins.git("pull", "-q", "--no-rebase", "--no-edit", "origin", "main", below="second", exact=False)
    for clone, lane in (("repo", "review"), ("second", "blocked")):
        twins.each(lambda root, lane=lane, clone=clone: (root / clone / "queue" / lane).mkdir())  # type: ignore[misc]
        twins.git("mv", "queue/active/side.yaml", f"queue/{lane}/side.yaml", below=clone)
        twins.git("commit", "-q", "-m", f"To {lane}", below=clone)
    twins.write("second/own.txt", "mine\n")
    twins.git("add", "-A", below="second")
    twins.git("commit", "-q", "-m", "Own", below="second")
    twins.git("push", "-q", "origin", "main", exact=False)
    pulled = twins.git("pull", "-q", "--no-rebase", "--no-edit", "origin", "main", below="second", exact=False)
    assert pulled.status == 1
    twins.git("merge", "--abort", below="second")
    twins.compare("second")
    twins.git("branch", "-f", "mine", below="second")
    twins.git("reset", "-q", "--hard", "origin/main", below="second")
    told = ("--no-merges", "--reverse", "--format=%H %cn %s", "origin/main..ORIG_HEAD")
    own, *_ = reversed(twins.git("log", *told, below="second").out.decode().splitlines())
    twins.git("cherry-pick", own.split()[0], below="second", exact=False)
    twins.compare("second")
    # rebased onto what came in between
    twins.write("repo/new.txt", "anew\n")
    twins.git("add", "-A")
    twins.git("commit", "-q", "-m", "Anew")
    twins.git("push", "-q", "origin", "main", exact=False)
    twins.git("fetch", "-q", "origin", below="second", exact=False)
    twins.git("rebase", "-q", "origin/main", below="second", exact=False)
    twins.compare("second")


def test_a_merge_that_is_refused_leaves_all_as_it_was_and_begins_nothing_while_the_index_is_locked(
    twins: Twins,
) -> None:
    twins.write("repo/queue/inbox/topic.yaml", "title: mine\n")
    assert twins.git("merge", "-q", "--no-edit", "topic").status == 2  # nothing is staged or edited, and so put away
    twins.compare()
    twins.write("repo/d/c.txt", "mine\n")
    assert twins.git("merge", "-q", "--no-edit", "topic").status == 2
    twins.compare()
    twins.write("repo/.git/index.lock", "")
    assert twins.git("merge", "-q", "--no-edit", "topic").err == b"fatal: stash failed\n"
    twins.remove("repo/.git/index.lock")
    twins.compare()


def _append(place: Path, text: str) -> None:
    place.write_text(place.read_text() + text)


def real(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return done.stdout


def test_a_commit_killed_between_any_two_steps_leaves_a_repository_that_git_can_use(tmp_path: Path) -> None:
    number = 0
    whole = False
    while not whole:
        world = World.create(tmp_path / str(number))
        world.write("program.py", "print('mine')\n")
        before = world.git("rev-parse", "main")
        steps = person(["commit", "-q", "-am", "Mine"], str(world.root), environment(), lambda: 1_700_000_000.0)
        taken = sum(1 for _ in zip(range(number), steps, strict=False))
        whole = taken < number
        steps.close()
        for lock in world.root.rglob(".git/**/*.lock"):
            lock.unlink()
        assert "error" not in real(world.root, "fsck")
        moved = world.git("rev-parse", "main") != before
        assert moved == ("Mine" in world.git("log", "--format=%s", "main"))
        assert world.git("diff", "--name-only", "HEAD") == ("" if moved else "program.py")
        number += 1
    assert number > 10


def test_a_commit_whose_branch_moved_meanwhile_is_refused(world: World) -> None:
    world.write("program.py", "print('mine')\n")
    steps = person(["commit", "-q", "-am", "Mine"], str(world.root), environment(), lambda: 1_700_000_000.0)
    head = world.git("rev-parse", "main")
    assert next(step for step in steps if "COMMIT_EDITMSG" in step)
    tree = world.git("rev-parse", "main^{tree}")
    other = world.git("commit-tree", "-p", head, "-m", "Of somebody else", tree)
    world.git("update-ref", "refs/heads/main", other)
    done: Done = run(steps)
    expected = f"fatal: cannot lock ref 'HEAD': is at {other} but expected {head}\n"
    assert (done.status, done.err.decode()) == (128, expected)
    assert not (world.root / ".git/index.lock").exists()
    assert world.git("rev-parse", "main") == other


def published(world: World, system: SimSystem | None) -> tuple[str, str]:
    """A batch of three commits, with a file of the project's and a branch beside."""
    with closing(Repository(world.root, system) if system else Repository(world.root)) as repository:
        batch = Batch(repository.objects, "main", repository.head("main") or "")
        at = datetime(2026, 1, 2, tzinfo=UTC)
        for number in range(3):
            batch.tree.put_file(f"queue/inbox/item-{number}.yaml", b"title: one\n")
            batch.tree.put_file("program.py", b"print(%d)\n" % number)
            batch.commit(f"Item {number}\n", Signature(ANN, ANN, at))
        repository.state.mkdir(exist_ok=True)  # as whoever holds the factory's lock has done
        repository.publisher.publish([*batch.updates(), RefUpdate("factory/one", NOTHING, batch.tip)])
        return batch.tip, world.status()


def test_the_product_publishes_the_same_commits_on_it(tmp_path: Path) -> None:
    worlds = World.create(tmp_path / "one"), World.create(tmp_path / "two")
    shutil.rmtree(worlds[1].root)
    shutil.copytree(worlds[0].root, worlds[1].root, symlinks=True)
    worlds[1].git("update-index", "-q", "--refresh")
    assert published(worlds[0], None) == published(worlds[1], SimSystem())
    for world in worlds:
        assert world.git("rev-parse", "factory/one") == world.git("rev-parse", "main")
        assert world.read("program.py") == "print(2)\n"
        assert world.git("log", "-g", "-1", "--format=%gs", "main") == "Item 2"
        assert not list(world.root.rglob(".git/**/*.lock"))
    assert worlds[0].git("ls-files", "-s", "-v") == worlds[1].git("ls-files", "-s", "-v")


def test_the_product_gives_way_to_a_persons_lock_on_it(world: World) -> None:
    (world.root / ".git/refs/heads/main.lock").touch()
    with pytest.raises(FactoryError, match="another git command is moving a branch"):
        published(world, SimSystem())


def test_a_history_is_audited_alike(honest_history: Path, tmp_path: Path) -> None:
    found = []
    for system in (None, SimSystem()):
        with closing(Repository(honest_history, system) if system else Repository(honest_history)) as repository:
            found.append(audit(repository, repository.head("main") or ""))
    assert found[0] == found[1]
    assert found[0].commits > 20


@pytest.mark.parametrize("argv", [["log", "--graph"], ["blame", "a.txt"], ["status"], ["rev-parse", "--symbolic"]])
def test_what_it_does_not_know_it_does_not_guess(world: World, argv: list[str]) -> None:
    with pytest.raises(NotImplementedError, match=argv[0]):
        run(person(argv, str(world.root), environment(), lambda: 0.0))


def test_a_tree_that_is_gone_is_missed_though_another_call_has_read_it(tmp_path: Path) -> None:
    folders, file = [str(tmp_path)], Entry(0o100644, "a" * 40)
    store = Store(folders, sync=False)
    whole = run(built(store, {b"b/c": file, b"d": file}))
    assert flat(store, whole) == {b"b/c": file, b"d": file}
    Path(store.loose(store.tree(whole)[b"b"].oid)).unlink()
    with pytest.raises(Failure, match="unable to read tree"):
        flat(Store(folders, sync=False), whole)
