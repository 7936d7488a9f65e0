"""The reviewer of the demo, a script: it reads a patch for a few things that should not be in it."""

import hashlib
import json
import os
import re
from pathlib import Path

BAD = {
    r"\bprint\(": "prints, which nobody reads",
    r"\bexcept\s*:": "catches everything",
    r"\bTODO\b": "is not finished",
    r"execute\(f[\"']": "puts values into SQL",
}


def main() -> None:
    """Look at what a patch adds."""
    patch = Path(os.environ["FACTORY_PATCH"]).read_bytes()
    added = [line for line in patch.decode().splitlines() if line.startswith("+")]
    wrong = [why for pattern, why in BAD.items() if any(re.search(pattern, line) for line in added)]
    verdict = {
        "subject": os.environ["FACTORY_SUBJECT"],
        "patch": "sha256:" + hashlib.sha256(patch).hexdigest(),
        "decision": "rework" if wrong else "approve",
        "notes": f"read {len(added)} new lines",
        "findings": [{"id": f"F{n}", "severity": "major", "text": text} for n, text in enumerate(wrong, 1)],
    }
    Path(os.environ["FACTORY_OUT"], "verdict.yaml").write_text(json.dumps(verdict))


if __name__ == "__main__":
    main()
