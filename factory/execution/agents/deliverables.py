"""Deliverables: what a worker left, read without following it anywhere, and held to the contract."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from factory.execution.outcome import Work
from factory.execution.request import RunRequest
from factory.model.contract import Contract, Patch
from factory.model.errors import Problem, TooLarge
from factory.model.failure import Failure, FailureClass
from factory.model.globs import covers, matches
from factory.model.item import Budget
from factory.model.layout import contract_path, mission_of
from factory.model.result import Result
from factory.model.run_layout import RESULT
from factory.model.text import printable
from factory.model.verdict import Finding
from factory.store.files import read_inside
from factory.store.plans import problems_in_tree
from factory.store.repository.objects import FILE, REPOSITORY, Objects
from factory.store.repository.trees import Change
from factory.store.schema import misfit

_LEFT_BY_TESTS = " (what tests leave belongs into .gitignore)"
_EXECUTABLE, _LINK = "100755", "120000"
_MOST_FINDINGS = 50
_MOST_PATCH = 20_000_000  # bytes of changed content that a patch is made of
_LONGEST_PATH = 1000  # bytes; a working tree elsewhere may lie deeper, and most systems end at 4096
_DEEPEST = 200  # folders
_TEXT_BYTES = 8000  # as git does: a NUL among the first bytes makes it no text

Breach = tuple[str, str]  # path, what is wrong with it


def files(out: Path, contract: Contract) -> tuple[dict[str, bytes], list[Breach]]:
    """The files that the contract asks for, and what is wrong with them."""
    found: dict[str, bytes] = {}
    breaches: list[Breach] = []
    for wanted in contract.produces.files:
        try:
            data = read_inside(out, wanted.path, wanted.max_kb * 1024)
        except TooLarge:
            breaches.append((wanted.path, f"is larger than {wanted.max_kb} KiB"))
            continue
        if data is not None:
            found[wanted.path] = data
        elif wanted.required:
            breaches.append((wanted.path, "is missing in $FACTORY_OUT"))
    return found, breaches


def data_breaches(result: Result | None, contract: Contract) -> list[Breach]:
    """What is wrong with the typed decision that the contract asks for."""
    schema = contract.produces.data
    if schema is None:
        return []
    reason = misfit(result.data, schema) if result else f"there is no {RESULT}"
    return [(RESULT, f"data is not what the contract asks for: {reason}")] if reason else []


def too_much(changes: Sequence[Change], objects: Objects) -> list[Breach]:
    """What cannot even be shown as a patch."""
    size = objects.sizes([change.new.oid for change in changes if change.new and change.new.mode != REPOSITORY])
    if size <= _MOST_PATCH:
        return []
    return [("", f"the changed files hold {size // 1_000_000} MB; at most {_MOST_PATCH // 1_000_000} can be judged")]


def change_breaches(changes: Sequence[Change], request: RunRequest, objects: Objects) -> Iterator[Breach]:
    """Every way in which the changed files break the contract, file by file."""
    allowed = request.contract.produces.patch
    contract, prompt = contract_path(request.contract_name), request.contract.worker.prompt
    if len(changes) > allowed.max_files:
        yield "", f"{len(changes)} files were changed; at most {allowed.max_files} may be{_LEFT_BY_TESTS}"
    for change in changes:
        if change.of_factory:
            yield change.path, "belongs to the factory"
        elif change.path == contract:
            yield change.path, "is the contract that this work is done under"
        elif change.path == prompt:
            yield change.path, "is the prompt that this work is done by"
        elif covers(change.path, request.contract.worker.frozen):
            yield change.path, "may not be changed; the contract says that it is frozen"
        elif not matches(change.path, request.may_change):
            yield change.path, f"may not be changed; the contract allows {', '.join(request.may_change) or 'no change'}"
        if change.new and (len(os.fsencode(change.path)) > _LONGEST_PATH or change.path.count("/") > _DEEPEST):
            yield change.path, f"is longer than {_LONGEST_PATH} bytes or lies in more than {_DEEPEST} folders"
        yield from _of_kind(change, allowed, objects if len(changes) <= allowed.max_files else None)


def _of_kind(change: Change, allowed: Patch, objects: Objects | None) -> Iterator[Breach]:
    """What a file must not become."""
    modes = [entry.mode for entry in (change.old, change.new) if entry]
    for mode, what in ((_LINK, "a symbolic link"), (REPOSITORY, "a repository of its own")):
        if change.new and change.new.mode == mode:
            yield change.path, f"is {what}; only plain files may be added or changed"
            return
    if set(modes) == {FILE, _EXECUTABLE} and not allowed.modes:
        yield change.path, "had its mode changed; the contract would have to say `modes: true`"
    if change.new and objects and not allowed.binary and b"\0" in objects.blob(change.new.oid)[:_TEXT_BYTES]:
        yield change.path, f"is not text; the contract would have to say `binary: true`{_LEFT_BY_TESTS}"


def line_breaches(patch: bytes, contract: Contract) -> list[Breach]:
    """Whether more lines were changed than may be."""
    lines, most = _changed_lines(patch), contract.produces.patch.max_lines
    return [("", f"{lines} lines were changed; at most {most} may be")] if lines > most else []


def _changed_lines(patch: bytes) -> int:
    """How many lines the hunks of a patch add or remove; a line may itself look like a patch's header."""
    count, in_hunk = 0, False
    for line in patch.split(b"\n"):
        if line.startswith((b"@@ ", b"diff --git ")):
            in_hunk = line.startswith(b"@@ ")
        elif in_hunk and line.startswith((b"+", b"-")):
            count += 1
    return count


def problems_of_plan(
    changes: Sequence[Change], request: RunRequest, objects: Objects, tree: str
) -> tuple[Problem, ...]:
    """What is wrong with the plan that a tree holds: one to be proposed, or that of its mission if it changed."""
    item, mission = request.item, request.item_id
    if not request.plans:
        # It is a part of the mission, and has labels and priority of it, but only a share of what that may cost.
        item, mission = item.model_copy(update={"budget": Budget()}), item.mission or ""
        if item.reverts or not any(mission_of(change.path) == mission for change in changes if mission):
            return ()
    return problems_in_tree(objects, tree, mission, request.policy, item)


def findings(breaches: Sequence[Breach], problems: Sequence[Problem] = ()) -> tuple[Finding, ...]:
    """What the next run is told, file by file; a flood is cut."""
    shown = list(breaches[:_MOST_FINDINGS])
    if len(breaches) > _MOST_FINDINGS:
        shown.append(("", f"and {len(breaches) - _MOST_FINDINGS} more of the like"))
    found = tuple(
        Finding(id=f"B{number}", path=printable(path), text=printable(text))
        for number, (path, text) in enumerate(shown, 1)
    )
    return found + of_problems(problems)


def of_problems(problems: Sequence[Problem]) -> tuple[Finding, ...]:
    """What is wrong in files, each with its line."""
    return tuple(
        Finding(id=f"P{number}", path=printable(each.path), line=each.line, text=printable(each.message))
        for number, each in enumerate(problems[:_MOST_FINDINGS], 1)
    )


def breached(done: Work, breaches: Sequence[Breach], problems: Sequence[Problem] = ()) -> Work:
    """Work that broke its contract."""
    found = findings(breaches, problems)
    return replace(done, findings=found, failure=Failure(FailureClass.CONTRACT, in_short(found)))


def in_short(found: Sequence[Finding]) -> str:
    """The first of what was found, with their places."""
    places = [
        f"{each.path}:{each.line}: " if each.line else f"{each.path}: " if each.path else "" for each in found[:3]
    ]
    return "; ".join(f"{place}{each.text}" for place, each in zip(places, found, strict=False))
