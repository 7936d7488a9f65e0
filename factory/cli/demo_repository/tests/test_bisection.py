import unittest

from programs.bisection import count_of, first_not_below

VALUES = [1, 3, 3, 3, 7, 9]


class Finding(unittest.TestCase):
    def test_below_all(self) -> None:
        self.assertEqual(first_not_below(VALUES, 0), 0)

    def test_in_the_middle(self) -> None:
        self.assertEqual([first_not_below(VALUES, wanted) for wanted in (1, 2, 3, 4, 8)], [0, 1, 1, 4, 5])

    def test_above_all(self) -> None:
        self.assertEqual(first_not_below(VALUES, 10), 6)
        self.assertEqual(first_not_below([], 10), 0)


class Counting(unittest.TestCase):
    def test_counts(self) -> None:
        self.assertEqual([count_of(VALUES, wanted) for wanted in (3, 7, 8)], [3, 1, 0])
