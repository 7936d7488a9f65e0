"""The machine: what chance has people, the factory and the remote do, and what must be true after each step."""

import os
import shutil
import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from factory.report.audit.audit import audit
from factory.store.repository.repository import Repository
from tests.sync_machine.clone import Clone
from tests.sync_machine.kills import PLACES
from tests.sync_machine.remote import Bare
from tests.world import World

_CLONES = ("ann", "bob", "eve")
_AILMENTS = {
    "refuses once": ("pre-receive", "echo not now >&2; exit 1"),
    "hangs up": ("post-receive", "kill -9 $PPID"),
    "kills who pushes": ("post-receive", "kill -9 $(ps -o ppid= -p $PPID) $PPID"),
    "hangs up and is away": ("post-receive", "mv {place} {place_away}; kill -9 $PPID"),
}
_COMMANDS = {"sync": ("sync",), "tick": ("tick", "--push"), "drain": ("tick", "--push", "--drain")}
_NAMED, _IN_THE_WAY = "have changed", "are in the way"
_ROUNDS = 12
_AWAY = 3  # steps, at most

who = st.integers(0, 2)
which = st.integers(0, 9)
flag = st.booleans()

did: Counter[str] = Counter()  # of all machines of this process


def runs(number: int) -> tuple[str, list[list[dict[str, object]]]]:
    """A contract and what its worker does in each run."""
    well: list[dict[str, object]] = [{"write": {"path": f"work-{number}.txt", "text": f"{number}\n"}}]
    more: list[dict[str, object]] = [{"write": {"path": f"work-{number}.txt", "text": f"{number}, longer\n"}}]
    same: list[dict[str, object]] = [{"write": {"path": "work.txt", "text": f"{number}\n"}}]
    kinds: list[tuple[str, list[list[dict[str, object]]]]] = [
        ("scripted", [well, more]),
        ("reviewed", [well, more]),
        ("reviewed", [well, more]),
        ("reviewed", [same, well, more]),
        ("scripted", [[{"exit": 1}], well, more]),
    ]
    return kinds[number % len(kinds)]


class Clones(RuleBasedStateMachine):
    """Three clones of one remote."""

    keep: Path | None = None  # where to leave what the first that fails has made, and what was `told` of it

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sync-machine-"))
        self.before = os.environ.get("XDG_CACHE_HOME")
        os.environ["XDG_CACHE_HOME"] = str(self.folder / "cache")
        first = World.create(self.folder / "first")
        first.write("shared.txt", "0\n")
        first.policy("sandbox: off\nretry: {initial_ms: 1}\nbreaker: {failures: 1000}\nlimits: {blocked: 1000}")
        first.commit("What all share")
        first.git("clone", "-q", "--bare", str(first.root), str(self.folder / "remote.git"))
        self.remote = Bare(self.folder / "remote.git")
        self.clones = [Clone(self.remote, self.folder / name) for name in _CLONES]
        self.count = self.absent = 0
        self.tokens: set[str] = set()
        self.whole = False
        did["machines"] += 1

    def _clone(self, number: int) -> Clone:
        """A clone whose person sees to it that git works there, as they find it."""
        clone = self.clones[number]
        if clone.locked():
            self._factory(clone, "sync")
            assert not clone.locked()
        return clone

    def _step(self, what: str) -> None:
        did["steps"] += 1
        self.whole = False
        self.absent = self.absent + 1 if self.remote.away else 0
        if self.absent > _AWAY:
            self.remote.come_back()
        self._tell(what)

    def _tell(self, what: str) -> None:
        note(what)
        with (self.folder / "told").open("a") as told:
            told.write(f"{what}\n")

    # What people do

    @rule(number=who, of=which, committed=flag, name=st.none() | st.integers(0, 2))
    def add(self, number: int, of: int, committed: bool, name: int | None) -> None:
        """An item of a name of its own, or of one that others may use as well."""
        clone = self._clone(number)
        item_id = self._new_id() if name is None else f"same-{name}"
        self._step(f"{clone.name} adds {item_id}{' and commits' * committed}")
        if not any((clone.root / "queue").rglob(f"{item_id}.yaml")):
            self._add(clone, of, item_id)
            if committed:
                clone.commit("queue")

    def _new_id(self) -> str:
        self.count += 1
        return f"item-{self.count}"

    def _add(self, clone: Clone, of: int, item_id: str) -> None:
        self.count += 1
        contract, steps = runs(of)
        place = clone.world.item(item_id, *steps, contract=contract)
        token = f"token{self.count}x"
        place.write_text(place.read_text().replace(f"title: do {item_id}", f"title: {token}"))
        self.tokens.add(token)

    @rule(number=who, shared=flag, committed=flag)
    def code(self, number: int, shared: bool, committed: bool) -> None:
        """A person's code, not pushed."""
        clone = self._clone(number)
        self.count += 1
        self._step(f"{clone.name} writes {'shared' if shared else 'their'} code{' and commits' * committed}")
        clone.code(self.count, shared=shared, committed=committed)

    @rule(number=who, of=which, decision=st.sampled_from(["approve", "approve", "rework"]), committed=flag)
    def decide(self, number: int, of: int, decision: str, committed: bool) -> None:
        """A verdict."""
        clone = self._clone(number)
        self._step(f"{clone.name} says {decision}{' and commits' * committed}")
        did["verdicts"] += clone.decide(of, decision, committed=committed)

    @rule(
        number=who,
        of=which,
        what=st.sampled_from(["hold", "hold", "done", "blocked", "inbox", "inbox", "rework"]),
        committed=flag,
    )
    def move(self, number: int, of: int, what: str, committed: bool) -> None:
        """A move by hand, or a hold."""
        clone = self._clone(number)
        self._step(f"{clone.name} moves by hand: {what}{' and commits' * committed}")
        did["moves by hand"] += clone.move(of, what, committed=committed)

    @rule(number=who)
    def commit(self, number: int) -> None:
        """All that was saved is committed."""
        clone = self._clone(number)
        self._step(f"{clone.name} commits all")
        clone.commit("queue", *clone.saved)

    @rule(number=who, how=st.sampled_from(["--no-rebase", "--rebase"]))
    def pull(self, number: int, how: str) -> None:
        """A person's own pull."""
        clone = self._clone(number)
        self._step(f"{clone.name} pulls {how}")
        came = "refused" if self.remote.away else clone.pull(how)
        self._tell(f"  {came}")
        did[f"pull: {came}"] += 1

    @rule(number=who)
    def push(self, number: int) -> None:
        """A person's own push."""
        clone = self._clone(number)
        self._step(f"{clone.name} pushes")
        done = clone.git("push", "-q", "origin", "main")
        did[f"push: {'refused' if done.returncode else 'pushed'}"] += 1

    # What the factory does

    @rule(number=who, command=st.sampled_from(["sync", "tick", "tick", "tick", "drain"]))
    def factory(self, number: int, command: str) -> None:
        """A pass, or an exchange alone."""
        clone = self._clone(number)
        self._step(f"{clone.name}: factory {command}")
        self._factory(clone, command)

    @rule(
        number=who,
        command=st.sampled_from(["sync", "tick", "tick", "drain"]),
        where=st.sampled_from(sorted(PLACES)),
        nth=st.sampled_from([0, 0, 0, 1, 1, 2]),
        of=st.none() | which,
    )
    def kill(self, number: int, command: str, where: str, nth: int, of: int | None) -> None:
        """A kill at a chosen point, perhaps on the way of a new item."""
        clone = self._clone(number)
        if of is not None:
            self._add(clone, of, self._new_id())
        self._step(f"{clone.name}: factory {command}, killed {where} ({nth})")
        if clone.killed(where, nth, *_COMMANDS[command]):
            did["kills"] += 1
            self._tell("  killed")

    def _factory(self, clone: Clone, command: str) -> int:
        """A command, and what its person does about what it says."""
        ails = self.remote.ails()
        status, said = clone.factory(*_COMMANDS[command])
        did[f"status {status}"] += 1
        self._tell(f"  {status}: {said.strip()}")
        if status == 0:
            if command == "sync":
                assert clone.head() == self.remote.tip()
            clone.let_go(said)
        elif _NAMED in said:
            assert status == 3, said
            did["named"] += 1
            if not self.remote.away:
                self._go_the_named_way(clone)
        elif _IN_THE_WAY in said:
            assert status == 4, said
            did["in the way"] += 1
            clone.commit("queue", *clone.saved)
        else:
            assert ails, said
            did["ailing"] += 1
        return status

    def _go_the_named_way(self, clone: Clone) -> None:
        """Once they have done what is told them, the same command is obeyed."""
        clone.start_over()
        ails = self.remote.ails()
        status, said = clone.factory("sync")
        self._tell(f"  started over, {status}: {said.strip()}")
        assert ails or status == 0, said

    # What the remote does

    @rule(what=st.sampled_from(sorted(_AILMENTS)))
    def ail(self, what: str) -> None:
        """The next push ends otherwise than most."""
        self._step(f"the remote {what}")
        name, script = _AILMENTS[what]
        place = self.remote.place
        self.remote.hook(name, script.format(place=place, place_away=place.with_suffix(".away")))

    @rule(number=who)
    def be_overtaken(self, number: int) -> None:
        """The next push meets a push of another clone's person."""
        clone = self.clones[number]
        self._step(f"{clone.name} overtakes the next push")
        self.remote.hook("pre-receive", f"cd {clone.root} && git push -q origin HEAD:main; exit 0")

    @rule()
    def be_away(self) -> None:
        """The remote is away for a while."""
        self._step("the remote is away")
        self.remote.go()

    # What must be true

    @invariant()
    def nothing_is_lost_on_the_remote(self) -> None:
        """See Bare.look."""
        if hasattr(self, "remote"):
            self.remote.look()
            self.whole = True

    def teardown(self) -> None:
        """Let everything come to its end, and look at it all; but not after a failure."""
        if not hasattr(self, "folder"):
            return
        try:
            if self.whole:
                self.whole = False
                self._end()
                self.whole = True
        finally:
            if self.keep and not self.whole and not self.keep.exists():
                shutil.copytree(self.folder, self.keep, symlinks=True)
            if self.before is None:
                os.environ.pop("XDG_CACHE_HOME", None)
            else:
                os.environ["XDG_CACHE_HOME"] = self.before
            shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self) -> None:
        self.remote.heal()
        for clone in map(self._clone, range(3)):
            clone.commit("queue", *clone.saved)
        for _ in range(_ROUNDS):
            before = self.remote.tip()
            for clone in self.clones:
                self._bring_on(clone)
            if self.remote.tip() == before:
                break
        else:
            raise AssertionError(f"it comes to no end: {self.remote.items()}")
        self._look_at_all()

    def _bring_on(self, clone: Clone) -> None:
        self._factory(clone, "sync")
        for number in range(len(self.tokens)):
            clone.decide(number, "approve", committed=False)
        for place in clone.items():
            if "hold: true\n" in place.read_text():
                place.write_text(place.read_text().replace("hold: true\n", ""))
        self._tell(f"{clone.name} brings on")
        self._factory(clone, "drain")

    def _look_at_all(self) -> None:
        for clone in self.clones:
            self._factory(clone, "sync")
            assert clone.head() == self.remote.tip()
            assert not clone.world.status(), clone.world.status()
        self.remote.look()
        items = self.remote.items()
        assert sorted(item.token for item in items) == sorted(self.tokens)
        did["items"] += len(items)
        did["pushes"] += self.remote.pushes
        with closing(Repository(self.clones[0].root)) as repository:
            found = audit(repository, self.remote.tip())
        assert not found.violations, found.violations
        did["commits audited"] += found.commits
