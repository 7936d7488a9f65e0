"""The planner of the demo, a script: it asks one question first, and then lays the plan that lies in `tools/plan`."""

import json
import os
import shutil
from pathlib import Path

QUESTION = {
    "id": "money",
    "text": "In what does the shop reckon its prices?",
    "options": [
        {"id": "cents", "text": "whole cents, which add up exactly; pages show them with two decimals"},
        {"id": "floats", "text": "floating point numbers, which are easier to read and do not always add up"},
    ],
    "takes": "cents",
    "why": "A cart has to add up.",
}


def main() -> None:
    """Ask in the first run, and plan in those that follow."""
    out = Path(os.environ["FACTORY_OUT"], "result.json")
    if os.environ["FACTORY_RUN"] == "1":
        out.write_text(json.dumps({"status": "blocked", "questions": [QUESTION]}))
        return
    shutil.copytree("tools/plan", "contracts/missions/shop")
    out.write_text(json.dumps({"status": "ok", "summary": "a shop in two milestones"}))


if __name__ == "__main__":
    main()
