import unittest

from programs.task_order import CircleError, task_order


class Ordering(unittest.TestCase):
    def test_a_chain(self) -> None:
        self.assertEqual(task_order({"c": ["b"], "b": ["a"]}), ["a", "b", "c"])

    def test_a_task_waits_for_all_of_its_kind(self) -> None:
        self.assertEqual(task_order({"roof": ["wall", "beam"], "wall": ["base"]}), ["base", "beam", "wall", "roof"])

    def test_ready_tasks_go_by_name(self) -> None:
        self.assertEqual(task_order({"z": [], "a": [], "m": ["z"]}), ["a", "z", "m"])

    def test_naming_a_task_twice_changes_nothing(self) -> None:
        self.assertEqual(task_order({"b": ["a", "a"]}), ["a", "b"])

    def test_a_circle_is_refused(self) -> None:
        with self.assertRaisesRegex(CircleError, "^a, b$"):
            task_order({"a": ["b"], "b": ["a"], "c": []})
