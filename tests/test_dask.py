"""Runs on the machines of a Dask cluster: a real scheduler and two real workers, as processes of this machine."""

import hashlib
import os
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from factory import __version__
from factory.execution.dask import leash, machine
from factory.execution.dask.executor import _outcome_of
from factory.execution.dask.leash import Leash
from factory.execution.dask.messages import About, Answer, Came, Parcel
from factory.execution.dask.parcels import Parcels
from factory.execution.outcome import RunOutcome, Work
from factory.execution.request import RunRequest
from factory.line.tick import tick
from factory.model.engine import Engine
from factory.model.errors import MachineError
from factory.model.failure import Failure, FailureClass
from factory.store.repository.objects import name_of
from factory.store.repository.pack import objects_of, pack_of
from factory.store.repository.repository import Repository
from factory.store.system import MACHINE
from tests.machines import Machines, machines, on_machines
from tests.test_execution import request
from tests.world import World


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    place = tmp_path_factory.mktemp("machines")
    with machines(place, ("--resources", "gpu=1"), ("--resources", "label-big=1")) as made:
        yield made


def test_runs_happen_on_other_machines_which_get_the_files_and_nothing_of_queue_or_history(
    world: World, cluster: Machines
) -> None:
    # given two items, one after the other, of which each leaves its worker's process number
    names = ["one", "two"]
    for name in names:
        world.item(name, [{"write": {"path": f"{name}.txt", "text": "done\n"}}, {"say": "at work"}])
    before = set(cluster.caches())
    world.commit("Items")
    # when their runs are sent to the machines
    with on_machines(world, cluster.address) as orchestrator:
        tick(orchestrator, drain=True)
    # then they are done as if they had been run here
    assert [world.lane(name) for name in names] == ["done", "done"]
    assert world.git("show", "main:one.txt", "main:two.txt") == "done\ndone"
    assert "at work" in world.artifacts("one")["run-1/output.log"]
    world.command("audit")
    # and no machine was given an item's file, a journal, or a commit of the past
    origin = world.git("rev-list", "--max-parents=0", "main")
    made = [each for each in cluster.caches() if each not in before]
    assert made and all(origin in str(each) for each in made)
    queue = world.git("rev-parse", "main:queue")
    for cache in made:
        kept = _git(cache, "cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)")
        assert "blob" in kept and "commit" not in kept and queue not in kept


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_only_what_no_machine_has_yet_is_sent(world: World) -> None:
    big = "".join(f"{number * 7919 % 10007} is line {number}\n" for number in range(20_000))
    world.write("big.txt", big)
    first = world.commit("A big file")
    world.write("small.txt", "small\n")
    second = world.commit("A small file")
    with closing(Repository(world.root)) as repository:
        parcels = Parcels(repository, "main")
        asked = _asked(first)
        whole = parcels.parcel(asked, "k", __version__, complete=False)
        assert whole.complete and len(whole.pack) > 20_000
        parcels.note(Answer(Came.OUTCOME, "machine", b""), whole)
        # the same once more brings nothing, and what followed it only itself
        assert parcels.parcel(asked, "k", __version__, complete=False).pack == b""
        thin = parcels.parcel(_asked(second), "k", __version__, complete=False)
        assert not thin.complete and 0 < len(thin.pack) < 1000
        # what a machine has of another clone, and is not here, is no base for anything
        elsewhere = "0123456789" * 4
        parcels.begin({"tcp://a": About(__version__, "a", "machine", (elsewhere, *whole.trees))})
        assert parcels.parcel(_asked(second), "k", __version__, complete=False).pack == thin.pack
        # a machine that has lost what it had is sent everything
        parcels.note(Answer(Came.LACKS, "machine", b""), thin)
        assert parcels.parcel(_asked(second), "k", __version__, complete=False).complete


def _asked(commit: str) -> RunRequest:
    return replace(request(), base=commit, start=commit)


def test_a_machine_whose_cache_was_emptied_is_sent_everything_anew(world: World, cluster: Machines) -> None:
    world.item("one")
    world.commit("An item")
    with on_machines(world, cluster.address) as orchestrator:
        tick(orchestrator, drain=True)
        for cache in cluster.caches():
            for whole in (cache.parent / "whole").glob("*"):
                whole.unlink()
            for pack in (cache / "objects/pack").glob("*"):
                pack.unlink()
        world.item("two")
        world.commit("Another item")
        tick(orchestrator, drain=True)
    assert world.lane("two") == "done"
    assert world.last("two").run == 1


def test_what_is_large_goes_to_each_machine_once_before_any_run(world: World, cluster: Machines) -> None:
    (world.root / "big.bin").write_bytes(os.urandom(3_000_000))
    for name in ("one", "two"):
        world.item(name)
    world.commit("A big file, and items")
    with on_machines(world, cluster.address) as orchestrator:
        tick(orchestrator, drain=True)
    assert {world.lane(name) for name in ("one", "two")} == {"done"}
    origin = world.git("rev-list", "--max-parents=0", "main")
    mine = [each for each in cluster.caches() if origin in str(each)]
    big = world.git("rev-parse", "main:big.bin")
    assert [_git(cache, "cat-file", "-s", big) for cache in mine] == ["3000000"] * 2


def test_what_is_to_end_ends_on_its_machine_with_all_that_it_started(
    world: World, cluster: Machines, tmp_path: Path
) -> None:
    mark = f"3{os.getpid()}{time.time_ns() % 1000:03}"
    world.contract("sleepy", worker={"run": ["sh", "-c", f"echo begun; sleep {mark} & sleep {mark}"]})
    world.item("one", contract="sleepy")
    world.commit("An item")
    with on_machines(world, cluster.address) as orchestrator:
        orchestrator.one_pass()
        world.until(lambda: _sleeping(mark), 30)
        world.until(lambda: (world.root / ".git/factory/live").is_dir(), 10)
        world.until(lambda: b"begun" in _live(world), 10)  # what it prints is followed from here
        orchestrator.context.runs.stop("one")
        world.until(lambda: not _sleeping(mark), 20)
        world.until(lambda: orchestrator.context.runs.running["one"].future.done(), 10)
        [(_, outcome)] = orchestrator.context.runs.ended_runs()
        assert outcome.stopped
        orchestrator.one_pass(may_start=False)


def _live(world: World) -> bytes:
    return b"".join(each.read_bytes() for each in (world.root / ".git/factory/live").rglob("*") if each.is_file())


def _sleeping(mark: str) -> bool:
    said = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return any(line.strip() == f"sleep {mark}" for line in said.splitlines())


def test_a_run_goes_to_a_machine_that_offers_what_it_needs(world: World, cluster: Machines) -> None:
    for name, needs in (("gpu", {"gpu": 1}), ("big", {"label": "big"})):
        world.contract(name, worker={"run": ["sh", "-c", 'echo "$HOME" > "$0.txt"', name], "needs": needs})
        world.item(name, contract=name)
    world.commit("Items")
    world.policy(f"engine: {{kind: dask, address: '{cluster.address}'}}")
    with on_machines(world, cluster.address) as orchestrator:
        tick(orchestrator, drain=True)
    assert {world.lane(name) for name in ("gpu", "big")} == {"done"}
    # each machine has its cells in a cache of its own
    assert "machine-1" in world.git("show", "main:gpu.txt")
    assert "machine-2" in world.git("show", "main:big.txt")


def test_what_no_machine_offers_waits_for_a_person_and_says_what_would_offer_it(
    world: World, cluster: Machines
) -> None:
    needs = {"gpu": 4, "label": "huge"}
    world.contract("choosy", worker={"run": ["no-such-program"], "needs": needs, "secrets": ["A_KEY_OF_THEIRS"]})
    world.item("one", contract="choosy")
    world.commit("An item")
    world.policy(f"engine: {{kind: dask, address: '{cluster.address}'}}")
    with on_machines(world, cluster.address, patience_s=1.0) as orchestrator:
        tick(orchestrator)
    assert world.lane("one") == "blocked"
    said = str(world.last("one").reason)
    assert "offers gpu: 4, label: huge" in said and '--resources "gpu=4 label-huge=1"' in said
    told = world.command("doctor", status=None)
    # what is not here may be there
    assert "note  contract choosy: here the secret A_KEY_OF_THEIRS is not set; runs happen on other machines" in told
    assert "contract choosy: no machine offers gpu: 4, label: huge" in told
    assert f"worker processes at {cluster.address}: 2, with git-factory {__version__}" in told


def test_a_secret_is_the_machines_own_and_one_that_it_does_not_have_waits_for_a_person(
    world: World, cluster: Machines
) -> None:
    told = ["sh", "-c", 'echo "it is $A_KEY_OF_ITS_OWN"; echo done > done.txt']
    world.contract("keyed", worker={"run": told, "secrets": ["A_KEY_OF_ITS_OWN"]})
    world.contract("lacking", worker={"run": ["true"], "secrets": ["A_KEY_OF_OTHERS"]})
    for name in ("keyed", "lacking"):
        world.item(name, contract=name)
    world.commit("Items")
    world.policy(f"engine: {{kind: dask, address: '{cluster.address}'}}")
    with on_machines(world, cluster.address) as orchestrator:
        tick(orchestrator, drain=True)
    assert (world.lane("keyed"), world.lane("lacking")) == ("done", "blocked")
    # it never was in this process's environment, and what was printed of it is masked there
    assert "A_KEY_OF_ITS_OWN" not in os.environ
    printed = world.artifacts("keyed")["run-1/output.log"]
    assert "it is " in printed and "the-secret-of" not in printed
    assert "does not have A_KEY_OF_OTHERS: set it where its Dask worker is started" in str(world.last("lacking").reason)


def test_needs_are_refused_where_runs_happen_here(world: World) -> None:
    world.contract("choosy", worker={"run": ["true"], "needs": {"gpu": 1}})
    world.item("one", contract="choosy")
    world.commit("An item")
    said = "asks for gpu: 1 of a machine, which only machines of the engine dask can offer"
    assert f"worker.needs: {said}" in world.command("check", status=1)
    world.tick()
    assert world.lane("one") == "blocked"
    assert world.last("one").failure is FailureClass.CONFIG
    assert said in str(world.last("one").reason)


def test_an_engine_says_where_its_scheduler_is(world: World) -> None:
    world.policy("engine: {kind: dask}")
    assert "'address' belongs to the engine dask" in world.command("check", status=1)
    world.policy("engine: {kind: dask, address: 'tcp://127.0.0.1:1'}\nworkspace: {keep: true}")
    said = "workspace.keep: an item's own folder stays on one machine"
    assert said in world.command("check", status=1)
    assert said in world.command("tick", status=3)


def test_a_scheduler_that_wants_certificates_is_not_waited_for_where_none_are_named(world: World) -> None:
    world.item("one")
    world.commit("An item")
    world.policy("engine: {kind: dask, address: 'tls://127.0.0.1:1'}")
    assert "needs certificates, and Dask's configuration names none" in world.command("doctor", status=1)
    with on_machines(world, "tls://127.0.0.1:1") as orchestrator:
        tick(orchestrator)
    assert (world.lane("one"), world.last("one").failure) == ("blocked", FailureClass.CONFIG)


@pytest.mark.parametrize(
    ("address", "is_open"),
    [
        ("tcp://farm.example:8786", True),
        ("tcp://10.0.0.1:8786", True),
        ("tls://farm.example:8786", False),
        ("tcp://127.0.0.1:8786", False),
        ("tcp://[::1]:8786", False),
    ],
)
def test_what_leaves_this_machine_in_the_clear_is_known(address: str, is_open: bool) -> None:
    assert Engine(kind="dask", address=address).is_open_to_listeners is is_open


def test_a_scheduler_that_is_not_there_is_waited_for_and_then_costs_an_attempt(world: World) -> None:
    world.item("one")
    world.commit("An item")
    world.policy("engine: {kind: dask, address: 'tcp://127.0.0.1:1'}\nretry: {initial_ms: 3600000}")
    with on_machines(world, "tcp://127.0.0.1:1", patience_s=6.0) as orchestrator:
        orchestrator.one_pass()
        waiting = "waiting for the scheduler at tcp://127.0.0.1:1, which does not answer"
        world.until(lambda: orchestrator.context.runs.doing.get("one") == waiting, 20)
        assert waiting.removeprefix("waiting ") in world.command("status")
        tick(orchestrator)
    last = world.last("one")
    assert (last.event, last.failure) == ("release", FailureClass.NETWORK)
    assert "tcp://127.0.0.1:1 does not answer" in str(last.reason)
    told = world.command("doctor", status=1)
    assert "cluster: the scheduler at tcp://127.0.0.1:1 does not answer" in told


def test_the_program_sends_its_runs_where_workflow_says(world: World, cluster: Machines) -> None:
    world.item("one")
    world.commit("An item")
    world.policy(f"engine: {{kind: dask, address: '{cluster.address}'}}")
    began = cluster.log("machine-1") + cluster.log("machine-2")
    world.factory("tick", "--drain")
    assert world.lane("one") == "done"
    assert len(cluster.log("machine-1") + cluster.log("machine-2")) > len(began)


def test_a_machine_of_another_version_is_no_machine_for_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    parcel = Parcel("k", "0.0.0", "origin", b"", {}, (), b"", True)
    answer = machine.carry_out(parcel)
    assert answer.came is Came.REFUSED
    assert f"has git-factory {__version__}, and the orchestrator 0.0.0" in answer.said.decode()


def test_a_run_that_nobody_follows_any_more_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leash, "UNATTENDED_S", 0.5)
    monkeypatch.setattr(leash, "_LOOK_S", 0.05)
    held = Leash(MACHINE)
    with held.held():
        for _ in range(8):  # as long as somebody asks, it goes on
            time.sleep(0.1)
            held.attend(False)
        assert not held.stop.is_set()
        assert held.stop.wait(30)


def test_what_a_run_says_is_told_once_and_is_bounded() -> None:
    held = Leash(MACHINE)
    held.say("checking")
    held.beat()
    for _ in range(50):
        held.add(b"x" * 100_000)
    news = held.attend(False)
    assert (news.doing, news.alive) == ("checking", True)
    assert 0 < len(news.output) <= 1 << 20
    assert held.attend(False) == ("checking", False, b"")
    held.attend(True)
    assert held.stop.is_set()


FAILED = RunOutcome(Work(1.0, failure=Failure(FailureClass.CRASH, "it failed")))


def _torn(pack: bytes) -> bytes:
    return pack[:-21] + bytes([pack[-21] ^ 1]) + pack[-20:]


def _sized(size: int) -> bytes:
    """A pack of one object that unpacks to so many zeros."""
    return pack_of({"": ("blob", bytes(size))})


@pytest.mark.parametrize(
    ("said", "pack", "why"),
    [
        (b"{}", b"", "cannot be used"),
        (b"\x80\x04c", b"", "cannot be used"),
        (FAILED.to_json(), b"PACK", "is no pack"),
        (FAILED.to_json(), _torn(_sized(10)), "is torn"),
        (FAILED.to_json(), _sized(10), "does not lead to all that it brought"),
        (FAILED.to_json(), _sized(4_100_000_000 // 100), "does not lead to all that it brought"),
    ],
    ids=["empty", "a pickle", "a stump", "torn", "more than promised", "much more than promised"],
)
def test_what_a_machine_answers_is_checked_before_anything_is_taken(said: bytes, pack: bytes, why: str) -> None:
    with pytest.raises(MachineError, match=why):
        _outcome_of(Answer(Came.OUTCOME, "machine", said, pack), request())


def test_a_pack_is_unpacked_no_further_than_it_may_be() -> None:
    bomb = _sized(10_000_000)
    assert len(bomb) < 50_000
    with pytest.raises(ValueError, match="holds more than 9999999 bytes"):
        objects_of(bomb, 9_999_999)
    assert objects_of(bomb, 10_000_000) == [("blob", bytes(10_000_000))]


def test_a_pack_that_says_less_than_it_holds_is_refused() -> None:
    data = b"x" * 100
    whole = pack_of({name_of("blob", data): ("blob", data)})
    for lie in (whole[12] & 0xF0, whole[12] & 0x8F | 0x60):  # another size; a delta
        body = whole[:12] + bytes([lie]) + whole[13:-20]
        with pytest.raises(ValueError, match=r"another size|of a kind"):
            objects_of(body + hashlib.sha1(body, usedforsecurity=False).digest(), 1000)
    body = whole[:8] + struct.pack(">I", 0) + whole[12:-20]
    with pytest.raises(ValueError, match="more in it than it says"):
        objects_of(body + hashlib.sha1(body, usedforsecurity=False).digest(), 1000)


def test_git_reads_the_packs_that_machines_answer_with(world: World) -> None:
    objects = {name_of("blob", data): ("blob", data) for data in (b"", b"x", b"y" * 70_000)}
    pack = pack_of(objects)
    subprocess.run(["git", "unpack-objects", "-q", "--strict"], cwd=world.root, input=pack, check=True)
    assert world.git("cat-file", "-s", name_of("blob", b"y" * 70_000)) == "70000"
    assert dict.fromkeys(objects) == dict.fromkeys(name_of(*each) for each in objects_of(pack, 70_001))
