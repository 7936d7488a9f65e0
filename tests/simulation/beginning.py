"""What a simulation begins with: the files of its repository, as data."""

from tests.simulation.steps import Script

WORKFLOW = """---
branch: main
routes: [{{contract: work}}]
secret_scan: "off"
canary: "off"
merge: {{mode: {mode}}}
agent: {{max_concurrent_agents: {hands}}}
---
{{{{ item.title }}}}
"""
CONTRACT = """purpose: Do what the item says.
worker: {{run: [simulated]}}
produces: {{patch: {{required: true}}}}
checks: [{{name: green, run: [simulated-check]{reads}}}]
{judged}
"""
_TESTS, _HUMAN = "{name: tests, kind: checks}", "{name: human, kind: human}"
_ROBOT = "{name: robot, kind: command, run: [simulated-reviewer]}"
_JUDGED = {  # by whom: see `steps.SEATS`
    "checks": f"review: {{seats: [{_TESTS}]}}",
    "checks-of-work": f"review: {{seats: [{_TESTS}]}}",
    "human": f"review: {{seats: [{_TESTS}, {_HUMAN}]}}",
    "one-of-two": f"review: {{quorum: 2, seats: [{_TESTS}, {_HUMAN}, {{name: second, kind: human}}]}}",
    "robot": f"review: {{seats: [{_TESTS}, {_ROBOT}]}}\napply: {{mode: squash}}",
    "robot-and-human": f"review: {{seats: [{_TESTS}, {_ROBOT}, {_HUMAN}]}}",
}
_LANES = ("inbox", "active", "review", "rework", "blocked", "done")


def items_of(script: Script) -> dict[str, str]:
    """The items that are there at the beginning, by path."""
    return {f"queue/inbox/{name}.yaml": item_text(name) for name in script.items}


def files_of(judges: str, mode: str, hands: int) -> dict[str, str]:
    """What a simulation's repository holds besides items at its beginning, by path."""
    reads = ", reads: [work/**]" if judges == "checks-of-work" else ""
    return {
        "WORKFLOW.md": WORKFLOW.format(mode=mode, hands=hands),
        "contracts/work.yaml": CONTRACT.format(judged=_JUDGED[judges], reads=reads),
        "src/app.txt": "0\n",
        "src/lib.txt": "0\n",
        "notes.txt": "0\n",
        **{f"queue/{lane}/.gitkeep": "" for lane in _LANES},
    }


def item_text(name: str) -> str:
    """An item as a person writes it."""
    return f"title: do {name}\n"
