"""Kept workspaces: a folder of an item's own, from run to run until it is finished, where the policy says so."""

import hashlib
import re
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from factory.execution.cell import hooks
from factory.execution.cell.cell import Cell, CellNotReady
from factory.execution.cell.pool import Cells
from factory.execution.cell.sandbox import sandbox
from factory.execution.control import Control
from factory.execution.request import RunRequest
from factory.model.errors import MachineError
from factory.model.policy import Policy
from factory.store import files
from factory.store.state import KEPT

_ODD = re.compile(r"[^A-Za-z0-9._-]")
_FOLDER = "items"  # of them, beside the cells
_ADDED = 16  # digits


def key_of(identifier: str) -> str:
    """The name of an item's folder. Where a character had to go, digits of the whole tell it from its likes."""
    plain = _ODD.sub("_", identifier)
    if plain == identifier and plain.strip("."):
        return plain
    return f"{plain.strip('.')}--{hashlib.sha256(identifier.encode()).hexdigest()[:_ADDED]}"


def place_of(cells: Cells, item_id: str) -> Path:
    """The folder of an item."""
    return cells.root / _FOLDER / key_of(item_id)


def with_folder(cells: Cells) -> list[str]:
    """The items that have a folder, or that had one when something ended half way."""
    return files.names_in(str(cells.repository.state / KEPT))


def enter(cells: Cells, cell: Cell, request: RunRequest, control: Control) -> None:
    """Let a request's agent and hooks work in its item's folder, which `after_create` fills when it is new.

    Raises CellNotReady when the hook fails, and no folder is left then; MachineError when something is in the way.
    """
    place, record = place_of(cells, request.item_id), _record(cells, request.item_id)
    if files.read_regular(record) == b"" and _is_folder(place):  # it was not filled to its end
        files.remove_tree(place)
    made = _made(place, record)
    _point_at(cell, place)
    if made:
        try:
            hooks.run_required(cell, request, "after_create", control)
        except CellNotReady:
            files.remove_tree(place)
            record.unlink(missing_ok=True)
            raise
    files.write(record, request.to_json())


def leave(cells: Cells, item_id: str, policy: Policy, control: Control) -> None:
    """Run `before_remove` in the folder of an item that is finished, whatever comes of it, and take it away."""
    place, record = place_of(cells, item_id), _record(cells, item_id)
    try:
        request = RunRequest.from_json(files.read_regular(record) or b"")
    except ValidationError:
        request = None  # half made, or of another version: there is nobody to be asked how its hook is to be run
    head = cells.repository.head(policy.branch)
    if request is not None and head is not None and policy.hooks.before_remove and _is_folder(place):
        with cells.lend(head, sandbox(policy.sandbox)) as cell:
            _point_at(cell, place)
            cell.last_call = hooks.LastCall(control.stop, control.system)
            hooks.run_optional(cell, replace(request, policy=policy), "before_remove", control)
    if _is_folder(place):
        files.remove_tree(place)
    record.unlink(missing_ok=True)


def _record(cells: Cells, item_id: str) -> Path:
    return cells.repository.state / KEPT / key_of(item_id)


def _point_at(cell: Cell, place: Path) -> None:
    around = cell.filesystem
    cell.filesystem = replace(around, at=place, writable=(*around.writable, place))


def _made(place: Path, record: Path) -> bool:
    """Whether the folder had to be made. It is recorded before it is there: only what was recorded is ever removed."""
    if _is_folder(place):
        return False
    if place.is_symlink() or place.exists():
        raise MachineError(f"{place} is in the way of the item's workspace; move it away")
    files.write(record, b"")
    place.mkdir(parents=True)
    return True


def _is_folder(place: Path) -> bool:
    """Whether it is a folder itself, and not a link to one, which could lead anywhere."""
    return place.is_dir() and not place.is_symlink()
