"""A worker that does what its item says: for tests, for trying a contract out, for benchmarks.

`inputs.runs` is a list with one list of steps for each run; the last one serves every later run. A step is an object
with one key: write {path, text}, delete path, out {path, text}, say text, sleep seconds, result {…}, exit code.
"""

import json
import os
import sys
import time
from pathlib import Path


def main() -> None:
    """Do the steps of this run."""
    item = json.loads(Path(os.environ["FACTORY_ITEM"]).read_text())
    runs = item["inputs"].get("runs", [[]])
    steps = runs[min(int(os.environ["FACTORY_RUN"]), len(runs)) - 1]
    for step in steps:
        for verb, what in step.items():
            _do(verb, what)


def _do(verb: str, what: object) -> None:
    out = Path(os.environ["FACTORY_OUT"])
    match verb, what:
        case "write", {"path": str(path), "text": str(text)}:
            _put(Path(path), text)
        case "out", {"path": str(path), "text": str(text)}:
            _put(out / path, text)
        case "delete", str(path):
            Path(path).unlink()
        case "say", str(text):
            sys.stdout.write(text + "\n")
            sys.stdout.flush()
        case "sleep", int() | float() as seconds:
            time.sleep(seconds)
        case "result", dict() as result:
            _put(out / "result.json", json.dumps({"status": "ok", **result}))
        case "exit", int(code):
            sys.exit(code)
        case _:
            sys.exit(f"unknown step: {verb} {what!r}")


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


if __name__ == "__main__":
    main()
