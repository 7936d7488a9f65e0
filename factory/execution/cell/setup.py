"""The setup: what the checks need beside a commit's own files, made once for each content of the lock files."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pydantic import JsonValue

from factory.execution.cell.cell import Cell, CellNotReady
from factory.execution.cell.command import command_in
from factory.execution.cell.environments import environments
from factory.execution.cell.filesystem import Mounted
from factory.execution.cell.pool import Cells
from factory.execution.cell.sandbox import Kind, sandbox
from factory.execution.control import Control
from factory.execution.processes import process
from factory.execution.request import RunRequest
from factory.model.base import digest_of
from factory.model.cell_settings import Setup
from factory.model.errors import UnusableError
from factory.model.failure import FailureClass
from factory.model.network import common
from factory.store import files
from factory.store.logs import last_said
from factory.store.repository.batch import plumbing_commit

_PATIENCE_S = 0.2


def furnish(cells: Cells, cell: Cell, request: RunRequest, commit: str, control: Control) -> None:
    """Let a cell see the folders that it shares. Raises CellNotReady, or UnusableError when they cannot be shared."""
    settings = request.cell
    names = (*settings.shares, *settings.copies)
    if not names:
        return
    objects = cells.repository.objects
    tracked = next((name for name in names if objects.find(objects.commit(commit).tree, name) is not None), None)
    if tracked is not None:
        raise UnusableError(f"{tracked!r} cannot be shared: git holds it, so each cell has the commit's own", "git log")
    made = _made(cells, request, commit, control) if settings.setup else None
    sources = [*([made] if made else []), *cell.filesystem.checkouts]
    found = {name: place for name in names if (place := _first(sources, name)) is not None}
    contained = sandbox(request.policy.sandbox).kind is Kind.BUBBLEWRAP
    copied = tuple(name for name in found if not contained or name in settings.copies)
    cell.lay_copies({name: found[name] for name in copied})
    cell.mount(
        Mounted(found[name], place / name)
        for name in found
        if name not in copied
        for place in (cell.tree, *cell.filesystem.checkouts)
    )


def shared_folders(cells: Cells, request: RunRequest) -> Iterator[Path]:
    """The folders of people's checkouts that a request's cells see beside a commit's files."""
    checkouts = cells.checkouts()
    for name in (*request.cell.shares, *request.cell.copies):
        yield from filter(None, (_first([*checkouts], name),))
    for checkout in checkouts:
        yield from (folder.source for folder in environments(checkout))


def _first(sources: list[Path], name: str) -> Path | None:
    return next((place for base in sources if (place := files.real_folder(base, name)) is not None), None)


def _made(cells: Cells, request: RunRequest, commit: str, control: Control) -> Path:
    """The folder that holds what the setup made for a commit; made now if nobody needed it before."""
    setup = request.cell.setup
    assert setup is not None
    owner = _trusted_commit(cells, request, setup, commit)
    key = digest_of(
        {
            "cell": request.cell.model_dump(mode="json"),
            "locks": _locks(cells, setup, commit),
            "proposed": "" if owner else cells.repository.objects.commit(commit).tree,
            "environment": {**process.scrubbed_environment(setup.env)},
            "sandbox": sandbox(request.policy.sandbox).name,
        }
    ).removeprefix("sha256:")[:16]
    while not control.system.acquire(cells.setups.one_at_a_time, _PATIENCE_S):
        control.alive()
        if control.stop.is_set():
            raise CellNotReady("was stopped while it waited for the setup", bytearray())
    try:
        if not cells.setups.place(key).is_dir():
            with cells.lend(owner or commit, sandbox(request.policy.sandbox)) as cell:
                cells.setups.keep(key, _make(cells, cell, request, control, trusted=bool(owner)))
        return cells.setups.used(key)
    finally:
        cells.setups.one_at_a_time.release()


def _trusted_commit(cells: Cells, request: RunRequest, setup: Setup, commit: str) -> str:
    """A commit of the target's own content that has the same lock files; empty when only a proposal has them.

    A setup runs what its commit says, with the network: it is not for a worker to write that.
    """
    repository = cells.repository
    objects = repository.objects
    for base in (request.base, *objects.commit(commit).parents[:1]):
        if _locks(cells, setup, base) == _locks(cells, setup, commit):
            content = repository.content_at(base)
            found = plumbing_commit(objects, content, (base,), "What is to be set up.\n")
            objects.flush()
            return found
    return ""


def _locks(cells: Cells, setup: Setup, commit: str) -> list[JsonValue]:
    objects = cells.repository.objects
    tree = objects.commit(commit).tree
    return [entry.oid if (entry := objects.find(tree, path)) else "" for path in setup.locks]


def _make(cells: Cells, cell: Cell, request: RunRequest, control: Control, *, trusted: bool) -> dict[str, Path]:
    """Run the setup in a cell; the folders that it made, by name."""
    settings = request.cell
    setup = settings.setup
    assert setup is not None
    names = (*settings.shares, *settings.copies)
    home = _home(cells, cell, setup, trusted=trusted)
    taken = {place / name for place in (cell.tree, *cell.filesystem.checkouts) for name in names}
    filesystem = replace(
        cell.filesystem,
        in_checkout=True,
        mounted=tuple(each for each in cell.filesystem.mounted if each.at not in taken),
        writable=tuple({*cell.filesystem.writable, home}),
    )
    env = cell.environment(setup.env if trusted else ()) | {"HOME": str(home)}
    command = replace(
        command_in(cell, request, setup.run, env, "setup.log"),
        filesystem=filesystem,
        network=setup.network if trusted else common(setup.network, request.contract.worker.sandbox.network),
        wall_s=setup.minutes * 60,
    )
    ended = process.run(command, control.unheard())
    made = {name: found for name in names if (found := files.real_folder(cell.tree, name)) is not None}
    problem = ended.problem_in_words(f"{setup.minutes:g} minutes") or (
        "" if made else f"made none of {', '.join(names)}"
    )
    if not problem:
        return made
    printed = command.log.read_bytes()
    kind, whose = FailureClass.CRASH, ""
    if not trusted:
        kind, whose = FailureClass.CONTRACT, f", with the proposal's own {', '.join(setup.locks)},"
    output = bytearray(f"[setup: {problem}]\n".encode() + printed)
    raise CellNotReady(f"the setup{whose} {problem}{last_said(printed)}", output, kind)


def _home(cells: Cells, cell: Cell, setup: Setup, *, trusted: bool) -> Path:
    """Where tools keep what they have downloaded; what a proposal's own commands leave there is for nobody else."""
    lasting = cells.setups.home
    if setup.cache and trusted:
        lasting.mkdir(parents=True, exist_ok=True)
        return lasting
    if setup.cache and lasting.is_dir():
        files.copy_tree(lasting, cell.home)
    return cell.home
