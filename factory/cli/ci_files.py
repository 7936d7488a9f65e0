"""The files of a CI host: a job that makes a pass, and one that looks at what others want to have merged."""

import json
import re
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files as package_files

from factory.cli.log_guard import Host
from factory.model.errors import UsageError
from factory.model.layout import ALL_CONTRACTS, WORKFLOW

_PACKAGE = "git-factory"
_INCLUDED, _INCLUDING = ".gitlab/factory.yml", ".gitlab-ci.yml"
_TEMPLATES = {  # by path
    Host.GITHUB: {
        ".github/workflows/factory.yml": "github.yml",
        ".github/workflows/factory-pull-request.yml": "github-pull-request.yml",
    },
    Host.GITLAB: {_INCLUDED: "gitlab.yml", _INCLUDING: "gitlab-ci.yml"},
}
_BY_CLOCK = (".github/workflows/factory.yml",)  # GitHub starts what the clock starts from its default branch alone
_GUARDED = (ALL_CONTRACTS, WORKFLOW, ".github/**", ".gitlab/**", _INCLUDING)
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
_UNSAID = b"git+URL@COMMIT"


def ci_files(host: Host, branch: str) -> dict[str, bytes]:
    """What lies on the queue's branch, by path. Raises UsageError for a branch that no host could be told of."""
    if not _PLAIN.fullmatch(branch):
        raise UsageError(f"the files of {host} cannot name the branch {branch!r}", "git branch -m NAME")
    folder = package_files("factory.cli") / "templates/ci"
    found = {path: (folder / name).read_bytes() for path, name in _TEMPLATES[host].items()}
    source = installed_from()
    return {path: data.replace(b"@BRANCH@", branch.encode()).replace(_UNSAID, source) for path, data in found.items()}


def clock_files(host: Host, branch: str) -> dict[str, bytes]:
    """Those of them that have to lie on the default branch, too, where that is another one."""
    return {path: data for path, data in ci_files(host, branch).items() if path in _BY_CLOCK}


def installed_from() -> bytes:
    """From where pip got this program, with the commit, as it takes it again; what a person has to fill in, else."""
    try:
        noted = json.loads(distribution(_PACKAGE).read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        noted = {}
    commit = noted.get("vcs_info", {}).get("commit_id")
    return f"git+{noted['url']}@{commit}".encode() if commit else _UNSAID


def guarding(host: Host, policy: bytes) -> bytes:
    """A policy under which no worker changes these files without a person."""
    if host is Host.GITHUB:
        return policy  # it guards them by itself
    return policy.replace(b"\nreviewers:", f"\n{_protected()}\nreviewers:".encode(), 1)


def still_to_do(host: Host, laid: Sequence[str]) -> list[str]:
    """What a person has to do besides, when these files were laid: the others are theirs."""
    told = []
    jobs = [path for path in _TEMPLATES[host] if path in laid and path != _INCLUDING]
    if jobs and installed_from() == _UNSAID:
        told.append(f"  $EDITOR {' '.join(jobs)}    # FACTORY: what is to be installed")
    if host is Host.GITLAB and _INCLUDING not in laid:
        told.append(f"  # in {_INCLUDING}, under `include`:\n  - local: {_INCLUDED}")
    if host is Host.GITLAB and WORKFLOW not in laid:
        told.append(f"  # in {WORKFLOW}, in place of what it says under `protected`, if anything:\n  {_protected()}")
    return told


def _protected() -> str:
    return f"protected: {json.dumps(_GUARDED)}"
