"""Large files: refused unread by their size, and what is wrong with one is told briefly, and found once."""

from pathlib import Path

import pytest

from factory.model.errors import InvalidFile, TooLarge
from factory.model.item import Item
from factory.store import files, yaml
from factory.store.queue import MOST_BYTES, Queue
from factory.store.repository.repository import Repository
from tests.world import World

MANY = "title: t\n" + "".join(f"k{number}: 1\n" for number in range(20_000))


def hollow(place: Path, size: int) -> None:
    """A file of so many bytes that takes no room."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as stream:
        stream.truncate(size)


def test_many_unknown_keys_are_told_of_briefly() -> None:
    with pytest.raises(InvalidFile) as caught:
        yaml.load(Item, yaml.Source("x.yaml", MANY.encode()))
    problems = [str(problem) for problem in caught.value.problems]
    assert len(problems) == yaml.MOST_PROBLEMS + 1
    assert problems[0] == "x.yaml:2:1: unknown key 'k0'"
    assert problems[-1] == "x.yaml:22:1: and 19980 more problems from here on"


def test_what_is_wrong_with_a_content_is_found_once_ever(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write("queue/inbox/bad.yaml", MANY)
    world.write("queue/inbox/worse.yaml", "title: [")
    world.commit()
    first = world.command("status")
    monkeypatch.setattr(
        yaml, "load", lambda model, source: pytest.fail(f"{source.path} is parsed again") if model is Item else model
    )
    repository = Repository(world.root)
    queue = Queue(repository.objects, repository.state)
    for path in ("queue/inbox/bad.yaml", "queue/inbox/worse.yaml"):
        with pytest.raises(InvalidFile) as caught:
            queue.item(path, world.git("rev-parse", f"HEAD:{path}"))
        assert str(caught.value.problems[0]) in first
    repository.close()


@pytest.mark.parametrize("name", ["large.yaml", "large.jsonl"])
def test_a_file_that_is_too_large_is_named_unread_and_stops_nobody(world: World, name: str) -> None:
    world.item("good")
    hollow(world.root / "queue/inbox" / name, 40_000_000_000)
    for command in (["check"], ["status"], ["tick", "--drain"]):
        assert f"queue/inbox/{name}:1:1: is 40000000000 bytes long" in world.command(*command, status=None)
    assert world.lane("good") == "done"


@pytest.mark.parametrize(
    "path", ["queue/inbox/large.yaml", "queue/review/one.human.verdict.yaml", "queue/breakers/scripted.yaml"]
)
def test_a_committed_file_that_is_too_large_is_named_and_stops_nobody(world: World, path: str) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    hollow(world.root / path, 300_000)
    world.commit("Large")
    world.item("good")
    for command in (["status"], ["tick", "--drain"]):
        assert f"{path}:1:1: is 300000 bytes long; at most 262144 are read" in world.command(*command)
    assert world.lane("good") == "done"


def test_an_object_that_is_too_large_is_not_read(world: World) -> None:
    hollow(world.root / "large", 1_000_000)
    world.commit("Large")
    repository = Repository(world.root)
    oid = world.git("rev-parse", "HEAD:large")
    with pytest.raises(TooLarge, match="1000000 bytes long; at most 999999"):
        repository.objects.small_blob(oid, 999_999)
    assert len(repository.objects.small_blob(oid, 1_000_000)) == 1_000_000
    with pytest.raises(TooLarge):
        files.read_regular(world.root / "large", 999_999)
    repository.close()
    assert MOST_BYTES > yaml.MAX_BYTES
