"""What all file formats share: frozen, strict, closed models, and canonical JSON with its digest."""

import hashlib
import json
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, StringConstraints

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Positive = Annotated[float, Field(gt=0, le=1e9)]
Minutes = Annotated[float, Field(gt=0, le=7 * 24 * 60)]
Megabytes = Annotated[int, Field(ge=1, le=1_000_000)]
Argv = Annotated[tuple[str, ...], Field(min_length=1)]


def _stay_inside(pattern: str) -> str:
    if (
        pattern.startswith("/")
        or "\\" in pattern
        or "\0" in pattern
        or {"", ".", "..", ".git"} & set(pattern.split("/"))
    ):
        raise ValueError("must be a relative path with forward slashes and no '.', '..' or '.git' in it")
    return pattern


RelativePath = Annotated[Text, AfterValidator(_stay_inside)]


class Format(BaseModel):
    """A value read from a file: unknown keys and wrong types are errors, and it never changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


def printable(text: str) -> str:
    """Text of others without anything that a terminal would obey."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)


def canonical(value: JsonValue) -> bytes:
    """The one spelling of a JSON value: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(data: bytes) -> str:
    """`sha256:` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest_of(value: JsonValue) -> str:
    """The digest of a value's canonical JSON."""
    return digest(canonical(value))
