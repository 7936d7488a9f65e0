"""The page: a board as one file of HTML, in which everything that others wrote is escaped."""

import base64
import hashlib
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from factory.report.board.values import Board

GENERATOR = "factory board"  # by which a file is known to be such a page
MARK = f'<meta name="generator" content="{GENERATOR}">'.encode()
_HERE = Path(__file__).parent
_TEMPLATE, _STYLE = "page.html", "style.css"


def page_of(board: Board) -> str:
    """The page."""
    style = (_HERE / _STYLE).read_text()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    pictures = {chart.key: Markup(chart.svg) for chart in board.charts}
    template = _templates().get_template(_TEMPLATE)
    return template.render(
        board=board, style=Markup(style), policy=Markup(policy), pictures=pictures, mark=Markup(MARK.decode())
    )


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
