"""Whatever people do and whenever the factory is killed: nothing is lost, and every move is legal."""

import os
import re
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from factory.model.lifecycle import Event, Lane, Outcome, check_move
from tests.program import Started
from tests.world import World

pytestmark = pytest.mark.slow  # it starts processes
set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "hypothesis")  # nothing of it in the repository

IDS = ["a", "b", "c", "d", "e"]
OPEN = ["inbox", "active", "review", "rework", "blocked"]

# Ends the process just before the n-th step of the protocol that writes commits, branches, files and the index.
CRASHING = """
import os
from factory.store import files
from factory.store.repository import checkout, commits, index, objects

def dying(owner, name):
    step = getattr(owner, name)
    def counted(*arguments, **more):
        global left
        left -= 1
        if left < 0:
            os._exit(9)
        return step(*arguments, **more)
    setattr(owner, name, counted)

dying(commits.Publisher, "publish")
dying(commits.Publisher, "_move_refs")
dying(index.Index, "prepare")
dying(index.Index, "adopt")
dying(index.Index, "forget")
dying(checkout.Checkout, "write_beside")
dying(checkout.Checkout, "update")
dying(checkout.Checkout, "_write")
dying(files, "move_new")
dying(objects.Objects, "flush")
"""


def steps(number: int) -> tuple[str, list[list[dict[str, object]]]]:
    """A contract and what its worker does: ends well, is reworked, asks, crashes, breaks in."""
    well: list[dict[str, object]] = [{"write": {"path": f"work-{number}.txt", "text": f"{number}\n"}}]
    same: list[dict[str, object]] = [{"write": {"path": "shared.txt", "text": f"{number}\n"}}]
    ask: list[dict[str, object]] = [{"result": {"status": "blocked", "question": "?"}}]
    every: list[tuple[str, list[list[dict[str, object]]]]] = [
        ("scripted", [well]),
        ("reviewed", [well]),
        ("reviewed", [same]),
        ("scripted", [same]),
        ("reviewed", [ask, well]),
        ("scripted", [[{"exit": 1}], well]),
        ("scripted", [[], well]),
    ]
    return every[number % 7]


_JUDGED_LATE = re.compile(r" M artifacts/[\w/-]+/(verdict\.human|answers)\.yaml")


class Factory(RuleBasedStateMachine):
    """A repository with people and a factory in it."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="factory-machine-"))
        self.before = {name: os.environ.get(name) for name in ("XDG_CACHE_HOME", "HOME")}
        os.environ["XDG_CACHE_HOME"] = str(self.folder / "cache")
        self.world = World.create(self.folder / "repo")
        self.world.policy("retry: {initial_ms: 1}")
        self.taken: set[str] = set()  # every id that was ever committed
        self.mine: dict[str, str] = {}  # a person's own files, which nobody may touch
        self.count = 0
        for item_id, number in (("a", 1), ("b", 4), ("c", 2), ("d", 2)):
            contract, runs = steps(number)
            self.world.item(item_id, *runs, contract=contract)
        self.tick(drain=True)

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            for name, value in self.before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
            shutil.rmtree(self.folder)

    # What people do

    def _place(self, item_id: str) -> Path | None:
        found = [path for path in self.world.root.glob(f"queue/*/{item_id}.yaml") if path.parent.name in OPEN]
        return found[0] if len(found) == 1 else None

    def _known(self, item_id: str) -> bool:
        return any(self.world.root.glob(f"queue/**/{item_id}.yaml")) or item_id in self.taken

    def _on_main(self) -> bool:
        return self.world.git("symbolic-ref", "--short", "HEAD") == "main"

    def _commit(self) -> None:
        self.world.git("add", "-A", "queue")
        self.world.git("commit", "-q", "--allow-empty", "-m", "By hand", "--only", "--", "queue", check=False)

    def drop(self, which: int, committed: bool) -> None:
        item_id, number = IDS[which % len(IDS)], which
        if self._on_main() and not self._known(item_id):
            contract, runs = steps(number)
            self.world.item(item_id, *runs, contract=contract)
            if committed:
                self._commit()

    def edit(self, which: int, _committed: bool) -> None:
        place = self._place(IDS[which % len(IDS)])
        if self._on_main() and place is not None:
            self.count += 1
            place.write_text(place.read_text() + f"# edit {self.count}\n")

    def move(self, which: int, committed: bool) -> None:
        lane = [*OPEN, "done"][which // 5 % 6]
        places = [place for item_id in sorted(self.taken) if (place := self._place(item_id))]
        if self._on_main() and places:
            place = places[which % len(places)]
            target = self.world.root / "queue" / lane / place.name
            if not target.exists():
                place.rename(target)
                if committed:
                    self._commit()

    def decide(self, which: int, _committed: bool) -> None:
        decision = ["approve", "rework", "reject", "escalate"][which // 5 % 4]
        waiting = sorted(self.world.root.glob("queue/review/*.human.verdict.yaml"))
        if self._on_main() and waiting:
            place = waiting[which % len(waiting)]
            text = place.read_text().replace("decision: pending", f"decision: {decision}")
            place.write_text(text.replace("notes: |", "notes: because"))

    def answer(self, which: int, half: bool) -> None:
        waiting = sorted(self.world.root.glob("queue/blocked/*.answers.yaml"))
        if self._on_main() and waiting:
            place = waiting[which % len(waiting)]
            place.write_text(
                place.read_text().replace("decision:\n", "decision: as it was before\n", 1 if half else -1)
            )

    def delete_a_verdict(self, which: int, committed: bool) -> None:
        waiting = sorted(self.world.root.glob("queue/review/*.human.verdict.yaml"))
        if self._on_main() and waiting:
            place = waiting[which % len(waiting)]
            place.unlink()
            if committed:
                self._commit()
            else:
                self.world.git("checkout", "-q", "--", str(place), check=False)

    def pull_a_lever(self, which: int, _committed: bool) -> None:
        command = [("hold",), ("hold", "--off"), ("cancel",), ("retry",), ("retry",)][which // 5 % 5]
        blocked = sorted(path.stem for path in self.world.root.glob("queue/blocked/*.yaml"))
        ids = blocked if blocked and command == ("retry",) else IDS
        item_id = ids[which % len(ids)]
        self.world.command(command[0], item_id, *command[1:], status=None)

    def work_on_something_else(self, _which: int, staged: bool) -> None:
        self.count += 1
        name = f"mine-{self.count}.txt"
        self.world.write(name, "mine\n")
        self.mine[name] = "A " if staged else "??"
        if staged:
            self.world.git("add", name)

    def commit_what_i_work_on(self, _which: int, _committed: bool) -> None:
        if not self.mine:
            return
        self.world.git("add", "--", *self.mine)
        self.world.git("commit", "-q", "-m", "Mine", "--only", "--", *self.mine)
        self.mine.clear()

    def switch_branch(self, _which: int, _committed: bool) -> None:
        if self.world.git("status", "--porcelain"):
            return
        if self._on_main():
            self.world.git("switch", "-q", "-C", "elsewhere")
        else:
            self.world.git("switch", "-q", "main")

    @rule(
        what=st.lists(
            st.tuples(
                st.sampled_from(
                    [
                        "drop",
                        "edit",
                        "move",
                        "decide",
                        "decide",
                        "answer",
                        "delete_a_verdict",
                        "pull_a_lever",
                        "work_on_something_else",
                        "commit_what_i_work_on",
                        "switch_branch",
                    ]
                ),
                st.integers(0, 34),
                st.booleans(),
            ),
            min_size=1,
            max_size=4,
        ),
        crash=st.none() | st.integers(0, 30),
    )
    def people_do_some_things_and_then_there_is_a_tick(
        self, what: list[tuple[str, int, bool]], crash: int | None
    ) -> None:
        for name, which, flag in what:
            getattr(self, name)(which, flag)
        if crash is None:
            self.tick(drain=len(what) % 2 == 0)
        else:
            self.crash_in_a_tick_and_tick_again(crash)

    # What the factory does

    def tick(self, drain: bool) -> None:
        self._note_new()
        self.world.tick(drain=drain)
        self._look()

    def crash_in_a_tick_and_tick_again(self, after: int) -> None:
        self._note_new()
        Started(("tick",), self.world.root, before=f"{CRASHING}\nleft = {after}\n").communicate()
        self.world.tick()
        self._look()

    # What must be true after every pass

    def _note_new(self) -> None:
        paths = self.world.git("ls-tree", "-r", "--name-only", "main", "queue").split("\n")
        self.taken |= {
            Path(path).stem
            for path in paths
            if path.endswith(".yaml") and not path.endswith((".verdict.yaml", ".answers.yaml"))
        }

    def _look(self) -> None:
        self._note_new()
        for item_id in self.taken:
            lane = self.world.lane(item_id)  # in exactly one lane, and not lost
            journal = self.world.journal(item_id)
            assert [entry.seq for entry in journal] == list(range(1, len(journal) + 1))
            at: Lane | None = None
            for entry in journal:
                assert entry.source is at, f"{item_id}: {entry.event} begins in {entry.source}, and it lay in {at}"
                check_move(entry.event, entry.source, entry.to)
                at = entry.to
                if entry.event is Event.FINISH:
                    assert entry.outcome in (Outcome.APPLIED, Outcome.ACCEPTED)
            assert lane == str(at or Lane.INBOX), f"{item_id} lies in {lane}; its journal ends in {at}"
            if lane == "active":
                raise AssertionError(f"{item_id} is active after the tick")
        self._the_working_tree_shows_only_what_people_did()
        assert self.world.git("fsck", "--no-dangling", "--no-progress") == ""
        assert not (self.world.root / ".git/index.lock").exists()
        assert not (self.world.root / ".git/factory/pending").exists()

    def _the_working_tree_shows_only_what_people_did(self) -> None:
        lines = [line for line in self.world.status().split("\n") if line]
        late = [line for line in lines if _JUDGED_LATE.fullmatch(line)]
        for line in late:  # what they still wrote into such a file went with it when its item left: they let it go
            self.world.git("checkout", "-q", "--", line[3:])
        lines = [line for line in lines if line not in late]
        others = [line for line in lines if line[3:] not in self.mine]
        assert sorted(line for line in lines if line not in others) == sorted(f"{s} {n}" for n, s in self.mine.items())
        assert others == [], f"the working tree shows {others}"


Factory.TestCase.settings = settings(
    max_examples=8,
    stateful_step_count=12,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)
test_nothing_is_lost_and_every_move_is_legal = Factory.TestCase
