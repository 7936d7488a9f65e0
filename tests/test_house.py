"""The house: floors, doors, and how large a room may be."""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from factory.model import layout, run_layout

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
    "jsonschema": {"factory.store.schema_library"},
    "detect_secrets": {"factory.execution.redaction.scan"},
}

# The one place that puts the paths of the factory's files together, and takes them apart.
LAYOUT = {"factory.model.layout", "factory.model.run_layout"}
FOLDERS = "queue|artifacts|contracts"
OF_A_PATH = re.compile(
    rf"(?:^|/)(?:{FOLDERS})/|/(?:{FOLDERS})$|journal\.jsonl|\.verdict\.yaml|(?:^|/)run-|(?:^|/)verdict\.\0|^\.(?:yaml|jsonl)$"
)
KNOWN = {name: each for module in (layout, run_layout) for name, each in vars(module).items() if isinstance(each, str)}
A_FOLDER = re.compile(rf"(?:{FOLDERS})/?|WORKFLOW\.md")


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


def filled(part: ast.expr) -> str:
    """A part of an f-string; of what is filled in only the layout's constants are known."""
    if isinstance(part, ast.Constant):
        return str(part.value)
    inner = part.value if isinstance(part, ast.FormattedValue) else part
    return KNOWN.get(inner.id, "\0") if isinstance(inner, ast.Name) else "\0"


def texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, text) of every string that is no docstring; what is filled in stands in it as a NUL."""
    parts: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            parts.add(node.value)
        elif isinstance(node, ast.JoinedStr):
            parts.update(node.values)
            yield node.lineno, "".join(map(filled, node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in parts:
            yield node.lineno, node.value


def paths_in(tree: ast.Module) -> Iterator[str]:
    """Where a path of the factory's files is built, or taken apart.

    A text of several words is a message, and may name a place; but what is filled in there must not make a path.
    """
    for line, text in texts(tree):
        words = [word.lstrip("(`'\"") for word in text.split()]
        for word in words:
            if OF_A_PATH.search(word) and (len(words) == 1 or "\0" in word):
                yield f"{line}: {text!r}"
    for node in ast.walk(tree):
        sides = [node.left, node.right] if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) else []
        sides += [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
        for side in sides:
            if isinstance(side, ast.Constant) and isinstance(side.value, str) and A_FOLDER.fullmatch(side.value):
                yield f"{side.lineno}: {side.value!r}"


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_paths_are_built_and_taken_apart_by_the_layout_alone(path: Path) -> None:
    if name_of(path) not in LAYOUT:
        assert not list(paths_in(tree_of(path))), f"{path} knows where files lie"


@pytest.mark.parametrize(
    "line",
    [
        'path = f"queue/{lane}/{item_id}.yaml"',
        'path = root / "queue" / lane',
        'path = f"{root}/artifacts"',
        'say(f"{item_id} is done (queue/done/{day}/{item_id}.yaml)")',
        'mine = path.startswith("artifacts/")',
        'mine = path.split("/")[0] == "queue"',
        'name = f"run-{run}/patch.diff"',
        'name = f"{folder}/run-{run}"',
        'name = f"verdict.{seat}.yaml"',
        'name = f"{item_id}.{seat}.verdict.yaml"',
        'name = name.removesuffix(".yaml")',
        'path = f"{folder}/journal.jsonl"',
        'path = "contracts/change.yaml"',
        'path = f"{QUEUE}/{lane}"',
        'name = f"{folder}/{JOURNAL}"',
    ],
)
def test_a_path_that_is_built_elsewhere_is_noticed(line: str) -> None:
    assert list(paths_in(ast.parse(line)))


@pytest.mark.parametrize(
    "line",
    [
        '"""`queue/<lane>/<id>.yaml`."""',
        'say("new items go to queue/inbox/")',
        'say(f"move {item_id} to queue/inbox or queue/rework")',
        'kind = "queue"',
        'told = {"artifacts": path}',
    ],
)
def test_what_people_are_told_may_name_a_place(line: str) -> None:
    assert not list(paths_in(ast.parse(line)))


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_what_lies_in_the_local_state_is_named_in_one_place(path: Path) -> None:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and isinstance(node.right, ast.Constant):
            named = node.left.attr if isinstance(node.left, ast.Attribute) else getattr(node.left, "id", "")
            assert named != "state", f"{path}:{node.lineno} names {node.right.value!r}; factory.store.state does so"


def test_the_doors_are_used() -> None:
    used = {name.split(".")[0] for path in MODULES for name in imported(path)}
    assert {"gitdb", "ruamel", "filelock", "jinja2", "watchdog", "click", "pydantic"} <= used


_SYSTEM = "factory.store.system"
_OF_SYSTEM = {"time", "random", "secrets", "uuid", "multiprocessing", "sched"}
_CALLS_OF_SYSTEM = {
    *("datetime.now", "datetime.utcnow", "datetime.today", "date.today"),
    *("subprocess.run", "subprocess.Popen", "subprocess.call", "subprocess.check_call", "subprocess.check_output"),
    *("threading.Thread", "threading.Timer", "ThreadPoolExecutor", "ProcessPoolExecutor", "Popen"),
    *("os.fork", "os.posix_spawn", "os.system", "os.popen", "os.urandom"),
}


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_clock_chance_threads_and_processes_come_from_the_system_alone(path: Path) -> None:
    if name_of(path) == _SYSTEM or name_of(path).startswith("factory.workers"):
        return  # workers are programs of their own
    tree = tree_of(path)
    assert not _OF_SYSTEM & {name.split(".")[0] for name in imported(path)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) not in _CALLS_OF_SYSTEM, f"{path}:{node.lineno} {ast.unparse(node.func)}"


@pytest.mark.parametrize("folder", ["line", "execution"])
def test_no_folder_of_steps_has_more_files_than_a_reader_keeps_in_mind(folder: str) -> None:
    for place in [ROOT / folder, *(each for each in (ROOT / folder).rglob("*") if each.is_dir())]:
        modules = [each for each in place.glob("*.py") if each.name != "__init__.py"]
        assert len(modules) <= 11, f"{place} has {len(modules)} modules"


def test_a_third_party_writes_one_small_file() -> None:
    for path in sorted((ROOT.parent / "tests").glob("test_new_*.py")):
        assert path.read_text().count("\n") < 60, f"{path} is no small file"


def test_every_path_that_the_page_about_the_code_names_is_there() -> None:
    page = (ROOT.parent / "docs" / "code.md").read_text()
    paths = re.findall(r"`((?:factory|tests|line|store|execution|model|report)/[\w/.]+)`", page)
    assert len(paths) > 20
    for path in paths:
        place = ROOT.parent / path if path.startswith(("factory/", "tests/")) else ROOT / path
        assert place.exists(), f"docs/code.md names {path}"
