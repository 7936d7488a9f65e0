"""What a cell holds besides the files of its commit: shared folders, and the setup that makes them."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from factory.model.base import Argv, Format, Minutes, RelativePath, Text
from factory.model.network import Network


class Setup(Format):
    """A command that installs what the checks need: run once for each content of the lock files."""

    run: Argv
    locks: Annotated[tuple[RelativePath, ...], Field(min_length=1)]  # files that decide what it makes
    network: Network = False
    cache: bool = True  # whether its home folder, where tools keep what they have downloaded, lasts
    env: tuple[Text, ...] = ()  # variables let through
    minutes: Minutes = 20


class CellSettings(Format):
    """`cell` in WORKFLOW.md; a contract's own keys come before it."""

    shares: tuple[RelativePath, ...] = ()  # folders that git does not hold, to be read in every cell
    copies: tuple[RelativePath, ...] = ()  # the same, as a copy for each cell, which may be written
    setup: Setup | None = None  # what makes them; else they are the checkout's

    @model_validator(mode="after")
    def _folders_lie_apart(self) -> Self:
        names = (*self.shares, *self.copies)
        for number, name in enumerate(names):
            other = next((other for other in names[number + 1 :] if _overlap(name, other)), None)
            if other is not None:
                raise ValueError(f"{other!r} and {name!r} are the same folder, or one lies in the other")
        if self.setup is not None and not names:
            raise ValueError("a setup makes folders that 'shares' or 'copies' must name")
        return self

    def but(self, own: "CellSettings | None") -> "CellSettings":
        """These settings with the keys that a contract sets; what it wants as a copy is no share any more."""
        given = {name: getattr(own, name) for name in own.model_fields_set} if own else {}
        whole = self.model_copy(update=given)
        shares = tuple(name for name in whole.shares if not any(_overlap(name, copy) for copy in whole.copies))
        return whole.model_copy(update={"shares": shares})


def _overlap(name: str, other: str) -> bool:
    return f"{name}/".startswith(f"{other}/") or f"{other}/".startswith(f"{name}/")
