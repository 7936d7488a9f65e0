"""Edits of files that people own, made on their order: the lines that matter change, every other stays."""

import json
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from factory.model.errors import InvalidFile
from factory.model.item import Item
from factory.model.questions import Answers
from factory.model.text import said
from factory.model.verdict import Decision, Finding, Verdict
from factory.store import yaml

NOTHING_SAID: Mapping[str, str] = MappingProxyType({})


def decided(
    path: str,
    data: bytes,
    decision: Decision,
    notes: str | None,
    accepted: tuple[str, ...],
    handoff: Mapping[str, str] = NOTHING_SAID,
    findings: Sequence[Finding] = (),
) -> bytes:
    """A verdict file with a decision, notes and answers. Raises InvalidFile when it cannot be read."""
    verdict = yaml.load(Verdict, yaml.Source(path, data))
    text = _set(data.decode(), "decision", str(decision))
    if notes is not None:
        text = _set(text, "notes", json.dumps(notes, ensure_ascii=False))
    if accepted:
        criteria = {**verdict.acceptance, **dict.fromkeys(accepted, "pass")}
        shown = ", ".join(f"{key}: {answer}" for key, answer in criteria.items())
        text = _set(text, "acceptance", f"{{{shown}}}")
    if handoff:
        answers = json.dumps({**verdict.handoff, **handoff}, ensure_ascii=False)
        text = _set(text, "handoff", answers)
    if findings:
        found = [finding.model_dump(mode="json", exclude_defaults=True) for finding in findings]
        text = _set(text, "findings", json.dumps(found, ensure_ascii=False))
    yaml.load(Verdict, yaml.Source(path, text.encode()))
    return text.encode()


def proposed(path: str, data: bytes, decision: Decision, why: str) -> bytes:
    """A verdict file with somebody's proposal in its comments, which decides nothing. Raises InvalidFile."""
    verdict = yaml.load(Verdict, yaml.Source(path, data))
    told = [f"Proposed: {decision}", *(f"  {line}" for line in said(why).splitlines())]
    lines = "".join(f"# {line}".rstrip() + "\n" for line in told)
    text = re.sub("^subject:", lambda found: f"{lines}{found[0]}", data.decode(), count=1, flags=re.MULTILINE)
    if text == data.decode() or yaml.load(Verdict, yaml.Source(path, text.encode())) != verdict:
        raise InvalidFile(yaml.Source(path, data).problem(0, 0, "has no line that begins with `subject:`"))
    return text.encode()


def answered(path: str, data: bytes, decisions: Mapping[str, str]) -> bytes:
    """A file of answers with these decisions, by question. Raises InvalidFile when it cannot be read or edited."""
    yaml.load(Answers, yaml.Source(path, data))
    text = data.decode()
    for key, decision in decisions.items():
        before, line, after = text.partition(f"  - id: {key}\n    decision:")
        _, newline, rest = after.partition("\n")
        text = f"{before}{line} {json.dumps(decision, ensure_ascii=False)}{newline}{rest}" if line else text
    given = yaml.load(Answers, yaml.Source(path, text.encode())).given
    for key, decision in decisions.items():
        if given.get(key, "") != decision.strip():
            said = f"could not be edited; write the `decision` of {key} into it"
            raise InvalidFile(yaml.Source(path, data).problem(0, 0, said))
    return text.encode()


def held(path: str, data: bytes, hold: bool) -> bytes:
    """An item with its hold set. Raises InvalidFile when it cannot be read."""
    item = yaml.load(Item, yaml.Source(path, data))
    if item.hold == hold:
        return data
    word = "true" if hold else "false"
    text = data.decode()
    try:
        if text.lstrip().startswith("{"):
            changed = json.dumps({**json.loads(text), "hold": hold}, ensure_ascii=False).encode() + b"\n"
        else:
            changed = _set(text, "hold", word).encode()
        done = yaml.load(Item, yaml.Source(path, changed)).hold == hold
    except (ValueError, InvalidFile):
        done = False  # YAML in braces, or written in another way that an edit of one line cannot change
    if not done:
        raise InvalidFile(yaml.Source(path, data).problem(0, 0, f"could not be edited; write `hold: {word}` into it"))
    return changed


def _set(text: str, key: str, value: str) -> str:
    """The text with a top-level key's value in place of its old one, which may span indented lines."""
    pattern = re.compile(rf"^{key}:[^\n#]*(?P<comment>#[^\n]*)?(?:\n(?=[ \t]+\S)[^\n]*)*", re.MULTILINE)

    def line(match: re.Match[str]) -> str:
        comment = match["comment"]
        return f"{key}: {value}" + (f"            {comment}" if comment else "")

    changed, count = pattern.subn(line, text, count=1)
    return changed if count else f"{text.rstrip()}\n{key}: {value}\n"
