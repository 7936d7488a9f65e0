"""The golden story, second part: failures, breakers, budgets, machine seats, ways to apply, and changes meanwhile."""

from tests.golden.stage import Stage, Step, result, wrote
from tests.golden.story import HUMAN

_JUDGE = """import hashlib, json, os, sys
from pathlib import Path
bad = "bad" in Path("judged.txt").read_text()
patch = "sha256:" + hashlib.sha256(Path(os.environ["FACTORY_PATCH"]).read_bytes()).hexdigest()
finding = {"id": "F1", "path": "judged.txt", "line": 1, "text": "this is bad"}
verdict = {"subject": os.environ["FACTORY_SUBJECT"], "patch": patch if len(sys.argv) == 1 else ""}
verdict |= {"decision": "rework", "findings": [finding]} if bad else {"decision": "approve", "notes": "fine"}
Path(os.environ["FACTORY_OUT"], "verdict.yaml").write_text(json.dumps(verdict))
"""
_FAILS: tuple[Step, ...] = ({"say": "out of luck"}, {"exit": 1})


def _shell(script: str) -> dict[str, object]:
    return {"run": ["sh", "-c", script]}


def failures(stage: Stage) -> None:
    """One worker for each class: tried again, sent back, or left to a person; and one who asks and is answered."""
    stage.contract("slow", worker=_shell("[ $FACTORY_RUN = 1 ] && sleep 60; echo > slow.txt"), limits={"minutes": 0.05})
    silent = {"minutes": 5, "stall_minutes": 0.05}
    stage.contract("silent", worker=_shell("[ $FACTORY_RUN = 1 ] && sleep 60; echo > silent.txt"), limits=silent)
    stage.contract("absent", worker={"run": ["no-such-program"]})
    narrow = {"patch": {"paths": ["narrow/**"]}, "files": [{"path": "report.md"}]}
    stage.contract("narrow", produces=narrow, rework={"max_rounds": 3, "keep_branch": False})
    stage.commit("Contracts that are not kept")
    stage.drop("slow", contract="slow")
    stage.drop("silent", contract="silent")
    stage.drop("absent", contract="absent")
    report = {"out": {"path": "report.md", "text": "all is well\n"}}
    inside = wrote("narrow/in.txt")
    stage.drop("narrow", [inside, wrote("out.txt"), report], [inside], [inside, report], contract="narrow")
    stage.drop("crashing", _FAILS, _FAILS, [wrote("crashing.txt")])
    stage.drop("empty", [], [wrote("empty.txt")])
    stage.drop("torn-result", [{"out": {"path": "result.json", "text": "{"}}], [wrote("torn-result.txt")])
    stage.drop("unsure", [wrote("unsure.txt"), result(confidence=0.3)])
    stage.drop("unwilling", [result(status="refused", summary="not my job")])
    stage.drop("limited", [result(status="failed", failure="rate_limit", summary="try later")], [wrote("limited.txt")])
    stage.drop("asking", [result(status="blocked", question="which file?")], [wrote("asking.txt")])
    stage.drain()
    stage.factory("list")
    stage.edit("queue/blocked/asking.yaml", ("do asking", "do asking.txt"))
    stage.move("asking", "blocked", "inbox")
    for item_id in ("absent", "unsure", "unwilling"):
        stage.factory("cancel", item_id)
    stage.drain()


def breakers(stage: Stage) -> None:
    """A breaker that opens, holds back, cools, and closes after a trial; one that a person closes."""
    for name in ("doomed", "cursed"):
        stage.contract(name, retry={"max_attempts": 1})
    stage.policy(breaker={"failures": 2})
    for name in ("doomed", "cursed"):
        for number in (1, 2):
            stage.drop(f"{name}-{number}", _FAILS, [wrote(f"{name}-{number}.txt")], contract=name)
    stage.drain()
    stage.drop("trial", contract="doomed")
    stage.drop("waiting", contract="cursed")
    stage.drain()
    stage.factory("status")
    path = "queue/breakers/doomed.yaml"
    since = next(line for line in (stage.root / path).read_text().splitlines() if line.startswith("since: "))
    until = next(line for line in (stage.root / path).read_text().splitlines() if line.startswith("until: "))
    stage.edit(path, (until, since.replace("since", "until")))  # it has cooled
    stage.edit("queue/breakers/cursed.yaml", ("state: open", "state: closed"))
    stage.drain()
    for name in ("doomed", "cursed"):
        stage.factory("cancel", f"{name}-1")
        stage.factory("retry", f"{name}-2")
    stage.drain()


def budgets(stage: Stage) -> None:
    """A worker that tells of too much usage is stopped; with a higher budget it goes on. No budget left, no start."""
    usage = {"out": {"path": "usage.json", "text": '{"usd": 0.75, "input_tokens": 9}'}}
    spending: list[Step] = [{"say": "at work"}, usage, {"sleep": 60}]
    stage.drop("costly", spending, [wrote("costly.txt")], budget={"usd": 0.5})
    failing = result(status="failed", summary="fell over", usage={"usd": 0.1, "input_tokens": 1200})
    stage.drop("drained", [failing], budget={"tokens": 1000})
    stage.drain()
    stage.edit("queue/blocked/costly.yaml", ("0.5", "5"))
    stage.move("costly", "blocked", "inbox")
    stage.factory("cancel", "drained")
    stage.drain()


def seats(stage: Stage) -> None:
    """Machine seats: one that sends back and then approves, one whose verdict does not count."""
    stage.write("tools/judge.py", _JUDGE)
    tests = {"name": "tests", "kind": "checks"}
    critic = {"name": "critic", "kind": "command", "run": ["python3", "tools/judge.py"]}
    stage.contract("judged", review={"seats": [tests, critic]})
    lost = {**critic, "run": ["python3", "tools/judge.py", "unread"]}
    stage.contract("misjudged", review={"seats": [tests, lost]})
    stage.commit("Judges")
    stage.drop("judged", [wrote("judged.txt", "bad\n")], [wrote("judged.txt", "fine\n")], contract="judged")
    stage.drop("misjudged", [wrote("judged.txt", "better\n")], contract="misjudged")
    stage.drain()
    stage.factory("cancel", "misjudged")
    stage.drain()


def applies(stage: Stage) -> None:
    """Squash, branch, none, nothing to apply, and a command that does it or fails."""
    for mode in ("squash", "branch", "none"):
        stage.contract(f"by-{mode}", apply={"mode": mode})
    stage.contract("report", produces={"patch": {"required": False}, "files": [{"path": "report.md"}]})
    stage.contract("outside", apply={"mode": "command", **_shell("cat; echo told")}, review=HUMAN)
    stage.contract("unheard", apply={"mode": "command", **_shell("echo no such ticket; exit 3")})
    stage.commit("Ways to apply")
    for name in ("by-squash", "by-branch", "by-none", "outside", "unheard"):
        stage.drop(name, contract=name)
    stage.drop("report", [{"out": {"path": "report.md", "text": "all is well\n"}}], contract="report")
    stage.drain()
    stage.decide("outside", "approve")
    stage.drain()
    stage.factory("cancel", "unheard")
    stage.drain()


def meanwhile(stage: Stage) -> None:
    """What a person does to an item while its worker is at work; here the worker plays the person."""
    stage.policy(sandbox="off")
    deeds = {
        "changed": "echo 'description: more' >> queue/active/changed.yaml",
        "stopped": "mv queue/active/stopped.yaml queue/done/stopped.yaml",
        "sent-back": "mv queue/active/sent-back.yaml queue/inbox/sent-back.yaml",
    }
    for item_id, deed in deeds.items():
        # It waits for the file, which comes a moment after the move is a commit.
        script = f"cd '{stage.root}'; until [ -e queue/active/{item_id}.yaml ]; do sleep 0.1; done; {deed}; sleep 60"
        stage.contract(item_id, worker=_shell(f"[ $FACTORY_RUN = 1 ] && ({script}); echo > {item_id}.txt"))
    stage.commit("Workers that change the queue")
    for item_id in deeds:
        stage.drop(item_id, contract=item_id)
        stage.watch(f"queue/done/*/{item_id}.yaml")
    stage.policy()


def end(stage: Stage) -> None:
    """Nothing is left to do, and the history keeps all rules."""
    stage.drain()
    for command in ("status", "list", "check", "audit"):
        stage.factory(command)
    for item_id in ("again", "asking", "spent", "breaks"):
        stage.factory("show", item_id)
        stage.factory("log", item_id)
    stage.said.append(f"git status\n{stage.git('status', '--porcelain')}".rstrip())
