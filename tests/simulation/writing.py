"""What the person of a simulation writes into files of the queue: rightly, and so that it cannot count."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

_DECISION = re.compile(r"^decision: \w+", re.MULTILINE)
_WORDS = {"approve": "approve", "send-back": "rework", "reject": "reject"}


def judged(verdict: str, what: str, chance: Random) -> str:
    """A verdict file with a decision."""
    text = _DECISION.sub(f"decision: {_WORDS[what]}", verdict)
    if what == "send-back":
        note = f"once more {chance.choice(('', chance.randrange(1000)))}"
        text = re.sub(r"^notes:.*$", f"notes: {note}", text, flags=re.MULTILINE)
    return text


def botched(name: str, verdict: str, chance: Random) -> tuple[str, str]:
    """(its name, what it says) of a verdict that cannot count: of another subject, seat or word, or with no reason."""
    kind = chance.randrange(4)
    if kind == 0:
        verdict = re.sub(r"sha256:[0-9a-f]{60}", f"sha256:{'0' * 60}", verdict)
    elif kind == 1:
        item, _, rest = name.partition(".")
        name = f"{item}.nobody.{rest.partition('.')[2]}"
    decision = "rework" if kind == 2 else "approve" if kind < 2 else "perhaps"
    return name, _DECISION.sub(f"decision: {decision}", verdict)


def edited(item: str, text: str, what: str, chance: Random) -> str:
    """An item's file, held, let go, or with other words."""
    if text.startswith("{"):  # as a batch had it
        text = f"title: {json.loads(text)['title']}\n"
    if what == "hold":
        return text if "hold: true" in text else f"{text}hold: true\n"
    if what == "let-go":
        return text.replace("hold: true\n", "")
    if chance.random() < 0.3:
        return f"{text}# seen {chance.randrange(1000)}\n"
    return re.sub(r"^title: .*$", f"title: do {item} in way {chance.randrange(9)}", text, flags=re.MULTILINE)


def saved(place: Path, text: str, *, torn: bool) -> Iterator[None]:
    """Save a file as editors do: beside and renamed, or in place, where it is empty for a moment."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if torn:
        place.write_text("")
        yield
        place.write_text(text)
        return
    beside, lay = place.with_name(f".{place.name}.swp"), place.exists()
    beside.write_text(text)
    yield
    if lay and not place.exists() and ".verdict." not in place.name:
        beside.unlink()  # editors tell that a file is gone, and nobody wants an item in two lanes
    else:
        beside.replace(place)
