"""Markdown: how texts of others are shown in what a host or a person reads as a page."""

import re

from factory.model.text import one_line


def code(text: str) -> str:
    """A text of others as Markdown shows it letter by letter, in which nothing is a link, a picture or a name."""
    shown = one_line(text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    pad = " " if shown.startswith("`") or shown.endswith("`") or not shown else ""
    return f"{fence}{pad}{shown}{pad}{fence}"
