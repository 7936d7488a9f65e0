"""The person of a simulation: works in the same working tree, at any moment, and remembers what they did."""

import os
import re
from collections.abc import Callable, Collection
from pathlib import Path
from random import Random

from tests.simulation.beginning import item_text
from tests.simulation.git import files
from tests.simulation.hands import CODE, MOST_WAITED, Doing, Hands
from tests.simulation.machine import Machine, Refused
from tests.simulation.steps import Script, Step
from tests.simulation.topics import brought_in, clashing, stashed
from tests.simulation.writing import botched, edited, judged

WHO = "Ada <ada@example.org>"
_OPEN = ("inbox", "active", "review", "rework", "blocked")


class Person(Hands):
    """What a person does. Each thing is done step by step, so that the factory may do something in between."""

    def __init__(self, machine: Machine, script: Script) -> None:
        super().__init__(machine)
        self.known: set[str] = set(script.items)  # the items that were ever put into the queue
        self.mine: dict[str, bytes] = {}  # what the files that only this person writes have to hold
        self.taken_off: list[str] = []  # but for what is behind these, from which they took the branch themselves
        self.moved: set[str] = set()  # the items that they have moved
        self.just_moved: tuple[str, str] | None = None  # an item, and where to: by the last thing that they did
        self._moving: tuple[str, str] | None = None  # the same, while they do it
        self.astray = False  # whether a loss of power may have left files as they were on another branch
        self.torn = False  # whether a loss of power has torn what no pass has mended yet
        self._away = False  # whether they have had another branch checked out
        self._clashing = False  # whether they have left a rebase as it had stopped, to think about it
        self._doing: list[Doing] = []
        self._shown = "ref: refs/heads/main\n"  # what HEAD says
        self._number = 0

    @property
    def at_work(self) -> bool:
        """Whether something is begun and not ended."""
        return bool(self._doing)

    def do(self, step: Step) -> None:
        """Do something from its beginning to its end; what was begun before is ended first."""
        self._end_all()
        self.begin(step)
        self.just_moved, self._moving = self._moving, None
        self._end_all()

    def begin(self, step: Step) -> None:
        """Begin something."""
        self.just_moved = self._moving = None
        self._away |= step.what in ("switch", "rebase", "merge", "stash")
        self._doing.append(self._tried(self._gives_up_and(step)))
        self.go_on()

    def go_on(self) -> None:
        """Go on with what is begun, by one thing."""
        doing = self._doing[0]
        with self._machine.undisturbed():
            try:
                next(doing)
            except StopIteration:
                self._doing.remove(doing)
            self._shown = os.fsdecode(files.read(f"{self._machine.root}/.git/HEAD") or b"")  # which nobody else writes

    def _end_all(self) -> None:
        while self._doing:
            self.go_on()

    def _tried(self, doing: Doing) -> Doing:
        try:
            yield from doing
        except (Refused, OSError):
            return  # what is in its way now they may do another time

    def mend_head(self) -> None:
        """Write down again what is checked out where a loss of power has emptied HEAD, which git syncs for nobody."""
        with self._machine.undisturbed():
            if not self._place(".git/HEAD").read_text():
                self._place(".git/HEAD").write_text(self._shown)

    def lose_power(self, in_head: Collection[str], is_there: Callable[[str], bool]) -> None:
        """What was begun is over, and what neither editor nor git had synced may be gone; git's locks are removed."""
        self.commits = [each for each in self.commits if is_there(each)]
        self.astray |= self._away
        self.torn = True
        self._doing.clear()
        self._clashing = False
        with self._machine.undisturbed():
            for lock in [*self._place(".git").glob("*.lock"), *self._place(".git/refs").rglob("*.lock")]:
                if b"held by factory" not in lock.read_bytes():
                    lock.unlink()
            lying = {path.stem for path in self._place("queue").rglob("*.yaml")}
            self.known = {each for each in self.known if each in in_head or each in lying}
            self.mine = {path: self._place(path).read_bytes() for path in self.mine if self._place(path).is_file()}

    def put_in_order(self) -> None:
        """End or abort all that was begun, and have the queue's branch checked out."""
        for argv in (("rebase", "--abort"), ("merge", "--abort"), ("switch", "-q", "main")):
            self._end_all()
            self._doing.append(self._tried(self._machine.git(*argv)))
        self._end_all()

    def answer_all(self, chance: Random) -> None:
        """Judge all that waits to be, most of it with yes, and hold some of it."""
        self._hold_one(chance)
        for place in sorted(self._machine.root.glob("queue/review/*.verdict.yaml")):
            what = chance.choice(("approve", "approve", "approve", "send-back", "reject"))
            self._doing.append(self._tried(self._judge(place, what, chance)))
            self._end_all()

    def _hold_one(self, chance: Random) -> None:
        place = self._one(chance, *self._items("review"))
        if place is not None:
            place.write_text(edited(place.stem, place.read_text(), "hold", chance))

    # What they do

    def _gives_up_and(self, step: Step) -> Doing:
        if self._clashing:
            self._clashing = False
            yield from self._machine.git("rebase", "--abort")
        yield from self._acts(step)

    def _acts(self, step: Step) -> Doing:
        chance = Random(step.which)
        match step.what:
            case "drop":
                return self._drop(chance)
            case "drop-several":
                return self._drop_several(chance)
            case "approve" | "send-back" | "reject":
                return self._decide(step.what, chance)
            case "botch":
                return self._botch(chance)
            case "hold" | "let-go" | "edit-item":
                return self._edit_item(step.what, chance)
            case "move" | "cancel" | "unblock":
                return self._move(step.what, chance)
            case "edit-code":
                return self._edit_code(chance)
            case "in-the-way":
                return self._in_the_way(chance)
            case "commit-code":
                return self._commit(*CODE, only=chance.random() < 0.5, pause=chance.randrange(MOST_WAITED))
            case "commit-all":
                return self._commit("queue")
            case "policy":
                return self._policy(chance)
            case "switch":
                return self._switch()
            case "rebase" | "merge":
                clash = step.what == "rebase" and chance.random() < 0.5
                return self._clash() if clash else self._bring_together(step.what)
            case "stash":
                return stashed(self._machine)
        return self._machine.git("gc", "-q")

    def _drop(self, chance: Random) -> Doing:
        if not self._on_main():
            return
        self._number += 1
        name = f"{chance.choice(('good', 'bad', 'shared', 'chaos'))}-{self._number}n"
        yield from self._write(f"queue/inbox/{name}.yaml", item_text(name))
        self.known.add(name)
        if chance.random() < 0.4:
            yield
            yield from self._commit(f"queue/inbox/{name}.yaml")

    def _drop_several(self, chance: Random) -> Doing:
        """A batch, a line for each item; and, as they go on with it, another one."""
        if not self._on_main():
            return
        self._number += 1
        path, text = f"queue/inbox/several-{self._number}.jsonl", ""
        for number in range(2):
            name = f"good-{self._number}{'ab'[number]}"
            text += f'{{"id": "{name}", "title": "do {name}"}}\n'
            yield from self._write(path, text) if not number else self._write_again(path, text, chance)

    def _decide(self, what: str, chance: Random) -> Doing:
        place = self._one(chance, "queue/review/*.verdict.yaml", judged=True)
        if place is not None:
            yield from self._judge(place, what, chance)

    def _judge(self, place: Path, what: str, chance: Random) -> Doing:
        text = judged(place.read_text(), what, chance)
        path = str(place.relative_to(self._machine.root))
        yield from self._write(path, text, torn=chance.random() < 0.3)
        if chance.random() < 0.4:
            yield
            yield from self._commit(path)

    def _botch(self, chance: Random) -> Doing:
        """A verdict that cannot count."""
        place = self._one(chance, "queue/review/*.verdict.yaml", judged=True)
        if place is None:
            return
        name, text = botched(place.name, place.read_text(), chance)
        yield from self._write(f"queue/review/{name}", text)

    def _edit_item(self, what: str, chance: Random) -> Doing:
        place = self._one(chance, *self._items(*_OPEN))
        if place is None:
            return
        text = edited(place.stem, place.read_text(), what, chance)
        path = str(place.relative_to(self._machine.root))
        yield from self._write(path, text)
        if chance.random() < 0.3:
            yield from self._write_again(path, edited(place.stem, text, "edit-item", chance), chance)
        if chance.random() < 0.4:
            yield
            yield from self._commit("queue")  # with both halves of what they had moved

    def _move(self, what: str, chance: Random) -> Doing:
        lanes = ("blocked",) if what == "unblock" else _OPEN
        place = self._one(chance, *self._items(*lanes))
        if place is None:
            return
        to = {"unblock": "inbox", "cancel": "done"}.get(what) or chance.choice(_OPEN)
        target = self._place(f"queue/{to}/{place.name}")
        source = str(place.relative_to(self._machine.root))
        if target.exists():
            return
        self.moved.add(place.stem)
        if what == "move" and self._place(f"artifacts/{place.stem}/journal.jsonl").exists() and chance.random() < 0.4:
            place.unlink()  # which nobody believes of an item that is under way
            yield from self._commit(source)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        if chance.random() < 0.5:
            place.rename(target)
            if place.parent.name != "active":  # the run of that one is to end first
                self._moving = place.stem, to
            return
        yield from self._machine.git("mv", source, f"queue/{to}/{place.name}")
        yield
        yield from self._commit(source, f"queue/{to}/{place.name}")

    def _edit_code(self, chance: Random) -> Doing:
        if not self._on_main():
            return
        self._number, path = self._number + 1, chance.choice(self._files)
        text = f"{self._number}\n"
        self.mine[path] = text.encode()
        yield from self._write(path, text)

    def _in_the_way(self, chance: Random) -> Doing:
        """A file of their own where a worker's may have to be written; or not any more."""
        place = self._one(chance, *self._items(*_OPEN))
        if place is None:
            return
        path = f"work/{place.stem}.txt"
        if path in self.mine:
            del self.mine[path]
            self._place(path).unlink(missing_ok=True)
        elif not self._place(path).exists():
            self.mine[path] = b"mine\n"
            yield from self._write(path, "mine\n")

    def _policy(self, chance: Random) -> Doing:
        if not self._on_main():
            return
        text = self._place("WORKFLOW.md").read_text()
        mode = chance.choice(("every", "tip"))
        yield from self._write("WORKFLOW.md", re.sub(r"mode: \w+", f"mode: {mode}", text))
        yield
        yield from self._commit("WORKFLOW.md")

    def _switch(self) -> Doing:
        if self._on_main():
            yield from self._machine.git("switch", "-q", "-c", f"topic-{self._number}")
            self._number += 1
        else:
            yield from self._machine.git("switch", "-q", "main")

    def _bring_together(self, what: str) -> Doing:
        """A branch with a commit of its own, merged into the queue's or rebased onto it."""
        if not self._on_main():
            return
        self._number += 1
        topic = f"topic-{self._number}"
        made = yield from brought_in(self._machine, topic, "mine\n", rebased=what == "rebase")
        self.commits.append(made)
        self.mine[f"{topic}.txt"] = b"mine\n"

    def _clash(self) -> Doing:
        """A rebase of the queue's branch itself, which stops, and which they give up as the next thing that they do."""
        if not self._on_main():
            return
        self._number += 1
        made = yield from clashing(self._machine, f"topic-{self._number}")
        self.commits.append(made)
        self._clashing = self._place(".git/rebase-merge").exists()
