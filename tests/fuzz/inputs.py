"""Inputs: files of every kind, spoiled by a seed, with the grammar in mind or byte by byte."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Value = object
Spoil = Callable[[random.Random, bytes], bytes]

SUBJECT = "sha256:" + "0" * 64
_AT = "2026-11-21T10:00:00Z"
_FINDING = {"id": "F1", "severity": "major", "path": "a.py", "line": 3, "text": "no"}
_RAN = {"name": "t", "run": ["true"], "exit_code": 0, "seconds": 0.1, "tail": "ok"}
_LEASE = {"owner": "x", "generation": 1, "expires_at": _AT, "base": "0" * 40, "item": "0" * 40}

# What is right of each kind, to begin with.
SEEDS: Mapping[str, tuple[Mapping[str, Value], ...]] = {
    "item": (
        {"title": "t"},
        {
            "title": "fix",
            "contract": "scripted",
            "description": "long\ntext",
            "priority": 2,
            "labels": ["bug"],
            "depends_on": ["good"],
            "inputs": {"runs": [[{"write": {"path": "a.txt", "text": "a"}}]], "n": 1.5},
            "acceptance": [{"id": "A1", "text": "it is", "check": ["true"], "must_fail_before": True}],
            "hold": False,
            "budget": {"usd": 1.0, "tokens": 5, "minutes": 3},
        },
    ),
    "batch": ({"id": "b1", "title": "t", "priority": 1}, {"title": "u", "inputs": {"a": [1]}}),
    "contract": (
        {
            "purpose": "p",
            "receives": {"type": "object", "properties": {"a": {"type": "string", "pattern": "^a"}}},
            "worker": {"run": ["factory-scripted", "{{ item.title }}"], "env": ["LANG"], "secrets": ["S"]},
            "produces": {
                "patch": {"paths": ["**"], "max_files": 3},
                "files": [{"path": "r.md"}],
                "data": {"type": "object"},
            },
            "limits": {"minutes": 2, "output_mb": 1, "memory_mb": 100},
            "checks": [{"name": "t", "run": ["true"], "must_fail_before": False}],
            "review": {"seats": [{"name": "tests", "kind": "checks"}, {"name": "h", "kind": "human"}], "quorum": 1},
            "confidence": 0.5,
            "retry": {"max_attempts": 2},
            "apply": {"mode": "merge"},
        },
    ),
    "workflow": (
        {
            "branch": "main",
            "routes": [
                {"when": {"labels": ["bug"], "priority": [1]}, "contract": "scripted"},
                {"contract": "scripted"},
            ],
            "limits": {"inbox": 10, "review": 5},
            "polling": {"interval_ms": "1000"},
            "hooks": {"timeout_ms": 5},
            "agent": {"max_concurrent_agents": 2, "max_concurrent_agents_by_state": {"inbox": 1}},
            "codex": {"stall_timeout_ms": -1},
            "breaker": {"failures": 3, "window_minutes": 1.5},
            "budget": {"usd_per_day": 20},
            "reviewers": ["Ann"],
            "protected": ["a/**"],
            "agents": {"x": {"kind": "command", "run": ["true"]}},
            "tracker": {"required_labels": "a, b"},
        },
    ),
    "verdict": (
        {"subject": SUBJECT, "decision": "approve"},
        {
            "subject": SUBJECT,
            "decision": "rework",
            "reviewer": "Ann <ann@example.org>",
            "notes": "again",
            "findings": [_FINDING],
            "acceptance": {"A1": "pass"},
            "closes": ["K1"],
            "handoff": {"U1": "item"},
        },
    ),
    "result": (
        {
            "status": "ok",
            "confidence": 0.9,
            "summary": "s",
            "handoff": {
                "left_undone": ["a"],
                "issues": [{"severity": "minor", "text": "x"}],
                "commands": [{"run": ["true"], "exit_code": 0}],
            },
            "acceptance": {"A1": "pass"},
            "data": {"a": [1, None]},
            "usage": {"input_tokens": 1, "output_tokens": 2, "usd": 0.5},
        },
        {"status": "failed", "failure": "network", "question": "?"},
    ),
    "usage": ({"input_tokens": 1, "output_tokens": 2, "usd": 0.5},),
    "answer": ({"subject": SUBJECT, "patch": SUBJECT, "decision": "rework", "findings": [_FINDING], "notes": "n"},),
    "journal": (
        {"seq": 1, "at": _AT, "event": "submit", "to": "inbox", "actor": "Ann"},
        {
            "seq": 2,
            "at": _AT,
            "event": "start",
            "from": "inbox",
            "to": "active",
            "run": 1,
            "actor": "f",
            "lease": _LEASE,
        },
        {
            "seq": 3,
            "at": _AT,
            "event": "rework",
            "from": "active",
            "to": "rework",
            "run": 1,
            "actor": "f",
            "findings": [_FINDING],
            "usage": {"usd": 0.5},
            "seconds": 1.5,
            "not_before": _AT,
            "verdicts": [{"seat": "h", "decision": "approve", "reviewer": "Ann"}],
        },
    ),
    "evidence": ({"base": "0" * 40, "proposal": "0" * 40, "target": "0" * 40, "tree": "0" * 40, "ran": [_RAN]},),
    "breaker": (
        {
            "contract": "scripted",
            "state": "open",
            "since": _AT,
            "until": _AT,
            "failures": 3,
            "reason": "r",
            "trial": "a",
        },
    ),
    "leases": ({"owner": "host:0123456789abcdef", "expires_at": _AT, "runs": {"a": 1, "b.c": 2}},),
}
LINES = frozenset({"batch", "journal"})  # kinds of which each line is a value
JSON_ONLY = frozenset({"batch", "journal", "result", "usage", "evidence"})


class _Raw(str):
    """Text that is written as it is, not quoted."""


_RAW = (
    *("Infinity", "-Infinity", "NaN", ".inf", ".nan", "1e308", "1e999", "-1", "0", "-0.0", "0x" + "f" * 5000),
    *("9" * 400, "9" * 5000, "1_000", "0o777", "0b1", "1e-400", "null", "~", "true", "True", "yes", "''", "{}", "[]"),
    *("&a x", "*a", "!!python/object:os.system x", "!!binary aGk=", "<<: {a: 1}", "? x", "- - - -", "|", ">", "'", '"'),
    *(
        "2026-11-21",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
        "2026-11-21T10:00:00",
        "1:20:30",
        "@",
        "`",
        "%",
    ),
    *(
        "[" * 600,
        "{a: " * 200,
        "[" * 59 + "]" * 59,
        "{% raw %}",
        "{{ item.x }}",
        "{{ 7 ** 99999 }}",
        "# not",
        "--- x",
        "...",
    ),
)
_TEXT = (
    *(
        "",
        " ",
        "\0",
        "\x1b[31m",
        "\u202e",
        "\ud800",
        "\U0001f600",
        "a" * 5000,
        "\n" * 50,
        "../../etc",
        "/abs",
        "-rf",
        "--help",
    ),
    *(
        "a/../b",
        ".git/config",
        "con",
        "%s%n",
        "$(id)",
        "`id`",
        "\\u0000",
        "Factory-Item: x",
        "\r\nFactory-Move: a -> b",
        "]]>",
    ),
    *(
        "sha256:",
        "(a+)+$",
        "(",
        "*",
        "[a",
        "done",
        "x.verdict",
        "a.lock",
        "é",
        "\u2028",
        "\x85",
        "\ufeff",
        "\x7f",
        "~" * 300,
    ),
)
_PLAIN: tuple[Value, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**53,
    2**63,
    -(2**63),
    10**30,
    1.5,
    -0.0,
    1e308,
    5e-324,
    [],
    {},
    [[]],
    [None],
)


@dataclass(frozen=True)
class Input:
    """One file: of which kind, which seed makes it again, and what it holds."""

    kind: str
    seed: str
    data: bytes


def make(kind: str, seed: int, number: int) -> Input:
    """The file of a kind that a seed and a number stand for."""
    name = f"{kind}/{seed}/{number}"
    chance = random.Random(name)
    values = [_spoiled(chance, each) if chance.random() < 0.8 else each for each in _chosen(chance, kind)]
    as_json = kind in JSON_ONLY or chance.random() < 0.3
    texts = [(_as_json if as_json else _as_yaml)(value) for value in values]
    data = ("\n".join(texts) + "\n").encode("utf-8", "surrogatepass")
    if kind == "workflow":
        data = b"---\n" + data + b"---\n{{ item.title }}\n"
    for _ in range(chance.choice((0, 0, 0, 1, 2, 5))):
        data = chance.choice(_BYTES)(chance, data)
    return Input(kind, name, data[:600_000])


def _chosen(chance: random.Random, kind: str) -> list[Value]:
    seeds: list[Value] = list(SEEDS[kind])
    return seeds if kind in LINES else [chance.choice(seeds)]


def _nasty(chance: random.Random) -> Value:
    kind = chance.randrange(4)
    if kind == 0:
        return _Raw(chance.choice(_RAW))
    if kind == 1:
        return chance.choice(_TEXT)
    return chance.choice(_PLAIN) if kind == 2 else _deep(chance)


def _deep(chance: random.Random) -> Value:
    value: Value = chance.choice(_PLAIN)
    for _ in range(chance.choice((1, 3, 58, 62, 150))):
        value = [value] if chance.random() < 0.5 else {chance.choice(_TEXT)[:20]: value}
    return value


def _spoiled(chance: random.Random, value: Value) -> Value:
    """The value with something in it that should not be there, at any depth."""
    if isinstance(value, Mapping) and value and chance.random() < 0.85:
        return _spoiled_mapping(chance, dict(value))
    if isinstance(value, list) and value and chance.random() < 0.7:
        where = chance.randrange(len(value))
        changed = [*value[:where], _spoiled(chance, value[where]), *value[where + 1 :]]
        return changed * chance.choice((1, 1, 1, 2, 300))
    return _nasty(chance)


def _spoiled_mapping(chance: random.Random, value: dict[str, Value]) -> Value:
    key = chance.choice(list(value))
    match chance.randrange(8):
        case 0:
            del value[key]
        case 1:
            value[chance.choice((key + "s", key.upper(), *_TEXT[:12]))] = _nasty(chance)
        case 2:
            value |= {f"k{number}": number for number in range(chance.choice((1, 30, 3000)))}
        case _:
            value[key] = _spoiled(chance, value[key])
    return value


def _as_json(value: Value) -> str:
    """JSON, and what is raw as it is."""
    if isinstance(value, _Raw):
        return str(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(str(key))}: {_as_json(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_as_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _as_yaml(value: Value) -> str:
    if not isinstance(value, Mapping):
        return _as_json(value)
    return "\n".join(f"{key if key.isalnum() else json.dumps(key)}: {_as_json(each)}" for key, each in value.items())


def _flipped(chance: random.Random, data: bytes) -> bytes:
    where = chance.randrange(len(data) + 1)
    return data[:where] + bytes([chance.randrange(256)]) + data[where + 1 :]


def _cut(chance: random.Random, data: bytes) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _inserted(chance: random.Random, data: bytes) -> bytes:
    where = chance.randrange(len(data) + 1)
    return (
        data[:where]
        + chance.choice((b"\0", b"\xff", b"\r", b"\t", b"\n", b"\xef\xbb\xbf", b"{", b"&", b"'"))
        + data[where:]
    )


def _repeated(chance: random.Random, data: bytes) -> bytes:
    start, end = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    return data[:end] + data[start:end] * chance.choice((1, 2, 50)) + data[end:]


def _noise(chance: random.Random, data: bytes) -> bytes:
    return chance.choice(
        (b"", b"\n", chance.randbytes(50), data.replace(b"\n", b"\r\n"), data.decode("latin-1").encode("utf-16"))
    )


_BYTES: tuple[Spoil, ...] = (_flipped, _flipped, _cut, _inserted, _inserted, _repeated, _noise)
