"""What the scripted worker does in a run, as items say it; and a review and a check that many contracts have."""

HUMAN = {"seats": [{"name": "tests", "kind": "checks"}, {"name": "human", "kind": "human"}]}
GOOD = {"name": "good", "run": ["grep", "-q", "good", "work.txt"]}


def write(path: str, text: str) -> dict[str, object]:
    return {"write": {"path": path, "text": text}}


def result(**fields: object) -> dict[str, object]:
    return {"result": fields}
