"""The cell stands where the checkout is: whatever names a path there meets the worker's files, not the person's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from factory.model.failure import FailureClass
from tests.hostile import needs_bubblewrap
from tests.world import World

FINDER = """import sys
from importlib.machinery import ModuleSpec, PathFinder
class Finder:
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return PathFinder.find_spec(name, [{source!r}]) if name == "product" else None
sys.meta_path.append(Finder)
"""
GOOD = "def double(x):\n    return 2 * x\n"
TEST = """import product
from unittest import TestCase
class Doubles(TestCase):
    def test(self): assert product.double(4) == 8
"""
MORE = "    def test_triple(self): assert product.triple(1) == 3\n"


def environment(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A virtual environment, active; its site-packages."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    monkeypatch.setenv("PATH", f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return next(place.glob("lib/python*/site-packages"))


def install(packages: Path, source: Path, how: str) -> None:
    """What `pip install -e` leaves: a path, or a finder, that leads to a person's checkout."""
    if how == "a path":
        (packages / "product.pth").write_text(f"{source}\n")
    else:
        (packages / "__editable___product_finder.py").write_text(FINDER.format(source=str(source)))
        (packages / "__editable__.product.pth").write_text("import __editable___product_finder\n")


def product(world: World) -> None:
    """A package below src/, with a test that imports it as any user would."""
    world.write("src/product/__init__.py", GOOD)
    world.write("test_product.py", TEST)
    world.write(".gitignore", ".venv/\nnode_modules/\n")
    world.commit("A product")
    world.contract("checked", checks=[{"name": "tests", "run": ["python", "-m", "unittest", "-q"]}])


def judged(world: World, text: str) -> str:
    """The lane in which a change of the product ends; tests ended well for `done`."""
    world.item("one", [{"write": {"path": "src/product/__init__.py", "text": text}}], contract="checked")
    world.tick()
    return world.lane("one")


@needs_bubblewrap
@pytest.mark.parametrize("how", ["a path", "a finder"])
@pytest.mark.parametrize("place", ["environment", "repo/.venv"])
@pytest.mark.parametrize(("text", "lane"), [("def triple(x): ...\n", "rework"), (GOOD + "# more\n", "done")])
def test_an_editable_install_meets_the_change_and_not_the_checkout(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, place: str, text: str, lane: str
) -> None:
    product(world)
    install(environment(tmp_path / place, monkeypatch), world.root / "src", how)
    assert judged(world, text) == lane
    assert world.read("src/product/__init__.py") == (text if lane == "done" else GOOD)
    assert world.status() == ""


@needs_bubblewrap
def test_a_right_change_with_a_test_of_its_own_passes(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    product(world)
    install(environment(tmp_path / "environment", monkeypatch), world.root / "src", "a path")
    steps = [
        {"write": {"path": "src/product/__init__.py", "text": GOOD + "def triple(x):\n    return 3 * x\n"}},
        {
            "write": {
                "path": "test_product.py",
                "text": TEST + MORE,
            }
        },
    ]
    world.item("one", steps, contract="checked")
    world.tick()
    assert world.lane("one") == "done"


@needs_bubblewrap
def test_an_install_from_another_working_tree_meets_the_change_as_well(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    product(world)
    world.git("worktree", "add", "-q", "--detach", str(tmp_path / "other"))
    install(environment(tmp_path / "environment", monkeypatch), tmp_path / "other/src", "a path")
    assert judged(world, "broken = 1\n") == "rework"


@needs_bubblewrap
def test_absolute_paths_variables_and_programs_of_the_checkout_meet_the_change(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    product(world)
    monkeypatch.setenv("PYTHONPATH", str(world.root / "src"))
    monkeypatch.setenv("PATH", f"{world.root / 'bin'}{os.pathsep}{os.environ['PATH']}")
    world.write("bin/of-the-project", "#!/bin/sh\nexit 0\n").chmod(0o755)
    world.commit("A program")
    for name, check in {
        "variable": ["python3", "-m", "unittest", "-q"],
        "argument": ["python3", "-c", f"exec(open('{world.root}/src/product/__init__.py').read()); double(1)"],
        "program": ["of-the-project"],
    }.items():
        world.contract(
            name, worker={"run": ["factory-scripted"], "env": ["PYTHONPATH"]}, checks=[{"name": "c", "run": check}]
        )
        steps = [{"write": {"path": "src/product/__init__.py", "text": "broken = 1\n"}}]
        steps += [{"write": {"path": "bin/of-the-project", "text": "#!/bin/sh\nexit 1\n"}}]
        world.item(name, steps, contract=name)
    world.tick()
    assert [world.lane(name) for name in ("variable", "argument", "program")] == ["rework"] * 3


@needs_bubblewrap
def test_git_works_in_a_cell_and_in_the_checkouts_place(world: World) -> None:
    ask = "git status --short && git rev-parse --show-toplevel && git log --format=%s -1"
    world.contract("asking", worker={"run": ["sh", "-c", f"echo x > x.txt; {ask}; git -C {world.root} status --short"]})
    world.item("one", contract="asking")
    world.tick()
    assert world.artifacts("one")["run-1/output.log"].count("?? x.txt") == 2
    assert "What one starts from." in world.artifacts("one")["run-1/output.log"]


@needs_bubblewrap
def test_a_check_works_where_the_checkout_is_and_a_worker_beside_it(world: World) -> None:
    world.contract(
        "where",
        worker={"run": ["sh", "-c", f"pwd; echo x > x.txt; (echo y > {world.root}/y.txt) || true"]},
        checks=[{"name": "place", "run": ["sh", "-c", f'test "$(pwd)" = {world.root} && echo built > built.txt']}],
    )
    world.item("one", contract="where")
    world.tick()
    assert (world.lane("one"), world.last("one").failure) == ("done", None)
    assert "factory-cell-" in world.artifacts("one")["run-1/output.log"]
    assert world.status() == "" and not (world.root / "built.txt").exists()


@needs_bubblewrap
@pytest.mark.parametrize("link", ["tests", ".venv"])
def test_no_link_of_a_worker_leads_a_mount_out_of_the_cell(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, link: str
) -> None:
    # bubblewrap follows links when it lays a mount point, and would make folders where they lead
    product(world)
    environment(world.root / "tools/.venv", monkeypatch)
    world.write(".gitignore", "tools/\n")
    world.commit("Ignore tools")
    aim = tmp_path / "aim"
    aim.mkdir()
    leave = f"mv tools gone; ln -s /oldroot{aim} tools; rm -rf /tmp/*; ln -s /oldroot{aim} /tmp/pytest-of-root"
    world.policy("hooks: {after_run: 'true'}")
    world.contract("bad", worker={"run": ["sh", "-c", f"{leave}; echo x > x.txt"]})
    world.item("one", contract="bad")
    world.tick()
    assert list(aim.iterdir()) == []
    assert world.last("one").failure is FailureClass.CONTRACT  # the link itself


def test_a_bare_repository_has_no_checkout_and_works_all_the_same(world: World, tmp_path: Path) -> None:
    world.contract("checked", checks=[{"name": "files", "run": ["test", "-f", "one.txt"]}])
    world.item("one", contract="checked")
    world.commit("Ask")
    world.git("clone", "-q", "--bare", str(world.root), str(tmp_path / "bare.git"))
    bare = World(tmp_path / "bare.git")
    bare.tick()
    assert bare.lane("one") == "done"


def without_sandbox(world: World) -> None:
    product(world)
    world.policy("sandbox: off")


@pytest.mark.parametrize("how", ["a path", "a finder"])
@pytest.mark.parametrize("place", ["environment", "repo/.venv"])
def test_without_a_sandbox_an_install_that_leads_to_the_checkout_lets_no_check_pass(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, place: str
) -> None:
    without_sandbox(world)
    install(environment(tmp_path / place, monkeypatch), world.root / "src", how)
    assert judged(world, "broken = 1\n") == "blocked"
    last = world.last("one")
    assert last.failure is FailureClass.CONFIG
    assert "the check tests would not look at the change: " in str(last.reason)
    assert f"leads to {world.root}/src" in str(last.reason) and "install bubblewrap" in str(last.reason)
    assert any("leads to" in str(entry.sandbox) for entry in world.journal("one"))


@pytest.mark.parametrize("how", ["variable", "argument", "program", "link", "interpreter"])
def test_without_a_sandbox_whatever_else_leads_to_the_checkout_lets_no_check_pass(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    without_sandbox(world)
    world.write("bin/of-the-project", "#!/bin/sh\nexit 0\n").chmod(0o755)
    world.commit("A program")
    (tmp_path / "link").symlink_to(world.root)
    check = ["python3", "-c", "import product; product.double(1)"]
    if how == "variable":
        monkeypatch.setenv("PYTHONPATH", str(world.root / "src"))
    elif how == "argument":
        check = ["python3", "-c", f"exec(open('{world.root}/src/product/__init__.py').read()); double(1)"]
    elif how == "program":
        monkeypatch.setenv("PATH", f"{world.root / 'bin'}{os.pathsep}{os.environ['PATH']}")
        check = ["of-the-project"]
    elif how == "link":
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "link/src"))
    else:
        packages = environment(tmp_path / "environment", monkeypatch)
        install(packages, world.root / "src", "a path")
        tool = tmp_path / "environment/bin/tool"
        tool.write_text(f"#!{tmp_path}/environment/bin/python\nimport product; product.double(1)\n")
        tool.chmod(0o755)
        monkeypatch.setenv("PATH", os.environ["PATH"].partition(os.pathsep)[2])
        check = [str(tool)]
    world.contract(
        "led", worker={"run": ["factory-scripted"], "env": ["PYTHONPATH"]}, checks=[{"name": "tests", "run": check}]
    )
    world.item("one", [{"write": {"path": "src/product/__init__.py", "text": "broken = 1\n"}}], contract="led")
    world.tick()
    assert (world.lane("one"), world.last("one").failure) == ("blocked", FailureClass.CONFIG)
    assert "would not look at the change" in str(world.last("one").reason)


def test_without_a_sandbox_an_environment_that_leads_nowhere_is_no_hindrance(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_sandbox(world)
    packages = environment(world.root / ".venv", monkeypatch)
    install(packages, tmp_path / "another/src", "a path")
    (packages / "own.pth").write_text(f"{world.root}/.venv/src/dependency\n")
    world.contract("checked", checks=[{"name": "tests", "run": ["python", "-c", "print('fine')"]}])
    assert judged(world, GOOD + "# more\n") == "done"


def test_without_a_sandbox_a_seat_that_would_look_elsewhere_has_no_verdict(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_sandbox(world)
    install(environment(tmp_path / "environment", monkeypatch), world.root / "src", "a path")
    seats = [{"name": "critic", "kind": "command", "run": ["python", "-c", "import product"]}]
    world.contract("checked", review={"seats": seats})
    judged(world, "broken = 1\n")
    assert "it would not look at the change" in world.artifacts("one")["run-1/verdict.critic.yaml"]


@pytest.mark.parametrize("mode", ["auto", "off"])
def test_a_hook_calls_the_programs_of_the_active_environment(
    world: World, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    product(world)
    environment(world.root / ".venv", monkeypatch)
    world.policy(f"sandbox: {mode}\nhooks: {{before_run: 'command -v python; exit 3'}}")
    world.item("one")
    world.tick()
    assert f"{world.root}/.venv/bin/python" in world.artifacts("one")["run-1/hooks.log"].split("\n")
    assert world.last("one").reason == "the hook before_run ended with exit status 3"


def test_the_doctor_says_without_a_sandbox_which_check_would_look_elsewhere(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_sandbox(world)
    packages = environment(tmp_path / "environment", monkeypatch)
    assert "would not look" not in world.command("doctor", status=None)
    install(packages, world.root / "src", "a path")
    said = " ".join(world.command("doctor", status=None).split())
    assert "the check tests would not look at the change" in said
