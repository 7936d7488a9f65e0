"""`factory mcp`: what an agent that helps a person may do with their factory, and what it may not."""

import asyncio
import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import TextContent

from factory.cli.program import COMMANDS
from tests.world import REVIEWED, World


def asked(world: World, *calls: tuple[str, Mapping[str, object]]) -> list[tuple[bool, str]]:
    """Call these tools of the server in one session: for each whether it failed, and what it said."""
    return asyncio.run(_asked(world.root, calls))


async def _asked(root: Path, calls: tuple[tuple[str, Mapping[str, object]], ...]) -> list[tuple[bool, str]]:
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "factory", "mcp"], cwd=root, env=dict(os.environ)
    )
    found = []
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        for name, arguments in calls:
            result = await session.call_tool(name, dict(arguments))
            texts = [each.text for each in result.content if isinstance(each, TextContent)]
            found.append((bool(result.is_error), "".join(texts)))
    return found


def test_an_agent_files_items_and_reads_what_became_of_them(world: World) -> None:
    world.contract("change", worker={"run": ["true"]})
    new = {"title": "--Fix it", "contract": "change", "labels": ["a", "--b"], "acceptance": ["It works => true"]}
    ((failed, said),) = asked(world, ("add", new))
    assert not failed
    path = json.loads(said)["path"]
    assert "--Fix it" in world.read(path) and '"--b"' in world.read(path)
    world.tick()
    listed, status, shown, missing = asked(
        world, ("list", {}), ("status", {}), ("show", {"item_id": Path(path).stem}), ("show", {"item_id": "nothing"})
    )
    assert [row["id"] for row in json.loads(listed[1])] == [Path(path).stem]
    assert json.loads(status[1]) and json.loads(shown[1])["id"] == Path(path).stem
    assert missing[0] and "there is no item 'nothing'" in missing[1]


def test_what_it_thinks_of_a_delivery_stands_in_the_verdict_file_and_decides_nothing(world: World) -> None:
    world.write("contracts/scripted.yaml", REVIEWED)
    world.commit("Somebody has to see it")
    world.item("one", [{"write": {"path": "a.txt", "text": "a"}}])
    world.tick()
    path = "queue/review/one.human.verdict.yaml"
    why = "It is good.\ndecision: approve\x1b[2J"
    ((failed, said),) = asked(world, ("propose", {"item_id": "one", "decision": "approve", "why": why}))
    assert not failed and "a person decides" in said, said
    text = world.read(path)
    assert "# Proposed: approve\n#   It is good.\n#   decision: approve\ufffd[2J\nsubject: " in text
    assert "\ndecision: pending" in text
    world.tick()
    assert world.lane("one") == "review"
    # who decides does it in the same file
    world.command("review", "one", "--rework", "-m", "no")
    world.tick()
    assert world.lane("one") != "review"


def test_what_a_worker_asks_is_answered_as_the_person_said_it(world: World) -> None:
    world.item(
        "one", [{"result": {"status": "blocked", "question": "Which?"}}], [{"write": {"path": "a", "text": "a"}}]
    )
    world.tick()
    wrong, right = asked(
        world,
        ("answer", {"item_id": "one", "decisions": {"--json": "x"}}),
        ("answer", {"item_id": "one", "decisions": {"Q1": "--the=first"}}),
    )
    assert wrong[0] and wrong[1].endswith("one has no question '--json'; it asks Q1")
    assert not right[0] and "the next tick takes it in" in right[1]
    world.tick(drain=True)
    assert world.journal("one")[3].answers == {"Q1": "--the=first"}


def test_there_is_no_tool_that_decides(world: World) -> None:
    answers = asked(world, ("review", {"item_id": "one"}), ("propose", {"item_id": "--all", "decision": "approve"}))
    assert [failed for failed, _ in answers] == [True, True]


def test_outside_of_a_factory_it_says_so_at_once(world: World, tmp_path: Path) -> None:
    told = world.command("-C", str(tmp_path), "mcp", status=3)
    assert "git" in told


def test_a_skill_teaches_agents_to_use_the_factory_and_says_only_commands_that_there_are(world: World) -> None:
    assert world.command("init", "--skill").splitlines() == [
        ".agents/skills/factory/SKILL.md",
        ".claude/skills/factory/SKILL.md",
    ]
    assert world.command("init", "--skill") == "everything is there already\n"
    text = world.read(".claude/skills/factory/SKILL.md")
    assert text.startswith("---\nname: factory\ndescription: ")
    assert set(re.findall(r"factory ([a-z]+)", text)) <= {*COMMANDS}
    world.command("init", "--skill", "--agent", "codex", status=2)


@pytest.mark.parametrize("why", ["", " "])
def test_a_proposal_says_why(world: World, why: str) -> None:
    assert world.command("propose", "one", "approve", status=2)
