"""Files that cannot be used: each is named, left as it is, and stops nobody else."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.world import World

Spoil = Callable[[World], str]  # lays something broken; its path in the repository


def content(data: bytes, path: str = "queue/inbox/bad.yaml") -> Spoil:
    def lay(world: World) -> str:
        place = world.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        return path

    return lay


def linked(world: World) -> str:
    (world.root / "queue/inbox/bad.yaml").symlink_to("../../program.py")
    return "queue/inbox/bad.yaml"


def linked_to_nothing(world: World) -> str:
    (world.root / "queue/inbox/bad.yaml").symlink_to("nowhere")
    return "queue/inbox/bad.yaml"


def folder(world: World) -> str:
    (world.root / "queue/inbox/bad.yaml").mkdir()
    return "queue/inbox/bad.yaml"


def folder_with_a_file(world: World) -> str:
    world.write("queue/inbox/bad.yaml/inner.yaml", "title: t\n")
    return "queue/inbox/bad.yaml"


def pipe(world: World) -> str:
    os.mkfifo(world.root / "queue/inbox/bad.yaml")
    return "queue/inbox/bad.yaml"


def twice(world: World) -> str:
    world.write("queue/blocked/bad.yaml", "title: t\nhold: true\n")
    world.commit("Once")
    world.tick()
    world.write("queue/inbox/bad.yaml", "title: another\n")
    return "queue/blocked/bad.yaml"


# (name, how, line:column or nothing where a place says little, what is said)
BROKEN: list[tuple[str, Spoil, str, str]] = [
    ("binary", content(bytes(range(256))), "2:118", "is not UTF-8 text"),
    ("empty", content(b""), "1:1", "is empty"),
    ("only a comment", content(b"# later\n"), "1:1", "is empty"),
    ("too large", content(b"title: t\ndescription: " + b"x" * 300_000), "1:1", "300022 bytes long; at most 262144"),
    ("duplicate key", content(b"title: a\nlabels: []\ntitle: b\n"), "3:1", "'title' stands here twice"),
    ("anchor", content(b"title: &a t\n"), "1:8", "uses &a; anchors and aliases are not allowed"),
    ("alias", content(b"title: t\nlabels: [&a x, *a]\n"), "2:10", "anchors and aliases"),
    ("alias bomb", content(b"a: &a [x]\nb: &b [*a,*a]\nc: [*b,*b]\n"), "1:4", "anchors and aliases"),
    ("merge key", content(b"title: t\n<<: {hold: true}\n"), "2:1", "unknown key '<<'"),
    ("unknown key", content(b"title: t\nprioritty: 1\n"), "2:1", "unknown key 'prioritty'; did you mean 'priority'\\?"),
    ("wrong type", content(b"title: t\nlabels: bug\n"), "2:1", 'labels: should be a valid .*; found "bug"'),
    ("list at the root", content(b"- title: t\n"), "1:1", "should be"),
    ("a word at the root", content(b"hello\n"), "1:1", "should be"),
    ("tabs", content(b"title: t\nbudget:\n\tusd: 1\n"), "3:1", "is not YAML"),
    ("unclosed quote", content(b'title: "t\nlabels: []\n'), "", "is not YAML"),
    ("bad UTF-8", content(b"title: t\n# \xff\n"), "2:3", "is not UTF-8 text"),
    ("UTF-16", content("title: t\n".encode("utf-16")), "1:1", "is not UTF-8 text"),
    ("NUL", content(b"title: t\x00\n"), "1:", "holds the character|is not YAML|may not hold"),
    ("deep nesting", content(b"title: t\ninputs: {a: " + b"[" * 100_000 + b"}\n"), "2:1", "nested deeper than"),
    ("deep nesting in JSON", content(b'{"title": "t", "inputs": ' + b'{"a":' * 5000), "1:1", "nested deeper than"),
    ("deep nesting by dashes", content(b"title: t\ninputs:\n " + b"- " * 5000 + b"x\n"), "3:1", "nested deeper than"),
    ("a tag", content(b"title: !!python/object/apply:os.system [ls]\n"), "1:8", "has the tag"),
    ("a local tag", content(b"title: !env HOME\n"), "1:8", "has the tag"),
    ("a key that is a list", content(b"title: t\n[a]: b\n"), "2:1", "key"),
    ("two documents", content(b"title: a\n---\ntitle: b\n"), "2:1", "is not YAML"),
    ("broken JSON", content(b'{"title": "t",\n "labels": [}\n'), "2:", "is not YAML"),
    (".yml", content(b"title: t\n", "queue/inbox/bad.yml"), "1:1", "ends in .yaml"),
    ("no ending", content(b"title: t\n", "queue/inbox/bad"), "1:1", "ends in .yaml"),
    ("id with a space", content(b"title: t\n", "queue/inbox/a bad one.yaml"), "1:1", "rename the file"),
    ("id too long", content(b"title: t\n", f"queue/inbox/{'x' * 81}.yaml"), "1:1", "1 to 80 of"),
    ("id like an option", content(b"title: t\n", "queue/inbox/-bad.yaml"), "1:1", "rename the file"),
    ("id that no branch may have", content(b"title: t\n", "queue/inbox/bad..id.yaml"), "1:1", "rename the file"),
    ("id ending in .verdict", content(b"title: t\n", "queue/inbox/bad.verdict.yaml"), "1:1", "verdict"),
    ("the id done", content(b"title: t\n", "queue/inbox/done.yaml"), "1:1", "rename the file"),
    ("a link", linked, "1:1", "not a plain file"),
    ("a link to nothing", linked_to_nothing, "1:1", "not a plain file"),
    ("a folder", folder, "1:1", "not a plain file"),
    ("a folder with a file", folder_with_a_file, "1:1", "not a plain file"),
    ("a pipe", pipe, "1:1", "not a plain file"),
    ("an id twice", twice, "1:1", "the id 'bad' "),
    ("queue/__init__.py", content(b"", "queue/__init__.py"), "1:1", "hides Python's own module"),
    (
        "a verdict for nothing",
        content(b"subject: sha256:" + b"0" * 64 + b"\ndecision: approve\n", "queue/review/bad.human.verdict.yaml"),
        "1:1",
        "judges nothing that is in review",
    ),
    ("a broken contract", content(b"purpose: p\n", "contracts/bad.yaml"), "1:1", "the key 'worker' is missing"),
    (
        "an unknown contract",
        content(b"title: t\n# which?\ncontract: nowhere\n"),
        "3:1",
        "there is no contract 'nowhere'",
    ),
]


def as_it_is(place: Path) -> object:
    if place.is_symlink():
        return os.readlink(place)  # noqa: PTH115
    return place.read_bytes() if place.is_file() else (place.is_fifo(), place.is_dir())


@pytest.mark.parametrize(("what", "spoil", "where", "said"), BROKEN, ids=[row[0] for row in BROKEN])
def test_a_broken_file_is_named_left_alone_and_stops_nobody(
    world: World, what: str, spoil: Spoil, where: str, said: str
) -> None:
    # given something broken beside a good item
    path = spoil(world)
    world.item("good")
    before = as_it_is(world.root / path)
    # when it is checked, then one sentence says where and what, and nothing falls over
    checked = world.command("check", status=1)
    assert "Traceback" not in checked
    lines = [line for line in checked.splitlines() if line.startswith(f"{path}:")]
    assert len(lines) >= 1, checked
    assert all(re.match(re.escape(path) + r":\d+:\d+: ", line) for line in lines)
    assert any(line.startswith(f"{path}:{where}") and re.search(said, line) for line in lines), lines
    # when the factory makes a pass, then the other item goes its way in that same pass
    ticked = world.command("tick")
    assert "Traceback" not in ticked
    assert world.lane("good") == "done"
    # and the tick says it too
    name = path.removesuffix(".yaml") if what == "an unknown contract" else path
    assert Path(name).name in ticked, ticked
    # and it lies there byte for byte as before
    assert as_it_is(world.root / path) == before
    # and a second pass changes nothing
    head = world.git("rev-parse", "main")
    world.command("tick")
    assert world.git("rev-parse", "main") == head


@pytest.mark.parametrize("committed", [False, True])
def test_status_counts_the_broken_files(world: World, committed: bool) -> None:
    world.write("queue/inbox/bad.yaml", "titel: t\n")
    world.write("queue/inbox/worse.yaml", "")
    world.write("queue/review/none.human.verdict.yaml", "decision: [\n")
    if committed:
        world.commit("By hand")
    else:
        world.tick()
    shown = world.command("status")
    assert "queue/inbox/bad.yaml:1:1: " in shown
    assert "queue/inbox/worse.yaml:1:1: is empty" in shown
    problems = json.loads(world.command("status", "--json"))["problems"]
    assert {problem["path"] for problem in problems} == {
        "queue/inbox/bad.yaml",
        "queue/inbox/worse.yaml",
        "queue/review/none.human.verdict.yaml",
    }


@pytest.mark.parametrize(
    ("name", "data"),
    [("bad.yaml", b"titel: t\n"), ("bad.yaml", b"\xff"), ("bad.yml", b"title: t\n"), ("b d.yaml", b"title: t\n")],
)
def test_a_broken_file_that_is_committed_is_named_too_and_stays(world: World, name: str, data: bytes) -> None:
    (world.root / "queue/inbox" / name).write_bytes(data)
    world.item("good")
    world.commit("Both")
    ticked = world.command("tick")
    assert f"queue/inbox/{name}:1:1: " in ticked
    assert world.lane("good") == "done"
    assert (world.root / "queue/inbox" / name).read_bytes() == data
    assert world.status() == ""


def test_a_committed_symbolic_link_is_not_followed(world: World) -> None:
    (world.root / "queue/inbox/bad.yaml").symlink_to("/etc/hostname")
    world.item("good")
    world.commit("Both")
    assert "queue/inbox/bad.yaml:1:1: is not a plain file" in world.command("tick")
    assert world.lane("good") == "done"


def test_a_committed_id_in_two_lanes_is_touched_in_neither_until_a_person_decides(world: World) -> None:
    world.item("one")
    world.write("queue/blocked/one.yaml", "title: another\n")
    world.item("two")
    world.commit("Twice")
    said = world.command("tick")
    assert "the id 'one' also lies at" in said
    assert world.lane("two") == "done"
    assert (world.root / "queue/inbox/one.yaml").exists()
    assert (world.root / "queue/blocked/one.yaml").exists()
    world.git("rm", "-q", "queue/blocked/one.yaml")
    world.git("commit", "-q", "-m", "That one goes")
    world.tick()
    assert world.lane("one") == "done"


def test_an_edit_that_breaks_a_waiting_item_is_refused_and_the_last_good_text_stays_in_force(world: World) -> None:
    world.item("one", text="hold: true\n")
    world.tick()
    place = world.root / "queue/inbox/one.yaml"
    place.write_text("title: [\n")
    said = world.command("tick")
    assert re.search(r"queue/inbox/one\.yaml:\d+:\d+: is not YAML", said)
    assert place.read_text() == "title: [\n"
    assert "hold: true" in world.git("show", "main:queue/inbox/one.yaml")


def test_an_item_that_was_broken_by_a_commit_waits_in_its_lane(world: World) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    world.verdict("one", "approve")
    (world.root / "queue/review/one.yaml").write_text("title: [\n")
    world.commit("Oh")
    said = world.command("tick")
    assert "queue/review/one.yaml:2:1: is not YAML" in said
    assert world.lane("one") == "review"
    assert not (world.root / "one.txt").exists()


def broken(world: World, committed: bool) -> None:
    """An item in review that cannot be read any more."""
    world.item("one", contract="reviewed")
    world.tick()
    world.write("queue/review/one.yaml", "title: [\n")
    if committed:
        world.commit("Oh")


@pytest.mark.parametrize("committed", [True, False])
def test_an_item_that_cannot_be_read_can_be_cancelled(world: World, committed: bool) -> None:
    broken(world, committed)
    world.command("cancel", "one")
    world.tick()
    assert (world.lane("one"), world.last("one").outcome, world.status()) == ("done", "cancelled", "")
    assert world.tick().problems == ()
    world.command("audit")


def test_a_move_of_what_cannot_be_read_counts_when_that_is_committed_already(world: World) -> None:
    broken(world, committed=True)
    world.move("one", "queue/rework")
    assert "queue/rework/one.yaml:2:1: is not YAML" in world.command("tick")
    assert (world.lane("one"), world.last("one").event, world.status()) == ("rework", "moved", "")
    world.command("audit")


def test_a_move_of_what_was_broken_with_it_counts_once_that_is_mended_and_is_told_where_it_lies(world: World) -> None:
    broken(world, committed=False)
    world.move("one", "queue/rework")
    said = world.command("tick")
    assert "queue/rework/one.yaml:2:1: is not YAML" in said
    assert "queue/review/one.yaml" not in said
    assert world.lane("one") == "review"
    world.write("queue/rework/one.yaml", "title: do one\ncontract: reviewed\nhold: true\n")
    world.tick()
    assert (world.lane("one"), world.status()) == ("rework", "")
    world.command("audit")


def test_a_broken_workflow_is_said_with_line_and_ends_with_3(world: World) -> None:
    world.write("WORKFLOW.md", "---\nbranch: main\nlimits: {inbox: none}\n---\nhello\n")
    assert re.search(r"WORKFLOW\.md:3:\d+: limits\.inbox", world.command("check", status=1))
    world.commit("Break the policy")
    said = world.command("tick", status=3)
    assert "WORKFLOW.md:3:" in said
    assert "Traceback" not in said


def test_a_front_matter_that_nothing_ends_is_said(world: World) -> None:
    world.write("WORKFLOW.md", "---\nbranch: main\n")
    assert "WORKFLOW.md:1:1: the front matter begins with '---'" in world.command("check", status=1)


def test_a_deleted_item_is_reported_however_its_name_was_written(world: World) -> None:
    place = world.write("queue/inbox/Two.yaml", "title: two\nhold: true\n")
    world.tick()
    place.unlink()
    said = world.command("tick")
    assert "queue/inbox/Two.yaml:1:1: was deleted; git checkout -- queue/inbox/Two.yaml brings it back" in said
    assert "factory cancel two ends it" in said


def test_a_file_in_place_of_the_whole_queue_is_said_and_loses_nothing(world: World) -> None:
    world.item("one", text="hold: true\n")
    world.tick()
    shutil.rmtree(world.root / "queue")
    world.write("queue", "mine\n")
    for command in ("status", "check", "tick"):
        _, said = world.ended(command)
        assert "queue:1:1: stands where the folder of the queue belongs; move it away" in said
    assert world.lane("one") == "inbox"
    assert world.read("queue") == "mine\n"


def test_a_deleted_item_is_reported_and_not_lost(world: World) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    (world.root / "queue/review/one.yaml").unlink()
    said = world.command("tick")
    assert "queue/review/one.yaml:1:1: was deleted; git checkout -- queue/review/one.yaml brings it back" in said
    assert world.lane("one") == "review"
    # and when the deletion is committed, it comes back where a person must look
    world.commit("Delete it")
    world.tick()
    world.tick()
    assert world.lane("one") == "blocked"


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable for root")
def test_an_unreadable_file_is_named(world: World) -> None:
    place = world.write("queue/inbox/bad.yaml", "title: t\n")
    place.chmod(0)
    world.item("good")
    assert "queue/inbox/bad.yaml:1:1:" in world.command("check", status=1)
    assert "queue/inbox/bad.yaml:1:1:" in world.command("tick")
    assert world.lane("good") == "done"


def test_a_file_that_is_still_being_written_is_taken_when_it_is_whole(world: World) -> None:
    # given half a file, as an editor leaves it for a moment
    place = world.write("queue/inbox/one.yaml", 'title: "do')
    assert world.tick().problems != ()
    # when it is whole
    place.write_text('title: "do one"\nhold: true\n')
    # then it is taken
    assert world.tick().problems == ()
    assert world.lane("one") == "inbox"


def test_readmes_and_dotfiles_are_nobodys_business(world: World) -> None:
    world.write("queue/inbox/README.md", "# Inbox\n")
    world.write("queue/inbox/.one.yaml.swp", "x")
    assert world.tick().problems == ()
    assert world.command("check") == "all files are valid\n"


@pytest.mark.parametrize(
    "path", ["../out.txt", "a/../out.txt", "./out.txt", "a/./b", ".git/config", "a/.git/b", "/out"]
)
@pytest.mark.parametrize("where", ["files", "patch"])
def test_a_contract_may_not_ask_for_paths_that_lead_elsewhere(world: World, path: str, where: str) -> None:
    produces = {"files": [{"path": path}]} if where == "files" else {"patch": {"paths": [path]}}
    world.write(
        "contracts/bad.yaml", json.dumps({"purpose": "p", "worker": {"run": ["true"]}, "produces": produces}) + "\n"
    )
    said = world.command("check", status=1)
    assert re.search(r"contracts/bad\.yaml:\d+:\d+: produces\..*must be a relative path", said)


STRAYS = [
    "queue/w.yaml",
    "queue/todo/x.yaml",
    "queue/Inbox/x.yaml",
    "queue/inbox/later/x.yaml",
    "queue/breakers/a/b.yaml",
]
BREAKER = "contract: scripted\nstate: closed\nsince: 2026-11-21T10:00:00Z\n"
NO_STRAYS = ["queue/breakers/scripted.yaml", "queue/README.md", "queue/todo/.gitkeep", "queue/.gitignore"]


@pytest.mark.parametrize("committed", [False, True], ids=["saved", "committed"])
def test_a_file_in_no_lane_is_named_by_all_who_look(world: World, committed: bool) -> None:
    # given items that somebody put beside the lanes, and files that may lie there
    for path in (*STRAYS, *NO_STRAYS):
        world.write(path, BREAKER if "breakers" in path else "title: t\n")
    if committed:
        world.commit("Please")
    world.item("good")
    # when the factory looks
    for said in (world.command("tick"), world.command("status"), world.command("check", status=1)):
        # then each is named once, with where it should be, and the others are not
        for path in STRAYS:
            assert said.count(f"{path}:1:1: lies in no lane; new items go to queue/inbox/\n") == 1, said
        assert not any(f"{path}:" in said for path in NO_STRAYS)
    assert world.lane("good") == "done"
    assert all(world.read(path) == (BREAKER if "breakers" in path else "title: t\n") for path in (*STRAYS, *NO_STRAYS))


def test_an_item_that_is_moved_to_no_lane_is_not_lost(world: World) -> None:
    world.item("one", text="hold: true\n")
    world.tick()
    world.move("one", "queue/todo")
    said = world.command("tick")
    assert "queue/todo/one.yaml:1:1: lies in no lane" in said
    assert "queue/inbox/one.yaml:1:1: was deleted; git checkout" in said
    assert world.lane("one") == "inbox"


@pytest.mark.parametrize(
    "path",
    [
        "contracts/schema/of-mine.json",
        "contracts/prompts/fix.md",
        "contracts/README.md",
        "contracts/.gitkeep",
        "queue/inbox/README.md",
        "queue/done/.gitkeep",
        "README.md",
        "src/program.py",
        "src/odd name.jsonl",
        "artifacts/one/journal.jsonl",
    ],
)
def test_check_is_silent_about_files_that_are_no_items(world: World, path: str) -> None:
    world.write(path, "anything\n")
    assert world.command("check", path) == "all files are valid\n"
    assert world.command("check") == "all files are valid\n"


def test_check_of_a_folder_is_a_check_of_all_below_it(world: World) -> None:
    world.write("queue/inbox/bad.yaml", "titel: t\n")
    world.write("queue/blocked/worse.yaml", "")
    world.write("contracts/none.yaml", "purpose: p\n")
    (world.root / "src").mkdir()
    for path in ("queue", "queue/", "./queue", str(world.root / "queue")):
        said = world.command("check", path, status=1)
        assert ("queue/inbox/bad.yaml:1:1" in said, "queue/blocked/worse.yaml:1:1" in said) == (True, True)
        assert "contracts/" not in said
    assert "worse" not in world.command("check", "queue/inbox", "program.py", status=1)
    assert world.command("check", "src", "queue/rework") == "all files are valid\n"
    assert world.command("check", ".", status=1) == world.command("check", status=1)
    assert World(world.root / "queue").command("check", "blocked", status=1).startswith("queue/blocked/worse.yaml:1:1")


@pytest.mark.parametrize("prompt", ["contracts/prompts/deep/fix.md", "docs/fix.md"])
def test_a_prompt_that_is_no_text_or_not_there_is_named(world: World, prompt: str) -> None:
    world.contract("fix", worker={"run": ["true"], "prompt": prompt})
    said = world.command("check", status=1)
    assert re.search(rf"contracts/fix\.yaml:\d+:\d+: worker\.prompt: {prompt} is not there", said)
    world.write(prompt, "")
    (world.root / prompt).write_bytes(b"Fix\nit \xff\n")
    assert f"{prompt}:2:4: is not UTF-8 text\n" in world.command("check", status=1)
    assert f"{prompt}:2:4: is not UTF-8 text\n" in world.command("check", "contracts", status=1)
    world.write(prompt, "Fix it\n")
    assert world.command("check") == "all files are valid\n"
