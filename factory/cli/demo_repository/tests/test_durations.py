import unittest

from programs.durations import format_duration, parse_duration


class Parsing(unittest.TestCase):
    def test_one_unit(self) -> None:
        self.assertEqual(parse_duration("45s"), 45)
        self.assertEqual(parse_duration("2d"), 172800)

    def test_several_units_add_up(self) -> None:
        self.assertEqual(parse_duration("1h30m"), 5400)
        self.assertEqual(parse_duration("1d 1h 1m 1s"), 90061)

    def test_nonsense_is_refused(self) -> None:
        for text in ("1x", "h", "10"):
            with self.assertRaises(ValueError):
                parse_duration(text)


class Formatting(unittest.TestCase):
    def test_zero_units_are_left_out(self) -> None:
        self.assertEqual(format_duration(3605), "1h5s")
        self.assertEqual(format_duration(0), "0s")

    def test_what_is_written_can_be_read(self) -> None:
        for seconds in (1, 59, 60, 3661, 100000):
            self.assertEqual(parse_duration(format_duration(seconds)), seconds)
