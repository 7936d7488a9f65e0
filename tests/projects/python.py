"""Python projects, installed by `pip install -e .` into an active environment within their checkout."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from tests.projects.project import Project, Trial, run

_PYTEST = ["python", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]


def _from_pypi(name: str, version: str, *how: str) -> Callable[[Path], Path]:
    """A source distribution, installed in a `.venv` within it, which is active; for development if not told how."""

    def prepare(place: Path) -> Path:
        wanted = f"{name}=={version}"
        run(sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", name, wanted, cwd=place)
        archive = next(place.glob("*.tar.gz"))
        run("tar", "--no-same-owner", "-xf", archive, cwd=place)
        root = place / archive.name.removesuffix(".tar.gz")
        run(sys.executable, "-m", "venv", ".venv", cwd=root)
        run(".venv/bin/python", "-m", "pip", "install", *(how or ("-e",)), ".", "pytest<9", "setuptools", cwd=root)
        os.environ["PATH"] = f"{root / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"
        (root / ".gitignore").write_text(".venv/\n__pycache__/\n*.egg-info/\n*.so\nbuild/\n")
        return root

    return prepare


_SHOUT = "\n\ndef shout(text: str) -> None:\n    echo(text.upper())\n"
_SHOUT_TEST = (
    "from click.utils import shout\n\n\ndef test_shout(capsys):\n"
    '    shout("a")\n    assert capsys.readouterr().out == "A\\n"\n'
)
_PLAIN = "\n\ndef plain(text: str) -> str:\n    return str(text)\n"
_PLAIN_TEST = "from markupsafe import plain\n\n\ndef test_plain():\n    assert plain('<') == '<'\n"
_UTILS = "src/click/utils.py"
_MARKUP = "src/markupsafe/__init__.py"
_SPEEDUPS = "src/markupsafe/_speedups.c"
_BROKEN_C = ("*outp++ = 'l';", "*outp++ = 'x';")  # &lt; becomes &xt;
_ASK_A_PERSON = {"canary": "person", "cell": {"shares": [".venv"]}}

PYTHON = {
    "click": Project(
        _from_pypi("click", "8.1.8"),
        _PYTEST,
        (
            Trial("breaks the API", [(_UTILS, "def echo(", "def gone(")], "rework"),
            Trial("breaks the behaviour", [(_UTILS, "out += ", "out = ")], "rework"),
            Trial(
                "adds a function with a test",
                [(_UTILS, "", _SHOUT), ("tests/test_s.py", "", _SHOUT_TEST)],
            ),
        ),
    ),
    "markupsafe": Project(
        _from_pypi("markupsafe", "2.1.5"),
        _PYTEST,
        (
            Trial("breaks the API", [(_MARKUP, "def striptags(", "def gone(")], "rework"),
            Trial(
                "breaks the compiled part alone",
                [(_SPEEDUPS, *_BROKEN_C)],
                "rework",
            ),
            Trial(
                "adds a function with a test",
                [(_MARKUP, "", _PLAIN), ("tests/test_p.py", "", _PLAIN_TEST)],
            ),
        ),
        # What is compiled from the project's own files is compiled anew in each cell.
        {"hooks": {"after_create": "python setup.py -q build_ext --inplace"}},
    ),
    # A copy in the environment's site-packages, which no change of the project's files reaches.
    "click-copied": Project(
        _from_pypi("click", "8.1.8", "--no-cache-dir"),
        _PYTEST,
        (Trial("breaks the API unseen", [(_UTILS, "def echo(", "def gone(")], "review"),),
        _ASK_A_PERSON,
        blind=True,
    ),
    "markupsafe-copied": Project(
        _from_pypi("markupsafe", "2.1.5", "--no-cache-dir"),
        _PYTEST,
        (Trial("breaks the API unseen", [(_MARKUP, "def striptags(", "def gone(")], "review"),),
        _ASK_A_PERSON,
        blind=True,
    ),
}
