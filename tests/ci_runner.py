"""CI hosts' runners, as far as a job of ours needs one: its own steps in a new clone, made as the host makes it."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml import YAML

from tests.world import World

TOKEN = "ghs_0123456789abcdef0123456789abcdef0123"
# All that a step may say in the host's own language, and what it stands for. What is not here fails the test.
EXPRESSIONS = {
    "${{ github.token }}": TOKEN,
    "${{ !cancelled() }}": "true",
}
_STUBS = ("pipx", "pip", "sudo", "apt-get")  # what they install is here already
_ACTIONS = ("actions/checkout@v6", "actions/cache@v5")


def parsed(text: str) -> dict[str, object]:
    """A workflow file, read as YAML."""
    found = YAML(typ="safe", pure=True).load(text)
    assert isinstance(found, dict)
    return found


@dataclass(frozen=True)
class Pull:
    """A pull request: the commit that GitHub makes of its merge."""

    merge: str  # of the remote's `refs/pull/1/merge`


@dataclass
class Done:
    """A job that has ended."""

    world: World
    status: int  # of the first step that failed
    log: str = ""
    summary: str = ""
    ran: list[str] = field(default_factory=list)  # the names of steps


@dataclass
class Runner:
    """A new machine for each job, below one folder; `remote` is where it clones from, `header` what it says there."""

    place: Path
    remote: str
    header: str = ""
    server: str = "https://git.example.org"
    more: Mapping[str, str] = field(default_factory=dict)  # variables of the repository
    kept: Path | None = None  # what the host's cache holds

    def __post_init__(self) -> None:
        for name in ("home", "bin", "temp", "work"):
            (self.place / name).mkdir(parents=True)
        for name in _STUBS:
            stub = self.place / "bin" / name
            stub.write_text(f'#!/bin/sh\necho "{name} $*" >> "{self.place}/installed"\n')
            stub.chmod(0o755)

    @property
    def env(self) -> dict[str, str]:
        """What every step is given."""
        path = f"{self.place}/bin:{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
        return {"PATH": path, "HOME": str(self.place / "home"), "CI": "true", "LANG": "C.UTF-8", **self.more}

    def github(self, workflow: str, event: Pull | None = None) -> Done:
        """Do the steps of the one job of a workflow file of GitHub's."""
        file = parsed(workflow)
        ((_, job),) = _map(file["jobs"]).items()
        summary = self.place / "summary.md"
        env = self.env | {
            "GITHUB_ACTIONS": "true",
            "GITHUB_SERVER_URL": self.server,
            "GITHUB_STEP_SUMMARY": str(summary),
            "RUNNER_TEMP": str(self.place / "temp"),
        }
        env |= _filled(file.get("env")) | _filled(_map(job).get("env"))
        done, cached = Done(World(self.place / "work"), 0), ""
        for step in _steps(job):
            always = _fill(str(step["if"])) == "true" if "if" in step else False
            if done.status and not always:
                continue
            if "uses" in step:
                given = _map(step.get("with") or {})
                self._use(str(step["uses"]), given, event)
                cached = cached or str(given.get("path", ""))
                done.ran.append(str(step["uses"]))
                continue
            script = str(step["run"])
            assert "${{" not in script, "what the host fills in is no part of a shell line"
            status, said = _bash(script, done.world.root, env | _filled(step.get("env")))
            done.log += said
            done.ran.append(str(step["name"]))
            done.status = done.status or status
        done.summary = summary.read_text() if summary.exists() else ""
        if self.kept and not self.kept.exists() and cached and not done.status:
            for folder in (self.place / "home").glob(cached.removeprefix("~/")):
                shutil.copytree(folder, self.kept / folder.relative_to(self.place / "home"), symlinks=True)
        return done

    def _use(self, action: str, given: Mapping[str, object], event: Pull | None) -> None:
        assert action in _ACTIONS
        if action.startswith("actions/cache@") and self.kept and self.kept.is_dir():
            shutil.copytree(self.kept, self.place / "home", symlinks=True, dirs_exist_ok=True)
        if not action.startswith("actions/checkout@"):
            return
        assert given["persist-credentials"] is False
        git = World(self.place / "work").git
        git("init", "-q")
        git("remote", "add", "origin", self.remote)
        depth, ref = given["fetch-depth"], str(given.get("ref", ""))
        wanted = [f"+{event.merge}:refs/remotes/pull/1/merge"] if event else []
        wanted += ["+refs/heads/*:refs/remotes/origin/*"] if depth == 0 else [f"+{ref}:refs/remotes/origin/{ref}"]
        shallow = [f"--depth={depth}"] if depth else []
        git("-c", f"http.extraHeader={self.header}", "fetch", "-q", "--no-tags", *shallow, "origin", *wanted)
        place = ["refs/remotes/pull/1/merge"] if event else ["-B", ref, f"refs/remotes/origin/{ref}"]
        git("checkout", "-q", "--force", *place)

    def gitlab(self, jobs: str, name: str, branch: str, variables: Mapping[str, str]) -> Done:
        """Do the script of one job of GitLab's, on a branch's newest commit, which is checked out detached."""
        file = parsed(jobs)
        job = _map(file[name])
        base = _map(file[str(job["extends"])])
        own = _map(base["variables"]) | _map(job.get("variables") or {})
        env = self.env | {"GITLAB_CI": "true", "CI_SERVER_URL": self.server, "CI_JOB_TOKEN": TOKEN, **variables}
        env |= {key: re.sub(r"\$(\w+)", lambda hit: env[hit[1]], str(value)) for key, value in own.items()} | dict(
            self.more
        )
        git = World(self.place / "work").git
        git("init", "-q")
        git("remote", "add", "origin", f"{self.remote}-as-cloned")
        said = f"http.extraHeader={self.header}"
        git("-c", said, "fetch", "-q", self.remote, f"+refs/heads/{branch}:refs/remotes/origin/{branch}")
        git("checkout", "-q", "--detach", f"refs/remotes/origin/{branch}")
        lines = [str(each) for part in (base["before_script"], job["script"]) for each in _list(part)]
        status, said = _bash("set -o pipefail\n" + "\n".join(lines), self.place / "work", env)
        return Done(World(self.place / "work"), status, said)

    def installed(self) -> str:
        """What the job had installed."""
        return (self.place / "installed").read_text()


def _bash(script: str, folder: Path, env: Mapping[str, str]) -> tuple[int, str]:
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-c", script],
        cwd=folder,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.returncode, done.stdout.decode(errors="replace")


def _fill(text: str) -> str:
    return re.sub(r"\$\{\{.*?\}\}", lambda hit: EXPRESSIONS[hit[0]], text)


def _filled(env: object) -> dict[str, str]:
    return {key: _fill(str(value)) for key, value in _map(env or {}).items()}


def _map(value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    return value


def _list(value: object) -> Sequence[object]:
    assert isinstance(value, list)
    return value


def _steps(job: object) -> Iterator[dict[str, object]]:
    return (_map(step) for step in _list(_map(job)["steps"]))


def steps_of(workflow: str, wanted: Callable[[dict[str, object]], bool]) -> list[dict[str, object]]:
    """The steps of a file's one job that are wanted."""
    ((_, job),) = _map(parsed(workflow)["jobs"]).items()
    return [step for step in _steps(job) if wanted(step)]
