"""The oracle: the audit of a program in which nothing is planted, whatever the one that is played has in it.

Gate and audit decide by the same code, so that a fault in it would be none to an audit of its own.
"""

import importlib
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from types import ModuleType

from factory.store.system import System

UNPLANTED = "FACTORY_UNPLANTED"  # where the program lies whose audit is asked; not set: the very one that is played
_NAMES = ("factory.report.audit.audit", "factory.store.repository.repository")


def _of_program(root: str | None) -> Sequence[ModuleType]:
    """The modules of the audit, of a second copy of the program where a root is given."""
    if root is None:
        return [importlib.import_module(name) for name in _NAMES]
    played = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "factory"}
    sys.path.insert(0, root)
    try:
        return [importlib.import_module(name) for name in _NAMES]
    finally:
        sys.path.remove(root)
        for name in [name for name in sys.modules if name.partition(".")[0] == "factory"]:
            del sys.modules[name]
        sys.modules.update(played)


_AUDIT, _REPOSITORY = _of_program(os.environ.get(UNPLANTED))


def found(root: Path, system: System, head: str) -> list[tuple[str, str]]:
    """(rule, what was found) of each rule that a history breaks."""
    with closing(_REPOSITORY.Repository(root, system)) as repository:
        return [(str(each.rule), f"{each.path} {each.text}") for each in _AUDIT.audit(repository, head).violations]
