"""Skills that a contract names reach its worker as the branch has them, in its agent's own way."""

import json
from pathlib import Path

import pytest

from factory.execution.request import RunRequest
from factory.model.contract import Contract
from factory.model.failure import FailureClass
from factory.model.item import Item
from factory.model.policy import Policy
from factory.model.skill import Skill, SkillFile
from tests.hostile import needs_bubblewrap
from tests.test_agent_programs import stand_in
from tests.world import World

HEAD = "---\nname: tidy\ndescription: How things are kept tidy here.\n---\n"
_RECORDED = Path(__file__).parent / "fixtures/agent_cli"
PLACES = {"claude": ".claude/skills", "codex": ".codex/skills", "opencode": ".config/opencode/skills"}


@pytest.fixture
def skilled(world: World) -> World:
    """A repository with a skill that has a program beside its text."""
    world.write("contracts/skills/tidy/SKILL.md", f"{HEAD}Sweep.\n")
    world.write("contracts/skills/tidy/tools/sweep", "#!/bin/sh\necho swept\n").chmod(0o755)
    world.commit("A skill")
    return world


def contract(world: World, worker: dict[str, object]) -> None:
    world.contract("made", worker={"skills": ["tidy"], **worker})
    world.item("one", contract="made")
    world.tick()


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("sandbox", [pytest.param("auto", marks=needs_bubblewrap), "off"])
def test_an_agent_finds_them_where_it_looks_for_its_own(
    skilled: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, sandbox: str
) -> None:
    place = f"$HOME/{PLACES[kind]}/tidy"
    work = f'cp {place}/SKILL.md a.txt; {place}/tools/sweep > b.txt; echo "$@" > c.txt; echo x > {place}/../x'
    work += f"; echo x >> {place}/SKILL.md && echo written > d.txt"
    stand_in(tmp_path / "bin", monkeypatch, kind, (_RECORDED / f"{kind}.ok.out").read_bytes(), 0, work)
    skilled.policy(f"sandbox: {sandbox}\nagents: {json.dumps({'it': {'kind': kind}})}\n")
    contract(skilled, {"agent": "it"})
    assert skilled.lane("one") == "done", str(skilled.last("one").reason)
    assert skilled.git("show", "main:a.txt") == f"{HEAD}Sweep."
    assert skilled.git("show", "main:b.txt") == "swept"
    assert ("Skill" in skilled.git("show", "main:c.txt")) == (kind == "claude")
    # and it cannot change them where anything can hold it
    assert (sandbox == "auto") == ("d.txt" not in skilled.git("ls-tree", "--name-only", "main"))


def test_a_command_is_told_where_they_are(skilled: World) -> None:
    run = ["sh", "-c", 'cp "$FACTORY_SKILLS/tidy/SKILL.md" a.txt; "$FACTORY_SKILLS/tidy/tools/sweep" >> a.txt']
    contract(skilled, {"run": run})
    assert skilled.git("show", "main:a.txt") == f"{HEAD}Sweep.\nswept"


def test_a_worker_without_them_has_no_such_variable(world: World) -> None:
    world.contract("made", worker={"run": ["sh", "-c", 'echo "${FACTORY_SKILLS:-none}" > a.txt']})
    world.item("one", contract="made")
    world.tick()
    assert world.git("show", "main:a.txt") == "none"


def test_they_are_those_of_the_branch_whatever_an_earlier_round_left(skilled: World) -> None:
    # given a worker that rewrites the skill, and is sent back with its branch kept
    script = "echo evil > contracts/skills/tidy/SKILL.md; cat $FACTORY_SKILLS/tidy/SKILL.md; echo x >> a.txt"
    skilled.contract(
        "made",
        worker={"run": ["sh", "-c", script], "skills": ["tidy"]},
        review={"seats": [{"name": "human", "kind": "human"}]},
    )
    skilled.item("one", contract="made")
    skilled.tick()
    path = skilled.verdict("one", "rework")
    path.write_text(path.read_text().replace("notes: |", "notes: again"))
    skilled.tick()
    told = skilled.artifacts("one")
    assert "Sweep." in told["run-2/output.log"]
    assert "evil" not in told["run-2/output.log"]


def test_the_prompt_that_comes_with_the_factory_names_them(skilled: World) -> None:
    template = Path(__file__).parent.parent / "factory/cli/templates/WORKFLOW.md"
    _, _, prompt = template.read_text().partition("\n---\n")
    skilled.write("contracts/prompts/own.md", prompt)
    skilled.commit("A prompt")
    run = ["sh", "-c", "echo x > a.txt"]
    contract(skilled, {"run": run, "prompt": "contracts/prompts/own.md", "frozen": ["tests/**"]})
    told = skilled.artifacts("one")["run-1/prompt.md"]
    assert "- tidy: How things are kept tidy here. ($FACTORY_SKILLS/tidy/SKILL.md)" in told
    assert "None of these can be changed: tests/**" in told


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            None,
            "contracts/made.yaml:5:4: worker.skills.0: there is no skill 'tidy': contracts/skills/tidy/SKILL.md",
        ),
        ("Sweep.\n", "contracts/skills/tidy/SKILL.md:1:1: has no front matter with `name` and `description`"),
        ("---\nname: tidy\n---\n", "contracts/skills/tidy/SKILL.md:2:1: the key 'description' is missing"),
        (HEAD.replace("tidy\n", "other\n"), "contracts/skills/tidy/SKILL.md:2:1: calls itself 'other'"),
    ],
)
def test_one_that_is_missing_or_that_no_agent_could_read_is_a_finding_and_stops_the_item(
    world: World, text: str | None, says: str
) -> None:
    if text is not None:
        world.write("contracts/skills/tidy/SKILL.md", text)
        world.commit("A skill")
    contract(world, {"run": ["true"]})
    assert says in world.command("check", status=1)
    assert (world.lane("one"), world.last("one").failure) == ("blocked", FailureClass.CONFIG)
    assert "contracts/skills/tidy/SKILL.md" in str(world.last("one").reason)


def test_a_skill_comes_through_json_byte_for_byte() -> None:
    skill = Skill("tidy", "How.", (SkillFile("SKILL.md", b"\xff\0", executable=True),))
    contract = Contract.model_validate_json('{"purpose": "x", "worker": {"run": ["x"]}}')
    sent = RunRequest("one", Item(title="one"), "c", contract, Policy(), "", 1, 1, "", "", skills=(skill,))
    assert RunRequest.from_json(sent.to_json()).skills == (skill,)
