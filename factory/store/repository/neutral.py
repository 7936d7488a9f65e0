"""Git that acts neutrally: the repository's objects, and nothing else of it, of its user or of the machine."""

import os
from pathlib import Path

from factory.store.repository.git import Git

# A bare git folder that ships with the package. What git reads in a repository's own (configuration, attributes,
# grafts, references, the work tree's .gitattributes), it looks for here and does not find.
_FOLDER = Path(__file__).with_name("neutral_git")


def neutral(common_dir: Path) -> Git:
    """Git over a repository's objects, without its configuration, its attributes, its drivers and its replacements.

    The same two trees give everybody the same patch and the same merge. Only object ids mean anything to it.
    """
    return Git(
        _FOLDER,
        {
            "GIT_DIR": str(_FOLDER),
            "GIT_OBJECT_DIRECTORY": str(common_dir / "objects"),
            "GIT_SHALLOW_FILE": str(common_dir / "shallow"),
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
        },
    )
