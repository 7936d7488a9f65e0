"""Intents: what each key means for an item, what is asked before it is done, and the one door through which it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from factory.line.intake.answers_file import told
from factory.line.person import levers
from factory.line.person.answers import answer
from factory.line.person.editing import Desk
from factory.line.person.verdict import Answer, give
from factory.model.lifecycle import Lane
from factory.model.text import one_line, printable
from factory.model.verdict import LOOSE_ITEM, Decision
from factory.serve.top.picture import Card

Said = Mapping[str, str]  # what was filled in, by the key of its field
_YES = "yes"
OPEN, DIFF = "open", "diff"  # what keys do that only read
_SEAT, _WHY = "seat", "why"


@dataclass(frozen=True)
class Field:
    """One thing that is to be filled in, or ticked."""

    key: str
    label: str
    tick: bool = False
    given: str = ""
    must: bool = False


@dataclass(frozen=True)
class Intent:
    """What is asked, and what is done then; it says what came of it. Raises FactoryError where nothing was done."""

    title: str
    yes: str
    act: Callable[[Desk, Said], str]
    fields: tuple[Field, ...] = ()
    asks: bool = True


@dataclass(frozen=True)
class Key:
    """A key that does something with the chosen item."""

    key: str
    word: str
    offered: Callable[[Card], bool]
    intent: Callable[[Card], Intent]


def _taken_in(card: Card) -> bool:
    return card.row.state != "new"


def _always(_card: Card) -> bool:
    return True


def _seat(card: Card) -> tuple[Field, ...]:
    several = f"Which seat? {', '.join(card.seats)}"
    return (Field(_SEAT, several, given=card.seats[0], must=True),) if len(card.seats) > 1 else ()


def _approve(card: Card) -> Intent:
    criteria = tuple(
        Field(f"accept {key}", f"{key} passes: {one_line(text)}", tick=True) for key, text in card.criteria
    )
    left = tuple(
        Field(
            f"left {key}", f"{key}: {one_line(text)} ('{LOOSE_ITEM}', or why nothing is to be done)", given=LOOSE_ITEM
        )
        for key, text in card.loose_ends
    )

    def act(desk: Desk, said: Said) -> str:
        accepted = tuple(key for key, _ in card.criteria if said[f"accept {key}"] == _YES)
        handoff = {key: said[f"left {key}"] for key, _ in card.loose_ends}
        said_of_it = Answer(Decision.APPROVE, None, accepted, handoff, seen=card.subject)
        return give(desk, card.row.id, said.get(_SEAT), said_of_it)

    title = f"Approve {card.row.id}, round {card.row.round}? It may be applied then."
    return Intent(title, "Approve", act, (*_seat(card), *criteria, *left))


def _send_back(card: Card) -> Intent:
    def act(desk: Desk, said: Said) -> str:
        said_of_it = Answer(Decision.REWORK, said[_WHY], seen=card.subject)
        return give(desk, card.row.id, said.get(_SEAT), said_of_it)

    why = Field(_WHY, "Why? Whoever works on it next reads this.", must=True)
    return Intent(f"Send {card.row.id} back to be done again?", "Send back", act, (*_seat(card), why))


def _answer(card: Card) -> Intent:
    def act(desk: Desk, said: Said) -> str:
        decisions = {question.id: said[question.id] for question in card.questions}
        return answer(desk, card.row.id, decisions, card.questions)

    fields = tuple(Field(each.id, printable("\n".join(told(each))), must=True) for each in card.questions)
    return Intent(f"Answer {card.row.id}: an option's id, or several words of your own", "Answer", act, fields)


def _retry(card: Card) -> Intent:
    return Intent(
        f"Send {card.row.id} back to work?",
        "Retry",
        lambda desk, _: levers.retry(desk, card.row.id),
    )


def _cancel(card: Card) -> Intent:
    title = f"Cancel {card.row.id}? It ends, and whoever works on it is stopped."
    return Intent(title, "Cancel it", lambda desk, _: levers.cancel(desk, card.row.id))


def _hold(card: Card) -> Intent:
    """The same key undoes it, so nothing is asked."""
    return Intent("", "", lambda desk, _: levers.hold(desk, card.row.id, off=card.held), asks=False)


def _pause(card: Card) -> Intent:
    if card.row.lane is Lane.BLOCKED:
        return Intent(
            f"Let the mission {card.row.id} go on?",
            "Resume",
            lambda desk, _: levers.resume(desk, card.row.id),
        )
    title = f"Pause the mission {card.row.id}? What is at work ends, and nothing new begins."
    return Intent(title, "Pause", lambda desk, _: levers.pause(desk, card.row.id))


KEYS: Mapping[str, Key] = MappingProxyType(
    {
        "approve": Key("a", "approve", lambda card: bool(card.seats), _approve),
        "send_back": Key("r", "rework", lambda card: bool(card.seats), _send_back),
        "answer": Key("n", "answer", lambda card: bool(card.questions), _answer),
        "retry": Key("t", "retry", lambda card: card.row.lane is Lane.BLOCKED and not card.under_way, _retry),
        "hold": Key("h", "hold", _always, _hold),
        "cancel": Key("c", "cancel", _taken_in, _cancel),
        "pause": Key(
            "p", "pause", lambda card: card.under_way and card.row.lane in (Lane.ACTIVE, Lane.BLOCKED), _pause
        ),
    }
)


def offered(card: Card | None) -> frozenset[str]:
    """What keys do for an item; nothing where none is chosen."""
    if card is None:
        return frozenset()
    read = [OPEN] * _taken_in(card) + [DIFF] * card.proposed
    return frozenset([*read, *(name for name, key in KEYS.items() if key.offered(card))])
