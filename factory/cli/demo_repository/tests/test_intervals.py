import unittest

from programs.intervals import covered, merged


class Merging(unittest.TestCase):
    def test_apart(self) -> None:
        self.assertEqual(merged([(7, 9), (1, 3)]), [(1, 3), (7, 9)])

    def test_overlapping(self) -> None:
        self.assertEqual(merged([(1, 4), (3, 8)]), [(1, 8)])

    def test_touching(self) -> None:
        self.assertEqual(merged([(1, 2), (3, 4), (6, 7)]), [(1, 4), (6, 7)])

    def test_one_inside_another(self) -> None:
        self.assertEqual(merged([(1, 10), (2, 3)]), [(1, 10)])
        self.assertEqual(merged([(1, 10), (2, 3), (5, 12)]), [(1, 12)])

    def test_none(self) -> None:
        self.assertEqual(merged([]), [])


class Covering(unittest.TestCase):
    def test_numbers_are_counted_once(self) -> None:
        self.assertEqual(covered([(1, 10), (5, 6), (20, 20)]), 11)
