"""Slugs: titles made fit for an address."""

import re
import unicodedata

SEPARATOR = "-"


def slugify(title: str, longest: int = 60) -> str:
    """The title in lower case with a hyphen for every run of other signs, cut at a word's end."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", plain.lower())
    return _cut(words, longest)


def _cut(words: list[str], longest: int) -> str:
    """As many whole words as fit; a first word that is too long is cut itself."""
    slug = ""
    for word in words:
        joined = f"{slug}{SEPARATOR}{word}" if slug else word
        if len(joined) > longest:
            return slug or joined[longest:]
        slug = joined
    return slug
