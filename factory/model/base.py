"""What all file formats share: frozen, strict, closed models, and canonical JSON with its digest."""

import hashlib
import json
import re
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, StringConstraints

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Positive = Annotated[float, Field(gt=0, le=1e9)]
MOST_SECONDS = 1e9
Seconds = Annotated[float, Field(ge=0, le=MOST_SECONDS)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Ordinal = Annotated[int, Field(ge=0, le=1_000_000_000)]  # of a run, a round, an attempt, a line
ExitStatus = Annotated[int, Field(ge=-(2**31), le=2**32)]
Minutes = Annotated[float, Field(gt=0, le=7 * 24 * 60)]
Megabytes = Annotated[int, Field(ge=1, le=1_000_000)]
Argv = Annotated[tuple[str, ...], Field(min_length=1)]


_NO_PART = frozenset({"", ".", "..", ".git"})
_LONGEST_PART, _LONGEST_PATH = 255, 1000  # bytes; what comes before it in a working tree is not counted
_LONGEST_LABEL = 200
LONGEST_SAID = 4000  # characters


def leads_astray(path: str) -> bool:
    """Whether a path is not relative, or has a part that no file can have for its name."""
    return "\0" in path or not _NO_PART.isdisjoint(path.lower().split("/"))


def _stay_inside(pattern: str) -> str:
    if "\\" in pattern or leads_astray(pattern):
        raise ValueError("must be a relative path with forward slashes and no '.', '..' or '.git' in it")
    return pattern


def _fit_a_disk(path: str) -> str:
    parts = path.encode().split(b"/")
    if sum(map(len, parts)) > _LONGEST_PATH or max(map(len, parts)) > _LONGEST_PART:
        raise ValueError(f"must be no longer than {_LONGEST_PATH} bytes, and no part than {_LONGEST_PART}")
    return path


RelativePath = Annotated[Text, AfterValidator(_stay_inside)]
FileName = Annotated[str, AfterValidator(_stay_inside), AfterValidator(_fit_a_disk)]  # of what others made, as it is


_NO_BRANCH = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[-/]|/$|\.$|(?:^|/)\.|\.lock(?:/|$)|[\ud800-\udfff]")


def branch_problem(name: str) -> str:
    """Why this cannot name a branch where people or the factory work; empty when it can."""
    if name in ("", "@", "HEAD") or _NO_BRANCH.search(name):
        return f"{name!r} is not a name that git allows for a branch"
    if name == "factory" or name.startswith("factory/"):
        return f"{name!r} stands where the factory keeps its proposals (factory/<id>); choose another branch"
    return ""


class Format(BaseModel):
    """A value read from a file: unknown keys and wrong types are errors, and it never changes.

    One that was made without validation is validated as soon as it becomes a part of another.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
        revalidate_instances="always",
    )


_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LONGEST_LINE = 160  # characters


def printable(text: str) -> str:
    """Text of others without anything that a terminal would obey."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def last_line(text: str) -> str:
    """The last line that a program printed anything on, without colours and cut; empty when it printed nothing."""
    told = (" ".join(printable(_COLOUR.sub("", line)).split()) for line in reversed(text.splitlines()))
    return _cut(next((line for line in told if line), ""), _LONGEST_LINE)


def label(text: str) -> str:
    """What others call something, as one short line, whatever they say."""
    return _cut(printable(" ".join(text[: 2 * _LONGEST_LABEL].split())), _LONGEST_LABEL)


def said(text: str) -> str:
    """What others say, in so many words that a journal, a commit message or a terminal can hold it."""
    return _cut(printable(text), LONGEST_SAID)


Label = Annotated[str, AfterValidator(label)]
Said = Annotated[str, AfterValidator(said)]
SaidText = Annotated[Text, AfterValidator(said)]
Told = Annotated[str, AfterValidator(partial(_cut, most=2 * LONGEST_SAID))]  # may hold the end of what was printed


def counted(count: int, what: str) -> str:
    """How many of something there are, as people say it."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def canonical(value: JsonValue) -> bytes:
    """The one spelling of a JSON value: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(data: bytes) -> str:
    """`sha256:` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest_of(value: JsonValue) -> str:
    """The digest of a value's canonical JSON."""
    return digest(canonical(value))
