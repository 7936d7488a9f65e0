import unittest

from programs.roman import from_roman, to_roman


class Writing(unittest.TestCase):
    def test_known_numbers(self) -> None:
        numerals = [to_roman(number) for number in (1, 4, 14, 90, 1987, 3999)]
        self.assertEqual(numerals, ["I", "IV", "XIV", "XC", "MCMLXXXVII", "MMMCMXCIX"])

    def test_out_of_range(self) -> None:
        for number in (0, 4000):
            with self.assertRaises(ValueError):
                to_roman(number)


class Reading(unittest.TestCase):
    def test_equal_letters_add_up(self) -> None:
        self.assertEqual(from_roman("III"), 3)
        self.assertEqual(from_roman("mmxx"), 2020)

    def test_a_smaller_letter_in_front_is_taken_away(self) -> None:
        self.assertEqual(from_roman("XIV"), 14)
        self.assertEqual(from_roman("MCMLXXXVII"), 1987)

    def test_there_and_back(self) -> None:
        for number in range(1, 4000, 37):
            self.assertEqual(from_roman(to_roman(number)), number)
