"""The person who works here, as git's configuration or their own environment tells."""

import os

from factory.store.repository.git import Git
from factory.store.repository.objects import Person

# Of git's variables the only ones that say who it is, where no configuration does: in a container, say.
_THEIRS = (
    "GIT_AUTHOR_NAME",
    "GIT_AUTHOR_EMAIL",
    "GIT_COMMITTER_NAME",
    "GIT_COMMITTER_EMAIL",
    "GIT_CONFIG_GLOBAL",
)


def person_of(git: Git) -> Person | None:
    """Who git says is working here; None when nobody has told it."""
    told = {name: os.environ[name] for name in _THEIRS if name in os.environ}
    for role in ("GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"):
        ident = git.call("var", role, env=told, allowed=(0, 128)).stdout.decode(errors="replace")
        name, _, rest = ident.partition(" <")
        if rest:
            return Person(name, rest.partition(">")[0])
    return None
