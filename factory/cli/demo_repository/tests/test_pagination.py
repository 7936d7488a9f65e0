import unittest

from programs.pagination import page, page_count


class Reported(unittest.TestCase):
    def test_twenty_items_make_two_full_pages(self) -> None:
        self.assertEqual(page_count(20, 10), 2)


class Counting(unittest.TestCase):
    def test_a_page_begun_is_a_page(self) -> None:
        self.assertEqual([page_count(items, 10) for items in (1, 9, 11, 29)], [1, 1, 2, 3])

    def test_full_pages(self) -> None:
        self.assertEqual([page_count(items, 5) for items in (5, 10, 100)], [1, 2, 20])

    def test_no_items(self) -> None:
        self.assertEqual(page_count(0, 10), 0)

    def test_a_page_without_room(self) -> None:
        with self.assertRaises(ValueError):
            page_count(1, 0)


class Pages(unittest.TestCase):
    def test_the_last_page_may_be_short(self) -> None:
        self.assertEqual(page("abcdefg", 1, 3), ["a", "b", "c"])
        self.assertEqual(page("abcdefg", 3, 3), ["g"])
