"""The doctor says of the files what every other command says of them, and which files it looked at."""

import json
import shutil
from pathlib import Path

import pytest

from tests.world import World

NAMES = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL")


def nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which git was never told who works there."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("HOME", str(world.root.parent))
    world.git("config", "user.useConfigOnly", "true")


def test_what_keeps_a_verdict_from_counting_is_bad_for_the_doctor_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given an approval, and nobody who could have given it
    world.item("one", contract="reviewed")
    world.tick()
    world.verdict("one", "approve")
    nobody(world, monkeypatch)
    # when everybody is asked
    said = {each: world.command(*each.split(), status=None) for each in ("check", "status", "tick --dry-run", "doctor")}
    # then all of them name it
    for command, told in said.items():
        assert "git does not know whose verdict this is" in told, command
    assert "bad   files: 1 problem; the first: queue/review/one.human.verdict.yaml:" in said["doctor"]


def test_an_edit_of_the_policy_that_is_not_in_force_is_no_clean_bill(world: World) -> None:
    world.write("WORKFLOW.md", world.read("WORKFLOW.md") + "\nBe brief.\n")
    told = world.command("doctor", status=1)
    assert "bad   files: 1 problem; the first: WORKFLOW.md:1:1: has uncommitted changes; the committed one" in told


def test_who_works_here_is_a_sign_of_its_own(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"ok    identity: {world.git('var', 'GIT_AUTHOR_IDENT').partition('>')[0]}>" in world.command("doctor")
    nobody(world, monkeypatch)
    told = world.command("doctor", status=0)
    assert "note  identity: git does not know who works here, and nobody's verdict counts" in told
    assert "git config --global user.name NAME" in told


def test_checks_are_tried_as_they_are_committed_and_that_is_said(world: World) -> None:
    # given a contract that is committed, and edited since; one that is new; one that is gone
    world.contract("made", checks=[{"name": "old", "run": ["true"]}])
    world.contract("gone", checks=[{"name": "kept", "run": ["true"]}])
    world.write("contracts/made.yaml", world.read("contracts/made.yaml").replace('"old"', '"new"'))
    world.write("contracts/fresh.yaml", world.read("contracts/made.yaml"))
    (world.root / "contracts/gone.yaml").unlink()
    # when the checks are tried
    told = world.command("doctor", "--checks", status=None)
    # then it is the committed ones, and each file that differs is named
    assert "check old of made: passes on the untouched branch" in told
    assert "check kept of gone: passes on the untouched branch" in told
    assert "of fresh" not in told
    uncommitted = "has uncommitted changes; the committed one is in force until you git commit contracts/made.yaml"
    assert f"note  contracts/made.yaml: {uncommitted}\n" in told
    assert "note  contracts/gone.yaml: was deleted; the committed one is in force until you git commit" in told
    assert "note  contracts/fresh.yaml: is not committed, so its checks were not tried\n" in told


def test_a_check_that_fails_is_quoted_with_the_lines_that_tell(world: World) -> None:
    script = "for n in $(seq 40); do echo line $n; done; echo FAILED test_a; echo; echo 1 failed in 0.1 s; exit 1"
    world.contract("made", checks=[{"name": "tests", "run": ["sh", "-c", script]}])
    told = world.command("doctor", "--checks", status=1)
    assert "check tests of made: fails on the untouched branch: exit status 1: 1 failed in 0.1 s" in told
    assert "      | FAILED test_a\n      | 1 failed in 0.1 s\n" in told
    assert "| line 40\n" in told
    assert "| line 1\n" not in told
    signs = json.loads(world.command("doctor", "--checks", "--json", status=1))
    assert next(sign["quoted"] for sign in signs if sign["health"] == "bad")[-2:] == [
        "FAILED test_a",
        "1 failed in 0.1 s",
    ]


def test_where_no_contract_has_checks_the_doctor_says_so(world: World) -> None:
    assert "note  checks: no contract has checks, so nothing was tried" in world.command("doctor", "--checks")


def test_files_that_no_commit_holds_are_named_beside_the_checks_that_do_not_see_them(world: World) -> None:
    # given sources that nobody committed, and what is none of a person's sources
    world.contract("made", checks=[{"name": "tests", "run": ["test", "-f", "src/b.py"]}])
    for path in ("src/a.py", "src/b.py", "src/c.py", "src/d.py", "queue/inbox/new.yaml", "junk.log"):
        world.write(path, "title: x\n")
    world.write(".git/info/exclude", "*.log\n")
    # when the checks are tried
    told = world.command("doctor", "--checks", status=1)
    # then it is said why they find nothing
    said = "note  folder: 4 files of this folder are not committed (src/a.py, src/b.py, src/c.py, …), and cells see"
    assert said in told
    world.commit()
    assert "not committed" not in world.command("doctor", "--checks", status=None)


@pytest.mark.parametrize(
    "keys",
    [
        {"worker": {"run": ["/opt/nowhere/agent"]}},
        {"checks": [{"name": "tests", "run": ["no-such-program"]}]},
        {"review": {"seats": [{"name": "critic", "kind": "command", "run": ["no-such-program"]}]}},
    ],
)
def test_a_program_that_is_not_there_is_bad(world: World, keys: dict[str, object]) -> None:
    world.contract("made", **keys)
    assert "bad   contract made: there is no program '" in world.command("doctor", status=1)


def test_a_program_that_only_a_cell_or_an_item_can_tell_of_is_not_missed(world: World) -> None:
    run = [["tools/agent"], ["{{ inputs.program }}"], [str(world.root / "program.py")]]
    for number, argv in enumerate(run):
        world.contract(f"made-{number}", worker={"run": argv})
    world.root.joinpath("program.py").chmod(0o755)
    assert "contract made" not in world.command("doctor")


def test_a_program_below_the_machines_tmp_is_bad_because_cells_do_not_see_it(world: World, tmp_path: Path) -> None:
    agent = tmp_path / "agent"
    agent.write_text("#!/bin/sh\n")
    agent.chmod(0o755)
    world.contract("made", worker={"run": [str(agent)]})
    world.policy(f"agents: {{it: {{kind: command, run: [{agent}]}}}}")
    told = world.command("doctor", status=1)
    for about in ("contract made", "agent it"):
        assert f"bad   {about}: '{agent}' cannot be started in a cell: cells have a /tmp of their own" in told
    # but without a sandbox it can
    world.policy("sandbox: off\n")
    told = world.command("doctor")
    assert "cannot be started" not in told
    assert "set `sandbox: auto` in WORKFLOW.md" in told and "apt-get install bubblewrap" not in told


def test_an_agent_whose_library_is_not_installed_is_bad(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.policy("agents: {it: {kind: acp, run: [sh, agent], secrets: [HOME], network: true}}")
    assert "ok    agent it" in world.command("doctor")
    monkeypatch.setattr("factory.report.agents.find_spec", lambda _name: None)
    told = world.command("doctor", status=1)
    assert "bad   agent it: the library that drives it is not installed" in told
    assert "pip install 'git-factory[acp]'" in told


def test_a_failing_check_of_python_is_told_with_the_python_that_ran_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    world.contract("made", checks=[{"name": "tests", "run": ["python3", "-c", "import nothing_of_that_name"]}])
    world.contract("other", checks=[{"name": "tests", "run": ["false"]}])
    told = world.command("doctor", "--checks", status=1)
    used = shutil.which("python3")
    assert f"sent back; it was run by {used}, and no environment of this checkout is active" in told
    assert told.count("it was run by") == 1


def test_of_an_app_server_the_program_of_its_command_is_looked_for(world: World) -> None:
    agents = "agents: {it: {kind: codex-app-server, secrets: [HOME], network: true}}"
    world.policy(f"{agents}\ncodex: {{command: LANG=C no-such-server --quick}}")
    assert "bad   agent it: there is no program 'no-such-server'" in world.command("doctor", status=1)
    world.policy(f"{agents}\ncodex: {{command: sh server}}")
    assert "ok    agent it" in world.command("doctor")
