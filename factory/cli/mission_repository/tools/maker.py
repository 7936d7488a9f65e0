"""The maker of the demo, a script: what it builds for a feature lies below `tools/work`, in a folder of its name."""

import json
import os
import shutil
from pathlib import Path


def main() -> None:
    """Lay the files of a feature over those that are there."""
    item = json.loads(Path(os.environ["FACTORY_ITEM"]).read_text())
    name = item["id"].removeprefix(f"{item.get('mission') or 'shop'}.")
    shutil.copytree(Path("tools/work", name), ".", dirs_exist_ok=True)
    handoff = {"completed": [item["title"]], "followed_procedure": True}
    result = {"status": "ok", "confidence": 1.0, "summary": f"built {name}", "handoff": handoff}
    Path(os.environ["FACTORY_OUT"], "result.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main()
