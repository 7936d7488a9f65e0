import unittest

from programs.month_length import is_leap, month_length


class LeapYears(unittest.TestCase):
    def test_every_fourth_year(self) -> None:
        self.assertTrue(is_leap(2024))
        self.assertFalse(is_leap(2023))

    def test_centuries(self) -> None:
        self.assertFalse(is_leap(1900))
        self.assertTrue(is_leap(2000))


class Lengths(unittest.TestCase):
    def test_february(self) -> None:
        self.assertEqual([month_length(year, 2) for year in (1900, 2000, 2023, 2024)], [28, 29, 28, 29])

    def test_a_whole_year(self) -> None:
        lengths = [month_length(2023, month) for month in range(1, 13)]
        self.assertEqual(lengths, [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
