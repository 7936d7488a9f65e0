"""The golden story, first part: how items end, what proves them, what people do in the queue, and how they merge.

Nothing is merged while a worker is at work: which of the two came first would be chance.
"""

import json

from tests.golden.stage import Stage, result, wrote

HUMAN = {"seats": [{"name": "tests", "kind": "checks"}, {"name": "human", "kind": "human"}]}
_GOOD = {"name": "good", "run": ["grep", "-q", "good", "work.txt"], "must_fail_before": True}
_FEW = {"name": "few", "run": ["sh", "-c", 'test "$(ls *.part | wc -l)" -le 2']}
_RUNS = {"runs": [[{"write": {"path": "batch.txt", "text": "first\n"}}], [wrote("batch.txt", "second\n")]]}
_LEFT = result(
    handoff={"left_undone": ["the tests for Windows"], "issues": [{"severity": "major", "text": "parse() is slow"}]}
)


def begin(stage: Stage) -> None:
    """A repository with a factory, and the contracts of the whole first part."""
    stage.root.mkdir()
    stage.git("init", "-q", "-b", "main")
    stage.factory("init")
    stage.write("program.py", "print('hello')\n")
    stage.contract("plain")
    stage.contract("read", review=HUMAN)
    stage.contract("proving", checks=[_GOOD], rework={"max_rounds": 2})
    stage.contract("few", checks=[_FEW], review=HUMAN)
    stage.policy()


def ends(stage: Stage) -> None:
    """By checks alone; approved; approved after a rework; rejected; handed up, moved back and approved."""
    for item_id in ("approved", "refused", "upward"):
        stage.drop(item_id, contract="read")
    stage.drop("again", [wrote("again.txt")], [wrote("again.txt", "better\n")], contract="read")
    stage.drop("answered", contract="read", acceptance=[{"id": "A1", "text": "it reads well"}])
    stage.drop("by-checks")
    stage.drain()
    stage.factory("status")
    stage.factory("review", "approved", "--approve", "-m", "well done")
    stage.decide("refused", "reject", ("notes: |", "notes: not wanted"))
    stage.git("commit", "-q", "-a", "-m", "Judge two")
    stage.decide("upward", "escalate")
    stage.decide("answered", "approve")
    stage.drain()
    finding = "findings: [{id: F1, severity: major, path: again.txt, line: 1, text: off by one}]"
    stage.decide("again", "rework", ("findings: []", finding))
    stage.drain()
    stage.edit("queue/review/answered.human.verdict.yaml", ("A1: unread", "A1: pass"))
    stage.move("upward", "blocked", "review")
    stage.drain()
    stage.decide("upward", "approve")
    stage.decide("again", "approve")
    stage.drain()


def cache(stage: Stage) -> None:
    """Checks and criteria that fail, that prove nothing, and claims that do not hold; rounds that are used up."""
    check = {"id": "A1", "text": "good", "check": ["grep", "-q", "good", "proven.txt"], "must_fail_before": True}
    stage.drop("proven", [wrote("proven.txt", "bad\n")], [wrote("proven.txt", "good\n")], acceptance=[check])
    stage.drop("spent", [wrote("work.txt", "bad\n")], [wrote("work.txt", "worse\n")], contract="proving")
    claim = result(handoff={"commands": [{"run": ["test", "-e", "nothing"], "exit_code": 0}]})
    stage.drop("overclaiming", [wrote("claim.txt"), claim], [wrote("claim.txt", "modest\n")])
    stage.drop("protected", [wrote("contracts/new.yaml", "purpose: p\nworker: {run: ['true']}\n")])
    stage.drain()
    stage.decide("protected", "approve")
    stage.drain()
    stage.drop("trivial", [wrote("trivial.txt")], acceptance=[{**check, "check": ["test", "-e", "program.py"]}])
    stage.factory("retry", "spent")
    stage.drain()
    stage.factory("cancel", "spent")
    stage.factory("cancel", "trivial")
    stage.drain()


def queue(stage: Stage) -> None:
    """A batch, dependencies, holds, moves by hand, edits, what is deleted, and what is invalid."""
    lines = [
        {"id": "second", "title": "do second", "depends_on": ["first"], "priority": 1, "inputs": _RUNS},
        {"id": "first", "title": "do first", "priority": 1, "inputs": _RUNS},
        {"title": "Unnamed thing", "hold": True},
    ]
    stage.write("queue/inbox/batch.jsonl", "".join(f"{json.dumps(line)}\n" for line in lines))
    for item_id in ("held", "edited", "withdrawn", "ended"):
        stage.drop(item_id, hold=True)
    for item_id in ("moved", "lost"):
        stage.drop(item_id, contract="read", labels=["bug"])
    stage.write("queue/inbox/odd.yaml", "title: odd\nhold: true\npriorty: 1\n")
    stage.write("queue/inbox/torn.yaml", "title: [torn\n")
    stage.drop("homeless", contract="nowhere")
    stage.drain()
    stage.factory("check")
    stage.factory("list")
    stage.edit("queue/inbox/edited.yaml", ("do edited", "do edited, and well"), ("hold: true\n", ""))
    for path in ("queue/inbox/withdrawn.yaml", "queue/review/lost.yaml"):
        (stage.root / path).unlink()
    stage.move("moved", "review", "inbox")  # a commit of all that is tracked: the edit and the losses with it
    (stage.root / "queue/inbox/held.yaml").unlink()
    stage.drain()
    stage.git("checkout", "--", "queue/inbox/held.yaml")
    stage.decide("moved", "approve")
    stage.drain()
    stage.factory("retry", "lost")
    stage.factory("cancel", "homeless")
    stage.factory("hold", "held", "--off")
    stage.git("mv", "queue/inbox/ended.yaml", "queue/done/ended.yaml")
    stage.git("commit", "-q", "-m", "End it")
    stage.edit("queue/inbox/odd.yaml", ("priorty", "priority"))
    stage.write("queue/inbox/torn.yaml", "title: whole\nhold: true\n")
    stage.drain()


def loose_ends(stage: Stage) -> None:
    """What workers left becomes items by itself, or as a person answers; silence is refused."""
    stage.decide("lost", "reject", ("notes: |", "notes: no longer needed"))
    stage.drop("loose", [wrote("loose.txt"), _LEFT])
    stage.drop("tied", [wrote("tied.txt"), _LEFT], contract="read")
    stage.drain()
    stage.decide("tied", "approve")
    stage.factory("tick")
    path = "queue/review/tied.human.verdict.yaml"
    stage.edit(path, ("U1: open", "U1: nobody here uses Windows any more"), ("I1: open", "I1: item"))
    stage.drain()


def merges(stage: Stage) -> None:
    """Two that conflict, two that the moved target is checked again for, of which one breaks, and an undone one."""
    stage.drop("left", [wrote("shared.txt", "left\n")], contract="read")
    stage.drop("right", [wrote("shared.txt", "right\n")], [wrote("shared.txt", "both\n")], contract="read")
    stage.drop("adds", [wrote("adds.part")], contract="few")
    stage.drop("breaks", [wrote("breaks.part")], [{"delete": "other.part"}], contract="few")
    stage.drain()
    stage.write("other.part", "a person's\n")
    for approved in (("adds", "breaks"), ("left", "right"), ("breaks", "right")):
        for item_id in approved:
            stage.decide(item_id, "approve")
        stage.commit(f"Approve {' and '.join(approved)}")
        stage.drain()
    stage.factory("revert", "left")
    stage.factory("revert", "by-checks")
    stage.drain()
