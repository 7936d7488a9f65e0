"""What a tester may leave: a report that answers what was asked, and evidence that is there."""

import os
from pathlib import Path

import pytest
from pydantic import JsonValue

from factory.execution.services.evidence import evidence_files, report_breaches
from factory.model.item import Item
from factory.model.mission.report import MOST_EVIDENCE_BYTES, report_in
from factory.model.result import Result, Status

ASKED = Item.model_validate_json(
    '{"title": "Try it", "acceptance": [{"id": "VAL-1", "text": "it adds up"}, {"id": "VAL-2", "text": "it says no"},'
    ' {"id": "C-1", "text": "the tests pass", "check": ["true"]}]}'
)


def said(answers: dict[str, JsonValue], left: dict[str, bytes] | None = None) -> list[tuple[str, str]]:
    """What is wrong with these answers, where these evidence files were left."""
    result = Result(status=Status.OK, data={"assertions": answers})
    return report_breaches(ASKED, result, {"evidence/a.txt": b"200 OK"} if left is None else left)


def answer(state: str, *evidence: str) -> JsonValue:
    return {"state": state, "said": "as it was seen", "evidence": list(evidence)}


FAIL = answer("fail", "evidence/a.txt")


def test_an_answer_to_each_assertion_with_a_file_that_shows_it_is_a_report() -> None:
    assert said({"VAL-1": answer("pass", "evidence/a.txt"), "VAL-2": FAIL}) == []


@pytest.mark.parametrize("state", ["blocked", "unread"])
def test_what_could_not_be_tried_needs_no_evidence(state: str) -> None:
    assert said({"VAL-1": answer(state), "VAL-2": FAIL}) == []


@pytest.mark.parametrize(
    ("answers", "who", "what"),
    [
        ({"VAL-2": FAIL}, "VAL-1", "was not answered"),
        ({"VAL-1": FAIL, "VAL-2": FAIL, "VAL-3": FAIL}, "VAL-3", "was not asked about"),
        ({"VAL-1": FAIL, "VAL-2": FAIL, "C-1": FAIL}, "C-1", "was not asked about"),
        ({"VAL-1": answer("pass"), "VAL-2": FAIL}, "VAL-1", "only with a file below evidence/"),
        ({"VAL-1": answer("fail"), "VAL-2": FAIL}, "VAL-1", "only with a file below evidence/"),
        ({"VAL-1": answer("pass", "evidence/b.txt"), "VAL-2": FAIL}, "VAL-1", "evidence/b.txt is not there"),
        ({"VAL-1": answer("blocked", "evidence/b.txt"), "VAL-2": FAIL}, "VAL-1", "evidence/b.txt is not there"),
        ({"VAL-1": answer("pass", "result.json"), "VAL-2": FAIL}, "VAL-1", "result.json is not there"),
        ({"VAL-1": answer("pass", "../evidence/a.txt"), "VAL-2": FAIL}, "result.json", "must be a relative path"),
        ({"VAL-1": answer("pass", "/etc/passwd"), "VAL-2": FAIL}, "result.json", "must be a relative path"),
        ({"VAL-1": answer("passed", "evidence/a.txt"), "VAL-2": FAIL}, "result.json", "data.assertions.VAL-1.state"),
        ({"VAL-1": {"state": "fail", "by": "me"}, "VAL-2": FAIL}, "result.json", "data.assertions.VAL-1.by"),
    ],
)
def test_each_answer_that_does_not_count_is_named(answers: dict[str, JsonValue], who: str, what: str) -> None:
    ((name, why),) = said(answers)
    assert name == who and what in why


def test_an_empty_file_shows_nothing() -> None:
    answers = {"VAL-1": answer("pass", "evidence/a.txt"), "VAL-2": answer("unread")}
    assert said(answers, {"evidence/a.txt": b""}) == [("VAL-1", "its evidence evidence/a.txt is empty")]


@pytest.mark.parametrize("data", [None, [], {}, {"assertions": []}, {"assertions": {"": FAIL}}])
def test_data_that_is_no_report_is_told_in_one_line(data: JsonValue) -> None:
    with pytest.raises(ValueError, match=r"^data\b[^\n]+$"):
        report_in(data)


def test_without_a_result_nothing_is_answered() -> None:
    ((name, why),) = report_breaches(ASKED, None, {})
    assert name == "result.json" and "is missing" in why


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "evidence/steps").mkdir(parents=True)
    (tmp_path / "evidence/a.txt").write_bytes(b"200 OK")
    (tmp_path / "evidence/steps/1.png").write_bytes(b"\x89PNG")
    (tmp_path / "notes.txt").write_bytes(b"none of it")
    return tmp_path


def test_all_files_below_the_folder_of_evidence_are_kept(out: Path) -> None:
    assert evidence_files(out) == ({"evidence/a.txt": b"200 OK", "evidence/steps/1.png": b"\x89PNG"}, [])


def test_who_left_no_evidence_left_nothing_wrong(tmp_path: Path) -> None:
    assert evidence_files(tmp_path) == ({}, [])


@pytest.mark.parametrize("leads_to", ["a.txt", "../notes.txt", "/etc/hostname", "steps", "nowhere"])
def test_a_link_is_no_evidence(out: Path, leads_to: str) -> None:
    (out / "evidence/link").symlink_to(leads_to)
    files, breaches = evidence_files(out)
    assert "evidence/link" not in files and breaches == [("evidence/link", "is no plain file")]


def test_a_folder_of_evidence_that_is_a_link_is_none(tmp_path: Path) -> None:
    (tmp_path / "evidence").symlink_to("/etc")
    assert evidence_files(tmp_path) == ({}, [("evidence", "is no folder")])


def test_a_pipe_is_no_evidence_and_holds_nobody_up(out: Path) -> None:
    os.mkfifo(out / "evidence/pipe")
    assert evidence_files(out)[1] == [("evidence/pipe", "is no plain file")]


@pytest.mark.parametrize("name", [".gitattributes", "-x", "a b", "a\nb", "\udce9", "x" * 101])
def test_a_name_that_not_every_system_takes_is_a_breach(out: Path, name: str) -> None:
    (out / "evidence" / name).write_bytes(b"x")
    files, ((told, why),) = evidence_files(out)
    assert len(files) == 2 and told == f"evidence/{name}" and "another name" in why


def test_more_than_a_hundred_files_are_too_many(out: Path) -> None:
    for number in range(99):
        (out / f"evidence/{number}").write_bytes(b"x")
    files, breaches = evidence_files(out)
    assert len(files) == 100 and breaches == [("evidence", "holds more than 100 files")]


def test_more_than_ten_megabytes_together_are_too_much(out: Path) -> None:
    for name in ("b", "c"):
        (out / f"evidence/{name}").write_bytes(b"x" * (MOST_EVIDENCE_BYTES // 2))
    files, breaches = evidence_files(out)
    assert sum(map(len, files.values())) <= MOST_EVIDENCE_BYTES and len(breaches) == 1
    assert "larger than 10 MB" in breaches[0][1]
