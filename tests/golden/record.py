"""The record: the demo and the golden story as one text, the same whenever the same code tells them."""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.golden import story, strain
from tests.golden.chronicle import Chronicle
from tests.golden.normal import numbered
from tests.golden.stage import Stage

_SCENES = (
    *(story.begin, story.ends, story.cache, story.queue, story.loose_ends, story.merges),
    *(strain.failures, strain.breakers, strain.budgets, strain.seats, strain.applies, strain.meanwhile, strain.end),
)
# The demo lets two workers run at once; the order of its commits would depend on which is quicker.
_ONE_WORKER = """#!/bin/sh
[ "$1" = commit ] && sed -i 's/max_concurrent_agents: [0-9]*/max_concurrent_agents: 1/' WORKFLOW.md && {git} add -u
exec {git} "$@"
"""


def record(python: Path) -> str:
    """Both stories, told by the factory that an interpreter has."""
    with tempfile.TemporaryDirectory(prefix="golden-") as folder:
        place = Path(folder).resolve()
        return numbered("".join(Chronicle(stage).text() for stage in (_golden(place, python), _demo(place, python))))


def _golden(place: Path, python: Path) -> Stage:
    stage = Stage(place, "golden", python)
    for scene in _SCENES:
        sys.stderr.write(f"{scene.__name__}\n")
        scene(stage)
    return stage


def _demo(place: Path, python: Path) -> Stage:
    """`factory demo`, and the last step that it advises: a person's approval of what waits for one."""
    sys.stderr.write("demo\n")
    wrapper = place / "bin/git"
    wrapper.parent.mkdir()
    git = subprocess.run(["sh", "-c", "command -v git"], capture_output=True, text=True, check=True).stdout.strip()
    wrapper.write_text(_ONE_WORKER.format(git=git))
    wrapper.chmod(0o755)
    stage = Stage(place, "demo", python, first_in_path=str(wrapper.parent))
    stage.factory("demo", "demo", folder=place)
    for verdict in sorted(stage.root.glob("queue/review/*.verdict.yaml")):
        stage.edit(str(verdict.relative_to(stage.root)), ("decision: pending", "decision: approve"))
    stage.factory("-C", "demo", "tick", folder=place)
    stage.factory("audit")
    return stage
