"""The real programs: installed once, in a folder of the tests' own."""

import functools
import json
import os
import shutil
import subprocess
from pathlib import Path

from filelock import FileLock

from factory.execution.agents.kinds import PROGRAMS

_PACKAGES = {"claude": "@anthropic-ai/claude-code", "codex": "@openai/codex", "opencode": "opencode-ai"}
VERSIONS = {name: PROGRAMS[name].tried for name in _PACKAGES}
# A folder that has them already, with a `node_modules` in it.
_READY = os.environ.get("FACTORY_TEST_AGENTS", "")
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "factory-tests" / "agents"
_ENVIRONMENT = dict(os.environ)  # of whoever runs the tests, who may have said where the registry is
_ANSWER_S, _INSTALL_S = 20, 300


@functools.cache
def installed() -> tuple[Path | None, str]:
    """(the folder that their programs lie in, why there is none)."""
    if shutil.which("bwrap") is None:
        return None, "bubblewrap is not installed: real agents are not let loose without it"
    if _READY:
        return Path(_READY) / "node_modules/.bin", ""
    npm = shutil.which("npm")
    if npm is None:
        return None, "npm is not installed, so that the real agents cannot be"
    _CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(_CACHE / "lock"):
        if not all(_is_there(name) for name in VERSIONS):
            wanted = [f"{_PACKAGES[name]}@{version}" for name, version in VERSIONS.items()]
            try:
                subprocess.run(
                    [npm, "ping", "--fetch-retries=0"],
                    check=True,
                    capture_output=True,
                    timeout=_ANSWER_S,
                    env=_ENVIRONMENT,
                )
                install = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(_CACHE), *wanted]
                subprocess.run(install, check=True, capture_output=True, timeout=_INSTALL_S, env=_ENVIRONMENT)
            except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
                return None, f"npm's registry cannot be reached, or does not have the real agents: {error}"
    return _CACHE / "node_modules/.bin", ""


def _is_there(name: str) -> bool:
    package = _CACHE / "node_modules" / _PACKAGES[name] / "package.json"
    program = _CACHE / "node_modules/.bin" / name
    return program.exists() and bool(json.loads(package.read_text())["version"] == VERSIONS[name])
