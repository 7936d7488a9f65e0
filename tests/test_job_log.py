"""What a CI host reads in the log of a job: what is wrong at its place, and no command that anybody else wrote."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from factory.cli.job_log import JobLog
from factory.cli.log_guard import Guarded, Host, harmless
from factory.model.errors import Problem
from tests.world import World

_ATTACK = (
    "well\n::set-env name=PATH::/tmp/evil\n \u2003::stop-commands::x\r"
    "::add-path::/tmp ##[set-output name=a]b\n##[add-mask]e"
)


def unseen(sign: str) -> bool:
    return not (" " <= sign <= "~" or sign in "\r\n")


def commands(log: str) -> Iterator[tuple[str, dict[str, str], str]]:
    """The commands that GitHub's runner finds, in either form; it is as lenient as a comparison of texts can be."""
    for line in re.split(r"\r\n|\r|\n", log):
        seen = "".join(sign for sign in line if not unseen(sign)).lstrip()
        if seen.startswith("::") and "::" in seen[2:]:
            head, _, data = seen[2:].partition("::")
            name, _, rest = head.partition(" ")
            pairs = dict(pair.split("=", 1) for pair in rest.split(",") if "=" in pair)
            yield name, {key: _read(value, ":,") for key, value in pairs.items()}, _read(data, "")
        elif found := re.search(r"##\[([^\]]*)\](.*)", seen):
            yield found[1].split(" ")[0], {}, found[2]


def _read(text: str, more: str) -> str:
    for sign in f"\r\n{more}%":
        text = text.replace(f"%{ord(sign):02X}", sign)
    return text


_SIGNS = st.text(st.one_of(st.sampled_from("::##[] \t\r\n\x1b\u200b\u034f\ufeffaé="), st.characters()))


@given(_SIGNS)
@example(_ATTACK)
@example("\u034f:\u034f:error::x")
@example("#\u200b#[add-mask]x")
def test_no_text_holds_a_command_once_it_is_printed(text: str) -> None:
    made = harmless(text, Host.GITHUB)
    assert not list(commands(made))
    assert made.replace(" ", "") == text.replace(" ", "") or any(map(unseen, text))  # parted, and nothing taken away
    marked = f"\x1b[0Ksection_start:1:{text}\r\x1b[0K"
    assert "\r" not in harmless(marked, Host.GITLAB) and "\x1b" not in harmless(marked, Host.GITLAB)


@pytest.mark.parametrize("text", ["std::vector", "a: b", "x ::y", "C#", "[1]", "## A title", "see #[1]"])
def test_what_is_no_command_is_printed_as_it_is(text: str) -> None:
    assert harmless(text, Host.GITHUB) == text


@given(st.text(), st.text(min_size=1), st.integers(1, 9))
def test_an_annotation_is_one_command_whatever_it_says(message: str, path: str, line: int) -> None:
    printed: list[str] = []

    class Log(JobLog):
        def _command_line(self, line: str, *, err: bool) -> None:
            printed.append(f"{line}\n")

    Log("factory check", Host.GITHUB).problem(Problem(path, line, 2, message))
    ((name, place, said),) = commands("".join(printed))
    assert (name, place["line"], place["col"], place["title"]) == ("error", str(line), "2", "factory check")
    visible = "".join(sign for sign in f"{path}:{line}:2: {message}" if not unseen(sign))
    assert re.sub(r"[\s\ufffd]", "", said) == re.sub(r"\s", "", visible)


def attacked(world: World) -> None:
    """A factory in which everything that others write tries to command whoever reads the log."""
    world.contract("judged", review={"seats": [{"name": "human", "kind": "human"}]})
    world.contract(
        "failing",
        checks=[{"name": "tests", "run": ["sh", "-c", f"printf '{_ATTACK}'; exit 1"]}],
        rework={"max_rounds": 1},
    )
    result = {"result": {"status": "ok", "summary": _ATTACK, "handoff": {"left_undone": [_ATTACK]}}}
    write = {"write": {"path": "a.txt", "text": _ATTACK}}
    world.item("asks", [{"result": {"status": "blocked", "question": _ATTACK}}, {"say": _ATTACK}])
    world.item("good", [write, {"say": _ATTACK}, result], contract="judged")
    world.item("bad", [write, result], contract="failing")
    world.item("dead", [{"say": _ATTACK}, {"exit": 78}])
    world.write("queue/inbox/titled.yaml", f"title: {json.dumps(_ATTACK)}\nhold: true\n")
    world.write("queue/inbox/wrong.yaml", f"title: x\n{json.dumps(_ATTACK)}: 1\n")
    world.write("queue/inbox/##[add-mask]x.yaml", "title: x\n")
    world.git("config", "user.name", "##[add-mask]x")
    world.commit(_ATTACK)


def test_what_workers_and_items_say_commands_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    attacked(world)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    reading = [[name, item] for item in ("asks", "good", "bad", "dead", "titled") for name in ("show", "log", "logs")]
    reading += [["diff", "good"], ["prompt", "titled"], ["status"], ["list"], ["audit"], ["check"], ["doctor"]]
    printed = world.factory("tick", "--drain", "--strict", "--patience", "0", status=1)
    printed += "".join(world.factory(*words, status=None) for words in reading)
    as_json = [world.factory(*words, "--json", status=None) for words in (["show", "good"], ["list"], ["check"])]
    # then the words are there, and none of them is obeyed
    assert "set-env" in printed and "add-mask" in printed
    assert not list(commands(printed + "".join(as_json)))
    assert "##[add-mask]x.yaml" in {Path(each["path"]).name for each in json.loads(as_json[2])["problems"]}


def test_what_is_wrong_is_annotated_at_its_place(world: World) -> None:
    attacked(world)
    printed = world.factory("tick", "--drain", "--patience", "0", "--log-format", "github")
    found = list(commands(printed))
    assert {name for name, _, _ in found} == {"group", "endgroup", "error", "warning"}
    placed = {(name, place["file"], place["line"]) for name, place, _ in found if "file" in place}
    assert ("error", "queue/inbox/wrong.yaml", "2") in placed
    assert ("warning", "queue/blocked/asks.yaml", "1") in placed
    assert all(place["title"] == "factory tick" for _, place, _ in found if place)
    # and so it is without a pass, in the words of the last one
    again = list(commands(world.factory("tick", "--log-format", "github")))
    assert ("warning", "queue/blocked/asks.yaml") in {(name, place.get("file")) for name, place, _ in again}


def test_an_unusable_policy_is_annotated_where_it_is_wrong(world: World) -> None:
    world.write("WORKFLOW.md", "---\nbranch: main\nroutes: 3\n---\n")
    world.commit()
    printed = world.factory("tick", "--log-format", "github", status=3)
    ((name, place, _),) = commands(printed)
    assert (name, place["file"], place["line"]) == ("error", "WORKFLOW.md", "3")


def test_the_audit_annotates_what_breaks_a_rule(world: World) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    world.write("artifacts/one/journal.jsonl", "")
    world.commit("Take it away")
    found = list(commands(world.factory("audit", "--log-format", "github", status=1)))
    assert "artifacts/one/journal.jsonl" in {place["file"] for _, place, _ in found}
    assert any("append-only" in said for _, _, said in found)


def test_gitlab_gets_a_report_and_sections_of_its_own_alone(world: World) -> None:
    attacked(world)
    argv = [sys.executable, "-m", "factory", "tick", "--log-format", "gitlab", "--code-quality", "quality.json"]
    printed = subprocess.run(argv, cwd=world.root, capture_output=True, check=True).stdout  # line ends as they are
    marks = re.findall(rb"section_(start|end):\d+:([\w.-]+)\r\x1b\[0K", printed)
    assert marks == [(b"start", b"the_pass"), (b"end", b"the_pass")]
    assert printed.count(b"\r") == 2
    report = json.loads(world.read("quality.json"))
    by_path = {each["location"]["path"]: each for each in report}
    wrong = by_path["queue/inbox/wrong.yaml"]
    assert (wrong["severity"], wrong["location"]["lines"]["begin"], wrong["check_name"]) == ("major", 2, "factory tick")
    assert by_path["queue/blocked/asks.yaml"]["severity"] == "minor"
    assert len({each["fingerprint"] for each in report}) == len(report)


def test_a_report_says_also_that_nothing_is_wrong_and_what_ended_the_command(world: World) -> None:
    world.command("check", "--code-quality", "quality.json")
    assert json.loads(world.read("quality.json")) == []
    world.write("WORKFLOW.md", "---\nroutes: 3\n---\n")
    world.commit()
    world.command("tick", "--code-quality", "quality.json", status=3)
    assert [each["location"]["path"] for each in json.loads(world.read("quality.json"))] == ["WORKFLOW.md"]


def test_a_stream_that_is_guarded_is_so_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = Guarded(sys.stdout, Host.GITHUB)
    assert stream.write("::error::x") == len("::error::x")
    assert capsys.readouterr().out == ": :error::x"
