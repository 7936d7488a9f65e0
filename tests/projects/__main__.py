"""Real projects under the factory: `python -m tests.projects [NAME…]`. Green must be true, and so must red.

Each is fetched from its registry, and installed as its own developers do. A worker that breaks it has to be sent back,
a right change with a test of its own has to come in; where the check looks at a copy of the product, the canary has to
tell. A project that cannot be fetched is skipped.
"""

import json
import os
import pwd
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.projects.project import Project, Trial, Unreachable
from tests.projects.python import PYTHON
from tests.projects.samples import SAMPLES
from tests.world import World

PROJECTS = {**PYTHON, **SAMPLES}


def try_out(project: Project, place: Path) -> Iterator[tuple[Trial, str, str, float]]:
    """(trial, where it ended, what the check said, seconds) of each. Raises Unreachable."""
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    for name, value in project.env.items():
        os.environ[name] = value.replace("~", str(home)).replace("{root}", str(place / "sample"))
    world = World(project.prepare(place))
    world.git("init", "-q", "-b", "main")
    world.write("queue/inbox/.gitkeep", "")
    world.commit("As it was fetched")
    world.policy("\n".join(f"{key}: {json.dumps(value)}" for key, value in project.policy.items()))
    worker = {"run": ["factory-scripted"], "env": list(project.env)}
    world.contract("scripted", worker=worker, checks=[{"name": "tests", "run": list(project.check)}])
    for number, trial in enumerate(project.trials):
        steps = []
        for path, old, new in trial.edits:
            text = world.read(path) if (world.root / path).exists() else ""
            assert old in text, f"{path} has no {old!r}"
            steps.append({"write": {"path": path, "text": text.replace(old, new, 1) if old else text + new}})
        item, began = f"t{number}", time.monotonic()
        world.item(item, steps)
        world.tick()
        evidence = json.loads(world.artifacts(item).get("run-1/evidence.json", "{}"))
        silent = evidence.get("silent", [])
        assert bool(silent) == (project.blind and bool(evidence)), f"the canary tells of {silent}"
        lines = 1 if world.lane(item) == trial.lane else 40
        heard = ["a check that passes without the product"] if silent else []
        said = "; ".join(heard + ["\n".join(ran["tail"].split("\n")[-lines:]) for ran in evidence.get("ran", [])])
        yield trial, world.lane(item), said or str(world.last(item).reason), time.monotonic() - began


@contextmanager
def surroundings(home: Path) -> Iterator[None]:
    """A home folder and a PATH of its own."""
    before = dict(os.environ)
    os.environ |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    home.mkdir(parents=True)
    for key, value in (("user.name", "Ann"), ("user.email", "ann@example.org")):
        subprocess.run(["git", "config", "--global", key, value], check=True)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def main(names: Sequence[str]) -> int:
    wrong = 0
    for name in names or PROJECTS:
        with tempfile.TemporaryDirectory(prefix="factory-projects-") as folder, surroundings(Path(folder) / "home"):
            try:
                for trial, lane, said, seconds in try_out(PROJECTS[name], Path(folder)):
                    wrong += lane != trial.lane
                    mark = "ok   " if lane == trial.lane else "WRONG"
                    sys.stdout.write(f"{mark} {name}: {trial.name}: {lane} in {seconds:.1f} s ({said})\n")
            except Unreachable as error:
                sys.stdout.write(f"skip  {name}: {error}\n")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
