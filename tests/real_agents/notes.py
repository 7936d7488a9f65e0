"""A little web application, and what the model of each role says and does until its notes can be searched."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from tests.real_agents.model import Part, Step

MISSION = "notes-that-can-be-searched"  # as its title becomes an id
_FOLDER = f"contracts/missions/{MISSION}"
_SERVED = """import json, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from notes import NOTES


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, query = self.path.partition("?")
        body = json.dumps({"/health": "ok", "/notes": NOTES}.get(path)).encode()
        self.send_response(200 if body != b"null" else 404)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)


HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
_TEST = """import unittest
from notes import NOTES


class Notes(unittest.TestCase):
    def test_there_are_two(self):
        self.assertEqual(len(NOTES), 2)
"""
APPLICATION: Mapping[str, str] = {
    "notes/__init__.py": 'NOTES = ["Buy milk", "Call Ann Smith"]\n',
    "notes/__main__.py": _SERVED,
    "tests/__init__.py": "",
    "tests/test_notes.py": _TEST,
    "Makefile": "test:\n\tpython3 -B -m unittest -q tests.test_notes\n",
}
_CHECK = """import sys, unittest
sys.path.insert(0, ".")
from notes import find


class Search(unittest.TestCase):
    def test_it_finds(self):
        self.assertEqual((find("MILK"), find("ann smith"), find("beer")), (["Buy milk"], ["Call Ann Smith"], []))


unittest.main()
"""
_CHECKED = f"{_FOLDER}/checks/search.py"
_ASSERTIONS = f"""- id: VAL-FIND-001
  text: notes.find gives the notes that hold a text, in whatever case, and no others
  check: [python3, -B, {_CHECKED}]
- id: VAL-HTTP-001
  text: GET /notes?q=ann%20smith answers with status 200 and exactly ["Call Ann Smith"]
  by: user-testing
  paths: ["notes/**"]
- id: VAL-KEPT-001
  text: The tests that were there pass
  check: [make, test]
  holds_already: true
"""
_PLAN = """goal: Whoever uses the notes finds one without reading all of them
constraints: [Nothing but Python's standard library]
milestones:
  - id: m1
    title: Notes are found
    features:
      - id: search
        title: Search the notes
        description: A function find(text) in notes/__init__.py, and GET /notes?q=TEXT in notes/__main__.py.
        fulfills: [VAL-FIND-001, VAL-HTTP-001, VAL-KEPT-001]
        contract: feature
        scope: ["notes/**", "tests/**"]
"""
_SERVICES = """checks: {test: [make, test]}
services: {web: {run: [python3, -B, -m, notes, "{{ port }}"], ready: {http: /health}, seconds: 60}}
"""
_FIND = "\n\ndef find(text):\n    return [note for note in NOTES if text.lower() in note.lower()]\n"
_DEFECT = "query.partition('q=')[2]"  # as it came over the wire: no test of the function sees that
_LOOSE = "GET / answers 404"
LEARNT = "The address of a request is percent-encoded: parse_qs decodes it"
_TRIES = """mkdir -p "$FACTORY_OUT/evidence"; echo "out=$FACTORY_OUT;"; python3 - <<'END'
import json, os, urllib.request
web = json.load(open(os.environ["FACTORY_SERVICES"]))["web"]["url"]
with urllib.request.urlopen(web + "/notes?q=ann%20smith") as answer:
    said = answer.read().decode()
    told = f"GET /notes?q=ann%20smith\\n\\n{answer.status}\\n{said}\\n"
open(os.environ["FACTORY_OUT"] + "/evidence/search.txt", "w").write(told)
print("it is", "right" if json.loads(said) == ["Call Ann Smith"] else "wrong", told)
END"""
_JUDGES = (
    "printf 'subject: %s\\npatch: sha256:%s\\ndecision: approve\\nnotes: read whole\\nfindings: []\\n' "
    '"$FACTORY_SUBJECT" "$(sha256sum < "$FACTORY_PATCH" | cut -d" " -f1)" > "$FACTORY_OUT/verdict.yaml"'
)


_RAN = {"commands": [{"run": ["make", "test"], "exit_code": 0}]}
_DISMISSED = f"""    dismissed:
      - issue: {MISSION}.search/I1
        reason: Nothing was ever there, and nobody has asked for it
      - issue: {MISSION}.m1.testing/handoff.I1
        reason: Who uses the notes reads JSON, and nothing else was promised
"""
_FOLLOWED_UP = f"""      - id: decode
        title: Decode what is asked for
        description: The text in GET /notes?q=TEXT is percent-encoded, and is searched for as it came.
        answers: [{MISSION}.m1.testing/VAL-HTTP-001]
        contract: feature
        scope: ["notes/**"]
"""


def script(root: Path) -> Mapping[str, Part]:
    """What the model does in each part of the mission, by words of the prompt; the repository lies at a root."""

    def writes(path: str, text: str) -> Step:
        return Step("I write it.", tool="Write", given={"file_path": str(root / path), "content": text})

    def edits(path: str, old: str, new: str) -> Step:
        given = {"file_path": str(root / path), "old_string": old, "new_string": new}
        return Step("I change it.", tool="Edit", given=given)

    def reads(path: str) -> Step:
        return Step("I look first.", tool="Read", given={"file_path": str(root / path)})

    plan, served = f"{_FOLDER}/plan.yaml", "notes/__main__.py"
    planned = (("assertions.yaml", _ASSERTIONS), ("plan.yaml", _PLAN), ("services.yaml", _SERVICES))
    return {
        "You plan a mission in the git repository": (
            Step("I look first.", run="ls; make test"),
            *(writes(f"{_FOLDER}/{name}", text) for name, text in planned),
            writes(_CHECKED, _CHECK),
            _ends("planned"),
        ),
        f'<feature id="{MISSION}.search">': (
            reads(served),
            edits(served, "json.dumps(", f'json.dumps(find({_DEFECT}) if path == "/notes" else '),
            edits(served, "import NOTES", "import NOTES, find"),
            Step("The function.", run=f"cat >> notes/__init__.py <<'END'{_FIND}END\nmake test"),
            _ends("Notes are searched", {"issues": [{"severity": "minor", "text": _LOOSE}], **_RAN}),
        ),
        f'<feature id="{MISSION}.decode">': (
            _looks,
            reads(served),
            edits(served, _DEFECT, 'parse_qs(query).get("q", [""])[0]'),
            edits(served, "import json, sys", "import json, sys\nfrom urllib.parse import parse_qs"),
            _ends("What is asked for is decoded", _RAN),
        ),
        f"- {MISSION}.m1.testing/VAL-HTTP-001: ": (
            reads(plan),
            edits(plan, "    features:\n", f"{_DISMISSED}    features:\n{_FOLLOWED_UP}"),
            edits(plan, "milestones:", f"notes: ['{LEARNT}']\nmilestones:"),
            _ends("a feature puts it right"),
        ),
        "You look at one feature of a milestone": (Step("I read it.", run=_JUDGES), Step("It is good.")),
        "You are a user of a program that runs beside you": (
            Step("I try it.", run=_TRIES),
            _tells,
            Step("That is what I saw."),
        ),
    }


def _ends(summary: str, handoff: Mapping[str, object] | None = None) -> Step:
    result = json.dumps({"status": "ok", "summary": summary, "handoff": handoff or {}})
    return Step(f"That is all.\n```json\n{result}\n```")


def _looks(said: str) -> Step:
    """What somebody does first who is told where the evidence lies."""
    return Step("I look at it.", run=f"git show {re.findall(r'`git show ([^`]+)` shows', said)[0]}")


def _tells(said: str) -> Step:
    """What a tester writes of what it saw."""
    seen, out = re.findall(r"it is (right|wrong)", said), re.findall(r"out=([^;]*);", said)
    state = "pass" if seen[-1] == "right" else "fail"
    told = "her note came" if state == "pass" else "her note should have come: none did"
    found = {"VAL-HTTP-001": {"state": state, "said": told, "evidence": ["evidence/search.txt"]}}
    left = {"issues": [{"severity": "note", "text": "it is no page"}]} if state == "fail" else {}
    result = json.dumps({"status": "ok", "summary": "tried", "data": {"assertions": found}, "handoff": left})
    return Step("I say it.", tool="Write", given={"file_path": f"{out[-1]}/result.json", "content": result})
