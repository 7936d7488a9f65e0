"""What processes use is measured where it lies, also while a sandbox is being set up around them."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from factory.execution.cell.filesystem import Filesystem, GitView
from factory.execution.processes.consumption import Consumption
from factory.execution.processes.handles import kept
from factory.model.contract import Limits
from factory.store.system import MACHINE

_MOUNTS = subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode == 0
needs_mounts = pytest.mark.skipif(not _MOUNTS, reason="no mount namespaces here")
IN_MEMORY = "mount -t tmpfs none /mnt && head -c 3000000 /dev/zero > /mnt/file"
COVERED = f"{IN_MEMORY} && mount --rbind /usr /mnt"


@contextmanager
def process(script: str) -> Iterator[subprocess.Popen[str]]:
    """A process that has mounted something, and whose parent this is."""
    argv = ["unshare", "-rm", "sh", "-c", f"{script} && echo mounted && cat && true"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None and started.stdout.readline() == "mounted\n"
        yield started
        started.communicate()


@needs_mounts
def test_what_lies_in_a_file_system_in_memory_counts_as_memory(tmp_path: Path) -> None:
    with process(IN_MEMORY) as started:
        found = kept([started.pid], [tmp_path])
    assert 3_000_000 <= found.memory < 4_000_000
    assert not found.covered


@needs_mounts
def test_what_is_mounted_over_it_is_not_taken_for_it(tmp_path: Path) -> None:
    with process(COVERED) as started:
        found = kept([started.pid], [tmp_path])
    assert found.memory == 0
    assert len(found.covered) == 1


@needs_mounts
def test_what_stays_covered_for_longer_than_a_sandbox_is_set_up_is_a_breach(tmp_path: Path) -> None:
    git = GitView(tmp_path, tmp_path, tmp_path, tmp_path)
    looking = Consumption([Filesystem(tmp_path, (), tmp_path, tmp_path, git)], Limits(), MACHINE)
    with process(COVERED) as started:
        began = MACHINE.monotonic()
        assert looking.beyond(started.pid) is None
        while (found := looking.beyond(started.pid)) is None:
            MACHINE.sleep(0.01)
        took = MACHINE.monotonic() - began
    assert "mounted over" in found.reason
    assert took > 5  # a machine that has much else to do is no hiding place
