import unittest

from programs.slug import slugify


class Slugs(unittest.TestCase):
    def test_signs_become_hyphens(self) -> None:
        self.assertEqual(slugify("Hello, World!"), "hello-world")
        self.assertEqual(slugify("  a -- b  "), "a-b")

    def test_accents_are_dropped(self) -> None:
        self.assertEqual(slugify("Crème brûlée"), "creme-brulee")

    def test_long_titles_end_at_a_word(self) -> None:
        self.assertEqual(slugify("one two three", 8), "one-two")
        self.assertEqual(slugify("one two three", 13), "one-two-three")

    def test_a_long_first_word_is_cut(self) -> None:
        self.assertEqual(slugify("incomprehensibilities", 10), "incomprehe")
        self.assertEqual(slugify("antidisestablishment now", 4), "anti")

    def test_nothing_gives_nothing(self) -> None:
        self.assertEqual(slugify("?!"), "")
