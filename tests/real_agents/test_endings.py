"""How each real program's runs end, whatever goes wrong: the table in docs/agents.md is what happens."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.real_agents.cases import CASES, steps_of
from tests.real_agents.factory_of import agent, factory_of
from tests.real_agents.model import model
from tests.real_agents.programs import VERSIONS
from tests.world import World

pytestmark = pytest.mark.real_agents

_PAGE = Path(__file__).parents[2] / "docs/agents.md"
# Those of each kind of ending that no other test brings about with the real program; the rest takes minutes.
_ALWAYS = {("claude", "its key is wrong (401)"), ("claude", "a tool that it may not use"), ("codex", "a refusal")}


class Row(NamedTuple):
    kind: str
    case: str
    failure: str  # as the page has it
    attempts: int
    lane: str


def rows() -> list[Row]:
    """What the page says."""
    found: list[Row] = []
    kind = ""
    for line in _PAGE.read_text().splitlines():
        begins = re.match(r"\| what happens to `(\w+)` ", line)
        kind = begins[1] if begins else kind if line.startswith("|") else ""
        cells = [each.strip(" `") for each in line.strip("|").split("|")]
        if kind and cells[0] in CASES:
            found.append(Row(kind, cells[0], cells[1], int(cells[2]), cells[3]))
    return found


def test_the_page_has_a_table_for_each_program() -> None:
    cases = {(row.kind, row.case) for row in rows()}
    missing = {(kind, case) for kind in VERSIONS for case in CASES} - cases
    assert missing == {("codex", "a tool that it may not use"), ("codex", "out of turns"), ("opencode", "out of turns")}


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(
            row, marks=() if (row.kind, row.case) in _ALWAYS else pytest.mark.whole_table, id=f"{row[0]}: {row[1]}"
        )
        for row in rows()
    ],
)
def test_an_ending_is_what_the_page_says(world: World, monkeypatch: pytest.MonkeyPatch, row: Row) -> None:
    case = CASES[row.case]
    limits = {
        "minutes": case.minutes,
        **({"stall_minutes": case.stall_s / 60, "startup_minutes": 0.5} if case.stall_s else {}),
    }
    with model(*steps_of(row.case, row.kind)) as (address, _):
        more = f"agent: {{max_turns: {case.turns}}}\n"
        factory_of(
            world,
            monkeypatch,
            {"it": agent(row.kind, address)},
            more,
            case.tools,
            limits=limits,
            rework={"max_rounds": 1},
        )
        world.tick(drain=True)
    last = world.last("one")
    tried = sum(entry.attempt or 0 for entry in world.journal("one")[-1:]) or 1
    assert Row(row.kind, row.case, str(last.failure or "none"), tried, str(last.to)) == row, last.reason
    assert world.command("audit")
