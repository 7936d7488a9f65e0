"""Machine seats: commands and agents that judge, each alone, in a cell that they can only read."""

import json
import textwrap
from collections.abc import Mapping

import pytest

from factory.model.verdict import Decision
from tests.world import World

# A reviewer that is told by its arguments what to answer, and answers with the digest of the patch that it read.
REVIEWER = textwrap.dedent("""
    import hashlib, json, os, sys
    from pathlib import Path
    patch = Path(os.environ["FACTORY_PATCH"]).read_bytes()
    verdict = {"subject": os.environ["FACTORY_SUBJECT"], "patch": "sha256:" + hashlib.sha256(patch).hexdigest()}
    verdict |= json.loads(sys.argv[1])
    Path(os.environ["FACTORY_OUT"], "verdict.yaml").write_text(json.dumps(verdict))
    """)


def seat(name: str, verdict: dict[str, object] | None = None, before: str = "") -> dict[str, object]:
    """A command seat that does something and then answers."""
    code = f"{before}\n{REVIEWER}"
    return {
        "name": name,
        "kind": "command",
        "run": ["python3", "-c", code, json.dumps(verdict or {"decision": "approve"})],
    }


def judged_by(world: World, *seats: Mapping[str, object], **keys: object) -> None:
    """One item, under a contract with these seats besides the checks, taken as far as it goes."""
    everybody = [{"name": "tests", "kind": "checks"}, *seats]
    world.contract("judged", review={"seats": everybody, **keys})
    world.item("one", contract="judged")
    world.tick()


def test_what_a_machine_seat_approves_is_applied_and_its_verdict_is_kept(world: World) -> None:
    judged_by(world, seat("critic", {"decision": "approve", "notes": "fine"}))
    assert world.lane("one") == "done"
    last = world.last("one")
    assert [(each.seat, each.decision, each.reviewer) for each in last.verdicts] == [
        ("critic", Decision.APPROVE, "python3 (command)")
    ]
    kept = json.loads(world.artifacts("one")["run-1/verdict.critic.yaml"])
    assert (kept["notes"], kept["subject"]) == ("fine", last.subject)
    assert "python3 (command) (critic)" in str(last.reason)


def test_what_a_machine_seat_sends_back_goes_to_rework_with_its_findings(world: World) -> None:
    finding = {"id": "F1", "path": "one.txt", "line": 1, "text": "this is not two"}
    judged_by(world, seat("critic", {"decision": "rework", "findings": [finding]}))
    assert world.lane("one") == "rework"
    assert [(each.id, each.path, each.text) for each in world.last("one").findings] == [
        ("F1", "one.txt", "this is not two")
    ]


def test_seats_of_a_round_run_at_once_and_take_as_long_as_the_slowest(world: World) -> None:
    # given three seats that need three seconds each
    slow = [seat(name, before="import time; time.sleep(3)") for name in ("a", "b", "c")]
    judged_by(world, *slow)
    assert world.lane("one") == "done"
    entries = world.journal("one")
    started, finished = (next(e.at for e in entries if e.event == event) for event in ("start", "finish"))
    assert (finished - started).total_seconds() < 3 * 3


def test_seats_are_blind_to_each_other(world: World) -> None:
    cells = "pathlib.Path(os.environ['FACTORY_ITEM']).parents[2]"
    look = f"import os, pathlib, time; time.sleep(1); seen = list({cells}.rglob('verdict*')); assert not seen, seen"
    judged_by(world, seat("a"), seat("b", before=look))
    assert world.lane("one") == "done"


LOST: dict[str, tuple[Mapping[str, object], str]] = {
    "answers without the patch": (
        seat("critic", {"decision": "approve", "patch": ""}),
        "without having read the patch",
    ),
    "judges another subject": (
        seat("critic", {"decision": "approve", "subject": "sha256:" + "0" * 64}),
        "judges another subject",
    ),
    "names a file that does not exist": (
        seat("critic", {"decision": "rework", "findings": [{"id": "F1", "path": "no.txt", "text": "bad"}]}),
        "about no.txt, which does not exist",
    ),
    "names a line that does not exist": (
        seat(
            "critic", {"decision": "rework", "findings": [{"id": "F1", "path": "one.txt", "line": 99, "text": "bad"}]}
        ),
        "line 99 of one.txt, which is shorter",
    ),
    "decides nothing": (seat("critic", {"decision": "pending"}), "decided nothing"),
    "writes nothing": ({"name": "critic", "kind": "command", "run": ["true"]}, "wrote no verdict.yaml"),
    "fails": ({"name": "critic", "kind": "command", "run": ["false"]}, "ended with exit status 1"),
    "is not there": ({"name": "critic", "kind": "command", "run": ["no-such-program"]}, "could not be started"),
    "writes rubbish": (
        {"name": "critic", "kind": "command", "run": ["sh", "-c", "echo '{' > $FACTORY_OUT/verdict.yaml"]},
        "verdict.yaml",
    ),
}


@pytest.mark.parametrize("how", LOST)
def test_a_verdict_that_does_not_count_is_lost_with_the_reason_and_a_person_is_asked(world: World, how: str) -> None:
    who, reason = LOST[how]
    judged_by(world, who)
    assert world.lane("one") == "blocked"
    assert "the verdict of critic does not count" in str(world.last("one").reason)
    assert reason in str(world.last("one").reason)
    assert not (world.root / "one.txt").exists()
    kept = json.loads(world.artifacts("one")["run-1/verdict.critic.yaml"])
    assert reason in kept["lost"]


def test_a_reviewer_that_changes_what_it_judges_loses_its_verdict(world: World) -> None:
    world.policy("sandbox: off")  # inside the sandbox it could not even try
    judged_by(world, seat("critic", before="open('one.txt', 'w').write('mine')"))
    assert world.lane("one") == "blocked"
    assert "changed the files that it was to judge" in str(world.last("one").reason)


def test_an_approval_that_leaves_a_criterion_unread_does_not_count(world: World) -> None:
    world.contract("judged", review={"seats": [seat("critic")]})
    world.item("one", contract="judged", text="acceptance: [{id: A1, text: it is kind}]\n")
    world.tick()
    assert world.lane("one") == "blocked"
    assert "A1 is 'unread'" in str(world.last("one").reason)


def test_a_quorum_may_do_without_a_lost_verdict(world: World) -> None:
    lost: dict[str, object] = {"name": "b", "kind": "command", "run": ["false"]}
    judged_by(world, seat("a"), lost, quorum=2)
    assert world.lane("one") == "done"


def test_an_agent_seat_is_asked_with_its_prompt_model_and_subject(world: World) -> None:
    run = json.dumps(["python3", "-c", REVIEWER, '{"decision": "approve", "notes": "{{ model }}: {{ prompt }}"}'])
    world.policy(f"agents: {{critic: {{kind: command, model: m1, run: {run}}}}}")
    world.write("contracts/prompts/critic.md", "Judge {{ item.title }}")
    world.commit("Prompt")
    judged_by(world, {"name": "critic", "kind": "agent", "agent": "critic", "prompt": "contracts/prompts/critic.md"})
    assert world.lane("one") == "done"
    kept = json.loads(world.artifacts("one")["run-1/verdict.critic.yaml"])
    assert (kept["notes"], kept["reviewer"]) == ("m1: Judge do one", "critic (agent)")


def test_distinct_models_are_asked_for_and_the_worker_never_judges_itself(world: World) -> None:
    agent = '{kind: command, model: m1, run: ["true"]}'
    world.policy(f"agents: {{maker: {agent}, critic: {agent}}}")
    critic, maker = ({"name": "critic", "kind": "agent", "agent": name} for name in ("critic", "maker"))
    world.contract("same", worker={"agent": "maker"}, review={"seats": [critic], "distinct_models": True})
    world.contract("self", worker={"agent": "maker"}, review={"seats": [maker]})
    world.item("a", contract="same")
    world.item("b", contract="self")
    world.tick()
    assert "wants distinct models" in str(world.last("a").reason)
    assert "nobody approves their own work" in str(world.last("b").reason)


def test_a_human_seat_may_name_who_sits_in_it(world: World) -> None:
    named = {"name": "human", "kind": "human", "reviewers": ["Somebody Else"]}
    judged_by(world, named)
    world.verdict("one", "approve")
    assert "is not among the reviewers who may give it" in world.command("tick")
    assert world.lane("one") == "review"


def test_a_machine_and_a_person_both_have_to_approve(world: World) -> None:
    judged_by(world, seat("critic"), {"name": "human", "kind": "human"})
    assert world.lane("one") == "review"
    assert "waits for the verdict of human" in world.command("status")
    world.verdict("one", "approve")
    world.tick()
    assert world.lane("one") == "done"
    assert {each.seat for each in world.last("one").verdicts} == {"critic", "human"}


def test_a_secret_that_a_reviewer_prints_or_writes_is_kept_nowhere(world: World) -> None:
    key = "AKIA" + "IOSFODNN7EXAMPLF"
    judged_by(world, seat("critic", {"decision": "approve", "notes": f"use {key}"}, before=f"print({key!r})"))
    assert world.lane("one") == "blocked"
    assert "holds what looks like a secret" in str(world.last("one").reason)
    assert key not in "".join(world.artifacts("one").values())
    assert "[masked AWS Access Key]" in world.artifacts("one")["run-1/seats/critic.log"]


def test_a_proposal_that_changes_what_judges_it_is_not_judged_by_it(world: World) -> None:
    world.write("review.sh", "exit 1\n")
    world.commit("A reviewer")
    critic = {"name": "critic", "kind": "command", "run": ["sh", "./review.sh"]}
    world.contract("judged", review={"seats": [critic]})
    world.item("one", [{"write": {"path": "review.sh", "text": "exit 0\n"}}], contract="judged")
    world.tick()
    assert world.lane("one") == "blocked"
    assert "the proposal changes ./review.sh, which is a part of what was to judge it" in str(world.last("one").reason)


def test_a_reviewer_gets_what_the_worker_left_of_the_budget(world: World) -> None:
    spend = (
        "import os, time; open(os.environ['FACTORY_OUT'] + '/usage.json', 'w').write('{\"usd\": 0.9}'); time.sleep(2)"
    )
    world.contract("judged", review={"seats": [seat("critic", before=spend)]})
    used: list[dict[str, object]] = [{"write": {"path": "one.txt", "text": "1\n"}}, {"result": {"usage": {"usd": 0.9}}}]
    world.item("one", used, contract="judged", text="budget: {usd: 1.0}\n")
    world.tick()
    assert world.lane("one") == "blocked"
    assert "0.90 USD, and 0.10 were left" in str(world.last("one").reason)


def test_an_agent_of_no_known_model_cannot_be_told_from_another(world: World) -> None:
    world.policy('agents: {maker: {kind: command, run: ["true"]}, critic: {kind: command, run: ["true"]}}')
    critic = {"name": "critic", "kind": "agent", "agent": "critic"}
    world.contract("same", worker={"agent": "maker"}, review={"seats": [critic], "distinct_models": True})
    world.item("a", contract="same")
    world.tick()
    assert "WORKFLOW.md does not say which model each agent has" in str(world.last("a").reason)


def test_two_people_have_to_approve_and_the_one_whose_verdict_is_stale_is_named(world: World) -> None:
    people = [{"name": name, "kind": "human"} for name in ("ann", "ben")]
    world.contract("judged", review={"seats": [{"name": "tests", "kind": "checks"}, *people]})
    world.item(
        "one",
        [{"write": {"path": "one.txt", "text": "1\n"}}],
        [{"write": {"path": "one.txt", "text": "2\n"}}],
        contract="judged",
    )
    world.tick()
    stale = world.verdict("one", "approve", seat="ann").read_text()
    world.verdict("one", "rework", seat="ben", extra="").write_text(
        world.read("queue/review/one.ben.verdict.yaml").replace("notes: |", "notes: again")
    )
    world.tick(drain=True)
    # in the second round one person approves, and of the other the verdict of the first round comes again
    world.verdict("one", "approve", seat="ben")
    world.write("queue/review/one.ann.verdict.yaml", stale)
    said = world.command("tick")
    assert "queue/review/one.ann.verdict.yaml" in said
    assert "stale: it judges" in said
    assert world.lane("one") == "review"
    assert "waits for the verdict of ann" in world.command("status") or "one.ann" in world.command("status")
