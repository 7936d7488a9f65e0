"""A little mission for tests: its contracts, its plan, and programs that work and judge as its items say."""

import json
from collections.abc import Mapping

from tests.world import World

PLAN_CONTRACT = """
purpose: Plan.
worker: {run: [factory-scripted]}
produces: {plan: true, patch: {paths: ["contracts/missions/**"]}}
review: {seats: [{name: tests, kind: checks}, {name: human, kind: human}]}
"""
# A feature writes a file of its name; what it leaves undone and what it does wrong stand in the file `table.json`.
MAKER = """
import json, os, pathlib, time
item = json.loads(pathlib.Path(os.environ["FACTORY_ITEM"]).read_text())
table = json.loads(pathlib.Path("table.json").read_text()).get(item["id"], {})
time.sleep(table.get("seconds", 0))
for path, text in table.get("write", {item["id"].rpartition(".")[2] + ".txt": "done"}).items():
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(path).write_text(text)
pathlib.Path(os.environ["FACTORY_OUT"], "result.json").write_text(
    json.dumps({"status": "ok", "summary": "made " + item["id"],
                "handoff": table.get("handoff", {}), "usage": table.get("usage", {})}))
"""
# A planner that proposes what stands in `plans.json` for its item.
PLANNER = """
import json, os, pathlib
item = json.loads(pathlib.Path(os.environ["FACTORY_ITEM"]).read_text())
for path, text in json.loads(pathlib.Path("plans.json").read_text())[item["id"]].items():
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(path).write_text(text)
"""
JUDGE = """
import hashlib, json, os, pathlib
patch = pathlib.Path(os.environ["FACTORY_PATCH"]).read_bytes()
bad = any(b"BUG" in line for line in patch.splitlines() if line.startswith(b"+"))
verdict = {"subject": os.environ["FACTORY_SUBJECT"], "patch": "sha256:" + hashlib.sha256(patch).hexdigest(),
           "decision": "rework" if bad else "approve",
           "findings": [{"id": "F1", "severity": "major", "text": "there is a BUG in it"}] if bad else []}
pathlib.Path(os.environ["FACTORY_OUT"], "verdict.yaml").write_text(json.dumps(verdict))
"""
FEATURE = """
purpose: One feature.
worker: {run: [python3, tools/maker.py]}
review: {seats: [{name: tests, kind: checks}]}
"""
SCRUTINY = """
purpose: Look at what a milestone has come to.
worker: {run: ["true"]}
produces: {patch: {required: false}}
review: {seats: [{name: tests, kind: checks}, {name: reviewer, kind: command, run: [python3, tools/judge.py]}]}
"""


def has(path: str, text: str = "done") -> list[str]:
    """The argv of a check that holds when a file has a text in it."""
    return ["python3", "-c", f"import sys; sys.exit({text!r} not in open({path!r}).read())"]


def assertion(key: str, path: str, **more: object) -> dict[str, object]:
    """An assertion with a check of one file."""
    return {"id": key, "text": f"{path} is done", "check": has(path), "reads": [path], **more}


def feature(name: str, *fulfills: str, **more: object) -> dict[str, object]:
    """A feature of a plan."""
    return {"id": name, "title": f"Make {name}", "contract": "feature", "fulfills": list(fulfills), **more}


def infrastructure(name: str, **more: object) -> dict[str, object]:
    """A feature that fulfils nothing."""
    return feature(name, infrastructure=True, **more)


def plan_files(mission: str, assertions: list[dict[str, object]], *milestones: dict[str, object]) -> dict[str, str]:
    """The files of a plan, by path."""
    plan = {"goal": f"The goal of {mission}", "milestones": list(milestones)}
    files = {"assertions": assertions, "plan": plan}
    return {f"contracts/missions/{mission}/{name}.yaml": json.dumps(what) for name, what in files.items()}


def milestone(name: str, *features: dict[str, object], **more: object) -> dict[str, object]:
    """A milestone of a plan."""
    return {"id": name, "title": f"The milestone {name}", "features": list(features), **more}


class Mission:
    """The mission `shop` in a world, as a person and its workers see it."""

    folder = "contracts/missions/shop"

    def __init__(self, world: World, table: Mapping[str, object] | None = None) -> None:
        self.world = world
        world.policy("limits: {review: 100}\nagent: {max_concurrent_agents: 4}")
        for name, text in (("mission", PLAN_CONTRACT), ("feature", FEATURE), ("scrutiny", SCRUTINY)):
            world.write(f"contracts/{name}.yaml", text)
        world.write("tools/maker.py", MAKER)
        world.write("tools/judge.py", JUDGE)
        world.write("table.json", json.dumps(table or {}))
        world.commit("A factory for missions")

    def plan(
        self,
        assertions: list[dict[str, object]],
        *milestones: dict[str, object],
        services: object = None,
        **more: object,
    ) -> None:
        """File the mission, whose planner proposes this plan, and approve it."""
        plan = {"goal": "A shop", "milestones": list(milestones), **more}
        files = {"assertions": assertions, "plan": plan, **({"services": {"services": services}} if services else {})}
        steps = [
            {"write": {"path": f"{self.folder}/{name}.yaml", "text": json.dumps(what)}} for name, what in files.items()
        ]
        self.world.item("shop", steps, contract="mission")
        self.world.tick(drain=True)
        assert self.world.lane("shop") == "review", self.world.last("shop")
        self.world.verdict("shop", "approve")

    def drain(self) -> None:
        """Let the factory do what it can."""
        self.world.tick(drain=True)

    def is_done(self) -> None:
        """Fails, with what everybody waits for, while the mission is not at its end."""
        assert self.world.lane("shop") == "done", self.world.command("status")

    def states(self) -> dict[str, str]:
        """What the journal says of each assertion."""
        judged: dict[str, str] = {}
        for entry in self.world.journal("shop"):
            judged |= {key: str(each.state) for key, each in entry.judged.items()}
        return judged
