"""Several clones of one queue: a pass is pushed before it counts, and what a person has not pushed goes along."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from factory.store.repository import remote as remotes
from factory.store.repository.commits import Publisher
from factory.store.repository.refs import RefUpdate
from tests.witness import assert_history_agrees
from tests.world import World

_UNSET = "unset GIT_DIR GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES"


@pytest.fixture
def remote(world: World, tmp_path: Path) -> Path:
    """A bare repository that holds what the world does, and is its origin."""
    place = tmp_path / "remote.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(world.root), str(place)], check=True)
    world.git("remote", "add", "origin", str(place))
    return place


def clone(remote: Path, place: Path, *options: str) -> World:
    """Another clone, of another person."""
    subprocess.run(["git", "clone", "-q", *options, remote.as_uri(), str(place)], check=True)
    world = World(place)
    world.git("config", "user.name", place.name.title())
    world.git("config", "user.email", f"{place.name}@example.com")
    return world


def hook(remote: Path, name: str, script: str) -> Path:
    """A hook of the remote's."""
    place = remote / "hooks" / name
    place.write_text(f"#!/bin/sh\n{_UNSET}\n{script}\n")
    place.chmod(0o755)
    return place


class _Killed(BaseException):
    pass


def _killed(*_: object) -> None:
    raise _Killed


def tip(remote: Path, branch: str = "main") -> str:
    """The commit of a branch there."""
    asked = ["git", "-C", str(remote), "rev-parse", f"refs/heads/{branch}"]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()


def test_a_pass_is_on_the_remote_and_here(world: World, remote: Path) -> None:
    world.item("one")
    world.command("tick", "--push", "--drain")
    assert world.lane("one") == "done"
    assert world.git("rev-parse", "main") == tip(remote)
    assert not world.git("status", "--porcelain")


def test_the_policy_may_say_it_once_and_for_all(world: World, remote: Path) -> None:
    world.policy("sync: {push: true}")
    world.item("one")
    world.command("tick", "--drain")
    assert (world.lane("one"), world.git("rev-parse", "main")) == ("done", tip(remote))
    # and --no-push leaves the remote alone
    world.item("two")
    world.command("tick", "--drain", "--no-push")
    assert world.lane("two") == "done"
    assert world.git("rev-parse", "main") != tip(remote)


def test_what_another_clone_pushed_is_taken_over_before_the_pass(world: World, remote: Path, tmp_path: Path) -> None:
    other = clone(remote, tmp_path / "other")
    other.item("one")
    other.command("tick", "--push", "--drain")
    world.item("two")
    world.command("tick", "--push", "--drain")
    assert (world.lane("one"), world.lane("two")) == ("done", "done")
    assert world.git("rev-parse", "main") == tip(remote)
    assert not world.git("rev-list", "--merges", "--grep=carry", "main")
    assert_history_agrees(world)


def test_a_refused_push_is_computed_again_on_the_new_head(world: World, remote: Path, tmp_path: Path) -> None:
    # given a person whose push comes just before that of the pass
    other = clone(remote, tmp_path / "other")
    other.write("theirs.txt", "theirs\n")
    other.commit("Theirs")
    place = hook(remote, "pre-receive", "")
    hook(remote, "pre-receive", f"rm {place}; cd {other.root} && git push -q origin HEAD:main; exit 0")
    world.item("one")
    world.command("tick", "--push", "--drain")
    # then both are there, one after the other, and nothing was merged to bring that about
    assert world.lane("one") == "done"
    assert (world.root / "theirs.txt").read_text() == "theirs\n"
    assert world.git("rev-parse", "main") == tip(remote)
    first_parents = world.git("log", "--first-parent", "--format=%s", "main")
    assert first_parents.index("factory: one inbox -> active") < first_parents.index("Theirs")
    assert "carry" not in first_parents
    assert world.last("one").run == 1


def test_a_remote_that_keeps_moving_is_given_up_with_4(
    world: World, remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("factory.line.sync.turns._PATIENCE_S", 1.0)
    other = clone(remote, tmp_path / "other")
    again = "git -c user.name=O -c user.email=o@x commit -q --allow-empty -m more && git push -q origin HEAD:main"
    hook(
        remote, "pre-receive", f"case $GIT_AUTHOR_NAME in O) ;; *) cd {other.root} && GIT_AUTHOR_NAME=O {again};; esac"
    )
    place = remote / "hooks" / "pre-receive"
    place.write_text(place.read_text().replace("GIT_AUTHOR_NAME=O git", "export GIT_AUTHOR_NAME=O; git"))
    world.item("one")
    said = world.command("tick", "--push", status=4)
    assert "somebody else keeps pushing to origin" in said
    assert "factory tick --push" in said
    # and it is as if it had not been tried: once they rest, it goes on
    assert (world.root / "queue/inbox/one.yaml").is_file()
    place.unlink()
    world.command("tick", "--push", "--drain")
    assert world.lane("one") == "done"


def test_a_protected_branch_is_told_with_3_and_nothing_has_happened(world: World, remote: Path) -> None:
    place = hook(remote, "pre-receive", "echo 'main is protected: open a pull request' >&2; exit 1")
    world.item("one")
    before = world.git("rev-parse", "main")
    said = world.command("tick", "--push", status=3)
    assert "the remote origin refuses the push: main is protected: open a pull request" in said
    assert world.git("rev-parse", "main") == before == tip(remote)
    assert (world.root / "queue/inbox/one.yaml").is_file()
    place.unlink()
    world.command("tick", "--push", "--drain")
    assert world.lane("one") == "done"


def test_a_remote_that_is_not_there_is_named_with_the_command_that_adds_it(world: World) -> None:
    said = world.command("tick", "--push", status=3)
    assert "there is no remote origin" in said
    assert "git remote add -- origin URL" in said


def test_a_remote_is_a_name_and_never_an_option_of_gits(world: World, remote: Path) -> None:
    world.policy("sync: {remote: '--upload-pack=touch pwned', push: true}")
    said = world.command("tick", status=3)
    assert "git remote add -- '--upload-pack=touch pwned' URL" in said
    assert not (world.root / "pwned").exists()
    # while a name of any other signs is one
    world.git("remote", "rename", "origin", "my-origin_2.x")
    world.policy("sync: {remote: my-origin_2.x, push: true}")
    world.item("one")
    world.command("tick", "--drain")
    assert world.git("rev-parse", "main") == tip(remote)


def test_a_remote_that_nobody_answers_for_is_told_with_4(world: World) -> None:
    world.git("remote", "add", "origin", "git://127.0.0.1:1/nowhere.git")
    world.item("one")
    said = world.command("tick", "--push", status=4)
    assert "the remote origin is not to be reached" in said
    assert (world.root / "queue/inbox/one.yaml").is_file()


def test_a_persons_unpushed_commit_is_carried_along(world: World, remote: Path, tmp_path: Path) -> None:
    other = clone(remote, tmp_path / "other")
    other.item("one")
    other.command("tick", "--push", "--drain")
    # given commits here that nobody has pushed: code, and an item
    world.write("mine.txt", "mine\n")
    mine = world.commit("Mine")
    world.item("two", text="hold: true\n")
    world.commit("An item")
    world.command("sync")
    # then they are on the remote as they were made, joined by a merge
    assert tip(remote) == world.git("rev-parse", "main")
    assert mine in world.git("rev-list", "main").split()
    assert (world.lane("one"), world.lane("two")) == ("done", "inbox")
    assert world.read("mine.txt") == "mine\n"
    assert world.git("rev-parse", "main^1") == other.git("rev-parse", "main")
    assert "every commit keeps the rules" in world.command("audit")
    assert not world.git("status", "--porcelain")
    # and a second time there is nothing to do
    assert "nothing new" in world.command("sync")


def test_a_verdict_that_was_committed_and_not_pushed_counts(world: World, remote: Path, tmp_path: Path) -> None:
    world.item("one", contract="reviewed")
    world.command("tick", "--push", "--drain")
    other = clone(remote, tmp_path / "other")
    other.item("two")
    other.command("tick", "--push", "--drain")
    world.verdict("one", "approve")
    world.commit("Approve one")
    world.command("tick", "--push", "--drain")
    assert (world.lane("one"), world.lane("two")) == ("done", "done")
    assert tip(remote) == world.git("rev-parse", "main")
    assert "every commit keeps the rules" in world.command("audit")


def test_saved_verdicts_are_taken_in_and_count_in_one_instant(world: World, remote: Path) -> None:
    same = [{"write": {"path": "same.txt", "text": "first\n"}}], [{"write": {"path": "same.txt", "text": "second\n"}}]
    for item_id, run in zip(("one", "two"), same, strict=True):
        world.item(item_id, run, contract="reviewed")
    world.command("tick", "--push")
    # given approvals of two that conflict, which lie there as edits of the files that move
    world.verdict("one", "approve")
    world.verdict("two", "approve")
    world.command("tick", "--push")
    assert (world.lane("one"), world.lane("two")) == ("done", "review")
    assert world.events("two").count("rework") == 1
    assert tip(remote) == world.git("rev-parse", "main")
    assert not world.git("status", "--porcelain")
    assert "every commit keeps the rules" in world.command("audit")


def test_what_both_have_moved_is_named_and_left_to_the_person(world: World, remote: Path, tmp_path: Path) -> None:
    runs = ([{"write": {"path": "one.txt", "text": text}}] for text in ("short\n", "longer\n"))
    world.item("one", *runs, contract="reviewed")
    world.item("rest", contract="reviewed")
    world.command("tick", "--push", "--drain")
    other = clone(remote, tmp_path / "other")
    other.command("review", "one", "--rework", "-m", "Make it longer.")
    other.command("tick", "--push")
    world.command("review", "one", "--approve")
    world.command("tick", "--no-push")
    before = world.git("rev-parse", "main"), tip(remote)
    said = world.command("tick", "--push", status=3)
    assert "both this clone and origin have changed one, each in its own way" in said
    assert "git branch mine main && git fetch origin && git reset --hard origin/main" in said
    # and where the branch is not what is checked out, no other one is touched
    world.git("switch", "-q", "-c", "elsewhere")
    assert "git fetch origin && git branch -f main origin/main" in world.command("tick", "--push", status=3)
    world.git("switch", "-q", "main")
    assert "rest" not in said
    assert (world.git("rev-parse", "main"), tip(remote)) == before
    # when they go on with what the remote has, as they are told
    world.git("branch", "mine")
    world.git("fetch", "-q", "origin")
    world.git("reset", "-q", "--hard", "origin/main")
    world.command("tick", "--push", "--drain")
    assert world.lane("one") == "review"
    assert tip(remote) == world.git("rev-parse", "main")


def test_code_that_does_not_merge_is_named(world: World, remote: Path, tmp_path: Path) -> None:
    other = clone(remote, tmp_path / "other")
    for each, text in ((other, "theirs\n"), (world, "mine\n")):
        each.write("same.txt", text)
        each.commit("Same")
    other.command("sync")
    said = world.command("sync", status=3)
    assert "have changed same.txt, each in its own way" in said
    assert world.read("same.txt") == "mine\n"


def test_a_history_that_was_written_anew_is_never_guessed_about(world: World, remote: Path, tmp_path: Path) -> None:
    world.write("secret.txt", "secret\n")
    world.commit("A secret")
    world.command("sync")
    other = clone(remote, tmp_path / "other")
    other.git("reset", "-q", "--hard", "HEAD~1")
    other.write("clean.txt", "clean\n")
    other.commit("Without it")
    other.git("push", "-q", "--force", "origin", "main")
    before = world.git("rev-parse", "main")
    for _ in range(2):
        said = world.command("tick", "--push", status=3)
        assert "the history of main on origin was written anew" in said
        assert world.git("rev-parse", "main") == before
        world.git("fetch", "-q", "origin")  # a fetch of theirs makes it no better
    world.git("reset", "-q", "--hard", "origin/main")
    world.item("one")
    world.command("tick", "--push", "--drain")
    assert world.lane("one") == "done"
    assert "A secret" not in world.git("log", "--format=%s", "main")


def test_a_branch_that_is_gone_from_the_remote_is_not_put_back_unasked(world: World, remote: Path) -> None:
    world.command("sync")
    subprocess.run(["git", "-C", str(remote), "update-ref", "-d", "refs/heads/main"], check=True)
    said = world.command("tick", "--push", status=3)
    assert "origin had the branch main, and has it no more" in said
    assert "git push origin main" in said
    world.git("push", "-q", "origin", "main")
    world.item("one")
    world.command("tick", "--push", "--drain")
    assert world.lane("one") == "done"


@pytest.mark.parametrize("depth", [1, 3])
def test_a_shallow_clone_is_deepened_as_far_as_it_must(world: World, remote: Path, tmp_path: Path, depth: int) -> None:
    world.item("old", text="hold: true\n")
    arrived = world.commit("An old item")
    for number in range(70):
        world.git("commit", "-q", "--allow-empty", "-m", f"{number}")
    world.git("push", "-q", "origin", "main")
    short = clone(remote, tmp_path / "short", "--depth", str(depth))
    short.item("new")
    short.command("tick", "--push", "--drain")
    assert short.lane("new") == "done"
    # then it knows who brought what had been there for long, and no more than that
    found = short.git("rev-list", "main").split()
    assert arrived in found
    assert tip(remote) == short.git("rev-parse", "main")


def test_a_shallow_clone_with_nothing_old_in_the_queue_stays_as_it_is(
    world: World, remote: Path, tmp_path: Path
) -> None:
    world.git("push", "-q", "origin", "main")
    short = clone(remote, tmp_path / "short", "--depth", "1")
    short.item("new")
    short.command("tick", "--push", "--drain")
    assert short.lane("new") == "done"
    assert short.git("rev-parse", "--is-shallow-repository") == "true"


def test_a_push_that_lost_its_answer_is_not_made_twice(world: World, remote: Path) -> None:
    # given a connection that breaks off when the remote has just accepted
    place = hook(remote, "post-receive", "")
    hook(remote, "post-receive", f"rm {place}; kill -9 $(ps -o ppid= -p $PPID); kill -9 $PPID")
    world.item("one")
    world.command("tick", "--push", "--drain")
    assert world.lane("one") == "done"
    assert world.events("one").count("start") == 1
    assert tip(remote) == world.git("rev-parse", "main")


def test_a_push_of_which_nobody_knows_is_settled_when_the_remote_answers_again(
    world: World, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim was accepted and the answer lost: the run begins once that is known, and once only."""
    push = remotes.Remote.push
    lost: list[str] = []

    def broken(self: remotes.Remote, updates: list[RefUpdate]) -> None:
        push(self, updates)
        if not lost:
            lost.append(updates[0].new)
            raise remotes.Unsure("origin", "the remote end hung up unexpectedly")

    monkeypatch.setattr(remotes.Remote, "push", broken)
    world.item("one")
    process = world.ended("tick", "--push")
    assert process[0] == 4
    assert lost == [tip(remote)]
    world.command("tick", "--push", "--drain")
    assert world.lane("one") == "done"
    assert tip(remote) == world.git("rev-parse", "main")


def test_a_crash_between_the_remote_and_this_clone_loses_nothing(
    world: World, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.item("one")
    before = world.git("rev-parse", "main")
    with monkeypatch.context() as patched:
        patched.setattr(Publisher, "publish", _killed)
        with pytest.raises(_Killed):
            world.ended("tick", "--push")
    assert world.git("rev-parse", "main") == before != tip(remote)
    world.command("tick", "--push", "--drain")
    assert world.lane("one") == "done"
    assert world.git("rev-parse", "main") == tip(remote)
    assert "every commit keeps the rules" in world.command("audit")


def test_what_a_pass_that_was_cut_off_has_taken_in_is_not_there_twice(
    world: World, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.item("judged", contract="reviewed")
    world.item("stopped", text="hold: true\n")
    world.command("tick", "--push")
    # given a pass that takes in a new item, a verdict and a move, and is killed when the remote has them
    world.item("new")
    world.verdict("judged", "approve")
    world.move("stopped", "queue/done")
    with monkeypatch.context() as patched:
        patched.setattr(Publisher, "publish", _killed)
        with pytest.raises(_Killed):
            world.ended("tick", "--push")
    assert world.git("rev-parse", "main") != tip(remote)
    world.command("sync")
    # then their files have followed, as if nothing had been in between
    assert world.git("rev-parse", "main") == tip(remote)
    assert not world.git("status", "--porcelain")
    assert (world.lane("new"), world.lane("judged"), world.lane("stopped")) == ("active", "done", "done")


def test_what_a_person_has_not_committed_stays_as_it_is(world: World, remote: Path, tmp_path: Path) -> None:
    other = clone(remote, tmp_path / "other")
    other.item("one")
    other.command("tick", "--push", "--drain")
    world.write("README.md", "being written\n")
    world.write("staged.txt", "staged\n")
    world.git("add", "staged.txt")
    before = world.git("status", "--porcelain")
    world.command("sync")
    assert world.git("status", "--porcelain") == before
    assert world.git("rev-parse", "main") == tip(remote)


def test_an_uncommitted_file_in_the_way_of_theirs_is_named_and_kept(world: World, remote: Path, tmp_path: Path) -> None:
    other = clone(remote, tmp_path / "other")
    other.write("same.txt", "theirs\n")
    other.commit("Theirs")
    other.command("sync")
    world.write("same.txt", "mine\n")
    said = world.command("sync", status=4)
    assert "uncommitted changes in same.txt are in the way of what origin has" in said
    assert world.read("same.txt") == "mine\n"


def test_a_worktree_that_is_being_added_keeps_nobody_from_the_remote(
    world: World, remote: Path, tmp_path: Path
) -> None:
    other = clone(remote, tmp_path / "other")
    other.write("theirs.txt", "theirs\n")
    other.commit("Theirs")
    other.command("sync")
    # given a worktree as git makes it: for a moment its head is no commit yet; a cell is made just so
    world.git("worktree", "add", "-q", "--detach", str(tmp_path / "beside"))
    head = world.root / ".git/worktrees/beside/HEAD"
    made = head.read_text()
    head.write_text(f"{'0' * 40}\n")
    # and made by the time of the second look
    asked = tmp_path / "asked"
    server = tmp_path / "upload-pack"
    server.write_text(
        f'#!/bin/sh\n[ -e {asked} ] && echo {made.strip()} >{head}\n>{asked}\nexec git-upload-pack "$@"\n'
    )
    server.chmod(0o755)
    world.git("config", "remote.origin.uploadpack", str(server))
    world.command("sync")
    assert world.git("rev-parse", "main") == tip(remote)


def test_a_saved_move_of_what_another_clone_has_ended_begins_nothing_anew(
    world: World, remote: Path, tmp_path: Path
) -> None:
    world.item("one")
    world.item("rest", text="hold: true\n")
    world.commit("Items")
    world.command("sync")
    other = clone(remote, tmp_path / "other")
    other.command("tick", "--push", "--drain")
    world.move("one", "queue/blocked")
    for command in (("sync",), ("tick", "--push")):
        said = world.command(*command, status=4)
        assert "uncommitted changes in queue/inbox/one.yaml are in the way of what origin has" in said
    assert (world.root / "queue/blocked/one.yaml").is_file()
    # and once it is committed, it is named as what both have moved
    world.commit("Blocked")
    assert "have changed one, each in its own way" in world.command("sync", status=3)
    assert other.events("one").count("finish") == 1


@pytest.mark.parametrize("known", [False, True], ids=["two new items of one name", "two edits of one item"])
def test_what_is_saved_where_another_clone_has_written_too_overwrites_nothing(
    world: World, remote: Path, tmp_path: Path, known: bool
) -> None:
    if known:
        world.item("one", text="hold: true\n")
        world.commit("An item")
        world.command("sync")
    other = clone(remote, tmp_path / "other")
    other.item("one", text="hold: true\ndescription: theirs\n")
    other.commit("Theirs")
    other.command("sync")
    place = world.item("one", text="hold: true\ndescription: mine\n")
    mine = place.read_text()
    for command in (("sync",), ("tick", "--push")):
        said = world.command(*command, status=4)
        assert "uncommitted changes in queue/inbox/one.yaml are in the way of what origin has" in said
    assert place.read_text() == mine
    # and under a name of its own it is an item of its own
    place.rename(place.with_name("two.yaml"))
    if known:
        world.git("checkout", "--", "queue/inbox/one.yaml")
    world.command("tick", "--push")
    assert "theirs" in world.read("queue/inbox/one.yaml")
    assert (world.lane("one"), world.lane("two")) == ("inbox", "inbox")


def test_a_saved_edit_of_what_another_clone_has_ended_is_named_and_never_committed(
    world: World, remote: Path, tmp_path: Path
) -> None:
    world.item("one")
    world.commit("An item")
    world.command("sync")
    other = clone(remote, tmp_path / "other")
    other.command("tick", "--push", "--drain")
    place = world.root / "queue/inbox/one.yaml"
    place.write_text(place.read_text() + "hold: true\n")
    said = world.command("tick", "--push")
    # then it has gone along with its file, and waits for whoever saved it
    path = world.path("one")
    assert f"{path}:1:1: is of an item that has ended; git checkout -- {path} lets go of this edit" in said
    assert world.read(path).endswith("hold: true\n")
    assert world.git("rev-parse", "main") == tip(remote) == other.git("rev-parse", "main")
    world.git("checkout", "--", path)
    assert "queue" not in world.command("tick", "--push")
    assert "every commit keeps the rules" in world.command("audit")


def test_a_queue_with_a_branch_of_its_own_is_pushed_with_its_target_or_not_at_all(
    world: World, remote: Path, tmp_path: Path
) -> None:
    world.git("branch", "code")
    world.policy("target: code")
    world.item("one")
    world.command("tick", "--push", "--drain")
    assert world.lane("one") == "done"
    for branch in ("main", "code"):
        assert world.git("rev-parse", branch) == tip(remote, branch)
    # a clone that has only one of them gets the other one
    single = clone(remote, tmp_path / "single", "--single-branch")
    single.item("two")
    single.command("tick", "--push", "--drain")
    assert single.lane("two") == "done"
    assert single.git("rev-parse", "code") == tip(remote, "code")
    # and where one of them is refused, none is moved
    hook(remote, "update", 'test "$1" != refs/heads/code')
    before = tip(remote), tip(remote, "code")
    single.item("three")
    single.command("tick", "--push", "--drain", status=3)
    moved = tip(remote), tip(remote, "code")
    assert moved[1] == before[1]
    assert single.git("rev-parse", "main") == moved[0]
    assert single.lane("three") != "done"


def test_clones_that_run_beside_one_another_do_each_item_once(world: World, remote: Path, tmp_path: Path) -> None:
    world.policy("sync: {push: true}\npolling: {interval_ms: 300}")
    for number in range(12):
        world.item(f"item-{number}")
    world.commit("Items")
    world.git("push", "-q", "origin", "main")
    clones = [world, clone(remote, tmp_path / "second"), clone(remote, tmp_path / "third")]
    running = [each.start("run") for each in clones]
    try:

        def over() -> bool:
            listed = ["git", "-C", str(remote), "ls-tree", "-r", "--name-only", "main", "queue/done/"]
            out = subprocess.run(listed, check=True, capture_output=True, text=True).stdout
            return out.count("/item-") == 12

        world.until(over, seconds=120)
    finally:
        for process in running:
            process.terminate()
        said = [process.communicate()[0] for process in running]
    for each in clones:
        each.command("sync")
    assert {each.git("rev-parse", "main") for each in clones} == {tip(remote)}, said
    for number in range(12):
        events = world.events(f"item-{number}")
        assert (events.count("start"), events.count("finish")) == (1, 1), events
    assert "every commit keeps the rules" in world.command("audit")


def test_branches_of_proposals_are_what_they_are_in_the_clone_that_moves_them(
    world: World, remote: Path, tmp_path: Path
) -> None:
    runs = ([{"write": {"path": "one.txt", "text": text}}] for text in ("short\n", "longer\n"))
    world.item("one", *runs, contract="reviewed")
    world.item("two", contract="reviewed")
    world.command("tick", "--push", "--drain")
    other = clone(remote, tmp_path / "other")
    other.command("tick", "--push")
    assert other.git("rev-parse", "factory/one") == world.git("rev-parse", "factory/one")
    # when another round of the one is made here, and the other one is merged
    world.command("review", "one", "--rework", "-m", "Make it longer.")
    world.command("review", "two", "--approve")
    world.command("tick", "--push", "--drain")
    # then no old round is shown there
    other.command("tick", "--push")
    assert other.git("rev-parse", "factory/one") == world.git("rev-parse", "factory/one")
    assert other.git("branch", "--list", "--format=%(refname:short)") == "factory/one\nmain"


def test_run_hears_of_what_is_pushed_elsewhere(world: World, remote: Path, tmp_path: Path) -> None:
    world.policy("sync: {push: true}\npolling: {interval_ms: 200}")
    world.git("push", "-q", "origin", "main")
    other = clone(remote, tmp_path / "other")
    process = world.start("run")
    try:
        other.item("one")
        other.commit("An item")
        other.git("push", "-q", "origin", "main")
        world.until(lambda: (world.root / "one.txt").exists() and world.lane("one") == "done", seconds=60)
    finally:
        process.terminate()
        process.communicate()
    assert json.loads(world.command("show", "one", "--json"))["lane"] == "done"
    assert os.path.lexists(world.root / "one.txt")


def test_what_a_hook_says_in_git_s_own_words_is_a_refusal_and_no_race(world: World, remote: Path) -> None:
    hook(remote, "pre-receive", "echo 'please fetch first the policy; cannot lock ref' >&2; exit 1")
    world.item("one")
    assert "refuses the push: please fetch first the policy" in world.command("tick", "--push", status=3)


def test_a_branch_there_that_would_be_the_folder_of_ours_is_a_refusal_and_no_race(world: World, remote: Path) -> None:
    world.git("push", "-q", "origin", "main:refs/heads/other/x")
    world.git("switch", "-q", "-c", "other")
    world.write("WORKFLOW.md", world.read("WORKFLOW.md").replace("branch: main", "branch: other"))
    world.commit("Another branch")
    assert "exists; cannot create" in world.command("sync", status=3)


def test_branches_of_a_person_s_that_a_fetch_would_move_stay_where_they_are(
    world: World, remote: Path, tmp_path: Path
) -> None:
    # given a clone that fetches into its own branches, with a commit of a person's that is not pushed
    world.git("config", "remote.origin.fetch", "+refs/heads/*:refs/heads/*")
    world.write("mine.txt", "mine\n")
    world.commit("Mine")
    world.git("switch", "-q", "-c", "elsewhere")
    other = clone(remote, tmp_path / "other")
    other.write("theirs.txt", "theirs\n")
    other.commit("Theirs")
    other.git("push", "-q", "origin", "main")
    # when both are brought to one state, then it goes along
    world.command("sync")
    assert "Mine" in world.git("log", "--format=%s", "main") and "Theirs" in world.git("log", "--format=%s", "main")
