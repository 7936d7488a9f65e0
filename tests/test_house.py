"""The house: floors, doors, and how large a room may be."""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from factory.model import layout, run_layout

ROOT = Path(__file__).parent.parent / "factory"
FLOORS = ["model", "store", "execution", "line", "report", "serve", "connect", "cli"]
SKIPPED = {ROOT / "cli" / name for name in ("demo_repository", "mission_repository")}
MODULES = sorted(path for path in ROOT.rglob("*.py") if SKIPPED.isdisjoint(path.parents))
IDS = [str(path.relative_to(ROOT)) for path in MODULES]

# Who may open which door; a name of a module, or of a folder of modules.
DOORS = {
    "git": {"factory.store.repository"},
    "ruamel": {"factory.store.yaml"},
    "filelock": {"factory.line.lock"},
    "jinja2": {"factory.execution.prompts.prompt", "factory.report.board.page"},
    "pygal": {"factory.report.board.charts"},
    "markupsafe": {"factory.report.board.page"},
    "liquid": {"factory.execution.prompts.liquid_prompt"},
    "watchdog": {"factory.store.changes"},
    "click": {"factory.cli"},
    "jsonschema": {"factory.store.schema_library"},
    "detect_secrets": {"factory.execution.redaction.scan"},
    "acp": {"factory.workers.acp"},
    "mcp": {"factory.cli.mcp"},
    "apprise": {"factory.connect.notify.by_apprise"},
    "textual": {"factory.serve.top"},
    "distributed": {"factory.execution.dask.cluster"},
    "opentelemetry": {"factory.connect.otel.receiver", "factory.connect.otel.meters"},
    "anyio": {"factory.serve.http"},
    "starlette": {"factory.serve.http"},
    "uvicorn": {"factory.serve.http.server"},
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


def of_an_extra(node: ast.stmt) -> bool:
    """Whether this imports what may not be installed, and says so where it is not."""
    return (
        isinstance(node, ast.Try)
        and all(isinstance(each, ast.Import | ast.ImportFrom) for each in node.body)
        and all(isinstance(each.type, ast.Name) and each.type.id == "ImportError" for each in node.handlers)
    )


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_imports_stand_at_the_top_and_are_true_at_run_time(path: Path) -> None:
    tree = tree_of(path)
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom) or of_an_extra(node):
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
    assert {"ruamel", "filelock", "jinja2", "watchdog", "click", "pydantic"} <= used


_SYSTEM = "factory.store.system"
_OF_SYSTEM = {"time", "random", "secrets", "uuid", "multiprocessing", "sched", "select", "asyncio", "pty", "_thread"}
_CALLS_OF_SYSTEM = {
    *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today"),
    *(f"subprocess.{name}" for name in ("run", "Popen", "call", "check_call", "check_output", "getoutput")),
    *("subprocess.getstatusoutput", "threading.Thread", "threading.Timer"),
    *(f"concurrent.futures.{name}" for name in ("ThreadPoolExecutor", "ProcessPoolExecutor", "wait", "as_completed")),
    *(f"os.{name}" for name in ("fork", "forkpty", "posix_spawn", "posix_spawnp", "system", "popen")),
    *(f"os.{name}" for name in ("urandom", "getrandom", "times", "wait3", "wait4")),
    *(f"os.{kind}{way}" for kind in ("spawn", "exec") for way in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")),
    *("signal.alarm", "signal.setitimer", "signal.sigtimedwait"),
}
# Methods that wait, and after how many arguments one of them says for how long.
_WAITS = {
    "wait": 0,
    "wait_for": 1,
    "acquire": 1,
    "join": 0,
    "get": 1,
    "result": 0,
    "exception": 0,
    "select": 0,
    "poll": 0,
}
_NEED_A_TIME = {"join", "get"}  # of a text, and of a mapping, these are something else
_A_TIME = re.compile(r"[\d.]+|\w*(_S|seconds|patience|timeout)")
_ALLOWED = {
    "factory.line.lock": {"lock.acquire(timeout=0)"},  # which does not wait
    "factory.line.runs": {"running.given.result().result(timeout=0)"},
    "factory.store.changes": {"PollingObserver(timeout=_LOOK_S)"},  # the thread is the library's
    # How long it waits for a scheduler is the library's to count, and so are its threads.
    "factory.execution.dask.cluster": {
        "Client(address, timeout=_CONNECTED_WITHIN_S, set_as_default=False, name='factory')"
    },
    # How long an answer may take is the library's to count, too.
    "factory.connect.otel.receiver": {
        "OTLPSpanExporter(timeout=within_s)",
        "_NotingExporter(timeout=within_s)",
    },
    # The kernel counts what a helper, which is a program of its own, takes for an answer.
    "factory.store.helper": {"signal.setitimer"},
    "factory.execution.egress.inside": {"os.execvpe"},  # in a sandbox, where it becomes the command
}


def meanings(tree: ast.Module) -> dict[str, str]:
    """What the names that a module imports stand for, in full."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update({alias.asname or alias.name: alias.name for alias in node.names})
        elif isinstance(node, ast.ImportFrom):
            found.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    return found


def waits(call: ast.Call) -> bool:
    """Whether a call says for how long it waits, and is none of the system's own or of what is built on it."""
    if any(keyword.arg == "timeout" for keyword in call.keywords):
        return True
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in _WAITS:
        return False
    if ast.unparse(call.func.value).split(".")[-1].strip("_") in ("system", "wakeup", "MACHINE"):
        return False
    said = [each for each in call.args[_WAITS[call.func.attr] :] if not isinstance(each, ast.Starred)]
    if call.func.attr in _NEED_A_TIME:
        return len(said) == 1 and bool(_A_TIME.fullmatch(ast.unparse(said[0])))
    return bool(said)


def beside_the_system(tree: ast.Module) -> Iterator[str]:
    """Every use of clock, waiting, chance, threads or starts of processes."""
    known = meanings(tree)
    types = {node.value for node in ast.walk(tree) if isinstance(node, ast.Subscript)}  # such as Popen[bytes]
    yield from (name for name in known.values() if name.split(".")[0] in _OF_SYSTEM)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and node not in types:
            name = ast.unparse(node)
            first, dot, rest = name.partition(".")
            if f"{known.get(first, first)}{dot}{rest}" in _CALLS_OF_SYSTEM:
                yield name
        if isinstance(node, ast.Call) and waits(node):
            yield ast.unparse(node)


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_clock_waiting_chance_threads_and_processes_come_from_the_system_alone(path: Path) -> None:
    own = name_of(path)
    if own == _SYSTEM or own.startswith("factory.workers"):
        return  # workers are programs of their own
    assert not set(beside_the_system(tree_of(path))) - _ALLOWED.get(own, set())


@pytest.mark.parametrize(
    "text",
    [
        "import time",
        "from time import monotonic",
        "import multiprocessing.pool",
        "from datetime import datetime\nat = datetime.now()",
        "import datetime as d\nat = d.datetime.now()",
        "from datetime import datetime\nclock = datetime.now",
        "import subprocess\nsubprocess.run(['x'])",
        "from subprocess import Popen as start\nstart(['x'])",
        "import threading\nthreading.Timer(1, call)",
        "from threading import Thread\nThread(target=call).start()",
        "from concurrent.futures import wait\nwait(futures)",
        "from concurrent import futures\nfutures.ThreadPoolExecutor(2)",
        "import os\nos.urandom(4)",
        "import os\nos.execvp('x', ['x'])",
        "event.wait(1)",
        "event.wait(timeout=seconds)",
        "process.communicate(timeout=patience)",
        "news.wait_for(come, 2)",
        "lock.acquire(True, 2)",
        "thread.join(2)",
        "thread.join(_PATIENCE_S)",
        "queue.get(True, 2)",
        "future.result(2)",
        "selector.select(0.2)",
    ],
)
def test_what_is_taken_from_elsewhere_is_noticed(text: str) -> None:
    assert list(beside_the_system(ast.parse(text)))


@pytest.mark.parametrize(
    "text",
    [
        "import subprocess\ntry: pass\nexcept subprocess.TimeoutExpired: pass",
        "from datetime import datetime\nat = datetime.fromtimestamp(0)",
        "import threading\nlock = threading.Lock()\nlock.acquire()",
        "process.wait()",
        "future.result()",
        "', '.join(names)",
        "known.get(name, 2 * size)",
        "context.system.wait_for(news, come, 2)",
        "context.wakeup.wait(2)",
        "import tempfile\ntempfile.mkstemp()",
    ],
)
def test_what_waits_for_no_time_is_let_be(text: str) -> None:
    assert not list(beside_the_system(ast.parse(text)))


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
    paths = re.findall(r"`((?:factory|tests|line|store|execution|model|report|serve)/[\w/.]+)`", page)
    assert len(paths) > 20
    for path in paths:
        place = ROOT.parent / path if path.startswith(("factory/", "tests/")) else ROOT / path
        assert place.exists(), f"docs/code.md names {path}"
