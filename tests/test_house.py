"""The house: floors, doors, and how large a room may be."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "factory"
FLOORS = ["model", "store", "execution", "line", "report", "cli"]
SKIPPED = ROOT / "cli" / "demo_repository"
MODULES = sorted(path for path in ROOT.rglob("*.py") if SKIPPED not in path.parents)
IDS = [str(path.relative_to(ROOT)) for path in MODULES]

# Who may open which door; a name of a module, or of a folder of modules.
DOORS = {
    "git": {"factory.store.repository"},
    "gitdb": {"factory.store.repository"},
    "ruamel": {"factory.store.yaml"},
    "filelock": {"factory.line.lock"},
    "jinja2": {"factory.execution.agents.prompt"},
    "watchdog": {"factory.line.watch"},
    "click": {"factory.cli"},
    "jsonschema": {"factory.store.schema"},
    "detect_secrets": {"factory.execution.redaction.scan"},
}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@functools.cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree_of(path)))


def imported(path: Path) -> Iterator[str]:
    """The modules that are imported, as far as `from x import y` tells a module from a name."""
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in NAMES else node.module


NAMES = {name_of(path) for path in MODULES}


def floor_of(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_each_floor_imports_only_from_floors_below(path: Path) -> None:
    floor = floor_of(name_of(path))
    for name in imported(path):
        if not name.startswith("factory"):
            continue
        other = floor_of(name)
        if floor == "workers":
            assert other == "workers", f"workers import nothing of the factory: {name}"
        elif floor in FLOORS and other:
            assert other in FLOORS[: FLOORS.index(floor) + 1], f"{floor} imports {name} from above"
        assert other != "workers" or floor == "workers"


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_there_is_one_door_to_each_library(path: Path) -> None:
    own = name_of(path)
    for name in imported(path):
        doors = DOORS.get(name.split(".")[0])
        assert doors is None or any(own == door or own.startswith(f"{door}.") for door in doors), f"{own} uses {name}"


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_git_is_started_by_the_repository_alone(path: Path) -> None:
    if name_of(path).startswith(("factory.store.repository", "factory.workers")):
        return  # workers are programs of their own
    for node in nodes_of(path):
        if isinstance(node, ast.List | ast.Tuple) and node.elts:
            first = node.elts[0]
            if isinstance(first, ast.Constant) and first.value == "git":
                raise AssertionError(f"{path}:{node.lineno} starts git")


def test_filelock_is_imported_by_exactly_one_module() -> None:
    assert [name_of(path) for path in MODULES if "filelock" in set(imported(path))] == [*DOORS["filelock"]]


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_imports_stand_at_the_top_and_are_true_at_run_time(path: Path) -> None:
    tree = tree_of(path)
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            continue
        for inner in ast.walk(node):
            assert not isinstance(inner, ast.Import | ast.ImportFrom), f"{path}:{inner.lineno} imports late"
    assert "TYPE_CHECKING" not in path.read_text()


def test_there_is_no_circle_of_imports() -> None:
    below = {name_of(path): {each for each in imported(path) if each in NAMES} for path in MODULES}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join([*way, name])
        if name not in done:
            for other in below[name]:
                visit(other, (*way, name))
            done.add(name)

    for name in below:
        visit(name, ())


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_no_room_is_too_large(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 300
    for node in nodes_of(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= 60, f"{path}:{node.lineno} {node.name} is {length} lines long"


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_everything_public_says_what_it_is(path: Path) -> None:
    tree = tree_of(path)
    assert ast.get_docstring(tree), f"{path} does not say what it owns"

    def public(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.ClassDef]:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                yield node
                if isinstance(node, ast.ClassDef):
                    yield from public(node.body)

    for node in public(tree.body):
        assert ast.get_docstring(node), f"{path}:{node.lineno} {node.name} has no docstring"


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_no_module_swallows_every_error(path: Path) -> None:
    for node in nodes_of(path):
        if isinstance(node, ast.ExceptHandler):
            bare = node.type is None or (
                isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")
            )
            if bare and "workers" not in path.parts:
                raise AssertionError(f"{path}:{node.lineno} catches everything")


def test_the_doors_are_used() -> None:
    used = {name.split(".")[0] for path in MODULES for name in imported(path)}
    assert {"gitdb", "ruamel", "filelock", "jinja2", "watchdog", "click", "pydantic"} <= used
