"""Git that acts neutrally: the repository's objects, and nothing else of it, of its user or of the machine."""

import os
from pathlib import Path

from factory.store.repository.git import Git
from factory.store.system import System

# A bare git folder that ships with the package. What git reads in a repository's own (configuration, attributes,
# grafts, references, the work tree's .gitattributes), it looks for here and does not find.
_FOLDER = Path(__file__).with_name("neutral_git")


def neutral(common_dir: Path, system: System, quarantine: Path | None = None) -> Git:
    """Git over a repository's objects, without its configuration, its attributes, its drivers and its replacements.

    The same two trees give everybody the same patch and the same merge. Only object ids mean anything to it. With a
    quarantine, new objects come to lie there.
    """
    store = common_dir / "objects"
    beside = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(store)} if quarantine else {}
    return Git(
        _FOLDER,
        system,
        {
            "GIT_DIR": str(_FOLDER),
            "GIT_OBJECT_DIRECTORY": str(quarantine or store),
            **beside,
            "GIT_SHALLOW_FILE": str(common_dir / "shallow"),
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
        },
    )


def _quoted(path: Path) -> str:
    """A path as it stands in a list of paths, which a colon in it would end."""
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
