"""The audit's gallery of missions: each way to cheat in one, forged into its history, is found with its commit."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.line.writer import Move
from factory.model.base import digest
from factory.model.layout import item_path
from factory.model.lifecycle import Lane, Outcome
from factory.model.mission.assertions import Judgement
from factory.model.mission.events import Advanced, Closed, Opened, Paused, Resumed
from factory.model.mission.record import Filed, FiledAs
from factory.model.questions import Question
from factory.report.audit.rules import Rule
from factory.store.repository.objects import Person, name_of
from tests.benchmarks.measure import home_of_its_own
from tests.forger import ANN, Files, Forger, Forgery, Gallery, assert_found_out
from tests.histories import bare
from tests.missions import Mission, assertion, feature, milestone
from tests.user_testing import SHOP, TRY, WEB
from tests.world import World

forgery = Gallery()
Line = dict[str, object]  # of a journal
FOLDER = Mission.folder
PLAN = f"{FOLDER}/plan.yaml"
FAILED, LEFT = "shop.m1.scrutiny/VAL-1", "shop.c/U1"
REASON = "the page says all that there is to know"
TABLE = {
    "shop.b": {"write": {"b.txt": "done", "a.txt": "broken"}},
    "shop.again": {"write": {"a.txt": "done again"}},
    "shop.c": {"handoff": {"left_undone": ["no docs"]}},
}
TESTING = {
    "worker": {
        "run": ["python3", "-c", f'{TRY}says("VAL-4", "pass", leave("evidence/cart.txt", get("/cart")))\ndone()']
    },
    "apply": {"mode": "none"},
}
STEER = f"""
import json, pathlib
path = pathlib.Path("{PLAN}")
plan = json.loads(path.read_text())
first, second = plan["milestones"]
if len(first["features"]) == 2:
    first["features"].append({json.dumps(feature("again", answers=[FAILED]))} | {{"infrastructure": True}})
else:
    second.update(max_rounds=9, dismissed=[{{"issue": "{LEFT}", "reason": "{REASON}"}}])
path.write_text(json.dumps(plan))
"""


def carried_out(root: Path) -> World:
    """A mission to its end: a failed assertion, a steer within bounds and one that a person approves, a user's test."""
    world = World.create(root)
    world.contract("testing", **TESTING)
    world.contract(
        "steer", worker={"run": ["python3", "-c", STEER]}, produces={"patch": {"paths": [f"{FOLDER}/plan.yaml"]}}
    )
    world.write("shop.py", SHOP)
    world.write(f"{FOLDER}/services.yaml", json.dumps({"services": {"web": WEB}}))
    mission = Mission(world, TABLE)
    by_user: dict[str, object] = {"id": "VAL-4", "text": "A cart is shown", "by": "user-testing", "paths": ["c.txt"]}
    mission.plan(
        [assertion("VAL-1", "a.txt"), assertion("VAL-2", "b.txt"), assertion("VAL-3", "c.txt"), by_user],
        milestone("m1", feature("a", "VAL-1"), feature("b", "VAL-2"), max_rounds=4),
        milestone("m2", feature("c", "VAL-3", "VAL-4")),
    )
    world.commit("Approved")
    mission.drain()
    assert world.lane("shop.m2.steer") == "review", world.command("status")
    world.verdict("shop.m2.steer", "approve")
    world.commit("Approved, too")
    mission.drain()
    mission.is_done()
    return world


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("mission")
    with home_of_its_own(place / "home"):
        return bare(carried_out(place / "world").root, place / "honest.git")


@pytest.fixture
def forger(tmp_path: Path, honest: Path) -> Forger:
    """Somebody who has the history of the mission, and may write anything into it."""
    shutil.copytree(honest, tmp_path / "forged.git")
    return Forger(tmp_path / "forged.git")


def test_nothing_is_said_of_the_honest_history(forger: Forger) -> None:
    assert forger.audit() == []


@pytest.mark.parametrize("made", forgery, ids=lambda made: made.__name__)
def test_a_falsified_mission_is_found_out(forger: Forger, made: Forgery) -> None:
    assert_found_out(forger, made)


def step(forger: Forger, says: str) -> str:
    """The commit with which the mission's journal says this."""
    for commit in forger.git("log", "--first-parent", "--grep=^factory: shop active ->", "--format=%H", "main").split():
        if str(forger.journal("shop", commit)[-1]["reason"]).startswith(says):
            return commit
    raise AssertionError(says)


def told(forger: Forger, says: str, change: Callable[[Line], object], files: Files | None = None) -> str:
    """What the mission's journal says with a commit, with a difference."""
    commit = step(forger, says)
    journal = forger.with_journal("shop", commit, lambda lines: change(lines[-1]))
    return forger.again(commit, {**journal, **(files or {})})


def inner(line: Line, *keys: str) -> Line:
    """A mapping within a line."""
    for key in keys:
        found = line[key]
        assert isinstance(found, dict)
        line = found
    return line


def judgement(forger: Forger, key: str, says: str, **keys: object) -> Judgement:
    """What the journal says of an assertion, with a difference."""
    line = inner(forger.journal("shop", step(forger, says))[-1], "judged", key)
    return Judgement.model_validate_json(json.dumps({**line, **keys}))


def filed(forger: Forger, name: str, kind: FiledAs = FiledAs.FEATURE) -> Move:
    """An item that the mission is said to have made."""
    data = b"title: One more\ncontract: feature\nmission: shop\nmilestone: m1\n"
    made = Filed(kind=kind, milestone="m1", blob=name_of("blob", data))
    return Move(
        Advanced(reason=f"m1: filed {name}", filed={name: made}), queue_files={item_path(Lane.INBOX, name): data}
    )


# Beginning


@forgery
def a_mission_that_nobody_approved(forger: Forger) -> tuple[Rule, str]:
    forger.cut_before(forger.git("log", "--grep=^Approved$", "--format=%H", "main"))
    merge = forger.merge("shop")
    last = forger.journal("shop")[-1]
    opened = Opened(reason="approved", subject=str(last["subject"]), proposal=str(last["proposal"]), applied=merge)
    return Rule.COVERED, forger.move("shop", Move(opened))


# Workers


def merged_with(forger: Forger, item_id: str, files: Files) -> tuple[Rule, str]:
    """An item that is finished by a merge which changes more than was checked."""
    forger.cut_before(forger.git("log", f"--grep=^Merge {item_id}:", "--format=%H", "main"))
    return Rule.MERGED, forger.finish(item_id, forger.merge(item_id, files), None)


@forgery
def a_feature_that_weakens_an_assertion(forger: Forger) -> tuple[Rule, str]:
    path = f"{FOLDER}/assertions.yaml"
    return merged_with(forger, "shop.a", {path: forger.read(path).replace(b"'done'", b"''")})


@forgery
def a_worker_that_weakens_an_assertion_by_itself(forger: Forger) -> tuple[Rule, str]:
    path = f"{FOLDER}/assertions.yaml"
    worker = Person("worker command", "shop.a@workers.factory.invalid")
    forger.cut(step(forger, "ended: shop.a"))
    text = forger.read(path).replace(b"'done'", b"''")
    return Rule.UNAPPROVED, forger.put({path: text}, "shop.a: do it", worker, committer=forger.me)


@forgery
def a_steer_that_raises_a_limit(forger: Forger) -> tuple[Rule, str]:
    plan = forger.read(PLAN).replace(b'"max_rounds": 4', b'"max_rounds": 99')
    return merged_with(forger, "shop.m1.steer", {PLAN: plan})


@forgery
def a_steer_beyond_its_bounds_that_no_person_approved(forger: Forger) -> tuple[Rule, str]:
    forger.cut_before(forger.git("log", "--grep=^Approved, too$", "--format=%H", "main"))
    return Rule.COVERED, forger.finish("shop.m2.steer", forger.merge("shop.m2.steer"), None)


@forgery
def a_steer_whose_evidence_says_that_it_kept_within_bounds(forger: Forger) -> tuple[Rule, str]:
    delivery = forger.commit_of("shop.m2.steer", "active -> review")
    path = "artifacts/shop.m2.steer/run-1/evidence.json"
    forger.again(
        delivery,
        {
            **forger.with_file(
                path, delivery, lambda data: json.dumps({**json.loads(data), "bounded": [PLAN]}).encode()
            ),
            "queue/review/shop.m2.steer.human.verdict.yaml": None,
        },
    )
    return Rule.COVERED, forger.finish("shop.m2.steer", forger.merge("shop.m2.steer"), None)


# Items


@forgery
def a_feature_that_the_plan_does_not_have(forger: Forger) -> tuple[Rule, str]:
    forger.cut(step(forger, "ended: shop.a"))
    return Rule.MISSION, forger.move("shop", filed(forger, "shop.more"))


@forgery
def a_validator_that_is_filed_before_its_features_are_done(forger: Forger) -> tuple[Rule, str]:
    forger.cut(step(forger, "ended: shop.a"))
    return Rule.MISSION, forger.move("shop", filed(forger, "shop.m1.scrutiny", FiledAs.SCRUTINY))


@forgery
def a_validator_with_another_text_than_follows_from_the_plan(forger: Forger) -> tuple[Rule, str]:
    path, says = "queue/inbox/shop.m1.scrutiny.yaml", "m1: filed shop.m1.scrutiny"
    commit = forger.git("log", "--reverse", "--diff-filter=A", "--format=%H", "main", "--", path).split()[0]
    data = forger.read(path, commit).replace(b"'done'", b"''")
    assert forger.journal("shop", commit)[-1]["reason"] == says
    journal = forger.with_journal(
        "shop",
        commit,
        lambda lines: inner(lines[-1], "filed", "shop.m1.scrutiny").update(blob=name_of("blob", data)),
    )
    return Rule.MISSION, forger.again(commit, {**journal, path: data})


@forgery
def an_item_of_a_mission_that_its_journal_does_not_know(forger: Forger) -> tuple[Rule, str]:
    forger.cut(step(forger, "ended: shop.a"))
    data = b"title: One more\ncontract: feature\nmission: shop\nmilestone: m1\nvalidates: scrutiny\n"
    return Rule.TRAILERS, forger.put({"queue/inbox/shop.m1.scrutiny.yaml": data}, "factory: one more", forger.me)


# Proof


@forgery
def a_pass_of_an_assertion_that_failed(forger: Forger) -> tuple[Rule, str]:
    return Rule.MISSION, told(
        forger,
        "ended: shop.m1.scrutiny;",
        lambda line: (inner(line, "judged", "VAL-1").update(state="passed"), line.update(issues={})),
    )


@forgery
def a_failure_that_is_passed_over(forger: Forger) -> tuple[Rule, str]:
    return Rule.MISSION, told(
        forger, "ended: shop.m1.scrutiny;", lambda line: (inner(line, "judged").pop("VAL-1"), line.update(issues={}))
    )


@forgery
def a_pass_by_somebody_else_than_who_judged_it(forger: Forger) -> tuple[Rule, str]:
    return Rule.MISSION, told(
        forger, "ended: shop.m2.testing", lambda line: inner(line, "judged", "VAL-4").update(by="Ann")
    )


@forgery
def a_feature_that_its_own_maker_looked_at(forger: Forger) -> tuple[Rule, str]:
    commit = forger.commit_of("shop.m1.scrutiny-2", "review -> done")
    maker = next(line["worker"] for line in forger.journal("shop.again") if line.get("worker"))

    def judged_by_maker(lines: list[Line]) -> None:
        verdicts = lines[-1]["verdicts"]
        assert isinstance(verdicts, list)
        verdicts[-1]["reviewer"] = f"{maker} (agent)"

    return Rule.COVERED, forger.again(commit, forger.with_journal("shop.m1.scrutiny-2", commit, judged_by_maker))


@forgery
def a_pass_on_the_evidence_of_another_run(forger: Forger) -> tuple[Rule, str]:
    other = judgement(forger, "VAL-3", "ended: shop.m2.scrutiny").evidence
    return Rule.MISSION, told(
        forger, "ended: shop.m2.testing", lambda line: inner(line, "judged", "VAL-4").update(evidence=other)
    )


@forgery
def a_pass_that_is_said_to_rest_on_what_lies_there_now(forger: Forger) -> tuple[Rule, str]:
    forger.cut(step(forger, "ended: shop.m2.testing"))
    forger.put({"b.txt": b"done in another way\n"}, "By hand")
    fresh = judgement(forger, "VAL-2", "ended: shop.m1.scrutiny;", rests_on="sha256:" + "0" * 64)
    return Rule.MISSION, forger.move("shop", Move(Advanced(reason="looked at again", judged={"VAL-2": fresh})))


@forgery
def a_pass_without_the_file_that_shows_it(forger: Forger) -> tuple[Rule, str]:
    commits = [forger.commit_of("shop.m2.testing", each) for each in ("active -> review", "review -> done")]
    commits.append(step(forger, "ended: shop.m2.testing"))
    files = [without_evidence(forger, commit) for commit in commits]
    kept = next(data for path, data in files[-1].items() if path.endswith("manifest.json"))
    journal = forger.with_journal(
        "shop", commits[-1], lambda lines: inner(lines[-1], "judged", "VAL-4").update(evidence=digest(kept or b""))
    )
    forger.cut_before(commits[0])
    made = [
        forger.copy(commit, more) for commit, more in zip(commits, [*files[:-1], {**files[-1], **journal}], strict=True)
    ]
    return Rule.MISSION, made[-1]


def without_evidence(forger: Forger, commit: str) -> Files:
    """What a commit holds of the tester's run, less the file that shows what it says."""
    manifest = forger.path("shop.m2.testing/run-1/manifest.json", commit)
    listed = json.loads(forger.read(manifest, commit))
    evidence = [name for name in listed["files"] if name.endswith("cart.txt")]
    for name in evidence:
        listed["files"].pop(name)
    folder = manifest.removesuffix("manifest.json")
    return {manifest: json.dumps(listed).encode(), **{f"{folder}{name}": None for name in evidence}}


@forgery
def a_validator_of_a_persons_own_whose_words_are_taken(forger: Forger) -> tuple[Rule, str]:
    forger.cut(step(forger, "ended: shop.m1.scrutiny;"))
    proven = judgement(forger, "VAL-2", "ended: shop.m1.scrutiny;", item="shop.mine")
    return Rule.MISSION, forger.move(
        "shop",
        Move(Advanced(reason="ended: shop.mine", ended={"shop.mine": Outcome.ACCEPTED}, judged={"VAL-1": proven})),
    )


@forgery
def a_line_in_the_journal_by_a_person(forger: Forger) -> tuple[Rule, str]:
    forger.cut(step(forger, "ended: shop.m1.scrutiny;"))
    journal = forger.with_journal(
        "shop", "main", lambda lines: inner(lines[-1], "judged", "VAL-1").update(state="passed")
    )
    return Rule.APPEND_ONLY, forger.put(journal, "It has passed", ANN)


# Issues


@forgery
def a_dismissal_for_a_short_reason(forger: Forger) -> tuple[Rule, str]:
    forger.cut(step(forger, "ended: shop.c"))
    return Rule.MISSION, forger.move("shop", Move(Advanced(reason="m2: 1 issue dismissed", dismissed={LEFT: "no"})))


@forgery
def a_dismissal_for_a_reason_that_nobody_gave(forger: Forger) -> tuple[Rule, str]:
    return Rule.MISSION, told(
        forger,
        "m2: 1 issue dismissed",
        lambda line: line.update(dismissed={LEFT: "something else that is long enough"}),
    )


@forgery
def a_dismissal_of_a_failed_assertion(forger: Forger) -> tuple[Rule, str]:
    forger.cut(step(forger, "ended: shop.m1.scrutiny;"))
    return Rule.MISSION, forger.move("shop", Move(Advanced(reason="dismissed", dismissed={FAILED: REASON})))


@forgery
def a_milestone_that_is_validated_with_an_issue_unanswered(forger: Forger) -> tuple[Rule, str]:
    forger.cut(step(forger, "ended: shop.c"))
    return Rule.MISSION, forger.move("shop", filed(forger, "shop.m2.scrutiny", FiledAs.SCRUTINY))


@forgery
def a_loose_end_that_is_passed_over(forger: Forger) -> tuple[Rule, str]:
    return Rule.MISSION, told(forger, "ended: shop.c", lambda line: line.update(issues={}, reason="ended: shop.c"))


@forgery
def a_question_that_does_not_follow(forger: Forger) -> tuple[Rule, str]:
    forger.cut(step(forger, "ended: shop.c"))
    question = Question(id="q-1", text="May it end like this?")
    return Rule.MISSION, forger.move("shop", Move(Paused(reason="asked", questions=(question,))))


@forgery
def an_answer_that_nobody_gave(forger: Forger) -> tuple[Rule, str]:
    forger.cut(step(forger, "ended: shop.c"))
    asked = Question(id="q-1", text="May it end like this?")
    forger.move("shop", Move(Paused(reason="asked", questions=(asked,))))
    return Rule.REASON, forger.move("shop", Move(Resumed(reason="answered", answers={"q-1": "yes"})))


# The end


@forgery
def an_end_before_everything_is_proven(forger: Forger) -> tuple[Rule, str]:
    forger.cut(step(forger, "ended: shop.m2.scrutiny"))
    return Rule.MISSION, forger.move("shop", Move(Closed(reason="all 4 assertions passed")))


@forgery
def an_end_on_passes_of_something_else_than_lies_there(forger: Forger) -> tuple[Rule, str]:
    end = forger.commit_of("shop", "active -> done")
    forger.cut_before(end)
    forger.put({"a.txt": b"broken\n"}, "By hand")
    report = next(forger.read(path, end) for path in forger.paths(rev=end) if path.endswith("/shop/run-1/report.md"))
    return Rule.MISSION, forger.move("shop", Move(Closed(reason="all 4 assertions passed"), {"report.md": report}))


@forgery
def a_report_that_tells_something_else(forger: Forger) -> tuple[Rule, str]:
    end = forger.commit_of("shop", "active -> done")
    path = next(path for path in forger.paths(rev=end) if path.endswith("/report.md"))
    return Rule.MISSION, forger.again(end, {path: b"All went well.\n"})
