"""An agent goes on with its own conversation, where it is the same agent and this clone has what it needs for that."""

import json
import shutil
from pathlib import Path

import pytest

from factory.model.agent import as_session
from factory.store.sessions import KeptSession, Sessions
from tests.hostile import needs_bubblewrap
from tests.test_agent_programs import with_agent
from tests.world import REVIEWED, SCRIPTED, World

_SESSION = "6f1b7a52-0000-4000-8000-000000000001"
_CHECKED = SCRIPTED.replace("run: [factory-scripted]", "agent: it") + (
    'checks: [{name: right, run: [sh, -c, "grep -q right a.txt"], when: delivery}]\n'
)
# Leaves how it was called, what it was told and what its home held; the first time its work is wrong.
_CLAUDE = f"""#!/bin/sh
echo "$*" > argv.txt; cat > prompt.txt
mkdir -p "$HOME/.claude/projects/x"; echo turn >> "$HOME/.claude/projects/x/talk.jsonl"
cp "$HOME/.claude/projects/x/talk.jsonl" home.txt
[ -e a.txt ] && echo right > a.txt || echo wrong > a.txt
echo '{{"type": "system", "subtype": "init", "session_id": "{_SESSION}"}}'
echo '{{"type": "result", "subtype": "success", "is_error": false, "result": "All done."}}'
"""
_CODEX = f"""#!/bin/sh
echo "$*" > argv.txt; cat > prompt.txt
mkdir -p "$HOME/.codex/sessions"; echo turn >> "$HOME/.codex/sessions/talk.jsonl"
[ -e a.txt ] && echo right > a.txt || echo wrong > a.txt
count=$(wc -l < "$HOME/.codex/sessions/talk.jsonl")
echo '{{"type": "thread.started", "thread_id": "{_SESSION}"}}'
echo '{{"type": "turn.completed", "usage": {{"input_tokens": '$((count * 100))', "output_tokens": 1}}}}'
"""


def program(place: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> Path:
    """Put a program first on the PATH."""
    place.mkdir(exist_ok=True)
    path = place / name
    path.write_text(text)
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(place), prepend=":")
    return path


def sent_back_once(world: World, kind: str) -> None:
    """An agent whose first work a check refuses."""
    with_agent(world, kind)
    world.write("contracts/scripted.yaml", _CHECKED)
    world.commit("A check")
    world.tick()
    assert world.lane("one") == "rework"


def seen(world: World, name: str) -> str:
    return world.git("show", f"main:{name}")


def test_rework_happens_in_the_session_of_the_first_run(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin", monkeypatch, "claude", _CLAUDE)
    sent_back_once(world, "claude")
    world.tick()
    assert world.lane("one") == "done"
    assert f"--resume {_SESSION}" in seen(world, "argv.txt")
    assert seen(world, "home.txt") == "turn\nturn"
    told = seen(world, "prompt.txt")
    assert told.startswith("Go on with this task") and "check right: " in told and "as you left them" in told
    assert "do one" not in told  # it has been told that
    assert world.artifacts("one")["run-2/prompt.md"].strip() == told
    assert world.command("audit")


def test_what_a_session_counts_on_is_counted_once(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin", monkeypatch, "codex", _CODEX)
    sent_back_once(world, "codex")
    world.tick()
    assert f"resume {_SESSION} -" in seen(world, "argv.txt")
    assert [entry.usage.input_tokens for entry in world.journal("one") if entry.usage] == [100, 100]


def test_in_another_clone_the_work_goes_on_in_a_new_session_with_the_whole_prompt(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin", monkeypatch, "claude", _CLAUDE)
    sent_back_once(world, "claude")
    shutil.rmtree(world.root / ".git/factory/sessions")
    world.tick()
    assert world.lane("one") == "done"
    assert "--resume" not in seen(world, "argv.txt") and seen(world, "prompt.txt") == "do one"


def test_another_agent_begins_anew(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", monkeypatch, "claude", _CLAUDE)
    sent_back_once(world, "claude")
    world.write("WORKFLOW.md", world.read("WORKFLOW.md").replace('{"it":', '{"other":'))
    world.write("contracts/scripted.yaml", _CHECKED.replace("agent: it", "agent: other"))
    world.commit("Another one")
    world.tick()
    assert "--resume" not in seen(world, "argv.txt")


def test_who_was_told_another_text_is_told_the_new_one_in_the_same_session(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin", monkeypatch, "claude", _CLAUDE)
    sent_back_once(world, "claude")
    path = world.path("one")
    world.write(path, world.read(path).replace("title: do one", "title: do one, and well"))
    world.commit("Edited")
    world.tick()
    assert f"--resume {_SESSION}" in seen(world, "argv.txt")
    assert seen(world, "prompt.txt").startswith("do one, and well") and "check right: " in seen(world, "prompt.txt")


@pytest.mark.parametrize("ending", ["refusal", "prompt is too long"])
def test_nobody_goes_on_with_what_would_only_end_so_again(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    refused = '"is_error": false, "stop_reason": "refusal"'
    failed = refused if ending == "refusal" else f'"is_error": true, "result": "{ending}"'
    before = '"is_error": false, "result": "All done."'
    path = program(tmp_path / "bin", monkeypatch, "claude", _CLAUDE.replace(before, failed))
    with_agent(world, "claude")
    world.tick()
    assert world.lane("one") == "blocked" and world.last("one").agent
    path.write_text(_CLAUDE)
    world.move("one", "queue/inbox")
    world.tick()
    assert world.lane("one") == "done" and "--resume" not in seen(world, "argv.txt")


def test_where_nothing_was_kept_of_the_work_the_agent_is_told_so(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = program(tmp_path / "bin", monkeypatch, "claude", _CLAUDE.replace('"type": "result"', '"type": "nothing"'))
    world.policy("retry: {initial_ms: 1}\n")
    with_agent(world, "claude")
    world.tick()
    assert world.lane("one") == "inbox"
    path.write_text(_CLAUDE)
    world.tick(drain=True)
    assert world.lane("one") == "done" and f"--resume {_SESSION}" in seen(world, "argv.txt")
    assert "nothing of what you changed is there any more" in seen(world, "prompt.txt")


# Its second run changes more lines than it may.
_TOO_MUCH = _CLAUDE.replace("[ -e a.txt ] &&", '[ "$FACTORY_RUN" = 2 ] && seq 99 > many.txt; [ -e a.txt ] &&')


def breaks_its_contract_in_the_second_run(world: World) -> None:
    """An agent whose first work a check refuses, and whose second breaks the contract."""
    with_agent(world, "claude")
    contract = _CHECKED.replace("{required: true}", "{required: true, max_lines: 50}")
    world.write("contracts/scripted.yaml", contract)
    world.commit("A check")
    world.tick()
    assert world.lane("one") == "rework"
    world.tick()
    assert world.last("one").failure == "contract"


def test_whose_work_the_files_hold_is_told_where_the_last_run_is_not_gone_on_from(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin", monkeypatch, "claude", _TOO_MUCH)
    breaks_its_contract_in_the_second_run(world)
    shown = world.command("prompt", "one")
    assert "The files are as run 1 of this task proposed them" in shown
    assert "nothing of what you changed after that is there any more" in shown and "as you left them" not in shown
    world.tick()
    assert world.lane("one") == "done" and seen(world, "prompt.txt") == shown.rstrip("\n")
    assert not world.git("ls-tree", "main", "many.txt")


@pytest.mark.parametrize(
    "told", ["", None, "--dangerously-skip-permissions", "-x", "../../etc", "a b", "a\n", "a\0b", "$(x)", "x" * 101]
)
def test_what_is_no_plain_name_is_no_session(told: str | None) -> None:
    assert as_session(told) == ""


@pytest.mark.parametrize("told", ["ses_dd33c28fcffe2o6SYuaseJkMa3", _SESSION, "a"])
def test_what_agents_call_their_sessions_is_one(told: str) -> None:
    assert as_session(told) == told


def test_what_an_agent_calls_its_session_is_no_option_of_the_next_run(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin", monkeypatch, "claude", _CLAUDE.replace(_SESSION, "--dangerously-skip-permissions"))
    sent_back_once(world, "claude")
    world.tick()
    assert world.lane("one") == "done" and "dangerously" not in seen(world, "argv.txt")


_KEPT = KeptSession(session="s", agent="it", kind="claude", folder="/x")


def kept_of(tmp_path: Path, *names: str) -> set[str]:
    """What comes into the next home."""
    sessions, home = Sessions(tmp_path / "state"), tmp_path / "next"
    sessions.keep("one", _KEPT, tmp_path / "home", names)
    home.mkdir()
    if sessions.of("one") is None or not sessions.lay("one", home):
        return set()
    return {str(each.relative_to(home)) for each in home.rglob("*") if each.is_file()}


def test_no_link_in_a_home_is_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/more").write_text("s")
    home = tmp_path / "home"
    (home / "talk").mkdir(parents=True)
    (home / "talk/a").write_text("a")
    (home / "talk/b").symlink_to(tmp_path / "elsewhere")
    (home / "linked").symlink_to(tmp_path / "elsewhere")
    (home / "file").symlink_to(tmp_path / "secret")
    assert kept_of(tmp_path, "talk", "linked", "linked/more", "file", "none") == {"talk/a"}


def test_one_that_holds_a_link_among_its_files_is_not_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    (tmp_path / "home/talk").mkdir(parents=True)
    (tmp_path / "home/talk/a").symlink_to(tmp_path / "secret")
    assert kept_of(tmp_path, "talk") == set()


def test_one_that_is_too_large_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / "home/talk").mkdir(parents=True)
    with (tmp_path / "home/talk/a").open("wb") as file:
        file.truncate(60_000_000)
    assert kept_of(tmp_path, "talk") == set()
    assert not list((tmp_path / "state").rglob("a"))


def test_nobody_else_may_look_at_what_is_kept(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/talk").write_text("a")
    assert kept_of(tmp_path, "talk") == {"talk"}
    assert (tmp_path / "state/sessions").stat().st_mode & 0o077 == 0


def test_no_cell_shows_what_is_kept_of_another_item(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = world.root / ".git/factory/sessions"
    look = f"find {place} / -path '*factory/sessions/*' -not -path '/proc/*' 2>/dev/null > found.txt; echo >> found.txt"
    program(tmp_path / "bin", monkeypatch, "claude", _CLAUDE.replace("#!/bin/sh\n", f"#!/bin/sh\n{look}\n"))
    sent_back_once(world, "claude")
    assert json.loads((place / "one/session.json").read_text())["session"] == _SESSION
    world.tick()
    assert seen(world, "found.txt") == ""


_ASKS = _CLAUDE.replace(
    "[ -e a.txt ] &&",
    """[ "$FACTORY_RUN" = 1 ] && cat > "$FACTORY_OUT/result.json" <<END
{"status": "blocked", "question": "Which of the two?"}
END
[ "$FACTORY_RUN" = 2 ] &&""",
)


def test_who_has_asked_is_told_the_answer_where_they_asked(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin", monkeypatch, "claude", _ASKS)
    with_agent(world, "claude")
    world.tick()
    assert world.lane("one") == "blocked"
    path = "queue/blocked/one.answers.yaml"
    world.write(path, world.read(path).replace("decision:", "decision: the first"))
    world.tick(drain=True)
    assert world.lane("one") == "done" and f"--resume {_SESSION}" in seen(world, "argv.txt")
    assert "- Which of the two? the first" in seen(world, "prompt.txt")


@needs_bubblewrap
def test_what_a_contract_freezes_an_agent_cannot_write_by_any_name(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = "for each in program.py $PWD/program.py $HOME/../*/program.py; do echo x > $each; done; pwd > pwd.txt"
    program(tmp_path / "bin", monkeypatch, "claude", _CLAUDE.replace("#!/bin/sh\n", f"#!/bin/sh\n{tries}\n"))
    with_agent(world, "claude")
    contract = world.read("contracts/scripted.yaml").replace("agent: it", "agent: it, frozen: [program.py]")
    world.write("contracts/scripted.yaml", contract)
    world.commit("Frozen")
    world.tick()
    assert world.lane("one") == "done" and world.git("show", "main:program.py") == "print('hello')"
    assert seen(world, "pwd.txt") == str(world.root)


def test_who_is_judged_by_another_contract_is_told_all_of_it_and_keeps_the_work(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    says = _CLAUDE[_CLAUDE.index("echo '{") :]
    leaves = f"#!/bin/sh\n[ $FACTORY_RUN = 1 ] || {{ cat > /dev/null\n{says}exit; }}\n"
    program(tmp_path / "bin", monkeypatch, "claude", leaves + _CLAUDE)
    reviewed = REVIEWED.replace("run: [factory-scripted]", "agent: it")
    with_agent(world, "claude")
    world.write("contracts/scripted.yaml", reviewed)
    world.commit("A seat")
    world.tick()
    assert world.lane("one") == "review"
    world.write("contracts/scripted.yaml", reviewed.replace("Do what", "Do all that"))
    world.commit("Other words")
    world.tick(drain=True)
    told = world.artifacts("one")["run-2/prompt.md"]
    assert told.startswith("do one") and "nothing was wrong with the work" in told and "as you left them" in told
    assert world.lane("one") == "review" and world.events("one")[-1] == "deliver"
