"""What somebody writes who adds a kind of agent: here one that is talked with over its standard input."""

import json
import sys
from contextlib import closing
from dataclasses import replace

from factory.execution.agents.agent import Answer, Task
from factory.execution.agents.kinds import AGENTS
from factory.execution.control import Control
from factory.execution.processes import process
from factory.line.orchestrator import Orchestrator
from factory.line.tick import tick
from factory.model.agent import AgentIdentity
from factory.model.result import Usage
from factory.store.repository.repository import Repository
from tests.world import SCRIPTED, World

_PROGRAM = """import json, sys
print(json.dumps({"ready": "talker-1"}), flush=True)
asked = json.loads(sys.stdin.readline())
open("said.txt", "w").write(asked["prompt"] + "\\n")
print(json.dumps({"tokens": 7}), flush=True); assert sys.stdin.read() == ""
"""


class Conversation:
    def __init__(self, prompt: str) -> None:
        self.prompt, self.heard = prompt, b""

    def opening(self) -> bytes:
        return b""

    def answer(self, output: bytes) -> bytes | None:
        self.heard += output
        told = json.dumps({"prompt": self.prompt}).encode() + b"\n"
        return (b"", told, None)[self.heard.count(b"\n")]


class Talker:
    def work(self, task: Task, control: Control) -> Answer:
        talk = Conversation(task.prompt.strip())
        ended = process.run(replace(task.command, argv=(sys.executable, "-c", _PROGRAM), dialogue=talk), control)
        ready, used = (json.loads(line) for line in talk.heard.splitlines())
        return Answer(ended, talk.heard, Usage(output_tokens=used["tokens"]), AgentIdentity(model=ready["ready"]))


def test_an_agent_of_a_new_kind_works_under_the_same_contract(world: World) -> None:
    policy = world.read("WORKFLOW.md").replace("branch: main", "branch: main\nagents: {it: {kind: talker}}", 1)
    world.write("WORKFLOW.md", policy)
    world.write("contracts/scripted.yaml", SCRIPTED.replace("run: [factory-scripted]", "agent: it"))
    world.item("one")
    world.commit("An agent that talks")
    with closing(Repository(world.root)) as repository:
        orchestrator = Orchestrator(repository, lambda *_: None, agents={**AGENTS, "talker": Talker()})
        with orchestrator.holding():
            tick(orchestrator)
    assert (world.lane("one"), world.git("show", "main:said.txt")) == ("done", "do one")
    assert [entry.usage.tokens for entry in world.journal("one") if entry.usage] == [7]
