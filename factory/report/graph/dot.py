"""The graph for Graphviz. Whatever items and files are called, it is text within quotes."""

from collections.abc import Iterator

from factory.model.lifecycle import Lane
from factory.model.text import cut, printable
from factory.report.graph.graph import Graph, Node
from factory.report.graph.links import LinkKind

_LONGEST = 60  # characters of a label
_MOST_NAMED = 2  # files, at a link
_STYLES = {
    LinkKind.DEPENDS_ON: "color=black",
    LinkKind.SAME_FILES: "color=gray50, style=dashed, dir=none",
    LinkKind.REWORKED: "color=darkorange, style=dotted",
    LinkKind.CONFLICTED: "color=red, dir=none",
}
_FILLS = {
    Lane.INBOX: "white",
    Lane.ACTIVE: "lightcyan",
    Lane.REVIEW: "lightyellow",
    Lane.REWORK: "plum",
    Lane.BLOCKED: "mistyrose",
    Lane.DONE: "honeydew",
}


def dot(graph: Graph) -> Iterator[str]:
    """The lines of a digraph: an arrow leads from an item to the one that it depends on."""
    yield "digraph factory {"
    yield "  rankdir=LR;"
    yield '  node [shape=box, style=filled, fontname="sans-serif"];'
    yield '  edge [fontname="sans-serif", fontsize=9];'
    for node in graph.nodes:
        yield f"  {_quoted(node.id)} [label={_label(node)}, fillcolor={_FILLS[node.lane]}];"
    for link in graph.links:
        said = _quoted(_named(link.paths)) if link.paths else '""'
        yield f"  {_quoted(link.item)} -> {_quoted(link.other)} [{_STYLES[link.kind]}, label={said}];"
    for proposal in graph.proposals:
        ends = f"{_quoted(proposal.item)} -> {_quoted(proposal.other)}"
        yield f"  {ends} [color=blue, style=dashed, label={_quoted(f'proposed: {proposal.own}')}];"
    yield "}"


def _label(node: Node) -> str:
    return f'"{_escaped(node.id)}\\n{_escaped(node.title)}"'


def _named(paths: tuple[str, ...]) -> str:
    more = f" and {len(paths) - _MOST_NAMED} more" if len(paths) > _MOST_NAMED else ""
    return ", ".join(cut(path, _LONGEST) for path in paths[:_MOST_NAMED]) + more


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    """A text without anything that ends a quoted string, is filled in by Graphviz or obeyed by a terminal."""
    plain = cut(printable(" ".join(text.split())), 2 * _LONGEST)
    return plain.replace("\\", "\\\\").replace('"', '\\"')
