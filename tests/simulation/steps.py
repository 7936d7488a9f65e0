"""Scripts: what happens in a simulation, step by step, as data that follows from a seed and can be made shorter."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random

from tests.simulation.workers import KINDS

# Who judges, and how often beside the others; what that is in a contract, `beginning` says.
SEATS = {"checks": 5, "checks-of-work": 2, "human": 7, "one-of-two": 3, "robot": 2, "robot-and-human": 2}

# What a person does, and how often beside the others.
PERSON = {
    "drop": 5,
    "drop-several": 1,
    "approve": 8,
    "send-back": 3,
    "reject": 2,
    "botch": 2,
    "hold": 2,
    "let-go": 3,
    "move": 2,
    "cancel": 1,
    "unblock": 4,
    "edit-item": 3,
    "edit-code": 3,
    "in-the-way": 2,
    "commit-code": 3,
    "commit-all": 2,
    "policy": 1,
    "switch": 1,
    "rebase": 1,
    "merge": 1,
    "stash": 1,
    "gc": 1,
}
_SAVED_AGAIN = ("drop-several", "edit-item")  # which goes on while passes are made
FACTORY = {"pass": 30, "work": 30, "later": 3}
FAULTS = {"kill": 4, "power-cut": 4, "no-space": 2, "io-error": 2, "restart": 1}
# What they do besides where there are two clones, with a bare repository between them.
EXCHANGE = ("pull", "pull", "rebase-onto-theirs", "push", "push")
# Of so many seeds one has two clones; and one a merge train that is long, and in which the checks often fail.
_EVERY, _CLONES, _CROWDED = 4, 0, 2
_RIDING = ("good", "good", "bad", "left", "right", "worst")
_OPERATIONS = 220  # of a pass that does a lot; later than its last operation a step happens after it
_MOST_ITEMS = 8

# From where on operations are counted, and how many there are of which one may be meant: of the whole pass, since a
# batch is made ready, since its branches are locked, and since they move.
_SINCE = {"": _OPERATIONS, "factory/index-": 60, "refs/heads/main.lock": 40, "logs/refs/heads/main": 12}


@dataclass(frozen=True)
class Step:
    """One thing that happens."""

    what: str
    which: int = 0  # decides what is left to chance
    at: int = -1  # after how many operations on the disk of the pass that is made with it; -1: before any
    clone: int = 0  # in which one
    since: str = ""  # from which on operations are counted: the first on a file whose path holds this

    def __str__(self) -> str:
        since = f" since {self.since}" if self.since else ""
        at = f" at {self.at}{since}" if self.at >= 0 else ""
        return f"{self.what} {self.which}{at}" + (f" in {self.clone}" if self.clone else "")


@dataclass(frozen=True)
class Script:
    """A simulation: the repository that it begins with, and all that happens."""

    seed: int
    items: tuple[str, ...]
    seats: str  # who has to approve: a key of SEATS
    mode: str  # of the merge train
    hands: int  # workers at once
    steps: tuple[Step, ...]
    clones: bool = False  # whether there are two

    def but(self, steps: Sequence[Step]) -> "Script":
        """The same with other steps."""
        return replace(self, steps=tuple(steps))

    def to_json(self) -> str:
        """A line for each step."""
        head = {key: value for key, value in asdict(self).items() if key != "steps"}
        return json.dumps({**head, "steps": [str(step) for step in self.steps]}, indent=1) + "\n"

    @staticmethod
    def read(path: Path) -> "Script":
        """A script that was kept."""
        kept = json.loads(path.read_text())
        return Script(**{**kept, "items": tuple(kept["items"]), "steps": tuple(map(_step, kept["steps"]))})


def _step(text: str) -> Step:
    what, which, *more = text.split(" ")
    told = dict(zip(more[::2], more[1::2], strict=True))
    return Step(what, int(which), int(told.get("at", -1)), int(told.get("in", 0)), told.get("since", ""))


def script_of(seed: int, length: int = 50) -> Script:
    """The script that follows from a seed."""
    chance = Random(seed)
    crowded = seed % _EVERY == _CROWDED
    many, kinds = (_MOST_ITEMS, _RIDING) if crowded else (chance.randint(2, _MOST_ITEMS), KINDS)
    items = tuple(f"{chance.choice(kinds)}-{number}" for number in range(many))
    weights = {**FACTORY, **PERSON, **FAULTS}
    if chance.random() < 0.3:  # some are quiet
        weights = {**FACTORY, **PERSON}
    drawn = chance.choices(list(weights), list(weights.values()), k=length)
    steps = [_near(Step(what, chance.randrange(1000), _at(what, chance))) for what in drawn]
    (seats,) = chance.choices(list(SEATS), list(SEATS.values()))
    mode, hands = chance.choice(("every", "tip")), chance.choice((1, 2, 8))
    if crowded:
        seats, hands = chance.choice(("checks", "checks-of-work")), _MOST_ITEMS
    if seed % _EVERY == _CLONES:
        return Script(seed, items, seats, mode, hands, tuple(_in_clones(steps, chance)), clones=True)
    return Script(seed, items, seats, mode, hands, tuple(steps))


def _in_clones(steps: Sequence[Step], chance: Random) -> Iterator[Step]:
    """The same in two clones: these take turns, or both are at work at the same time and go apart."""
    turns, clone = chance.random() < 0.5, 0
    for step in steps:
        if turns and chance.random() < 0.15:
            yield Step("push", chance.randrange(1000), clone=clone)
            clone = 1 - clone
            yield Step("pull", chance.randrange(1000), clone=clone)
        elif not turns and chance.random() < 0.5:
            clone = chance.randrange(2)
            what = chance.choice(EXCHANGE)
            yield _near(Step(what, chance.randrange(1000), _at(what, chance), clone))
        yield replace(step, clone=clone)


def _at(what: str, chance: Random) -> int:
    if what in FACTORY or what == "restart":
        return -1
    in_the_midst = what in FAULTS or what in _SAVED_AGAIN or chance.random() < 0.4
    return chance.randrange(_OPERATIONS) if in_the_midst else -1


def _near(step: Step) -> Step:
    """The same, three times of four where a batch is published."""
    since = tuple(_SINCE)[step.which % len(_SINCE)]
    return replace(step, at=step.at % _SINCE[since], since=since) if step.at >= 0 else step
