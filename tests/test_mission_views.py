"""The views of a mission: how far it is, what it has cost, what is done for it, and what each assertion rests on."""

import json
from collections.abc import Mapping
from contextlib import closing

from factory.cli.news import in_words
from factory.model.events import Recorded
from factory.model.item import Budget
from factory.model.journal import Entry
from factory.report.journal_words import why
from factory.store.artifacts import Artifacts
from factory.store.mission_parts import Spent, parts_of
from factory.store.repository.repository import Repository
from tests.missions import Mission, assertion, feature, milestone
from tests.world import World

LEFT = {"shop.a": {"handoff": {"left_undone": ["the docs of a"]}}}


def of_two_milestones(world: World, table: Mapping[str, object] | None = None, **more: object) -> Mission:
    """A mission whose plan is approved, and which has not gone on since."""
    mission = Mission(world, table)
    mission.plan(
        [assertion("VAL-1", "a.txt"), assertion("VAL-2", "b.txt"), assertion("VAL-3", "c.txt")],
        milestone("m1", feature("a", "VAL-1"), feature("b", "VAL-2")),
        milestone("m2", feature("c", "VAL-3", depends_on=["a"])),
        **more,
    )
    return mission


def row_of(world: World, item_id: str) -> dict[str, object]:
    """What `status --json` says of an item."""
    rows: list[dict[str, object]] = json.loads(world.command("status", "--json"))["items"]
    return next(row for row in rows if row["id"] == item_id)


def test_the_status_of_a_mission_is_how_far_it_is_and_never_that_nobody_works_on_it(world: World) -> None:
    of_two_milestones(world, budget={"usd": 40})
    world.tick()
    row = row_of(world, "shop")
    assert row["state"] == "under-way"
    note = str(row["note"])
    assert note.startswith("0 of 3 assertions passed, milestone 1 of 2, 0.00 of 40 USD; ")
    assert note.endswith("; next: shop.b, starts with the next tick")
    progress = row["progress"]
    assert isinstance(progress, dict)
    assert (progress["passed"], progress["assertions"], progress["milestone"]) == (0, 3, 1)
    assert "under-way" in world.command("status")
    assert row_of(world, "shop.b")["progress"] is None


def test_the_status_of_a_mission_that_asks_says_first_what_a_person_does(world: World) -> None:
    of_two_milestones(world, LEFT).drain()
    note = str(row_of(world, "shop")["note"])
    assert note.startswith("asks: m1: 1 issue of its handoffs has nobody's answer (factory answer shop, or edit ")
    assert note.endswith("; 2 of 3 assertions passed, milestone 1 of 2")


def test_a_mission_is_filed_with_a_contract_for_plans_and_with_no_other(world: World) -> None:
    Mission(world)
    path = world.command("mission", "new", "A shop", "--label", "web", "--description", "With a cart.").strip()
    assert path == "queue/inbox/a-shop.yaml"
    assert world.read(path) == 'title: "A shop"\ncontract: "mission"\nlabels: ["web"]\ndescription: "With a cart."\n'
    assert "for no missions" in world.command("mission", "new", "B", "--contract", "feature", status=2)
    assert "factory init --missions" in world.command("mission", "new", "B", "--contract", "nowhere", status=2)


def test_missions_are_listed_with_how_far_they_are_and_what_they_have_used(world: World) -> None:
    assert "no mission is under way" in world.command("mission", "list")
    mission = of_two_milestones(world)
    world.item("other")
    (found,) = json.loads(world.command("mission", "list", "--json"))
    assert (found["id"], found["state"], found["goal"]) == ("shop", "ready", "A shop")  # as it is proposed
    mission.drain()
    assert json.loads(world.command("mission", "list", "--json")) == []
    (ended,) = json.loads(world.command("mission", "list", "--all", "--json"))
    assert (ended["state"], ended["progress"]["passed"], ended["progress"]["milestone"]) == ("applied", 3, 2)
    said = world.command("mission", "list", "--all").splitlines()
    assert said[0].split() == ["MISSION", "STATE", "PASSED", "MILESTONE", "USED", "FOR", "TITLE"]
    assert said[1].split()[:4] == ["shop", "applied", "3/3", "2/2"]


def test_a_mission_is_shown_with_the_items_of_each_milestone_and_what_nobody_has_answered(world: World) -> None:
    of_two_milestones(world, LEFT).drain()
    shown = world.command("mission", "show", "shop")
    assert "feature    shop.a  applied" in shown
    assert "milestone  m1 (now)  The milestone m1" in shown
    assert "open       shop.a/U1: the docs of a" in shown
    found = json.loads(world.command("mission", "show", "shop", "--json"))
    assert found["open_issues"] == {"shop.a/U1": "the docs of a"}
    assert [(each["id"], each["is_current"]) for each in found["milestones"]] == [("m1", True), ("m2", False)]
    assert [each["id"] for each in found["questions"]] == [world.last("shop").questions[0].id]
    assert "there is no item 'nothing'" in world.command("mission", "show", "nothing", status=2)


def test_each_assertion_is_shown_with_who_judged_it_on_what_and_where_the_evidence_lies(world: World) -> None:
    mission = of_two_milestones(world)
    before = json.loads(world.command("mission", "assertions", "shop", "--json"))
    assert {(each["id"], each["state"], each["judged"]) for each in before} == {
        ("VAL-1", "unread", None),
        ("VAL-2", "unread", None),
        ("VAL-3", "unread", None),
    }
    mission.drain()
    first, *_ = json.loads(world.command("mission", "assertions", "shop", "--json"))
    assert (first["id"], first["state"], first["judged"]["by"]) == ("VAL-1", "passed", "check")
    (path,) = first["judged"]["evidence"]
    assert path.endswith("/shop.m1.scrutiny/run-1/checks/acceptance/VAL-1.log") and (world.root / path).is_file()
    assert path in world.command("mission", "assertions", "shop")
    assert world.git("cat-file", "-t", first["judged"]["commit"]) == "commit"
    world.write("a.txt", "another text")
    world.commit("Break it")
    first, second, _ = json.loads(world.command("mission", "assertions", "shop", "--json"))
    assert (first["state"], second["state"]) == ("stale", "passed")
    assert "VAL-1      stale" in world.command("mission", "assertions", "shop")
    assert "2 of 3 assertions passed (1 stale), milestone 2 of 2" in world.command("mission", "show", "shop")


def test_a_mission_is_paused_and_resumed_by_moves_of_its_file(world: World) -> None:
    of_two_milestones(world)
    world.tick()
    assert "is in active already" in world.command("mission", "resume", "shop", status=2)
    assert "no mission under way" in world.command("mission", "pause", "shop.b", status=2)
    world.command("mission", "pause", "shop")
    world.tick()
    assert (world.lane("shop"), world.last("shop").event) == ("blocked", "pause")
    assert "(factory mission resume shop)" in str(row_of(world, "shop")["note"])
    world.command("mission", "resume", "shop")
    world.tick(drain=True)
    assert world.lane("shop") == "done"
    assert "resume" in world.events("shop")
    world.command("audit")


def test_retry_lets_a_paused_mission_go_on_and_cancel_ends_it_with_its_items(world: World) -> None:
    mission = of_two_milestones(world, LEFT)
    mission.drain()
    world.command("retry", "shop")
    world.tick()
    assert world.events("shop")[-2:] == ["resume", "pause"]  # what it asks is asked again
    world.command("cancel", "shop")
    mission.drain()
    assert world.last("shop").outcome == "cancelled"
    assert json.loads(world.command("list", "--json")) == []
    world.command("audit")


def test_the_log_of_a_mission_says_in_words_what_its_events_mean(world: World) -> None:
    mission = of_two_milestones(world, LEFT)
    mission.drain()
    world.command("answer", "shop", "nobody reads the docs of a, ever")
    mission.drain()
    log = world.command("log", "shop")
    for said in (
        "its plan is merged, approved by ",
        "m1: filed shop.a, shop.b",
        "it asks 1 question: m1: 1 issue of its handoffs has nobody's answer",
        "it goes on: answered by ",
        "ended: shop.m1.scrutiny; 2 passed",
        "all 3 assertions passed",
    ):
        assert f"  {said}" in log, said


def test_an_assertion_that_fails_is_named_where_its_judgement_is_told() -> None:
    judgement = {
        "state": "failed",
        "by": "check",
        "at": "2026-11-21T10:00:00Z",
        "item": "shop.m1.scrutiny",
        "run": 1,
        "commit": "0" * 40,
        "evidence": "sha256:1",
        "rests_on": "sha256:2",
    }
    line = {
        "seq": 1,
        "at": "2026-11-21T10:00:00Z",
        "event": "advance",
        "from": "active",
        "to": "active",
        "actor": "factory",
        "reason": "ended: shop.m1.scrutiny",
        "judged": {"VAL-1": judgement, "VAL-2": {**judgement, "state": "passed"}},
    }
    entry = Entry.model_validate_json(json.dumps(line))
    assert why(entry) == "ended: shop.m1.scrutiny; 1 passed, 1 failed (VAL-1)"
    assert in_words(Recorded("shop", entry)) == ("shop", "ended: shop.m1.scrutiny; 1 passed, 1 failed (VAL-1)")


def test_show_leads_from_a_mission_to_its_views_and_to_its_report(world: World) -> None:
    mission = of_two_milestones(world)
    world.tick()
    assert "mission    factory mission show shop" in world.command("show", "shop")
    progress = json.loads(world.command("show", "shop", "--json"))["progress"]
    assert (progress["milestone"], progress["milestones"]) == (1, 2)
    mission.drain()
    path = json.loads(world.command("show", "shop", "--json"))["report"]
    assert (world.root / path).is_file()
    assert f"report     {path}" in world.command("show", "shop")


def test_what_a_mission_within_a_mission_has_cost_is_counted_for_both(world: World) -> None:
    def journal(item_id: str, filed: str, usd: float) -> None:
        lines: list[dict[str, object]] = [
            {"event": "open", "from": "review", "to": "active", "usage": {"usd": usd}, "seconds": 60.0},
            {"event": "advance", "from": "active", "to": "active"}
            | ({"filed": {filed: {"kind": "feature", "milestone": "m1", "blob": "1"}}} if filed else {}),
        ]
        shared = {"at": "2026-11-21T10:00:00Z", "actor": "factory"}
        told = [json.dumps({"seq": number, **shared, **line}) for number, line in enumerate(lines, 1)]
        world.write(f"artifacts/{item_id}/journal.jsonl", "\n".join(told) + "\n")

    journal("shop", "shop.cart", 1.0)
    journal("shop.cart", "shop.cart.lines", 2.0)
    journal("shop.cart.lines", "", 4.0)
    tree = world.git("rev-parse", f"{world.commit()}^{{tree}}")
    with closing(Repository(world.root)) as repository:
        artifacts = Artifacts(repository.objects)
        history = artifacts.history(tree, "shop")
        parts = parts_of(artifacts, tree, history)
    assert {part.id: part.within for part in parts.values()} == {"shop.cart": "", "shop.cart.lines": "shop.cart"}
    spent = Spent.of([history, *(part.history for part in parts.values())])
    assert (spent.usage.usd, spent.seconds) == (7.0, 180.0)
    assert spent.in_words(Budget(usd=10, minutes=5)) == "7.00 of 10 USD, 3 of 5 minutes"


def test_what_was_found_of_a_guarded_assertion_since_the_end_counts_in_every_view(world: World) -> None:
    def known() -> list[tuple[str, str]]:
        rows = json.loads(world.command("mission", "assertions", "shop", "--json"))
        return [(row["state"], row["judged"]["item"]) for row in rows]

    mission = Mission(world, {"shop.guard.fix-1": {"write": {"a.txt": "done again"}}})
    mission.plan(
        [assertion("VAL-1", "a.txt", guard=True), assertion("VAL-2", "b.txt")],
        milestone("m1", feature("a", "VAL-1"), feature("b", "VAL-2")),
    )
    mission.drain()
    assert known() == [("passed", "shop.m1.scrutiny"), ("passed", "shop.m1.scrutiny")]
    world.write("a.txt", "broken")
    world.write("b.txt", "done otherwise, and nobody guards it")
    world.commit("By hand")
    assert known() == [("stale", "shop.m1.scrutiny"), ("stale", "shop.m1.scrutiny")]
    world.tick()
    assert known() == [("failed", "shop.guard"), ("stale", "shop.m1.scrutiny")]
    assert "evidence   artifacts/done/" in world.command("blame", "VAL-1")
    shown = world.command("mission", "show", "shop")
    assert "now        0 of 2 assertions passed (1 failed, 1 stale), milestone 1 of 1\n" in shown
    _, _, since = shown.partition("\nguards     ")
    assert [line.split() for line in since.splitlines()[1:]] == [
        ["scrutiny", "shop.guard", "accepted"],
        ["follow-up", "shop.guard.fix-1", "inbox", "answers", "shop.guard/VAL-1"],
    ]
    told = json.loads(world.command("mission", "show", "shop", "--json"))
    assert [(each["id"], each["state"]) for each in told["guards"]] == [
        ("shop.guard", "accepted"),
        ("shop.guard.fix-1", "inbox"),
    ]
    assert not any(each["is_current"] for each in told["milestones"]), "it is at its end"
    mission.drain()
    assert known() == [("passed", "shop.guard-2"), ("stale", "shop.m1.scrutiny")]
    found = json.loads(world.command("blame", "VAL-1", "--json"))
    assert found["judged_in"]["item"] == "shop.guard-2"
    assert [each["item"] for each in found["made_by"]] == ["shop.a", "shop.guard.fix-1"]


def drift(world: World, at: str = "HEAD") -> dict[str, object]:
    """What `metrics` says of the assertions that were changed."""
    told = json.loads(world.command("metrics", "--json", "--at", at))["groups"][0]["metrics"]
    found: dict[str, object] = told["assertions_changed"][0]
    return found


def test_assertions_that_a_person_changes_after_approval_are_counted_as_drift(world: World) -> None:
    mission = of_two_milestones(world)
    mission.drain()
    assert drift(world) == {"n": 3, "value": 0}
    path = f"{mission.folder}/assertions.yaml"
    changed = [assertion("VAL-1", "a.txt"), assertion("VAL-2", "b.txt", text="b.txt is there"), assertion("VAL-4", "d")]
    world.write(path, json.dumps(changed))
    world.commit("Demand something else")
    assert drift(world) == {"n": 3, "value": 3}  # one says something else, one is gone, one was added
    assert drift(world, "HEAD~1") == {"n": 3, "value": 0}
