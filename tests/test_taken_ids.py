"""An id belongs to one item for ever: whoever uses it again is told so, and the finished item stays what it was."""

from tests.world import World


def _finished(world: World, item_id: str = "a") -> str:
    """One item that is done; where its file lies."""
    world.item(item_id)
    world.commit()
    world.tick(drain=True)
    return next(path for path in world.git("ls-files", "queue/done").split("\n") if path.endswith(f"/{item_id}.yaml"))


def test_the_id_of_a_finished_item_that_is_committed_again_is_refused_with_a_free_one(world: World) -> None:
    # given a finished item, and another one of the same name that a person commits
    done = _finished(world)
    before = world.git("rev-parse", f"HEAD:{done}")
    world.item("a", [{"write": {"path": "again.txt", "text": "again\n"}}])
    world.commit()
    # when passes are made
    head = world.git("rev-parse", "HEAD")
    report = world.tick(drain=True)
    # then nothing has happened to either, and the person is told which name is free
    assert world.git("rev-parse", "HEAD") == head
    assert world.git("rev-parse", f"HEAD:{done}") == before
    message = f"queue/inbox/a.yaml:1:1: the id 'a' is taken by {done}; rename the file, say to a-2.yaml"
    assert [str(problem) for problem in report.problems] == [message]
    assert message in world.command("check", status=1)
    assert message in world.command("check", "queue/inbox/a.yaml", status=1)
    # and under the free name it runs
    world.git("mv", "queue/inbox/a.yaml", "queue/inbox/a-2.yaml")
    world.commit()
    world.tick(drain=True)
    assert world.lane("a-2") == "done"
    world.command("audit")


def test_another_item_goes_on_beside_one_whose_id_is_taken(world: World) -> None:
    done = _finished(world)
    world.item("a")
    world.item("b")
    world.commit()
    world.tick(drain=True)
    assert world.lane("b") == "done"
    assert world.git("log", "--format=%s", "-1", "--", done).startswith("factory: a review -> done")


def test_a_name_that_differs_in_case_alone_is_the_same_id(world: World) -> None:
    _finished(world)
    world.write("queue/inbox/A.yaml", "title: another\n")
    world.commit()
    assert "the id 'a' is taken" in str(world.tick(drain=True).problems[0])
    assert "the id 'a' is taken" in world.command("check", status=1)


def test_of_two_new_files_whose_names_differ_in_case_alone_one_is_taken(world: World) -> None:
    # given two files of one id, dropped together, and what would be the next id
    world.write("queue/inbox/AB.yaml", "title: one\nhold: true\n")
    world.write("queue/inbox/ab.yaml", "title: another\nhold: true\n")
    world.item("ab-2", text="hold: true\n")
    # when a pass is made
    report = world.tick()
    # then one of them is an item, and the other is not committed and told a free id
    assert [str(problem) for problem in report.problems] == [
        "queue/inbox/ab.yaml:1:1: the id 'ab' is taken by queue/inbox/AB.yaml; rename the file, say to ab-3.yaml"
    ]
    assert world.git("ls-files", "queue/inbox").split("\n") == [
        "queue/inbox/.gitkeep",
        "queue/inbox/AB.yaml",
        "queue/inbox/ab-2.yaml",
    ]
    # and under that id it is one too
    (world.root / "queue/inbox/ab.yaml").rename(world.root / "queue/inbox/ab-3.yaml")
    assert world.tick().problems == ()
    assert "title: another" in world.git("show", "main:queue/inbox/ab-3.yaml")
    world.command("audit")


def test_a_finished_item_that_no_pass_has_recorded_keeps_its_id_too(world: World) -> None:
    world.write("queue/done/2026-01-01/a.yaml", "title: put here by hand\n")
    world.item("a")
    world.commit()
    told = str(world.tick(drain=True).problems[0])
    # the pass has recorded its end, under the day of that
    assert "the id 'a' is taken by " in told and world.read(told.split("taken by ")[1].split(";")[0]).endswith("hand\n")
    assert not (world.root / "a.txt").exists()


def test_a_batch_line_with_the_id_of_a_finished_item_is_refused_and_the_others_are_taken(world: World) -> None:
    _finished(world)
    world.write("queue/inbox/more.jsonl", '{"id": "a", "title": "again"}\n{"id": "b", "title": "new", "hold": true}\n')
    world.commit()
    report = world.tick()
    assert str(report.problems[0]).startswith("queue/inbox/more.jsonl:1:1: the id 'a' is taken")
    assert world.lane("b") == "inbox"
