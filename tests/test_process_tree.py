"""Everything that descends from a process is found, whether or not the kernel lists children."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from factory.execution.processes import process_tree
from factory.execution.processes.process_tree import descendants, end

FAMILY = """
import subprocess, threading
def more():
    kept.append(subprocess.Popen(["sh", "-c", "sleep 77.5 & echo; wait"], stdout=subprocess.PIPE))
    kept[-1].stdout.readline()
    told.set()
    told_all.wait()
kept, told, told_all = [], threading.Event(), threading.Event()
threading.Thread(target=more, daemon=True).start()
kept.append(subprocess.Popen(["sleep", "77.5"]))
told.wait()
print("there", flush=True)
input()
"""


@pytest.fixture
def parent() -> Iterator[int]:
    """A process with a child, and in a thread another one that has a child of its own."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", FAMILY], stdin=pipe, stdout=pipe, text=True) as started:
        assert started.stdout is not None and started.stdout.readline() == "there\n"
        yield started.pid
        end(descendants(started.pid))
        started.kill()


@pytest.mark.parametrize("listed", [True, False])
def test_children_of_each_thread_and_their_children_are_found(
    parent: int, listed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_tree, "_LISTED", listed and process_tree._LISTED)
    found = {member.pid: member for member in descendants(parent)}
    assert len(found) == 3
    assert sum(member.parent == parent for member in found.values()) == 2
    assert sum(member.parent in found for member in found.values()) == 1


@pytest.mark.parametrize("listed", [True, False])
def test_who_is_gone_has_no_descendants(listed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_tree, "_LISTED", listed and process_tree._LISTED)
    with subprocess.Popen(["true"]) as gone:
        pass
    assert descendants(gone.pid) == []
