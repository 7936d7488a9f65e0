"""The canary: a check that still passes when the product is gone is told, once and everywhere, and may count."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.world import World

PRODUCT = "def double(n):\n    return 2 * n\n"
TEST = "import unittest\n\nfrom product import double\n\n\nclass Case(unittest.TestCase):\n    def test_it(self):\n"
TEST += "        self.assertEqual(double(2), 4)\n"
TESTS = ["python3", "-m", "unittest", "discover", "-s", "tests", "-t", "."]
BLIND = ["python3", "-c", "print('all passed')"]
COMPILES = ["sh", "-c", "python3 -m compileall -q product.py sub > /dev/null"]
DOCS = ["grep", "-q", "Usage", "docs/index.md"]
PARSED = ["python3", "-m", "py_compile", "sub/part.py"]
PATHS = {"patch": {"paths": ["product.py", "sub/**", "tests/**", "work.txt"]}}


@pytest.fixture
def making(world: World) -> World:
    """A world with a product, tests of it, and documentation."""
    for path, text in {
        "product.py": PRODUCT,
        "sub/part.py": "PART = 1\n",
        "tests/__init__.py": "",
        "tests/test_product.py": TEST,
        "docs/index.md": "Usage: none\n",
        "pyproject.toml": "[project]\n",
    }.items():
        world.write(path, text)
    world.commit("A product")
    return world


def contract(world: World, *runs: tuple[str, list[str]], **keys: object) -> None:
    checks = [{"name": name, "run": run} for name, run in runs]
    world.contract("made", **{"checks": checks, "produces": PATHS, **keys})


def work(world: World, item_id: str = "one") -> None:
    world.item(item_id, [{"write": {"path": "work.txt", "text": f"{item_id}\n"}}], contract="made")
    world.tick()


def remembered(world: World) -> dict[str, object]:
    (path,) = (world.root / ".git/factory/canaries").glob("made.*.json")
    found: dict[str, object] = json.loads(path.read_text())["answers"]
    return found


def silent(world: World, item_id: str = "one") -> object:
    kept = world.artifacts(item_id)
    return json.loads(kept.get("run-1/recheck.json") or kept["run-1/evidence.json"])["silent"]


def test_a_check_that_passes_without_the_product_is_told_everywhere(making: World) -> None:
    seats = {"seats": [{"name": "tests", "kind": "checks"}, {"name": "human", "kind": "human"}]}
    contract(making, ("tests", TESTS), ("blind", BLIND), review=seats)
    work(making)
    assert silent(making) == ["blind"], making.artifacts("one")
    assert "Canary: blind still passes" in making.read("queue/review/one.human.verdict.yaml")
    assert "canary of made: blind passes without the product" in making.command("status")
    assert json.loads(making.command("status", "--json"))["canaries"][0]["answers"]["blind"] == "passes"
    told = making.command("doctor", status=1)
    assert "canary of made: tests fails when the product is gone" in told
    assert "canary of made: blind still passes when the product is gone" in told


def test_checks_that_need_the_product_raise_no_alarm_nor_do_linters_and_checks_of_documentation(making: World) -> None:
    contract(making, ("tests", TESTS), ("compiles", COMPILES), ("parsed", PARSED), ("docs", DOCS))
    work(making)
    assert making.lane("one") == "done"
    assert silent(making) == []
    answers = {"tests": "fails", "compiles": "fails", "parsed": "fails", "docs": "documentation"}
    assert remembered(making) == answers
    assert "canary" not in making.command("status")


def test_it_is_tried_once_for_a_contract_and_again_when_its_checks_change(making: World, tmp_path: Path) -> None:
    making.policy("sandbox: off")
    note = tmp_path / "note"
    counting = ["sh", "-c", f"echo run >> {note}; {' '.join(TESTS)}"]
    contract(making, ("tests", counting))
    work(making)
    assert note.read_text().count("run") == 2  # the check itself, and once without the product
    work(making, "two")
    assert note.read_text().count("run") == 3
    contract(making, ("tests", [*counting[:2], f"{counting[2]} -v"]))
    work(making, "three")
    assert note.read_text().count("run") == 5


def test_the_policy_decides_whether_it_counts(making: World) -> None:
    contract(making, ("blind", BLIND))
    work(making)
    assert making.lane("one") == "done"
    making.policy("canary: person")
    work(making, "two")
    assert making.lane("two") == "review"
    making.verdict("two", "approve")
    making.tick()
    assert making.lane("two") == "done"
    making.command("audit")
    making.policy("canary: off")
    work(making, "three")
    assert (making.lane("three"), silent(making, "three")) == ("done", [])


def test_a_check_of_what_stands_elsewhere_is_found(making: World, tmp_path: Path) -> None:
    """As with an editable install of the user's own checkout, where no sandbox puts the cell in its place."""
    making.policy("sandbox: off")
    elsewhere = tmp_path / "installed"
    elsewhere.mkdir()
    (elsewhere / "product.py").write_text(PRODUCT)
    run = ["sh", "-c", f"cd {elsewhere} && PYTHONPATH={elsewhere} python3 -c 'import product; product.double(2)'"]
    contract(making, ("tests", run))
    work(making)
    assert silent(making) == ["tests"]


def test_the_doctor_tries_every_contracts_checks_on_the_untouched_branch(making: World) -> None:
    contract(making, ("tests", TESTS), ("blind", BLIND))
    making.contract("broken", checks=[{"name": "never", "run": ["sh", "-c", "echo so it is; exit 3"]}])
    making.contract("asking", checks=[{"name": "given", "run": ["test", "-e", "{{ inputs.file }}"]}])
    told = making.command("doctor", "--checks", status=1)
    assert "check tests of made: passes on the untouched branch" in told
    assert "canary of made: blind still passes when the product is gone" in told
    assert "check never of broken: fails on the untouched branch: exit status 3: so it is" in told
    assert "checks of asking: cannot be tried without the inputs of an item" in told
    assert remembered(making) == {"tests": "fails", "blind": "passes"}
    assert making.git("worktree", "list").count("\n") == 0
    # and once the cause is mended, what is remembered is what the doctor found
    contract(making, ("tests", TESTS))
    assert "ok    canary of made: tests fails" in making.command("doctor", "--checks", status=1)
    assert "canary" not in making.command("status")


def test_the_doctor_says_when_a_canary_cannot_be_tried(making: World) -> None:
    contract(making, ("tests", TESTS))
    making.policy("hooks: {after_create: python3 -m py_compile product.py && grep -q def product.py}")
    told = making.command("doctor", "--checks")
    assert "note  canary of made: not tried: " in told
    assert "or a hook fails without the product" in told


CHANGES = {
    "a hook": lambda world: world.policy("hooks: {after_create: 'true'}"),
    "a cell setting": lambda world: world.policy("cell: {shares: [deps]}"),
    "a check": lambda world: contract(world, ("blind", ["true"])),
    "a limit": lambda world: contract(world, ("blind", BLIND), limits={"minutes": 3}),
    "the contract's own cell": lambda world: contract(world, ("blind", BLIND), cell={"copies": ["deps"]}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_was_found_before_something_changed_is_out_of_date(
    making: World, change: Callable[[World], object]
) -> None:
    contract(making, ("blind", BLIND))
    making.command("doctor", "--checks", status=1)
    assert "bad   canary of made: blind still passes when the product is gone" in making.command("doctor", status=1)
    # when something changes that it hangs on, the doctor says so and what to do
    change(making)
    told = making.command("doctor")
    assert "note  canary of made: out of date: " in told
    assert "; blind still passed then when the product was gone\n      factory doctor --checks" in told
    assert "bad   canary" not in told
    # and tries it again
    making.command("doctor", "--checks", status=1)
    assert "bad   canary of made: blind still passes when the product is gone" in making.command("doctor", status=1)


def test_what_was_found_holds_whatever_else_changes(making: World) -> None:
    contract(making, ("tests", TESTS))
    making.command("doctor", "--checks")
    making.policy("agent: {max_concurrent_agents: 1}")
    contract(making, ("tests", TESTS), purpose="Say it in other words.")
    assert "ok    canary of made: tests fails when the product is gone" in making.command("doctor")


def test_the_doctor_goes_on_where_the_required_sandbox_is_missing(making: World, tmp_path: Path) -> None:
    contract(making, ("tests", TESTS))
    making.policy("sandbox: required")
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("git", "python3"):
        (programs / name).symlink_to(shutil.which(name) or "")
    asked = [sys.executable, "-m", "factory", "doctor"]
    env = {**os.environ, "PATH": str(programs)}
    done = subprocess.run(asked, cwd=making.root, env=env, capture_output=True, text=True, check=False)
    assert "bad   sandbox: sandbox: required, and bubblewrap is not installed; nothing starts" in done.stdout
    assert "budget: no limit a day" in done.stdout


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_rubbish_where_a_canary_is_remembered_counts_as_nothing(making: World, data: bytes) -> None:
    contract(making, ("tests", TESTS))
    work(making)
    (path,) = (making.root / ".git/factory/canaries").glob("made.*.json")
    path.write_bytes(data)
    assert "canary" not in making.command("status")
    work(making, "two")
    assert remembered(making) == {"tests": "fails"}
