"""What a cell holds besides its commit's files: the checkout's dependency folders, or those that a setup makes."""

import json
from pathlib import Path

import pytest

from factory.model.failure import FailureClass
from tests.hostile import needs_bubblewrap
from tests.world import World

USES = [{"name": "uses", "run": ["sh", "-c", "test x$(cat node_modules/lib.js) = xlib"]}]
# Counts its runs in its home, which lasts; says what network it saw, and what it was told.
SETUP = """mkdir -p node_modules
echo $(cat lock.json) >> $HOME/runs
grep -c : /proc/net/dev > node_modules/network
env > node_modules/env
cat package.sh 2>/dev/null | sh
printf lib > node_modules/lib.js"""


def cell(**keys: object) -> str:
    return f"cell: {json.dumps(keys)}"


def setup(**keys: object) -> str:
    run = {"run": ["sh", "-c", SETUP], "locks": ["lock.json"], "network": True, **keys}
    return cell(shares=["node_modules"], setup=run)


def dependencies(world: World) -> None:
    """A checkout with an ignored folder of dependencies."""
    world.write(".gitignore", "node_modules/\ntarget/\n")
    world.write("lock.json", "1\n")
    world.commit("A lock file")
    world.write("node_modules/lib.js", "lib")


def at_work(world: World, script: str, **keys: object) -> None:
    """An item whose worker is a script."""
    world.contract("shell", worker={"run": ["sh", "-c", f"{script}; echo x > x.txt"]}, **keys)
    world.item("one", contract="shell")
    world.tick()


def made(world: World) -> list[str]:
    """What each run of the setup saw in the lock file."""
    runs = next(Path.home().glob("cache/factory/*/setups/home/runs"), None)
    return runs.read_text().split() if runs else []


@pytest.mark.parametrize("mode", ["auto", "off"])
def test_a_share_of_the_checkout_is_seen_by_worker_hook_check_and_seat(world: World, mode: str) -> None:
    dependencies(world)
    world.policy(f"sandbox: {mode}\nhooks: {{after_create: cat node_modules/lib.js}}\n{cell(shares=['node_modules'])}")
    seat = {"name": "critic", "kind": "command", "run": ["sh", "-c", "cat node_modules/lib.js; echo seen"]}
    at_work(world, "cat node_modules/lib.js", checks=USES, review={"seats": [seat]})
    kept = world.artifacts("one")
    assert "lib" in kept["run-1/output.log"] and "lib" in kept["run-1/hooks.log"]
    assert "libseen" in kept["run-1/seats/critic.log"]
    assert json.loads(kept["run-1/evidence.json"])["ran"][0]["exit_code"] == 0
    assert "node_modules" not in kept["run-1/patch.diff"]


@needs_bubblewrap
def test_a_share_can_only_be_read_at_either_place(world: World) -> None:
    dependencies(world)
    world.policy(cell(shares=["node_modules"]))
    at_work(world, f"echo evil > node_modules/lib.js; echo evil > {world.root}/node_modules/lib.js; rm -r node_modules")
    assert world.lane("one") == "done"
    assert world.read("node_modules/lib.js") == "lib"
    assert world.artifacts("one")["run-1/output.log"].count("Read-only file system") >= 2


@pytest.mark.parametrize("mode", ["auto", "off"])
def test_a_copy_can_be_written_and_is_no_part_of_the_change(world: World, mode: str) -> None:
    dependencies(world)
    world.write("target/deep/old", "old")
    world.policy(f"sandbox: {mode}\n{cell(copies=['target'])}")
    script = "cat target/deep/old && echo new > target/new && : > .gitignore"  # not ignored any more, and yet not taken
    check = [{"name": "fresh", "run": ["sh", "-c", "test -e target/deep/old && test ! -e target/new"]}]
    at_work(world, script, checks=check)
    assert world.lane("one") == "done"
    assert not (world.root / "target/new").exists()
    assert "target" not in world.git("ls-files")


@needs_bubblewrap
def test_a_copy_can_be_written_at_the_checkouts_place_by_worker_and_seat_too(world: World) -> None:
    dependencies(world)
    world.write("target/old", "old")
    world.policy(cell(copies=["target"]))
    write = f"echo new > {world.root}/target/new && cat target/new"
    seat = {"name": "critic", "kind": "command", "run": ["bash", "-c", f"{write}; echo x > x.txt"]}
    at_work(world, write, review={"seats": [seat]})
    kept = world.artifacts("one")
    assert "new" in kept["run-1/output.log"] and "new" in kept["run-1/seats/critic.log"]
    assert "x.txt: Read-only file system" in kept["run-1/seats/critic.log"]


def test_a_contract_has_shares_of_its_own(world: World) -> None:
    dependencies(world)
    world.policy(cell(shares=["target"]))
    at_work(world, "true", checks=USES, cell={"shares": ["node_modules"]})
    assert world.lane("one") == "done"


def test_a_folder_that_git_holds_is_not_shared(world: World) -> None:
    world.write("lib/a.py", "")
    world.commit("A folder")
    world.policy(cell(shares=["lib"]))
    at_work(world, "true")
    assert world.last("one").failure is FailureClass.CONFIG
    assert "'lib' cannot be shared: git holds it" in str(world.last("one").reason)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"shares": ["../x"]}, "must be a relative path"),
        ({"shares": ["a", "a/b"]}, "or one lies in the other"),
        ({"setup": {"run": ["true"], "locks": ["x"]}}, "must name"),
        ({"setup": {"run": ["true"], "locks": []}, "shares": ["x"]}, "locks"),
    ],
)
def test_settings_that_cannot_be_meant_are_named(world: World, settings: dict[str, object], says: str) -> None:
    world.policy(cell(**settings))
    assert says in world.command("check", status=1)


@needs_bubblewrap
def test_a_setup_runs_once_for_each_content_of_its_lock_files(world: World) -> None:
    dependencies(world)
    world.policy(setup())
    world.contract("checked", checks=USES)
    for name in ("one", "two"):
        world.item(name, contract="checked")
    world.tick()
    world.item("three", contract="checked")
    world.tick()
    assert [world.lane(name) for name in ("one", "two", "three")] == ["done"] * 3
    assert made(world) == ["1"]
    world.write("lock.json", "2\n")
    world.commit("Another lock")
    world.item("four", contract="checked")
    world.tick()
    assert (world.lane("four"), made(world)) == ("done", ["1", "2"])
    assert world.read("node_modules/lib.js") == "lib" and not (world.root / "node_modules/env").exists()


@needs_bubblewrap
@pytest.mark.parametrize("network", [True, False])
def test_a_setup_has_a_network_setting_and_variables_of_its_own(
    world: World, monkeypatch: pytest.MonkeyPatch, network: bool
) -> None:
    monkeypatch.setenv("MIRROR", "mirror.example.org")
    dependencies(world)
    world.policy(setup(network=network, env=["MIRROR"]))
    at_work(world, "cat node_modules/network node_modules/env; grep -c : /proc/net/dev")
    here = sum(":" in line for line in Path("/proc/net/dev").read_text().split("\n"))
    log = world.artifacts("one")["run-1/output.log"].strip().split("\n")
    assert (log[0], log[-1]) == (str(here if network else 1), "1")
    assert "MIRROR=mirror.example.org" in log


@needs_bubblewrap
def test_what_a_proposal_has_set_up_gets_no_network_no_variable_and_serves_nobody_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a lock file's neighbours decide what an install runs: that must not be a way to the network, or into other cells
    monkeypatch.setenv("MIRROR", "mirror.example.org")
    dependencies(world)
    world.policy(setup(env=["MIRROR"]))
    ask = "cat node_modules/network node_modules/env; test x$(cat node_modules/lib.js) = xlib"
    checks = [{"name": "ask", "run": ["sh", "-c", ask]}]
    evil = "echo 2 > lock.json; echo 'echo evil >> $HOME/runs; echo evil > node_modules/evil' > package.sh"
    at_work(world, evil, checks=checks)
    assert world.lane("one") == "done"
    log = world.artifacts("one")["run-1/recheck/checks/ask.log"]
    assert log.startswith("1\n") and "MIRROR" not in log
    assert made(world) == ["1"]
    world.git("checkout", "-q", "HEAD~3", "--", "package.sh", check=False)
    at_work_again = [{"name": "clean", "run": ["test", "!", "-e", "node_modules/evil"]}]
    world.git("rm", "-qf", "package.sh")
    world.git("commit", "-qm", "Take the script away")
    world.contract("checked", checks=at_work_again)
    world.item("two", contract="checked")
    world.tick()
    assert (world.lane("two"), made(world)) == ("done", ["1", "2"])


@needs_bubblewrap
def test_a_change_that_keeps_the_lock_files_uses_what_the_target_has_set_up(world: World) -> None:
    dependencies(world)
    world.policy(setup())
    at_work(world, "echo 'echo evil > node_modules/lib.js' > package.sh", checks=USES)
    assert (world.lane("one"), made(world)) == ("done", ["1"])


def test_a_setup_that_fails_says_so_and_is_tried_again(world: World) -> None:
    dependencies(world)
    world.policy(cell(shares=["node_modules"], setup={"run": ["sh", "-c", "echo no; exit 3"], "locks": ["lock.json"]}))
    at_work(world, "true")
    last = world.last("one")
    assert (world.lane("one"), last.failure, last.attempt) == ("inbox", FailureClass.CRASH, 1)
    assert last.reason == "the setup ended with exit status 3: no"


def test_a_setup_that_makes_nothing_says_what_it_should_have_made(world: World) -> None:
    dependencies(world)
    world.policy(cell(shares=["vendor"], setup={"run": ["true"], "locks": ["lock.json"]}))
    at_work(world, "true")
    assert world.last("one").reason == "the setup made none of vendor"


def test_only_the_newest_setups_are_kept(world: World) -> None:
    dependencies(world)
    world.policy(setup())
    world.contract("checked", checks=USES)
    for number in range(6):
        world.write("lock.json", f"{number}\n")
        world.commit("A lock")
        world.item(f"i{number}", contract="checked")
        world.tick()
    kept = [place for place in Path.home().glob("cache/factory/*/setups/*") if place.name != "home"]
    assert len(kept) == 4
    assert (Path.home() / "cache").exists()
