"""What leads a process without a sandbox out of its cell, to a person's checkout, where no change is looked at."""

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from factory.store import files

WOULD_NOT_SEE = "would not look at the change"
INSTEAD = "install bubblewrap (with sandbox: auto in WORKFLOW.md), or use an environment that does not lead there"
_PACKAGES = ("lib/python*/site-packages", "lib/python*/dist-packages", "local/lib/python*/dist-packages")
# What an editable install leaves there: paths, finders, and links.
_LEADS = ("*.pth", "__editable__*.py", "*_editable*.py", "*.egg-link")
_MOST_BYTES = 1 << 20
_MOST_LINE = 256
_QUOTED = re.compile(r"[\n'\"]")
_WORDS = re.compile(r"[\s'\":;,=()\[\]{}]+")
_INTERPRETERS = ("python", "python3")


@dataclass(frozen=True)
class Checkouts:
    """A person's working trees, and what of them git tracks. The rest, such as an environment, is nobody's change."""

    roots: Sequence[Path]
    tracks: Callable[[str], bool]

    def among(self, text: str) -> Iterator[Path]:
        """The places of theirs that a text names."""
        candidates = {*_QUOTED.split(text), *_WORDS.split(text)}
        for place in sorted(Path(each).resolve() for each in candidates if each.startswith("/") and "\0" not in each):
            for root in self.roots:
                if place == root or (root in place.parents and self.tracks(str(place.relative_to(root)))):
                    yield place


def leads_out(argv: Sequence[str], env: Mapping[str, str], folder: Path, checkouts: Checkouts) -> str:
    """What of a command, run in a folder, leads to a checkout's own files; empty when nothing does."""
    words = [("its argument", word) for word in argv[1:]]
    words += [(f"the variable {name}", value) for name, value in sorted(env.items())]
    for what, text in words:
        for place in checkouts.among(text):
            return f"{what} leads to {place}"
    for name in argv[:1]:  # of an agent that is known by its kind, none is said
        for program in _programs(name, env, folder):
            for place in checkouts.among(str(program)):
                return f"{program} is {place}"
            for lead in _left_by_installs(program):
                for place in checkouts.among(os.fsdecode(files.read_start(lead, _MOST_BYTES))):
                    return f"{lead} leads to {place}"
    return ""


def _programs(name: str, env: Mapping[str, str], folder: Path) -> Iterator[Path]:
    """The program that an argv names, who interprets it, and the Pythons that it would call."""
    path = env.get("PATH", os.defpath)
    named = folder / name if "/" in name else shutil.which(name, path=path)
    if named:
        yield Path(named)
        first = files.read_start(Path(named), _MOST_LINE).split(b"\n")[0]
        words = os.fsdecode(first[2:]).split() if first.startswith(b"#!") else []
        yield from (Path(word) for word in words[:1])
    yield from (Path(found) for each in _INTERPRETERS if (found := shutil.which(each, path=path)))


def _left_by_installs(program: Path) -> list[Path]:
    """What was installed beside a program to lead its imports elsewhere."""
    folders = [folder for each in _PACKAGES for folder in program.parent.parent.glob(each)]
    return sorted({lead for folder in folders for pattern in _LEADS for lead in folder.glob(pattern)})
