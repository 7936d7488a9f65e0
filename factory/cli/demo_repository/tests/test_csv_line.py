import unittest

from programs.csv_line import split_line


class Splitting(unittest.TestCase):
    def test_plain_fields(self) -> None:
        self.assertEqual(split_line("a,bc,d"), ["a", "bc", "d"])

    def test_empty_fields(self) -> None:
        self.assertEqual(split_line(",a,"), ["", "a", ""])
        self.assertEqual(split_line(""), [""])

    def test_a_quoted_field_may_hold_the_separator(self) -> None:
        self.assertEqual(split_line('1,"Smith, Ann",x'), ["1", "Smith, Ann", "x"])

    def test_two_quotes_stand_for_one(self) -> None:
        self.assertEqual(split_line('"say ""hi""",b'), ['say "hi"', "b"])

    def test_another_separator(self) -> None:
        self.assertEqual(split_line("a;b,c", ";"), ["a", "b,c"])
