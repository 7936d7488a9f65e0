"""`factory fleet`: many repositories at work at once, which share a pool by weight and see nothing of each other."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from factory.line.fleet.messages import Membership
from factory.line.fleet.supervisor import bounds_of
from factory.model.bounds import Bounds
from factory.model.errors import InvalidFile, MachineError
from factory.store.repository.places import places_of
from tests.fleets import Town
from tests.hostile import needs_bubblewrap, reachable
from tests.world import World

Steps = list[Mapping[str, object]]
ASLEEP: Steps = [{"sleep": 300}]


def slow(number: int) -> Steps:
    return [{"sleep": 0.4}, {"write": {"path": f"{number}.txt", "text": "x\n"}}]


def lane_of(world: World, item_id: str) -> str:
    """The lane of an item that may not have been taken in yet."""
    paths = world.git("ls-tree", "-r", "--name-only", "main", "queue").split()
    return next((path.split("/")[1] for path in paths if Path(path).stem == item_id), "")


def is_done(world: World, *items: str) -> bool:
    return all(lane_of(world, each) == "done" for each in items)


def soon_done(world: World, *items: str) -> None:
    world.until(lambda: is_done(world, *items), 120)


def left_nothing(world: World) -> None:
    assert "orchestrator: none is running" in world.command("status")
    assert not list((world.root / ".git/factory/heartbeats").glob("*"))
    assert not list((world.root / ".git/factory/cells").glob("*"))


# What it does


def test_every_repository_does_its_work_and_an_interrupt_ends_them_all(town: Town) -> None:
    for name in ("shop", "site"):
        town.found(name).item("one")
    town.write("path: shop", "path: site, weight: 2")
    process = town.start()
    for world in town.worlds.values():
        soon_done(world, "one")
    process.send_signal(signal.SIGINT)
    town.until("ended")
    town.any.until(lambda: process.poll() is not None)
    assert process.returncode == 0 and not town.members()
    for name, world in town.worlds.items():
        assert (name, "one", "active") in town.moves()
        left_nothing(world)


def test_slots_are_shared_in_proportion_to_weights_within_a_quarter(town: Town) -> None:
    many = {"light": 10, "heavy": 30}
    for name, items in many.items():
        world = town.found(name)
        for number in range(items):
            world.item(f"{number}", slow(number))
    town.write("path: light", "path: heavy, weight: 3")
    town.start()
    town.any.until(lambda: Counter(name for name, _, to in town.moves() if to == "active") == many, 180)
    starts = [name for name, _, to in town.moves() if to == "active"]
    # once both have begun, and as long as both have work waiting
    both = starts[max(starts.index(name) for name in many) :][:16]
    share = both.count("heavy") / len(both)
    assert share == pytest.approx(0.75, rel=0.25), starts


def test_no_more_than_the_pool_and_each_ones_own_limit_are_at_work(town: Town) -> None:
    clocked = "date +%s%N > $$.txt; sleep 0.4; date +%s%N >> $$.txt; mv $$.txt $(tail -1 $$.txt).txt"
    for name in ("capped", "other"):
        world = town.found(name)
        world.contract("clocked", worker={"run": ["sh", "-c", clocked]})
        for number in range(6):
            world.write(f"queue/inbox/{number}.yaml", "title: t\ncontract: clocked\n")
    repositories = "path: capped, max_concurrent_agents: 1", "path: other"
    town.write(*repositories, more="max_concurrent_agents: 3\nsandbox: auto\n")
    town.start()
    for world in town.worlds.values():
        soon_done(world, *map(str, range(6)))
    changes: list[tuple[int, int, str]] = []  # when one more of a repository, or one less, was at work
    for name, world in town.worlds.items():
        for path in world.root.glob("[0-9]*.txt"):
            began, ended = map(int, path.read_text().split())
            changes += [(began, 1, name), (ended, -1, name)]
    assert len(changes) == 24
    at_work: Counter[str] = Counter()
    for _, change, name in sorted(changes):
        at_work[name] += change
        assert at_work.total() <= 3 and at_work["capped"] <= 1


# One of them


@pytest.mark.parametrize("how", ["no repository", "no policy", "bad policy", "corrupt", "locked", "secret"])
def test_one_that_cannot_work_is_told_of_once_and_tried_again_and_stops_nobody(town: Town, how: str) -> None:
    broken, more = town.found("broken"), ""
    match how:
        case "no repository":
            shutil.rmtree(broken.root / ".git")
            words = "not in a usable git repository"
        case "no policy":
            broken.git("rm", "-q", "WORKFLOW.md")
            broken.commit()
            words = "there is no WORKFLOW.md"
        case "bad policy":
            broken.policy("polling: {interval_ms: never}")
            words = "WORKFLOW.md:"
        case "corrupt":
            shutil.rmtree(broken.root / ".git/objects")
            words = "not in a usable git repository"
        case "locked":
            holder = broken.start("run")
            broken.until(lambda: (broken.root / ".git/factory/holder").exists())
            words = "another orchestrator is at work"
        case _:
            more, words = ", secrets: {KEY: {env: NOBODY_HAS_IT}}", "the environment has no NOBODY_HAS_IT"
    town.found("well").item("one")
    town.write(f"path: broken{more}", "path: well")
    town.start()
    town.until("broken: ", words)
    soon_done(town.worlds["well"], "one")
    assert sum(line.startswith("broken: ") and words in line for line in town.said()) == 1, town.said()
    if how == "locked":
        holder.send_signal(signal.SIGINT)
        holder.communicate(timeout=30)
        broken.item("later")
        soon_done(broken, "later")


def test_one_that_is_deleted_while_it_runs_stops_nobody(town: Town) -> None:
    gone, well = town.found("gone"), town.found("well")
    gone.policy("polling: {interval_ms: 100}")
    for world in (gone, well):
        world.item("one")
    town.write("path: gone", "path: well")
    town.start()
    for world in (gone, well):
        soon_done(world, "one")
    shutil.rmtree(gone.root)
    town.until("gone: ", "is gone")
    well.item("two")
    soon_done(well, "two")


def test_one_that_hangs_with_all_the_slots_is_killed_and_the_others_get_them(town: Town) -> None:
    hung, well = town.found("hung"), town.found("well")
    hung.item("asleep", ASLEEP)
    town.write("path: hung", "path: well", more="max_concurrent_agents: 1\nsandbox: auto\n")
    town.start("import factory.line.fleet.supervisor as s; s._ASK_S, s._PATIENCE_S = 0.5, 8.0")
    town.any.until(lambda: lane_of(hung, "asleep") == "active" and len(town.members()) == 2, 60)
    well.item("one")
    [pid] = [each for each in town.members() if Path(f"/proc/{each}/cwd").readlink() == hung.root]
    town.any.until(lambda: lane_of(well, "one") == "inbox", 60)
    # one that is only busy for long answers meanwhile, and is left alone
    assert not town.says("hung: ", "has not answered")
    os.kill(pid, signal.SIGSTOP)
    town.until("hung: ", "it has not answered for 8 s, so it was killed")
    soon_done(well, "one")


# What one of them can learn of the others


@needs_bubblewrap
def test_a_hostile_one_gets_nothing_of_another(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    victim, mallory = town.found("victim"), town.found("mallory")
    (town.place / "key.txt").write_text("key-in-a-file-4711\n")
    monkeypatch.setenv("VICTIMS_KEY", "key-of-the-victim-4711")
    monkeypatch.setenv("MALLORYS_KEY", "key-of-mallory-0815")
    monkeypatch.setenv("UNNAMED", "nobody-named-it-4711")
    victim.write("private.txt", "private-to-the-victim-4711\n")
    victim.commit("Private")
    # given a victim that has its secrets, and a worker that says whether it does
    has = '[ "$KEY" = key-of-the-victim-4711 ] && [ "$OTHER" = key-in-a-file-4711 ] && [ -z "$UNNAMED" ]'
    worker = {"run": ["sh", "-c", f"{has} && echo yes > has.txt"], "env": ["UNNAMED"], "secrets": ["KEY", "OTHER"]}
    victim.contract("keyed", worker=worker)
    victim.write("queue/inbox/one.yaml", "title: one\ncontract: keyed\n")
    # and one that asks for all of it, by every way that its policy and its contract have
    look = (
        f"env; cat {town.place}/*.txt {town.file} {victim.root}/private.txt {victim.root}/.git/HEAD; "
        f"ls -R {victim.root} {town.place}/cache; git -C {victim.root} log; cat /proc/[0-9]*/environ; "
        f"echo pwned > {victim.root}/pwned.txt; echo pwned > {town.place}/pwned.txt; "
    )
    scanner = mallory.write("scan.sh", f"#!/bin/sh\n({look}) > {town.place}/scanned.txt 2>&1\n")
    scanner.chmod(0o755)
    hook = f"({look}) 2>&1 || true"
    front = {
        "workspace": {"root": str(victim.root)},
        "sandbox": "off",
        "secret_scan": [str(scanner)],
        "hooks": {"after_create": hook, "before_run": hook},
    }
    mallory.policy("\n".join(f"{key}: {json.dumps(value)}" for key, value in front.items()))
    names = ["KEY", "OTHER", "VICTIMS_KEY", "MALLORYS_KEY", "UNNAMED"]
    mallory.contract("bad", worker={"run": ["sh", "-c", f"({look}) 2>&1; echo fine > fine.txt"], "env": names})
    mallory.write("queue/inbox/bad.yaml", "title: bad\ncontract: bad\n")
    town.write(
        "path: victim, secrets: {KEY: {env: VICTIMS_KEY}, OTHER: {file: key.txt}}",
        "path: mallory, secrets: {OWN: {env: MALLORYS_KEY}}",
        more="",
    )
    # when both have done their work
    town.start()
    soon_done(victim, "one")
    soon_done(mallory, "bad")
    # then the victim had what it was given
    assert (victim.root / "has.txt").read_text() == "yes\n"
    # and the hostile one nothing of it, in no commit, in nothing that it printed
    everything = reachable(mallory) + "\n".join(town.said()).encode()
    logs = mallory.artifacts("bad")
    assert "fleet_member" not in logs["run-1/output.log"] and "HOME=" in logs["run-1/output.log"]
    assert [text for text in (b"victim-4711", b"file-4711", b"it-4711", b"OTHER: {file") if text in everything] == []
    assert not list(town.place.glob("**/pwned.txt")) and not (town.place / "scanned.txt").exists()
    assert not (victim.root / "mallory").exists() and victim.status() == ""
    # and was told what of its policy does not count
    for key in ("workspace.root", "secret_scan", "sandbox: off"):
        assert town.says("mallory: ", f"{key} does not count")


def test_a_member_has_nothing_of_the_environment_but_its_own_secrets(
    town: Town,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ITS_KEY", "a-key-of-its-own")
    monkeypatch.setenv("SOMEBODYS", "somebody-elses")
    town.found("shop")
    town.write("path: shop, secrets: {KEY: {env: ITS_KEY}}")
    town.start()
    town.any.until(lambda: len(town.members()) == 1, 60)
    pid = min(town.members())  # a program that it has just forked is called like it
    names = {entry.split(b"=")[0] for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") if entry}
    assert names <= {b"PATH", b"HOME", b"USER", b"LOGNAME", b"SHELL", b"TERM", b"TZ", b"TMPDIR", b"LANG", b"LC_ALL"} | {
        b"LC_CTYPE",
        b"XDG_CACHE_HOME",
        b"XDG_CONFIG_HOME",
    }


def test_each_is_kept_from_the_places_of_the_others_and_from_every_secret(town: Town) -> None:
    shop, site = town.found("shop"), town.found("site")
    site.git("worktree", "add", "-q", "--detach", str(town.place / "beside"))
    (shop.root / ".git/worktrees/planted").mkdir(parents=True)
    (shop.root / ".git/worktrees/planted/gitdir").write_text(f"{site.root}/.git\n")
    town.write("path: shop, secrets: {A: {file: a.txt}}", "path: site/.., name: up", "path: site")
    town.write("path: shop, secrets: {A: {file: a.txt}}", "path: site")
    hidden = {place.name: bounds.hidden for place, bounds in bounds_of(town.read())}
    always = {town.file, town.place / "a.txt", town.place / "cache/factory"}
    assert set(hidden["shop"]) == {site.root, site.root / ".git", town.place / "beside", *always}
    assert set(hidden["site"]) == {shop.root, shop.root / ".git", *always}
    assert site.root in places_of(town.place / "beside")


def test_seventeen_do_their_work_beside_one_that_is_broken_one_that_floods_and_one_that_is_hostile(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given seventeen that have a secret each, and three that nobody would like to share a machine with
    honest = [f"honest-{number}" for number in range(17)]
    rows = []
    for name in honest:
        monkeypatch.setenv(f"KEY_OF_{name[7:]}", f"secret-of-{name}-4711")
        has = f'[ "$KEY" = secret-of-{name}-4711 ] && echo "$KEY" && echo x > $(date +%s%N).txt'
        worker = {"run": ["sh", "-c", has], "secrets": ["KEY"]}
        town.found(name).contract("keyed", worker=worker)
        rows.append(f"path: {name}, secrets: {{KEY: {{env: KEY_OF_{name[7:]}}}}}")
    broken, flood, hostile = (town.found(name) for name in ("broken", "flood", "hostile"))
    shutil.rmtree(broken.root / ".git/refs")
    prints = "yes flood-flood-flood | head -c 1000000; echo x > $(date +%s%N).txt"
    flood.contract("printing", worker={"run": ["sh", "-c", prints]})
    asks = {"run": ["sh", "-c", "env; cat /proc/$PPID/environ; echo x > x.txt"], "env": ["KEY", "KEY_OF_0", "KEY_OF_1"]}
    hostile.contract("asking", worker=asks)
    hostile.policy(f"workspace: {{root: {town.place}/honest-0}}\nsandbox: 'off'")
    town.write(*rows, "path: broken", "path: flood", "path: hostile")
    town.start()
    town.any.until(lambda: len(town.members()) >= 19, 180)
    # when the flood has been at work for a while, and then everybody has something to do
    lines = [json.dumps({"id": f"f-{number}", "title": "f", "contract": "printing"}) for number in range(500)]
    flood.write("queue/inbox/many.jsonl", "\n".join(lines) + "\n")
    flood.until(lambda: any(move[0] == "flood" for move in town.moves()), 120)
    hostile.write("queue/inbox/ask.yaml", "title: ask\ncontract: asking\n")
    for name in honest:
        for number in range(2):
            town.worlds[name].write(f"queue/inbox/i-{number}.yaml", "title: i\ncontract: keyed\n")
    for name in honest:
        soon_done(town.worlds[name], "i-0", "i-1")
    soon_done(hostile, "ask")
    # then the flood had no more than a part of the slots meanwhile
    starts = [name for name, _, to in town.moves() if to == "active"]
    first, last = (find([at for at, name in enumerate(starts) if name in honest]) for find in (min, max))
    assert starts[first : last + 1].count("flood") <= len(honest), starts
    assert town.says("broken: ", "not in a usable git repository")
    # and nobody has anything of anybody else
    for name, world in town.worlds.items():
        if name != "broken":
            held = reachable(world) + "".join(line for line in town.said() if line.startswith(f"{name}: ")).encode()
            assert held.count(b"secret-of-") == held.count(f"secret-of-{name}-4711".encode()), name
            assert name == "flood" or b"flood-flood" not in held
    assert not (town.place / "honest-0/hostile").exists() and town.worlds["honest-0"].status() == ""


# What its file says


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("repositories:\n  - {path: a, wieght: 2}\n", "fleet.yaml:2:15: unknown key"),
        ("repositories:\n  - {path: a}\n  - {path: b/../a}\n", "fleet.yaml:3:6: "),
        ("repositories:\n  - {path: a}\n  - {path: a/b}\n", "are the same folder, or one lies in the other"),
        ("repositories:\n  - {path: x/a}\n  - {path: y/a}\n", "another repository is called 'a', too"),
        ("repositories:\n  - path: a\n    secrets: {K: {}}\n", "must name either the variable ('env') or the file"),
        ("repositories:\n  - path: a\n    secrets: {K-1: {env: K}}\n", "fleet.yaml:3:"),
        ("repositories:\n  - {path: a, weight: 0}\n", "fleet.yaml:2:"),
        ("max_concurrent_agents: 0\n", "fleet.yaml:1:1: max_concurrent_agents"),
        ("sandbox: off\n", "fleet.yaml:1:1: sandbox"),
        ("repositories: [\n", "fleet.yaml:2:1: is not YAML"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_place(town: Town, text: str, says: str) -> None:
    town.file.write_text(text)
    with pytest.raises(InvalidFile) as error:
        town.read()
    assert says in error.value.message


def test_a_file_that_cannot_be_used_ends_with_status_3_and_one_that_is_not_there_with_2(world: World) -> None:
    world.write("fleet.yaml", "repositories: {}\n")
    assert "fleet.yaml:1:1: repositories" in world.command("fleet", "fleet.yaml", status=3)
    assert "there is no file" in world.command("fleet", "other.yaml", status=2)


def test_a_secret_is_read_from_where_it_lies_at_the_time(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERE", "value")
    town.write("path: shop, secrets: {A: {env: HERE}, B: {file: b.txt}}")
    found = town.read()
    with pytest.raises(MachineError, match=r"B is not there: b\.txt"):
        found.secrets_of(found.places[0])
    (town.place / "b.txt").write_text("of the file\n")
    assert found.secrets_of(found.places[0]) == {"A": "value", "B": "of the file"}


def test_edits_of_the_file_take_effect_and_a_bad_one_does_not(town: Town) -> None:
    first, second = town.found("first"), town.found("second")
    first.item("asleep", ASLEEP)
    second.item("one")
    town.write("path: first")
    town.start()
    first.until(lambda: lane_of(first, "asleep") == "active", 60)
    before = town.members()
    town.file.write_text("repositories: [{path: second, weight: many}]\n")
    town.until("fleet.yaml:1:", "the last good one stays in force")
    town.write("path: first, weight: 2", "path: second")
    soon_done(second, "one")
    assert set(before) <= set(town.members()) and lane_of(first, "asleep") == "active", "nobody else is disturbed"
    town.write("path: second")
    first.until(lambda: lane_of(first, "asleep") == "inbox", 60)
    second.item("two")
    soon_done(second, "two")
    left_nothing(first)


# How it ends


def test_a_second_signal_ends_it_at_once(town: Town) -> None:
    world = town.found("shop")
    world.policy("hooks: {after_run: sleep 300, timeout_ms: 300000}")
    world.item("asleep", ASLEEP)
    town.write("path: shop")
    process = town.start()
    world.until(lambda: lane_of(world, "asleep") == "active", 60)
    for member in town.members():
        os.kill(member, signal.SIGSTOP)  # so that it cannot end as it should
    process.send_signal(signal.SIGTERM)
    world.until(lambda: process.poll() is not None or (not process.send_signal(signal.SIGTERM) and False), 30)
    assert process.returncode == -signal.SIGTERM
    world.until(lambda: not town.members())


def test_what_a_killed_fleet_leaves_ends_by_itself_and_is_taken_up_by_the_next_one(town: Town) -> None:
    world = town.found("shop")
    world.item("asleep", ASLEEP, [{"write": {"path": "a.txt", "text": "a\n"}}])
    town.write("path: shop")
    process = town.start()
    world.until(lambda: lane_of(world, "asleep") == "active", 60)
    process.kill()
    world.until(lambda: not town.members(), 60)
    assert lane_of(world, "asleep") == "inbox"
    left_nothing(world)


def test_a_member_ends_when_the_fleet_is_killed_that_has_not_read_what_it_told(world: World) -> None:
    ours, its = socket.socketpair()
    process = subprocess.Popen(
        [sys.executable, "-I", "-m", "factory.cli.fleet_member"], stdin=its.fileno(), stdout=subprocess.PIPE, cwd="/"
    )
    its.close()
    membership = Membership(folder=world.root, secrets={}, bounds=Bounds(foreign=True))
    ours.sendall(membership.line())
    assert process.stdout is not None
    world.until(lambda: bool(ours.recv(1, socket.MSG_PEEK)), 60)
    ours.close()  # with its report unread, by which the other end is reset
    try:
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()
    left_nothing(world)


# What is said of it


def test_its_status_is_a_line_for_each_of_them(town: Town) -> None:
    shop = town.found("shop")
    shop.item("one")
    shop.tick()
    shop.item("held", text="hold: true\n")
    shop.tick()
    (town.place / "none").mkdir()
    town.write("path: shop, max_concurrent_agents: 2, budget: {usd_per_day: 3}", "path: none")
    said = shop.command("fleet", str(town.file), "--status").splitlines()
    assert [line.split()[0] for line in said] == ["NAME", "shop", "none"]
    assert "0 of 2" in said[1] and "1 inbox" in said[1] and "0.00 of 3.00" in said[1] and "usable" in said[2]
    told = json.loads(shop.command("fleet", str(town.file), "--status", "--json"))
    assert [(row["name"], row["most"], row["done_today"]) for row in told] == [("shop", 2, 1), ("none", 4, 0)]
    assert told[0]["counts"]["inbox"] == 1 and told[1]["problem"]
    assert "--json goes with --status" in shop.command("fleet", str(town.file), "--json", status=2)
