"""Small projects of other tools, as docs/recipes.md tells how to set them up."""

import json

from tests.projects.project import Project, Trial, sample

# What a registry's client needs to reach it, where that is not the plain way.
_MIRRORS = (
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_FILE",
    "PIP_INDEX_URL",
    "UV_INDEX_URL",
    "REQUESTS_CA_BUNDLE",
    "HTTPS_PROXY",
)

_PACKAGE = {
    "name": "sample",
    "private": True,
    "workspaces": ["packages/*"],
    "scripts": {"test": "mocha test"},
    "dependencies": {"semver": "7.6.3"},
    "devDependencies": {"mocha": "10.8.2"},
}
_COPIED = {
    "name": "sample",
    "private": True,
    "scripts": {"test": "mocha test"},
    "dependencies": {"semver": "7.6.3", "core": "file:packages/core"},
    "devDependencies": {"mocha": "10.8.2"},
}
_CORE = "packages/core/index.js"
_ASSERT = "const assert = require('assert');\n"
# The test imports a package of the project's own by name, through a link that npm makes.
_JAVASCRIPT = {
    "package.json": json.dumps(_PACKAGE, indent=1),
    "packages/core/package.json": json.dumps({"name": "core", "version": "1.0.0", "main": "index.js"}),
    _CORE: "const semver = require('semver');\nexports.newest = (all) => semver.rsort([...all])[0];\n",
    "test/newest.js": f"{_ASSERT}const {{newest}} = require('core');\n"
    "it('finds the newest', () => assert.equal(newest(['1.9.0', '1.10.0']), '1.10.0'));\n",
    ".gitignore": "node_modules/\n",
}
_OLDEST = "exports.oldest = (all) => semver.sort([...all])[0];\n"
_OLDEST_TEST = (
    f"{_ASSERT}const {{oldest}} = require('core');\n"
    "it('finds the oldest', () => assert.equal(oldest(['1.9.0', '1.10.0']), '1.9.0'));\n"
)
_IN_JAVASCRIPT = (
    Trial("breaks the API", [(_CORE, "exports.newest", "exports.gone")], "rework"),
    Trial("breaks the behaviour", [(_CORE, "rsort", "sort")], "rework"),
    Trial("adds a function with a test", [(_CORE, "", _OLDEST), ("test/oldest.js", "", _OLDEST_TEST)]),
)
_NPM = ("npm", "install", "--no-audit", "--no-fund")
_NPM_CI = {
    "run": ["npm", "ci", "--no-audit", "--no-fund"],
    "locks": ["package.json", "package-lock.json", "packages/core/package.json"],
    "network": True,
    "env": _MIRRORS,
}

_PYPROJECT = """[project]
name = "product"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["iniconfig"]
[dependency-groups]
dev = ["pytest<9"]
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
"""
_POETRY = """[tool.poetry]
name = "product"
version = "1.0"
description = ""
authors = []
packages = [{include = "product", from = "src"}]
[tool.poetry.dependencies]
python = ">=3.11"
[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
"""
_PRODUCT = "src/product/__init__.py"
_PYTHON = {
    _PRODUCT: "import iniconfig\n\n\ndef double(x):\n    return 2 * x\n",
    "tests/test_double.py": "from product import double\n\n\ndef test_double():\n    assert double(4) == 8\n",
    ".gitignore": ".venv/\n__pycache__/\n",
}
_IN_PROJECT = "[virtualenvs]\nin-project = true\n"
_PLAIN = "def double(x):\n    return 2 * x\n"
_TRIPLE = "\n\ndef triple(x):\n    return 3 * x\n"
_TRIPLE_TEST = "from product import triple\n\n\ndef test_triple():\n    assert triple(1) == 3\n"
_IN_PYTHON = (
    Trial("breaks the API", [(_PRODUCT, "def double", "def gone")], "rework"),
    Trial("breaks the behaviour", [(_PRODUCT, "2 * x", "3 * x")], "rework"),
    Trial("adds a function with a test", [(_PRODUCT, "", _TRIPLE), ("tests/test_triple.py", "", _TRIPLE_TEST)]),
)
_IN_VENV = [".venv/bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
_UV = {"run": ["uv", "sync", "--frozen"], "locks": ["pyproject.toml", "uv.lock"], "network": True, "env": _MIRRORS}
# No dependencies, and no pytest: not every mirror of the registry has the interface that poetry asks.
_RUN_TESTS = """import glob, runpy
for path in glob.glob('tests/*.py'):
    [test() for name, test in runpy.run_path(path).items() if name.startswith('test_')]"""
_POETRY_INSTALL = {
    "run": ["poetry", "install", "--no-interaction"],
    "locks": ["pyproject.toml", "poetry.lock", "poetry.toml"],
    "network": True,
    "env": _MIRRORS,
}

_CARGO = {
    "Cargo.toml": '[package]\nname = "product"\nversion = "1.0.0"\nedition = "2021"\n',
    "src/lib.rs": "pub fn double(x: i32) -> i32 {\n    2 * x\n}\n",
    "tests/double.rs": "#[test]\nfn double() {\n    assert_eq!(product::double(4), 8);\n}\n",
    ".gitignore": "target/\n",
}
_LIB = "src/lib.rs"
_RUST_TEST = "#[test]\nfn triple() {\n    assert_eq!(product::triple(1), 3);\n}\n"
_IN_RUST = (
    Trial("breaks the API", [(_LIB, "fn double", "fn gone")], "rework"),
    Trial("breaks the behaviour", [(_LIB, "2 * x", "3 * x")], "rework"),
    Trial(
        "adds a function with a test",
        [(_LIB, "", "pub fn triple(x: i32) -> i32 {\n    3 * x\n}\n"), ("tests/triple.rs", "", _RUST_TEST)],
    ),
)

_GO = {
    "go.mod": "module example.org/product\n\ngo 1.19\n",
    "double.go": "package product\n\nfunc Double(x int) int { return 2 * x }\n",
    "double_test.go": 'package product\n\nimport "testing"\n\n'
    'func TestDouble(t *testing.T) {\n\tif Double(4) != 8 {\n\t\tt.Fatal("not 8")\n\t}\n}\n',
    ".gitignore": ".gocache/\n",
}
_GO_TEST = (
    'package product\n\nimport "testing"\n\n'
    "func TestTriple(t *testing.T) {\n\tif Triple(1) != 3 {\n\t\tt.Fatal()\n\t}\n}\n"
)
_IN_GO = (
    Trial("breaks the API", [("double.go", "func Double", "func Gone")], "rework"),
    Trial("breaks the behaviour", [("double.go", "2 * x", "3 * x")], "rework"),
    Trial(
        "adds a function with a test",
        [("double.go", "", "\nfunc Triple(x int) int { return 3 * x }\n"), ("triple_test.go", "", _GO_TEST)],
    ),
)

SAMPLES = {
    "npm": Project(sample(_JAVASCRIPT, _NPM), ["npm", "test"], _IN_JAVASCRIPT, {"cell": {"shares": ["node_modules"]}}),
    # A package of the project's own that is copied in place of being linked: no change of its files reaches the copy.
    "npm-copied": Project(
        sample({**_JAVASCRIPT, "package.json": json.dumps(_COPIED, indent=1)}, (*_NPM, "--install-links")),
        ["npm", "test"],
        (Trial("breaks the API unseen", [(_CORE, "exports.newest", "exports.gone")], "review"),),
        {"canary": "person", "cell": {"shares": ["node_modules"]}},
        blind=True,
    ),
    "npm-setup": Project(
        sample(_JAVASCRIPT, (*_NPM, "--package-lock-only")),
        ["npm", "test"],
        _IN_JAVASCRIPT,
        {"cell": {"shares": ["node_modules"], "setup": _NPM_CI}},
    ),
    "uv": Project(
        sample({**_PYTHON, "pyproject.toml": _PYPROJECT}, ("uv", "lock")),
        _IN_VENV,
        _IN_PYTHON,
        {"cell": {"shares": [".venv"], "setup": _UV}},
    ),
    "poetry": Project(
        sample(
            {
                **_PYTHON,
                _PRODUCT: _PLAIN,
                "pyproject.toml": _POETRY,
                "poetry.toml": "[virtualenvs]\nin-project = true\n",
            },
            ("poetry", "lock", "--no-interaction"),
        ),
        [".venv/bin/python", "-c", _RUN_TESTS],
        _IN_PYTHON,
        {"cell": {"shares": [".venv"], "setup": _POETRY_INSTALL}},
    ),
    "cargo": Project(
        sample(_CARGO, ("cargo", "test", "--offline", "-q")),
        ["cargo", "test", "--offline", "-q"],
        _IN_RUST,
        {"cell": {"copies": ["target"]}},
        env={"CARGO_HOME": "~/.cargo", "RUSTUP_HOME": "~/.rustup"},
    ),
    "go": Project(
        sample(_GO, ("go", "test", "./...")),
        ["go", "test", "./..."],
        _IN_GO,
        {"cell": {"copies": [".gocache"]}},
        env={"GOCACHE": "{root}/.gocache", "GOFLAGS": "-mod=mod"},
    ),
}
