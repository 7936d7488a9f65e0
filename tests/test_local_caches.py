"""What lies under .git/factory is only ever a help: torn, mixed up or rubbish, it counts as not there."""

import subprocess
import sys
from pathlib import Path

import pytest

from factory.model.item import Item
from factory.store import queue
from factory.store.queue import Queue
from factory.store.repository.repository import Repository
from tests.world import World

RUBBISH = [
    b"",
    b"\xff\xfe\x00",
    b"{",
    b"[]",
    b"3",
    b'{"pid": "x", "host": "h", "since": "s"}',
    b'{"pid": 1}',
    b"[" * 100_000,
]


@pytest.mark.parametrize("data", RUBBISH, ids=lambda data: repr(data[:12]))
@pytest.mark.parametrize("name", ["holder", "parsed", "branch", "pending"])
def test_rubbish_in_a_local_file_stops_nobody(world: World, name: str, data: bytes) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    (world.root / ".git/factory" / name).write_bytes(data)
    assert first_line(world).endswith("(branch main)")
    world.verdict("one", "approve")
    world.tick()
    assert world.lane("one") == "done"


def first_line(world: World) -> str:
    return world.command("status").split("\n")[0]


@pytest.mark.parametrize("name", ["holder", "parsed", "branch"])
def test_a_folder_in_the_place_of_a_local_file_counts_as_none(world: World, name: str) -> None:
    world.item("one", text="hold: true\n")
    world.tick()
    (world.root / ".git/factory" / name).unlink(missing_ok=True)
    (world.root / ".git/factory" / name).mkdir()
    assert "on hold" in world.command("status")


def memory(world: World) -> Path:
    return world.root / ".git/factory/parsed"


def read_again(world: World, blob: str) -> Item:
    repository = Repository(world.root)
    try:
        return Queue(repository.objects, repository.state).item("queue/inbox/one.yaml", blob)
    finally:
        repository.close()


def cut_at_the_end(data: bytes) -> bytes:
    return data[:-20]


def another_text_under_its_name(data: bytes) -> bytes:
    return data.replace(b'"title":"do one"', b'"title":"do two"')


def two_lines_mixed(data: bytes) -> bytes:
    form, line = data.split(b"\n")
    return form + b"\n" + line[:60] + b"\n" + line + line[60:]


def not_utf8(data: bytes) -> bytes:
    return data.replace(b"do one", b"do \xff\xff\xff")


def not_an_item(data: bytes) -> bytes:
    form, line = data.split(b"\n")
    blob = line[:40].decode()
    text = '{"title":3}'
    return form + f"\n{blob} {queue._checksum(blob, text)} {text}".encode()


@pytest.mark.parametrize(
    "spoil",
    [cut_at_the_end, another_text_under_its_name, two_lines_mixed, not_utf8, not_an_item],
    ids=lambda spoil: spoil.__name__,
)
def test_a_remembered_item_that_is_not_whole_is_parsed_anew(world: World, spoil: object) -> None:
    world.item("one", text="hold: true\n")
    world.tick()
    blob = world.git("rev-parse", "main:queue/inbox/one.yaml")
    kept = memory(world).read_bytes()
    assert kept.count(b"\n") == 1
    assert callable(spoil)
    memory(world).write_bytes(spoil(kept))
    assert read_again(world, blob).title == "do one"
    assert "do one" in world.command("list")


def test_what_was_remembered_is_used(world: World) -> None:
    world.item("one", text="hold: true\n")
    world.tick()
    blob = world.git("rev-parse", "main:queue/inbox/one.yaml")
    text = read_again(world, blob).model_copy(update={"title": "remembered"}).model_dump_json()
    form = memory(world).read_text().split("\n")[0]
    memory(world).write_text(f"{form}\n{blob} {queue._checksum(blob, text)} {text}")
    assert read_again(world, blob).title == "remembered"


def test_commands_that_read_at_once_do_not_spoil_what_is_remembered(world: World) -> None:
    for number in range(100):
        world.item(f"item-{number}", text="hold: true\n")
    world.commit("Many")
    commands = [
        subprocess.Popen([sys.executable, "-m", "factory", "list"], cwd=world.root, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    assert {len(command.communicate()[0].splitlines()) for command in commands} == {101}
    assert "item-99" in world.command("list")


def test_a_memory_that_has_grown_beyond_all_need_is_begun_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "MEMORY_BYTES", 2000)
    for number in range(30):
        world.item("one", text=f"hold: true\npriority: 1\nlabels: [n{number}, {'x' * 100}]\n")
        world.tick()
    assert memory(world).stat().st_size < 4000


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff", b"[]", b'{"base": 1}'], ids=["empty", "torn", "bytes", "list", "keys"]
)
def test_evidence_that_somebody_edited_is_named_in_a_sentence(world: World, data: bytes) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    (world.root / "artifacts/one/run-1/evidence.json").write_bytes(data)
    world.commit("Better")
    for command in (("show", "one"), ("tick",)):
        said = world.command(*command, status=None)
        assert "Traceback" not in said
        assert "artifacts/one/run-1/evidence.json:1:1: is not what the factory wrote" in said
    assert world.lane("one") == "review"


def test_a_branch_name_with_spaces_is_not_taken_for_an_object(world: World) -> None:
    repository = Repository(world.root)
    try:
        for name in ("no such branch", "a b", "x\nrefs/heads/main", ""):
            assert repository.head(name) is None
        assert repository.head("main") == world.git("rev-parse", "main")
    finally:
        repository.close()
