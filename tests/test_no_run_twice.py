"""No run twice: a check's result counts as long as what it reads, its argv, environment and contract are the same."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from factory.execution.checks import trace
from factory.model.evidence import CheckKey, ReusedRun
from factory.store import check_runs
from factory.store.system import MACHINE, System
from tests import noted
from tests.noted import commits, evidence, meanwhile, note, noting, waits_for
from tests.test_audit_honest import findings
from tests.test_local_caches import RUBBISH
from tests.world import World

__all__ = ["note"]

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


def counting(world: World, note: Path, script: str = "cat lib/a.txt", more: str = "", **keys: object) -> None:
    """A contract whose check reads a folder and notes each of its runs; nothing contains it, so that it can."""
    world.policy(f"sandbox: off\ncanary: off\n{more}")
    world.write("lib/a.txt", "a\n")
    if world.status():
        world.commit("A library")
    check = {"name": "gate", "run": noting(note, script), "reads": ["lib"], **keys}
    world.contract("counted", checks=[check])


def runs(note: Path) -> int:
    return len(noted.runs(note))


def ran(world: World, item_id: str, name: str = "recheck") -> dict[str, Any]:
    """What the evidence of an item's first run says of the check."""
    (gate,) = [each for each in evidence(world, item_id, name)["ran"] if each["name"] == "gate"]
    return dict(gate)


def with_one_that_waits(world: World, note: Path) -> tuple[Path, Path]:
    """Beside the check another one that waits: where it notes its runs, and the file that it waits for."""
    waiting, release = note.parent / "waiting", note.parent / "release"
    contract = json.loads(world.read("contracts/counted.yaml"))
    contract["checks"].append({"name": "slow", "run": noting(waiting, waits_for(release))})
    world.contract("counted", **contract)
    return waiting, release


def item(world: World, name: str, path: str = "", text: str = "", more: str = "") -> None:
    world.item(
        name, [{"write": {"path": path or f"{name}.txt", "text": text or f"{name}\n"}}], contract="counted", text=more
    )


def done(world: World, *names: str) -> None:
    """Items one after the other, each by a process of its own."""
    for name in names:
        item(world, name)
        world.tick(drain=True)
        assert world.lane(name) == "done", world.last(name)


@pytest.mark.parametrize("mode", ["every", "tip"])
def test_a_merge_that_touches_nothing_of_what_a_check_reads_keeps_its_result_and_says_whose_it_is(
    world: World, note: Path, mode: str
) -> None:
    counting(world, note, more=f"merge: {{mode: {mode}}}\n")
    done(world, "one", "two")
    assert runs(note) == 1
    source = ran(world, "two")["reused_from"]
    tree = ran(world, "one")["tree"] or json.loads(world.artifacts("one")["run-1/recheck.json"])["tree"]
    assert source == {"item": "one", "run": 1, "file": "recheck.json", "tree": tree}
    assert ran(world, "one")["reused_from"] is None
    assert "a\n" in world.artifacts("two")["run-1/recheck/checks/gate.log"] + "\n"
    said = world.command("show", "two")
    assert "reused from run 1 of one, the merge train" in said
    assert findings(world.root) == []


def test_a_merge_that_touches_what_a_check_reads_has_it_run_again(world: World, note: Path) -> None:
    counting(world, note)
    done(world, "one")
    item(world, "two", "lib/b.txt")
    world.tick(drain=True)
    done(world, "three")
    assert runs(note) == 2
    source = ran(world, "three")["reused_from"]
    assert source["item"] == "two"
    assert findings(world.root) == []


def test_a_train_of_many_runs_once_what_reads_nothing_of_what_they_bring(world: World, note: Path) -> None:
    counting(world, note, script="sleep 0.3")
    for name in ("one", "two", "three", "four"):
        item(world, name)
    world.commit("Items")
    world.tick(drain=True)
    assert [world.lane(name) for name in ("one", "two", "three", "four")] == ["done"] * 4
    assert runs(note) == 1
    assert findings(world.root) == []


def test_in_another_place_of_the_train_an_item_keeps_its_own_result_and_says_on_what_it_ran(
    world: World, note: Path
) -> None:
    # given one that has passed the check, and is on the train for another one that takes its time
    counting(world, note)
    waiting, release = with_one_that_waits(world, note)
    item(world, "one")

    def commit() -> None:
        world.write("mine.txt", "mine\n")
        commits(world, "mine.txt")

    meanwhile(world, lambda: runs(waiting) == 1, commit, release)
    assert (world.lane("one"), runs(note), runs(waiting)) == ("done", 1, 2)
    gate = ran(world, "one")
    assert (gate["reused_from"], bool(gate["on"]), gate["reused"]) == (None, True, True)
    assert "which has the same at what it reads" in world.command("show", "one")
    # and others reuse it
    done(world, "two")
    assert (runs(note), ran(world, "two")["reused_from"]["tree"]) == (1, gate["on"])
    assert findings(world.root) == []


def test_a_result_of_one_ahead_that_never_lands_is_none(world: World, note: Path) -> None:
    # given two on the train, the second with a result of the first, and both with a check that takes its time
    counting(world, note, more="agent: {max_concurrent_agents: 1, max_concurrent_checks: 2}\n")
    waiting, release = with_one_that_waits(world, note)
    item(world, "one", more="priority: 1\n")
    item(world, "two", more="priority: 2\n")
    world.commit("Items")

    def take_out() -> None:
        """And bring what it brings, so that all is well for the second one."""
        path = world.path("one")
        world.write(path, world.read(path) + "hold: true\n")
        world.write("one.txt", "one\n")
        commits(world, path, "one.txt")
        time.sleep(1)

    meanwhile(world, lambda: runs(waiting) == 2, take_out, release)
    assert world.lane("two") == "done"
    assert ran(world, "two")["reused_from"] is None
    assert runs(note) == 2
    assert findings(world.root) == []


def test_a_delivery_that_a_person_judges_has_its_result_reused_by_the_train_on_another_target(
    world: World, note: Path
) -> None:
    counting(world, note)
    world.contract(
        "counted",
        **json.loads(world.read("contracts/counted.yaml"))
        | {"review": {"seats": [{"name": "human", "kind": "human"}]}},
    )
    item(world, "one")
    world.tick()
    assert runs(note) == 1
    world.write("beside.txt", "mine\n")
    world.commit("Mine")
    world.verdict("one", "approve")
    world.tick(drain=True)
    assert (world.lane("one"), runs(note)) == ("done", 1)
    source = ran(world, "one")["reused_from"]
    assert (source["item"], source["file"]) == ("one", "evidence.json")
    assert findings(world.root) == []


def test_other_processes_and_other_clones_reuse_what_is_committed(world: World, note: Path, tmp_path: Path) -> None:
    counting(world, note)
    item(world, "one")
    world.factory("tick", "--drain")
    item(world, "two")
    world.factory("tick", "--drain")
    assert (world.lane("one"), world.lane("two"), runs(note)) == ("done", "done", 1)
    subprocess.run(["git", "clone", "-q", "--no-local", world.root, tmp_path / "clone"], check=True)
    other = World(tmp_path / "clone")
    item(other, "three")
    other.factory("tick", "--drain")
    assert (other.lane("three"), runs(note)) == ("done", 1)
    assert findings(other.root) == []
    # and what the other clone has done since, once it is fetched
    world.git("pull", "-q", str(other.root), "main")
    done(world, "four")
    assert runs(note) == 1


def test_another_argv_or_another_text_of_the_contract_is_another_check(world: World, note: Path) -> None:
    counting(world, note)
    done(world, "one")
    counting(world, note, script="cat lib/a.txt lib/a.txt")
    done(world, "two")
    assert runs(note) == 2
    world.write("contracts/counted.yaml", world.read("contracts/counted.yaml") + "# for whoever reads it\n")
    world.commit("A comment")
    done(world, "three")
    assert runs(note) == 3


def test_another_environment_is_another_check(world: World, note: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counting(world, note)
    done(world, "one")
    monkeypatch.setenv("LANG", "C.UTF-8" if "C.UTF-8" not in os.environ.get("LANG", "") else "C")
    done(world, "two")
    assert runs(note) == 2


def test_a_check_that_failed_is_run_again(world: World, note: Path, tmp_path: Path) -> None:
    counting(world, note, script=f"test -e {tmp_path}/mended")
    item(world, "one")
    world.tick(drain=True)
    assert world.lane("one") == "blocked"
    before = runs(note)
    (tmp_path / "mended").touch()
    done(world, "two")
    assert runs(note) > before


@pytest.mark.parametrize(
    ("policy", "reads"),
    [("hooks: {after_create: 'true'}\n", "lib"), ("", "link"), ("", "link/**"), ("", "**/*.txt")],
    ids=["a hook may make anything of the files", "a link", "what a link leads to", "what may lie below a link"],
)
def test_where_nobody_can_know_what_a_check_reads_it_is_run(world: World, note: Path, policy: str, reads: str) -> None:
    if not policy:
        (world.root / "link").symlink_to("lib")
    counting(world, note, script="cat */a.txt", more=policy, reads=[reads])
    item(world, "one", "one.md")
    world.tick(drain=True)
    item(world, "two", "two.md")
    world.tick(drain=True)
    assert (world.lane("two"), runs(note)) == ("done", 2)


@pytest.mark.parametrize("network", [True, ["example.org"]])
def test_a_check_that_may_use_the_network_is_never_reused(world: World, note: Path, network: object) -> None:
    counting(world, note)
    contract = json.loads(world.read("contracts/counted.yaml"))
    contract["worker"]["sandbox"] = {"network": network}
    world.contract("counted", **contract)
    done(world, "one", "two")
    assert (runs(note), ran(world, "two")["read"]) == (2, "")
    assert "have no effect, since what may use the network can end in any way" in seen(world)


@pytest.mark.parametrize("chance", [0.0, 0.5])
def test_what_has_to_fail_without_the_change_shows_that_on_the_very_files(
    world: World, note: Path, monkeypatch: pytest.MonkeyPatch, chance: float
) -> None:
    monkeypatch.setattr(System, "chance", lambda _self: chance)  # with 0 every run is one to look at
    counting(world, note, script="test -e lib/new.txt", must_fail_before=True)
    item(world, "one", "lib/new.txt")
    world.tick(drain=True)
    assert (world.lane("one"), runs(note)) == ("done", 2)
    # what changes nothing that it reads cannot make the difference
    item(world, "two")
    world.tick(drain=True)
    assert world.lane("two") != "done"
    assert runs(note) > 2


SHARED = "cell: {shares: [deps]}\n"


def shared(world: World, note: Path) -> Path:
    """A check beside a folder that git does not hold; where it is noted in which run it passed."""
    counting(world, note, more=SHARED)
    world.write(".gitignore", "deps/\n")
    world.commit("Ignored")
    world.write("deps/tool", "1")
    done(world, "one", "two")
    assert runs(note) == 1
    (kept,) = (world.root / ".git/factory/checks").glob("*.json")
    return kept


def test_what_hangs_on_folders_of_the_machine_is_reused_in_this_clone_as_long_as_they_are_the_same(
    world: World, note: Path, tmp_path: Path
) -> None:
    shared(world, note)
    subprocess.run(["git", "clone", "-q", "--no-local", world.root, tmp_path / "clone"], check=True)
    other = World(tmp_path / "clone")
    shutil.copytree(world.root / "deps", other.root / "deps")
    done(other, "elsewhere")
    assert runs(note) == 2
    world.write("deps/tool", "another")
    done(world, "three")
    assert runs(note) == 3


@pytest.mark.parametrize("data", RUBBISH, ids=lambda data: repr(data[:12]))
def test_rubbish_where_runs_are_noted_counts_for_nothing(world: World, note: Path, data: bytes) -> None:
    shared(world, note).write_bytes(data)
    done(world, "three")
    assert runs(note) == 2


def fifo(path: Path) -> None:
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.mkdir()


def link(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("lay", [fifo, folder, link], ids=lambda lay: lay.__name__)
def test_what_is_no_file_where_runs_are_noted_counts_for_nothing(
    world: World, note: Path, lay: Callable[[Path], None]
) -> None:
    kept = shared(world, note)
    kept.unlink()
    lay(kept)
    done(world, "three")
    assert runs(note) == 2


@pytest.mark.parametrize(
    "run",
    [{"item": "nobody"}, {"run": 7}, {"item": "failed"}, {"file": "evidence.json"}, {"item": "../../one"}],
    ids=["no item", "no run", "one that failed", "a file without it", "a path"],
)
def test_a_note_cannot_make_a_check_pass_it_only_names_a_run_that_is_committed(
    world: World, note: Path, run: dict[str, object]
) -> None:
    kept = shared(world, note)
    item(world, "failed", more='acceptance: [{id: A1, text: never, check: ["false"]}]\n')
    world.tick()
    before = runs(note)
    record = json.loads(kept.read_text())
    record["run"] |= run
    kept.write_text(json.dumps(record))
    done(world, "three")
    assert runs(note) == before + 1


def test_notes_of_runs_are_few_and_none_is_old(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_runs, "_MOST", 3)
    notes = check_runs.CheckRuns(world.root / ".git/factory", MACHINE)
    run = ReusedRun(item="one", run=1, file="recheck.json", tree="0" * 40)
    for number in range(9):
        notes.put(CheckKey(str(number), ("true",), "e", "c"), "", run)
    place = world.root / ".git/factory/checks"
    assert len([*place.iterdir()]) == 3
    assert notes.get(CheckKey("8", ("true",), "e", "c"), "") == run
    for path in place.iterdir():
        os.utime(path, (0, 0))
    notes.put(CheckKey("9", ("true",), "e", "c"), "", run)
    assert len([*place.iterdir()]) == 1


# --- what a check really reads


def seen(world: World) -> str:
    return " ".join(world.command("doctor", status=None).split())


@needs_strace
def test_a_check_that_reads_what_it_says_is_found_to_do_so(world: World, note: Path) -> None:
    counting(world, note)
    assert "what the check gate reads has not been looked at yet" in seen(world)
    done(world, "one")
    assert "gate reads no more than it says" in seen(world)


@needs_strace
@pytest.mark.parametrize(
    ("script", "missing"),
    [
        ("test ! -e maybe/later.txt", "maybe"),
        ("ls > /dev/null", "*"),
        ("ls other > /dev/null", "other/*"),
        ("cd other; cat b.txt", "other/b.txt"),
        ("sh -c 'cd other; cat < b.txt'", "other/b.txt"),
        ("(cd lib; cat ../other/b.txt)", "other/b.txt"),
        ("git log -1 > /dev/null", ".git"),
        ("cat 'naïve\"\n.txt' || true", 'naïve"'),
    ],
)
def test_reads_that_are_too_narrow_are_a_finding_and_nothing_is_reused_until_they_are_not(
    world: World, note: Path, script: str, missing: str
) -> None:
    world.write("other/b.txt", "b\n")
    counting(world, note, script=script)
    done(world, "one")
    assert runs(note) == 1
    said = seen(world)
    assert "contracts/counted.yaml:" in said
    assert "the check gate reads" in said
    assert missing in said
    assert any(missing in each for each in ran(world, "one")["missed"])
    done(world, "two")
    assert (runs(note), ran(world, "two")["reused_from"]) == (2, None)
    assert findings(world.root) == []
    if missing != ".git":
        counting(world, note, script=script, reads=["lib", *ran(world, "one")["missed"]])
        done(world, "three", "four")
        assert runs(note) == (4 if missing == "*" else 3)  # each brings a file to where it looks
        assert "gate reads no more than it says" in seen(world)


@needs_strace
def test_what_the_check_itself_lays_down_is_none_of_what_it_reads(world: World, note: Path) -> None:
    counting(world, note, script="mkdir out; echo 1 > out/x; cat out/x; echo 2 > y; mv y z; cat z")
    done(world, "one")
    assert ran(world, "one")["missed"] == []


@needs_strace
def test_a_check_that_fails_while_it_is_looked_at_is_run_again_by_itself(world: World, note: Path) -> None:
    counting(world, note, script="grep -q 'TracerPid:.0$' /proc/$$/status")
    done(world, "one")
    assert runs(note) == 2
    assert "passes only while nobody looks" in seen(world)


@needs_strace
def test_one_run_in_twenty_is_looked_at_again(
    world: World, note: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = [0.9]
    monkeypatch.setattr(System, "chance", lambda _: chance[0])
    counting(world, note, script="! grep -q TracerPid:.0 /proc/$$/status && echo traced; cat lib/a.txt")
    logs = []
    for number in range(3):
        chance[0] = 0.01 if number == 2 else 0.9
        item(world, f"i{number}", f"lib/{number}.txt")
        world.tick(drain=True)
        logs.append("traced" in world.artifacts(f"i{number}")["run-1/recheck/checks/gate.log"])
    assert logs == [True, False, True]


@needs_strace
def test_doctor_looks_at_every_check_that_says_what_it_reads(world: World, note: Path) -> None:
    counting(world, note, script="cat program.py")
    said = " ".join(world.command("doctor", "--checks", status=1).split())
    assert "reads program.py, which its `reads` do not name" in said
    assert 'add "program.py"' in said


def test_without_strace_doctor_says_that_nothing_can_be_looked_at(
    world: World, note: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace.tracer.cache_clear()
    monkeypatch.setattr(
        "shutil.which",
        lambda name, *_, path=None, which=shutil.which: which(name, path=path) if name != "strace" else None,
    )
    try:
        counting(world, note)
        assert "strace is missing, or does not work here" in seen(world)
        monkeypatch.undo()
        done(world, "one", "two")
        assert runs(note) == 1
    finally:
        trace.tracer.cache_clear()


@needs_strace
def test_what_cannot_be_written_down_is_found_all_the_same(world: World, note: Path) -> None:
    counting(world, note, script="cat \"$(printf 'z\\377')\" || true")
    done(world, "one", "two")
    assert ran(world, "one")["missed"] == ["z\ufffd"]
    assert runs(note) == 2


@needs_strace
def test_a_check_is_looked_at_within_the_sandbox_too(world: World) -> None:
    world.write("lib/a.txt", "a\n")
    world.write("other/b.txt", "b\n")
    world.commit("A library")
    for name, run in (("good", ["cat", "lib/a.txt"]), ("bad", ["sh", "-c", "cd lib && cat $PWD/../other/b.txt"])):
        world.contract(name, checks=[{"name": "gate", "run": run, "reads": ["lib"]}])
        world.item(name, contract=name)
        world.tick(drain=True)
        assert world.lane(name) == "done"
    assert (ran(world, "good")["missed"], ran(world, "bad")["missed"]) == ([], ["other/b.txt"])


@needs_strace
def test_a_check_that_is_looked_at_ends_at_its_deadline_with_all_that_it_started(world: World, note: Path) -> None:
    counting(world, note, script="(sleep 61.5 & sleep 61.5)")
    contract = json.loads(world.read("contracts/counted.yaml"))
    world.contract("counted", **contract, limits={"minutes": 0.02}, rework={"max_rounds": 1})
    item(world, "one")
    world.tick()
    assert "was stopped after 0.02 minutes" in world.last("one").findings[0].text
    assert runs(note) == 2
    assert not subprocess.run(["pgrep", "-f", "sleep 61.5"], capture_output=True, check=False).stdout


@needs_strace
def test_a_canary_runs_a_check_whatever_it_says_that_it_reads(world: World, note: Path) -> None:
    counting(world, note, script="grep -q hello program.py")
    world.policy("sandbox: off\ncanary: report\n")
    done(world, "one")
    assert json.loads(world.artifacts("one")["run-1/recheck.json"])["silent"] == []


# --- what is refused


@pytest.mark.parametrize(
    ("keys", "left"),
    [
        ({"run": ["sh", "ci/check.sh"]}, "ci/check.sh"),
        ({"run": ["make", "test"]}, "Makefile"),
        ({"run": ["python3", "-m", "pytest", "lib"]}, "conftest.py"),
    ],
)
def test_reads_that_leave_out_what_makes_the_check_are_refused(
    world: World, keys: dict[str, object], left: str
) -> None:
    world.write(left, "x\n")
    world.contract("narrow", checks=[{"name": "gate", "reads": ["lib"], **keys}])
    world.commit()
    said = world.command("check", status=1)
    line = next(n for n, text in enumerate(world.read("contracts/narrow.yaml").split("\n"), 1) if '"reads"' in text)
    assert f"contracts/narrow.yaml:{line}:" in said
    assert f"leaves out what decides the check 'gate': {left}" in said
    assert f'add "{left}"' in said
    world.contract("narrow", checks=[{"name": "gate", "reads": ["lib", left], **keys}])
    world.command("check")


def test_reads_that_leave_out_what_comes_from_the_target_are_refused(world: World) -> None:
    world.write("tests/test_a.py", "")
    check = {"name": "gate", "run": ["true"], "reads": ["lib"]}
    world.contract("narrow", checks=[check], checks_from={"base": ["tests/**"]})
    world.commit()
    assert "tests/test_a.py (checks_from)" in world.command("check", status=1)


def test_evidence_that_a_person_has_laid_among_the_artifacts_is_not_reused(world: World, note: Path) -> None:
    # given a change that its check says no to
    counting(world, note, script="test ! -e lib/bad.txt")
    item(world, "one", path="lib/bad.txt")
    world.tick()
    said = world.artifacts("one")["run-1/recheck.json"]
    assert world.lane("one") == "rework"
    # when somebody commits the same as evidence of another run, which is said to have passed
    world.write("artifacts/zz/run-1/recheck.json", re.sub(r'"exit_code": [1-9]\d*', '"exit_code": 0', said))
    world.commit("A forgery")
    world.factory("cancel", "one")
    item(world, "two", path="lib/bad.txt", text="one\n")
    before = runs(note)
    world.tick()
    # then the check is run
    assert runs(note) > before
    assert world.lane("two") == "rework"
