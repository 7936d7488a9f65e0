"""The audit's gallery: results that were reused wrongly, each found with its rule and its commit."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.report.audit.rules import Rule
from factory.store.repository.objects import Person
from tests.benchmarks.measure import home_of_its_own
from tests.forger import Files, Forger, Forgery, Gallery, assert_found_out
from tests.histories import bare
from tests.world import World

forgery = Gallery()
Evidence = dict[str, object]


@pytest.fixture(scope="session")
def reusing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history in which some checks were run and others reused their results; not to be written to."""
    place = tmp_path_factory.mktemp("reusing")
    with home_of_its_own(place / "home"):
        return bare(history(place / "world").root, place / "reusing.git")


def history(root: Path) -> World:
    """Of one item the check was run, one changes what it reads, and others reuse that; one failed, one waits."""
    world = World.create(root)
    world.policy("canary: off\n")
    world.write("lib/a.txt", "a\n")
    world.commit("A library")
    gate = {"name": "gate", "run": ["grep", "-rq", "a", "lib"], "reads": ["lib"]}
    world.contract("counted", checks=[gate])
    world.contract("judged", checks=[gate], review={"seats": [{"name": "human", "kind": "human"}]})
    broken = [{"write": {"path": "lib/a.txt", "text": "b\n"}}]
    for name, path in (("ran", "x.txt"), ("second", "y.txt"), ("changer", "lib/z.txt"), ("later", "v.txt")):
        world.item(name, [{"write": {"path": path, "text": f"{name} a\n"}}], contract="counted")
        if name == "second":
            world.item("failed", broken, contract="counted")
            world.item("open", contract="judged")
        world.tick(drain=True)
    assert [world.lane(name) for name in ("ran", "second", "changer", "later")] == ["done"] * 4
    assert world.lane("failed") != "done"
    return world


@pytest.fixture
def forger(reusing: Path, tmp_path: Path) -> Forger:
    shutil.copytree(reusing, tmp_path / "forged")
    return Forger(tmp_path / "forged")


@pytest.mark.parametrize("made", forgery, ids=lambda made: made.__name__)
def test_a_result_that_is_reused_wrongly_is_found_out(forger: Forger, made: Forgery) -> None:
    assert_found_out(forger, made)


def recheck(forger: Forger, item_id: str) -> Evidence:
    found: Evidence = json.loads(forger.read(forger.path(f"{item_id}/run-1/recheck.json")))
    return found


def gate_of(evidence: Evidence) -> Evidence:
    ran = evidence["ran"]
    assert isinstance(ran, list)
    (gate,) = ran
    assert isinstance(gate, dict)
    return gate


def source_of(evidence: Evidence) -> Evidence:
    found = gate_of(evidence)["reused_from"]
    assert isinstance(found, dict)
    return found


def test_what_was_reused_rightly_is_not_found_and_the_audit_names_each_run(forger: Forger) -> None:
    assert forger.audit() == []
    told = json.loads(forger.world.command("audit", "--json"))["rests"]
    by = {each["item"]: (each["check"], each["by"], each["run"], each["file"], each["tree"]) for each in told}
    tree = recheck(forger, "ran")["tree"]
    assert by["ran"] == by["second"] == ("gate", "ran", 1, "recheck.json", tree)
    assert by["changer"] == ("gate", "changer", 1, "recheck.json", recheck(forger, "changer")["tree"])
    assert by["later"][1] == "changer"


def forged_reuse(forger: Forger, change: Callable[[Evidence], object], item_id: str = "second") -> tuple[Rule, str]:
    """The finish of an item by another recheck.json."""
    evidence, path = recheck(forger, item_id), forger.path(f"{item_id}/run-1/recheck.json")
    change(evidence)
    return Rule.REUSED, forger.again(forger.commit_of(item_id, "review -> done"), {path: json.dumps(evidence).encode()})


@forgery
def from_an_item_that_never_was(forger: Forger) -> tuple[Rule, str]:
    return forged_reuse(forger, lambda evidence: source_of(evidence).update(item="nobody"))


@forgery
def from_a_run_that_never_was(forger: Forger) -> tuple[Rule, str]:
    return forged_reuse(forger, lambda evidence: source_of(evidence).update(run=2))


@forgery
def from_a_file_without_that_check(forger: Forger) -> tuple[Rule, str]:
    return forged_reuse(forger, lambda evidence: source_of(evidence).update(file="evidence.json"))


@forgery
def from_a_run_that_came_later(forger: Forger) -> tuple[Rule, str]:
    return forged_reuse(forger, lambda evidence: source_of(evidence).update(item="later"))


@forgery
def from_itself(forger: Forger) -> tuple[Rule, str]:
    return forged_reuse(forger, lambda evidence: source_of(evidence).update(item="second"))


@forgery
def from_a_run_that_failed(forger: Forger) -> tuple[Rule, str]:
    last = forger.journal("failed")[-1]
    return forged_reuse(forger, lambda evidence: source_of(evidence).update(item="failed", run=last["run"]), "later")


@forgery
def from_one_that_reuses_a_result_itself(forger: Forger) -> tuple[Rule, str]:
    from_there = gate_of(recheck(forger, "second"))

    def change(evidence: Evidence) -> None:
        gate_of(evidence).update(from_there)
        source_of(evidence).update(item="second", tree=recheck(forger, "second")["tree"])

    return forged_reuse(forger, change, "later")


@forgery
def for_content_that_the_check_reads_and_that_is_another(forger: Forger) -> tuple[Rule, str]:
    from_there = gate_of(recheck(forger, "second"))
    return forged_reuse(forger, lambda evidence: gate_of(evidence).update(from_there), "changer")


@forgery
def of_a_run_on_another_content_than_that_one_says(forger: Forger) -> tuple[Rule, str]:
    return forged_reuse(forger, lambda evidence: gate_of(evidence).update(read=f"sha256:{'0' * 64}"))


@forgery
def of_a_run_whose_tree_is_told_wrongly(forger: Forger) -> tuple[Rule, str]:
    return forged_reuse(forger, lambda evidence: source_of(evidence).update(tree="0" * 40))


@forgery
def for_another_command(forger: Forger) -> tuple[Rule, str]:
    return forged_reuse(forger, lambda evidence: gate_of(evidence).update(run=["grep", "-rq", "b", "lib"]))


@forgery
def for_another_environment(forger: Forger) -> tuple[Rule, str]:
    return forged_reuse(forger, lambda evidence: evidence.update(environment=f"sha256:{'0' * 64}"))


@forgery
def for_another_text_of_the_contract(forger: Forger) -> tuple[Rule, str]:
    return forged_reuse(forger, lambda evidence: evidence.update(contract=f"sha256:{'0' * 64}"))


@forgery
def of_no_environment_at_all(forger: Forger) -> tuple[Rule, str]:
    return forged_reuse(forger, lambda evidence: evidence.update(environment="", contract=""))


@forgery
def a_run_of_its_own_that_says_it_read_what_did_not_come_in(forger: Forger) -> tuple[Rule, str]:
    read = gate_of(recheck(forger, "ran"))["read"]
    return forged_reuse(forger, lambda evidence: gate_of(evidence).update(read=read), "changer")


def in_a_batch(root: Path) -> World:
    """Two that landed together by a check of both, and one before them whose result does not count for that."""
    world = World.create(root)
    world.policy("canary: off\nmerge: {mode: tip}\nagent: {max_concurrent_agents: 1}\n")
    world.write("lib/a.txt", "a\n")
    world.commit("A library")
    gate = {"name": "gate", "run": ["grep", "-rq", "a", "lib"], "reads": ["lib"], "when": "train"}
    world.contract("judged", checks=[gate], review={"seats": [{"name": "human", "kind": "human"}]})
    for names in (("ran",), ("first", "second")):
        for name in names:
            path = "v.txt" if name == "ran" else f"lib/{name}.txt"
            more = f"priority: {2 if name == 'second' else 1}\n"
            world.item(name, [{"write": {"path": path, "text": "a\n"}}], contract="judged", text=more)
        world.commit("Items")
        world.tick(drain=True)
        for name in names:
            world.verdict(name, "approve")
        world.commit("They are good")
        world.tick(drain=True)
    return world


def test_what_is_reused_wrongly_for_a_batch_is_found_once_all_of_it_has_come(tmp_path: Path) -> None:
    forger = Forger(bare(in_a_batch(tmp_path / "world").root, tmp_path / "batch.git"))
    assert forger.audit() == []
    first = forger.commit_of("first", "review -> done")
    (merge, finish) = forger.after(first)
    assert recheck(forger, "first")["proven"] == recheck(forger, "second")["tree"]
    from_there, evidence = gate_of(recheck(forger, "ran")), recheck(forger, "first")
    tree = recheck(forger, "ran")["tree"]
    reused_from = {"item": "ran", "run": 1, "file": "recheck.json", "tree": tree}
    gate_of(evidence).update(from_there, tree=gate_of(evidence)["tree"], reused_from=reused_from)
    path = forger.path("first/run-1/recheck.json")
    forged = forger.again(first, {path: json.dumps(evidence).encode()})
    assert forger.audit() == [("merged", forged)]  # of the rest of its batch nothing has come
    # and once it has, the content shows what the result does not count for
    came = replayed(forger, merge, {path: json.dumps(evidence).encode()})
    journal = forger.with_journal("second", finish, lambda entries: entries[-1].update(applied=came))
    replayed(forger, finish, {path: json.dumps(evidence).encode(), **journal})
    assert forger.audit() == [("reused", forged)]


def replayed(forger: Forger, commit: str, files: Files) -> str:
    """A commit once more, on what there is now, with a difference."""
    form = "%an%x00%ae%x00%ct%x00%P%x00%B"
    name, email, at, parents, text = forger.git("log", "-1", f"--format={form}", commit).split("\0")
    by, merged = Person(name, email), tuple(parents.split()[1:])
    return forger.put(files, text, by, tree=commit, merged=merged, at=f"{at} +0000")


@forgery
def at_a_delivery_that_was_never_checked_again(forger: Forger) -> tuple[Rule, str]:
    # given a delivery that a person judges, whose evidence says that it reuses a result
    delivered = forger.commit_of("open", "active -> review")
    reused_from = {"item": "nobody", "run": 1, "file": "evidence.json", "tree": "0" * 40}

    def edit(data: bytes) -> bytes:
        evidence = json.loads(data)
        gate_of(evidence)["reused_from"] = reused_from
        return json.dumps(evidence).encode()

    forger.again(delivered, forger.with_file("artifacts/open/run-1/evidence.json", delivered, edit))
    forger.verdict("open")
    return Rule.REUSED, forger.finish("open", forger.merge("open"))
