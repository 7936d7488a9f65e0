"""Evidence of a tester: the files below `$FACTORY_OUT/evidence`, and its report, held against what it was asked."""

import os
import stat
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from factory.model.errors import TooLarge
from factory.model.gate import unanswered
from factory.model.item import Item
from factory.model.mission.report import (
    EVIDENCE_FOLDER,
    MOST_EVIDENCE_BYTES,
    MOST_EVIDENCE_FILES,
    evidence_name_problem,
    report_in,
    shortcomings,
)
from factory.model.result import Result
from factory.model.run_layout import RESULT
from factory.store.files import read_inside

Breach = tuple[str, str]  # path or assertion, what is wrong with it
_MOST_ENTRIES = 1000  # that are looked at


def evidence_files(out: Path) -> tuple[dict[str, bytes], list[Breach]]:
    """The evidence files in an out folder by their paths below it, and what is wrong with the rest.

    Nothing is followed anywhere: links, pipes and the like are no evidence.
    """
    found: dict[str, bytes] = {}
    names, breaches = _listed(out)
    left = MOST_EVIDENCE_BYTES
    for name in names:
        if len(found) == MOST_EVIDENCE_FILES:
            breaches.append((EVIDENCE_FOLDER, f"holds more than {MOST_EVIDENCE_FILES} files"))
            break
        try:
            data = read_inside(out, name, left)
        except TooLarge:
            breaches.append((name, f"makes the evidence larger than {MOST_EVIDENCE_BYTES // 1_000_000} MB"))
            continue
        if data is None:
            breaches.append((name, "cannot be read"))
        else:
            found[name] = data
            left -= len(data)
    return found, breaches


def _listed(out: Path) -> tuple[list[str], list[Breach]]:
    """The paths of plain files with names that can be kept, sorted, and what else there is."""
    names: list[str] = []
    breaches: list[Breach] = []
    ahead, seen = [EVIDENCE_FOLDER], 0
    while ahead:
        folder = ahead.pop()
        try:
            if not stat.S_ISDIR((out / folder).lstat().st_mode):
                breaches.append((folder, "is no folder"))
                continue
            with os.scandir(out / folder) as listed:
                entries = sorted(each.name for each in islice(listed, _MOST_ENTRIES + 1))
        except FileNotFoundError:
            continue  # it left none
        except OSError:
            breaches.append((folder, "cannot be read"))
            continue
        for entry in entries:
            seen += 1
            if seen > _MOST_ENTRIES:
                return sorted(names), [
                    *breaches,
                    (EVIDENCE_FOLDER, f"holds more than {_MOST_ENTRIES} files and folders"),
                ]
            name = f"{folder}/{entry}"
            problem = evidence_name_problem(name)
            try:
                mode = (out / name).lstat().st_mode
            except OSError:
                continue  # gone meanwhile
            if problem:
                breaches.append((name, problem))
            elif stat.S_ISDIR(mode):
                ahead.append(name)
            elif stat.S_ISREG(mode):
                names.append(name)
            else:
                breaches.append((name, "is no plain file"))
    return sorted(names), breaches


def report_breaches(item: Item, result: Result | None, left: Mapping[str, bytes]) -> list[Breach]:
    """What is wrong with what a tester says of the assertions of its item, each criterion without a check being one."""
    if result is None:
        return [(RESULT, "is missing: it has to say of each assertion what was found")]
    try:
        report = report_in(result.data)
    except ValueError as error:
        return [(RESULT, str(error))]
    return list(shortcomings(unanswered(item), report, left))
