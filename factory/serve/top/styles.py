"""Styles: the colours of mission control, on a dark ground and on a light one, each readable where it may stand."""

from collections.abc import Mapping
from types import MappingProxyType

from textual.content import Content
from textual.theme import Theme

from factory.model.lifecycle import Lane
from factory.serve.top.lines import Line

DARK, LIGHT = "factory-dark", "factory-light"
GROUNDS = MappingProxyType({DARK: ("#121212", "#1c1c1c", "#303030"), LIGHT: ("#ffffff", "#f2f2f2", "#dcdcdc")})
TEXT = MappingProxyType({DARK: "#e4e4e4", LIGHT: "#1a1a1a"})
_DARK = {
    "dim": "#b0b0b0",
    "good": "#87d787",
    "bad": "#ff9a9a",
    str(Lane.INBOX): "#e4e4e4",
    str(Lane.ACTIVE): "#5fd7d7",
    str(Lane.REVIEW): "#ffd75f",
    str(Lane.REWORK): "#f5a3e0",
    str(Lane.BLOCKED): "#ff9a9a",
    str(Lane.DONE): "#87d787",
}
_LIGHT = {
    "dim": "#4a4a4a",
    "good": "#0a5c1c",
    "bad": "#a3001b",
    str(Lane.INBOX): "#1a1a1a",
    str(Lane.ACTIVE): "#00525c",
    str(Lane.REVIEW): "#6b4300",
    str(Lane.REWORK): "#7d1466",
    str(Lane.BLOCKED): "#a3001b",
    str(Lane.DONE): "#0a5c1c",
}
COLOURS: Mapping[str, Mapping[str, str]] = MappingProxyType({DARK: _DARK, LIGHT: _LIGHT})


def theme(name: str) -> Theme:
    """The theme of a name, as Textual takes it."""
    ground, surface, panel = GROUNDS[name]
    accent = COLOURS[name][str(Lane.ACTIVE)]
    return Theme(
        name=name,
        primary=accent,
        accent=accent,
        foreground=TEXT[name],
        background=ground,
        surface=surface,
        panel=panel,
        warning=COLOURS[name][str(Lane.REVIEW)],
        error=COLOURS[name]["bad"],
        success=COLOURS[name]["good"],
        dark=name == DARK,
    )


def content(line: Line, theme_name: str) -> Content:
    """A line as Textual shows it: what stands in it is text, and never markup."""
    colours = COLOURS[theme_name]
    parts = ((text, "bold" if kind == "head" else colours.get(kind, "")) for text, kind in line if text)
    return Content.assemble(*parts)


def contents(lines: "list[Line]", theme_name: str) -> Content:
    """Several lines, one below the other."""
    return Content("\n").join([content(line, theme_name) for line in lines])


def suits(environment: Mapping[str, str]) -> str:
    """The theme that suits a terminal which says what it looks like (COLORFGBG); the dark one for any other."""
    ground = environment.get("COLORFGBG", "").rpartition(";")[2]
    return LIGHT if ground in ("7", "15") else DARK
