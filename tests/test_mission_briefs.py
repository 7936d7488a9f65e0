"""Briefs: what a mission's workers are told of what others found, and what becomes of all that these came upon."""

import json
import sys
from pathlib import Path

import pytest

from tests.missions import FEATURE, Mission, feature, milestone
from tests.user_testing import SHOP, WEB, contract
from tests.world import World

_SEES = """
seen = get("/cart")
says("VAL-1", "pass" if seen == b"2 apples" else "fail", leave("evidence/cart.txt", seen), said="there are 3")
done(handoff={"issues": [{"severity": "minor", "text": "the page has no title"}]} if seen != b"2 apples" else {})
"""


def test_a_users_findings_are_told_with_their_evidence_and_nothing_that_they_came_upon_is_lost(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    wrong = SHOP.replace("2 apples", "3 apples")
    table = {"shop.page": {"write": {"shop.py": wrong}}, "shop.fix-1": {"write": {"shop.py": SHOP}}}
    shop = Mission(world, table)
    world.write(f"{shop.folder}/services.yaml", json.dumps({"services": {"web": WEB}}))
    asked = FEATURE.replace("worker: {", "worker: {prompt: contracts/prompts/feature.md, ")
    world.write("contracts/feature.yaml", asked)
    world.write("contracts/prompts/feature.md", "{{ mission | tojson }}")
    world.commit("How it is served, and what a feature's worker is told")
    contract(world, _SEES, name="testing")
    said: dict[str, object] = {"id": "VAL-1", "text": "There are 2 apples", "by": "user-testing", "paths": ["shop.py"]}
    shop.plan([said], milestone("m1", feature("page", "VAL-1")))
    shop.drain()
    path = "queue/blocked/shop.answers.yaml"
    assert "shop.m1.testing/handoff.I1: minor: the page has no title" in world.read(path)
    world.write(path, world.read(path).replace("    decision:\n", "    decision: nobody would ever look at a title\n"))
    shop.drain()
    shop.is_done()
    first, then = (json.loads(world.artifacts(f"shop.{each}")["run-1/prompt.md"]) for each in ("page", "fix-1"))
    assert (first["issues"], first["services"]) == ([], {"web": WEB["run"]})
    (issue,) = then["issues"]
    assert (issue["id"], issue["text"]) == (
        "shop.m1.testing/VAL-1",
        "VAL-1 (There are 2 apples) failed: there are 3",
    )
    assert [world.git("show", each) for each in issue["evidence"]] == ["3 apples"]
    assert then["handoffs"] == [{"item": "shop.page", "summary": "made shop.page"}]
    world.command("audit")
