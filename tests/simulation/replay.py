"""Replay: what of a script needs no simulated machine, played with the real git on a real disk, and compared."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import click

from factory.store.repository.objects import EMPTY_TREE
from factory.store.repository.repository import Repository
from factory.store.repository.trees import diff
from tests.simulation.machine import Machine, RealMachine, simulated
from tests.simulation.play import played_on
from tests.simulation.steps import FAULTS, Script

# What two machines do not have in common: object ids, also short, digests, moments, durations, and who a clone is.
_OWN = re.compile(
    rb"\b(?:[0-9a-f]{40}|[0-9a-f]{10})\b|sha256:[0-9a-f]{64}"
    rb"|\d{4}-\d\d-\d\dT[0-9:.]+Z?|\"seconds\": ?[0-9.]+|(?:[\w.-]+:|\blate-)[0-9a-f]{16}\b"
)
_KINDS = ("rename", "link", "unlink", "fsync")
_CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += 0")  # strace(1)
_PATHS = re.compile(r"\"([^\"]+)\"|<([^>]+)>")
_HERE = re.compile(r"AT_FDCWD<[^>]*>")
_TEMPORARY = re.compile(
    r"\.factory-\w+|tmp_obj_\w+|next-index-\d+|(?<=objects/)[0-9a-f]{2}/\w+|index-lock-\d+|pack-[0-9a-f]+|patch-\w+"
)
# Where git is at liberty: its upkeep, an index that it writes anew and that says the same, how a pack gets its name.
_ASIDE = re.compile(
    r"maintenance\.lock|index\.lock|index\.stash|factory/#/index|objects/pack/|packed-refs\.lock|refs/stash\.lock"
)
_UNFINISHED = " <unfinished ...>"
_BEGIN, _END = "all-was-laid", "all-is-over"  # what is looked for, so that the trace tells of it


def quiet(script: Script) -> Script:
    """The same without faults, with nothing in the midst of a pass, and without git's own upkeep of its objects."""
    steps = [step for step in script.steps if step.what not in FAULTS and step.what != "gc"]
    return script.but([replace(step, at=-1) for step in steps])


def history(script: Script, *, real: bool) -> list[str]:
    """What the branch's commits say and hold, the newest first, after a script on one of the machines."""
    if real:
        machine = RealMachine(script)
        with closing(machine):
            return _played(script, machine)
    with simulated(script) as other:
        return _played(script, other)


def _played(script: Script, machine: Machine) -> list[str]:
    played = played_on(machine, script)
    with closing(Repository(machine.root, machine.system)) as repository:
        return [*played.violations, *_told(repository)]


def _told(repository: Repository) -> Iterator[str]:
    head = repository.head("main")
    while head:
        kind, content = (repository.objects.read(head) or ("", "", b""))[1:]
        commit = repository.objects.commit(head)
        yield _OWN.sub(b"#", content.partition(b"\n\n")[2]).decode()
        parent = commit.parents[0] if commit.parents else ""
        before = repository.objects.commit(parent).tree if parent else EMPTY_TREE
        for change in diff(repository.objects, before, commit.tree):
            data = repository.objects.blob(change.new.oid) if change.new else b"gone"
            yield _OWN.sub(b"#", b"%s %s: %s" % (kind.encode(), change.path.encode(), data)).decode(errors="replace")
        head = parent


def durable_steps(script: Script, *, real: bool) -> list[str]:
    """What a script does to names and makes durable, in its order: told by the disk, or by strace of all processes."""
    if not real:
        with simulated(script) as machine:
            machine.disk.log = []
            played_on(machine, script)
            steps = [(str(operation), list(map(str, paths))) for operation, *paths in machine.disk.log]
            return list(_plain(steps, str(machine.root)))
    with tempfile.NamedTemporaryFile("r") as trace, tempfile.NamedTemporaryFile("w") as told:
        told.write(script.to_json())
        told.flush()
        calls = "trace=rename,renameat,renameat2,link,linkat,unlink,unlinkat,fsync,fdatasync"
        argv = ("strace", "-f", "-y", "-qqq", "-e", calls, "-e", "signal=none", "-o", trace.name, sys.executable, "-m")
        given = (*argv, "tests.simulation.replay", told.name)
        done = subprocess.run(given, check=True, capture_output=True, text=True)
        root = done.stdout.strip()
        return list(_plain(_traced(trace.read().split("\n"), root), root))


def _traced(lines: list[str], root: str) -> Iterator[tuple[str, list[str]]]:
    """(operation, paths) of each call that went well, from when all was laid on."""
    begun = False
    for line in _whole(lines):
        begun = begun or _BEGIN in line
        if _END in line:
            return
        found = _CALL.match(line) if begun else None
        if found:
            told = [quoted or path for quoted, path in _PATHS.findall(_HERE.sub("", found[2]))]
            # A name below a folder that is open follows it.
            paths = ["/".join(told)] if found[1] == "unlinkat" else told
            operation = "rmdir" if "AT_REMOVEDIR" in found[2] else found[1].removesuffix("at2").removesuffix("at")
            yield operation, [str(Path(root, path)) for path in paths]


def _whole(lines: list[str]) -> Iterator[str]:
    """Calls, each on one line: another process may have come in between."""
    begun: dict[str, str] = {}
    for line in lines:
        process, _, call = line.partition(" ")
        if call.endswith(_UNFINISHED):
            begun[process] = call.removesuffix(_UNFINISHED)
        elif "resumed>" in call:
            yield f"{process} {begun.pop(process, '')}{call.partition('resumed>')[2]}"
        else:
            yield line


def _plain(steps: Iterable[tuple[str, list[str]]], root: str) -> Iterator[str]:
    for operation, paths in steps:
        below = [_TEMPORARY.sub("#", path.removeprefix(f"{root}/")) for path in paths]
        if operation in _KINDS and not any(path.startswith("/") or _ASIDE.search(path) for path in below):
            yield f"{operation} {' '.join(below)}"


def by_path(steps: list[str]) -> dict[str, list[str]]:
    """The steps of each path, in their order: threads of the real machine may mix those of several."""
    found: dict[str, list[str]] = {}
    for step in steps:
        found.setdefault(step.rpartition(" ")[2], []).append(step)
    return found


def main() -> None:
    """Play a script on the real machine, for whoever traces it."""
    script = Script.read(Path(sys.argv[1]))
    with closing(RealMachine(script)) as machine:
        (machine.root / _BEGIN).unlink(missing_ok=True)
        played_on(machine, script)
        (machine.root / _END).unlink(missing_ok=True)
        click.echo(machine.root)


if __name__ == "__main__":
    main()
