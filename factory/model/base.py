"""What all file formats share: frozen, strict, closed models, and canonical JSON with its digest."""

import hashlib
import json
from functools import partial
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    StringConstraints,
)

from factory.model.moments import rfc3339, to_the_second
from factory.model.names import leads_astray
from factory.model.text import LONGEST_SAID, cut, label, said

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
Moment = Annotated[AwareDatetime, AfterValidator(to_the_second), PlainSerializer(rfc3339)]


_LONGEST_PART, _LONGEST_PATH = 255, 1000  # bytes; what comes before it in a working tree is not counted


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


Label = Annotated[str, AfterValidator(label)]
Said = Annotated[str, AfterValidator(said)]
SaidText = Annotated[Text, AfterValidator(said)]
Told = Annotated[str, AfterValidator(partial(cut, most=2 * LONGEST_SAID))]  # may hold the end of what was printed


def canonical(value: JsonValue) -> bytes:
    """The one spelling of a JSON value: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(data: bytes) -> str:
    """`sha256:` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest_of(value: JsonValue) -> str:
    """The digest of a value's canonical JSON."""
    return digest(canonical(value))
