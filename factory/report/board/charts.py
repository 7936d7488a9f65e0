"""Pictures: static SVG that the page's own style colours; the one door to pygal."""

import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from xml.etree import ElementTree

import pygal

# It puts a finder of plugins among those of Python, of a kind of which every later import would warn.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]

_SIZE = {"width": 480, "height": 270}
_SVG = "{http://www.w3.org/2000/svg}"
_LONG = re.compile(r"-?\d+\.\d{2,}")
_DROPPED = frozenset({"defs", "title", "desc"})
_TICKS = 5
_MANY = 60  # dots, which are drawn smaller
_LABELS = 5  # along the time
_DURATIONS = ((1, "1s"), (10, "10s"), (60, "1m"), (600, "10m"), (3600, "1h"), (21_600, "6h"), (86_400, "1d"))
_LONGER = tuple((days * 86_400, f"{days}d") for days in (3, 10, 30, 100, 1000))


class Dot(NamedTuple):
    """One dot, and what it is called."""

    x: float
    y: float
    name: str


def areas(labels: Sequence[str], layers: Sequence[Sequence[int]]) -> str:
    """Layers upon one another over time, the first at the bottom."""
    top = max((sum(column) for column in zip(*layers, strict=True)), default=0)
    chart = pygal.StackedLine(
        fill=True, show_dots=False, x_labels=_thinned(labels), y_labels=_ticks(top), **_usual(top)
    )
    for number, layer in enumerate(layers):
        chart.add(str(number), list(layer))
    return _drawn(chart)


def bars(labels: Sequence[str], values: Sequence[float | None], named: Sequence[str]) -> str:
    """A bar for each step of time; none where there is no value. `named` says what each comes to."""
    top = max((value for value in values if value is not None), default=0.0)
    chart = pygal.Bar(x_labels=_thinned(labels), y_labels=_ticks(top), spacing=2, **_usual(top))
    chart.add("0", [_named(value, name) for value, name in zip(values, named, strict=True)])
    return _drawn(chart)


def lying_bars(values: dict[str, int]) -> str:
    """A lying bar for each name, the first on top."""
    top = max(values.values(), default=0)
    height = 52 + 30 * max(4, len(values))
    usual = {**_usual(top), "height": height, "margin_left": 30}
    chart = pygal.HorizontalBar(x_labels=list(reversed(values)), y_labels=_ticks(top), spacing=6, **usual)
    chart.add("0", [_named(values[name], f"{name}: {values[name]}") for name in reversed(values)])
    return _drawn(chart)


def dots(groups: Sequence[Sequence[Dot]], across: Mapping[str, float], names: Sequence[tuple[float, str]]) -> str:
    """Dots of durations, in seconds, on a scale of powers; lines across at the named ones; `names` along the axis."""
    heights = [max(1.0, dot.y) for group in groups for dot in group] + [max(1.0, each) for each in across.values()]
    if not heights:
        return ""
    marks = _durations(min(heights), max(heights))
    left, right = names[0][0], names[-1][0]
    low, high = math.log10(marks[0][0]), math.log10(marks[-1][0])
    chart = pygal.XY(
        stroke=False,
        dots_size=3 if sum(map(len, groups)) > _MANY else 5,
        xrange=(left, right),
        x_labels=[{"value": place, "label": name} for place, name in names],
        y_labels=[{"value": math.log10(size), "label": name} for size, name in marks],
        **{**_usual(0), "range": (low, high)},
    )
    for group in groups:
        chart.add("", [{"value": (dot.x, math.log10(max(1.0, dot.y))), "label": dot.name} for dot in group])
    for name, seconds in across.items():
        height = math.log10(max(1.0, seconds))
        chart.add(name, [(left, height), (right, height)], stroke=True, show_dots=False)
    return _drawn(chart)


def _usual(top: float) -> dict[str, object]:
    """What all have in common: no legend, no script, no style, no request."""
    shown = {"range": (0, _ticks(top)[-1]), "show_legend": False, "print_values": False, "no_data_text": ""}
    bare = {"js": (), "css": (), "no_prefix": True, "disable_xml_declaration": True, "margin": 8, "truncate_label": -1}
    return {**_SIZE, **shown, **bare}


def _named(value: float | None, name: str) -> dict[str, object] | None:
    return None if value is None else {"value": value, "label": name}


def _ticks(top: float) -> list[float]:
    """Round numbers from nothing to what is not less than the top."""
    if top <= 0:
        return [0, 1]
    rough = top / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= rough)
    if isinstance(top, int):
        step = max(1, math.ceil(step))
    return [round(number * step, 6) for number in range(math.ceil(top / step) + 1)]


def _durations(least: float, most: float) -> list[tuple[int, str]]:
    """The marks of the scale of durations from one that is no more to one that is no less."""
    marks = [*_DURATIONS, *_LONGER]
    first = max((number for number, (size, _) in enumerate(marks) if size <= least), default=0)
    last = min((number for number, (size, _) in enumerate(marks) if size >= most), default=len(marks) - 1)
    return marks[first : max(last, first + 1) + 1]


def _thinned(labels: Sequence[str]) -> list[str]:
    """The labels that there is room for; the others are empty."""
    every = max(1, math.ceil(len(labels) / _LABELS))
    return [label if number % every == 0 else "" for number, label in enumerate(labels)]


def _drawn(chart: pygal.Graph) -> str:
    """The picture without what is for scripts; what a dot or bar is called becomes its title."""
    root = ElementTree.fromstring(chart.render(is_unicode=True))
    for part in root.iter():
        part.tag = part.tag.removeprefix(_SVG)
    kept = ElementTree.Element("svg", {"viewBox": root.get("viewBox", ""), "aria-hidden": "true", "focusable": "false"})
    kept.extend([*_kept(root)])
    for part in kept.iter():
        for name, value in part.attrib.items():
            part.set(name, _LONG.sub(lambda found: f"{float(found[0]):.1f}", value))
    return ElementTree.tostring(kept, encoding="unicode")


def _kept(part: ElementTree.Element) -> Iterator[ElementTree.Element]:
    """The parts below one that are drawn, each with its name."""
    name = next((each.text for each in part if each.get("class") == "label" and each.tag == "desc"), None)
    for each in list(part):
        kinds = (each.get("class") or "").split()
        if each.tag in _DROPPED or "tooltip" in kinds or "text-overlay" in kinds or _is_empty(each):
            continue
        below = [*_kept(each)]
        for old in list(each):
            each.remove(old)
        each.extend(below)
        if each.tag == "g" and not below:
            continue
        if name and each.tag in ("circle", "rect"):
            ElementTree.SubElement(each, "title").text = name
        yield each


def _is_empty(part: ElementTree.Element) -> bool:
    """Whether it is a line of the scale along the bottom that has no label."""
    texts = [each for each in part if each.tag == "text"]
    return part.get("class") == "guides" and bool(texts) and not texts[0].text
