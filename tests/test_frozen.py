"""What a contract freezes: the worker cannot write it, or it is refused in the end."""

from contextlib import closing

import pytest

from factory.execution.agents.frozen import frozen_places
from factory.model.failure import FailureClass
from factory.model.globs import covers
from factory.store.repository.repository import Repository
from tests.hostile import needs_bubblewrap
from tests.world import World

KEPT = {
    "tests/test_it.py": "kept\n",
    "tests/deep/data.txt": "kept\n",
    "src/rules.py": "kept\n",
    "src/code.py": "free\n",
}


@pytest.fixture
def kept(world: World) -> World:
    """A repository with files that are to stay as they are."""
    for path, text in KEPT.items():
        world.write(path, text)
    world.commit("Files")
    return world


def work(world: World, script: str, *frozen: str, policy: str = "") -> None:
    world.policy(policy)
    world.contract("made", worker={"run": ["sh", "-c", script], "frozen": list(frozen)})
    world.item("one", contract="made")
    world.tick()


@needs_bubblewrap
@pytest.mark.parametrize(
    "script",
    [
        "echo x >> tests/test_it.py",
        "echo x > tests/new.py",
        "rm tests/test_it.py",
        "mv tests/test_it.py a.py",
        "rm -rf tests",
        "mv tests other",
        "chmod +x tests/deep/data.txt",
        "ln tests/test_it.py a.py && echo x >> a.py",
        "ln -sf /etc/passwd src/rules.py",
        "mv src/code.py src/rules.py",
        "umount tests",
        "mkdir m && unshare -Urm sh -c 'umount tests || mount --bind . m && echo x >> m/tests/test_it.py'",
    ],
)
def test_no_way_of_writing_it_is_open_to_the_worker(kept: World, script: str) -> None:
    work(kept, f"({script}) && echo WRITTEN; rm -rf m a.py; echo x >> src/code.py", "tests", "src/rules.py")
    assert kept.lane("one") == "done", kept.last("one")
    assert "WRITTEN" not in kept.artifacts("one")["run-1/output.log"]
    for path, text in KEPT.items():
        assert kept.git("show", f"main:{path}") == text.strip() + ("\nx" if path == "src/code.py" else "")


@needs_bubblewrap
@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo x > src/rules_new.py", "src/rules_new.py: may not be changed; the contract says that it is frozen"),
        ("mv src lib", "src/rules.py: may not be changed; the contract says that it is frozen"),
    ],
)
def test_what_it_can_make_or_move_all_the_same_is_refused_in_the_end(kept: World, script: str, says: str) -> None:
    work(kept, script, "src/rules*.py")
    last = kept.last("one")
    assert (kept.lane("one"), last.failure) == ("rework", FailureClass.CONTRACT)
    assert says in [f"{each.path}: {each.text}" for each in last.findings]


@pytest.mark.parametrize("script", ["echo x >> tests/deep/data.txt", "echo x > tests/new.py", "rm src/rules.py"])
def test_without_bubblewrap_a_change_of_it_is_refused_in_the_end(kept: World, script: str) -> None:
    work(kept, script, "tests/**", "src/rules.py", policy="sandbox: off\n")
    assert (kept.lane("one"), kept.last("one").failure) == ("rework", FailureClass.CONTRACT)
    assert "frozen" in str(kept.last("one").reason)


@needs_bubblewrap
def test_a_hook_may_leave_a_link_in_its_place_and_nothing_is_mounted_where_that_leads(kept: World) -> None:
    hook = 'hooks: {before_run: "rm -rf tests && ln -s /etc tests"}\n'
    work(kept, "true", "tests", policy=hook)
    assert kept.last("one").failure is FailureClass.CONTRACT


@pytest.mark.parametrize(
    ("patterns", "places"),
    [
        (["tests"], ["tests"]),
        (["tests/**"], ["tests"]),
        (["tests/*"], ["tests/deep", "tests/test_it.py"]),
        (["**/*.txt"], ["tests/deep/data.txt"]),
        (["src/rules.py", "nowhere/**"], ["src/rules.py"]),
        (["src/*.py", "tests/deep"], ["src/code.py", "src/rules.py", "tests/deep"]),
        (["rules.py"], []),
    ],
)
def test_a_folder_is_frozen_as_a_whole_where_all_in_it_is(kept: World, patterns: list[str], places: list[str]) -> None:
    root = kept.root
    with closing(Repository(root)) as repository:
        tree = repository.objects.commit(kept.git("rev-parse", "main")).tree
        found = frozen_places(repository.objects, tree, patterns, root)
    assert sorted(str(place.relative_to(root)) for place in found) == places
    assert all(covers(f"{place}/x", patterns) for place in places)
