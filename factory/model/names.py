"""Names that others give: which of them can be a file's, and which a branch's."""

import re

_NO_PART = frozenset({"", ".", "..", ".git"})
_NO_BRANCH = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[-/]|/$|\.$|(?:^|/)\.|\.lock(?:/|$)|[\ud800-\udfff]")
_MOST_BYTES = 250  # of a part, beside `.lock`


def leads_astray(path: str) -> bool:
    """Whether a path is not relative, or has a part that no file can have for its name."""
    return "\0" in path or not _NO_PART.isdisjoint(path.lower().split("/"))


def can_be_branch(name: str) -> bool:
    """Whether git lets a branch have this name, and a file system let its lock have one."""
    if name in ("", "@", "HEAD") or _NO_BRANCH.search(name):
        return False
    return all(len(part.encode()) <= _MOST_BYTES for part in name.split("/"))


def branch_problem(name: str) -> str:
    """Why this cannot name a branch where people or the factory work; empty when it can."""
    if not can_be_branch(name):
        return f"{name!r} is not a name that git allows for a branch"
    if name == "factory" or name.startswith("factory/"):
        return f"{name!r} stands where the factory keeps its proposals (factory/<id>); choose another branch"
    return ""
