import unittest

from programs.lru_cache import LruCache


class Caching(unittest.TestCase):
    def setUp(self) -> None:
        self.cache = LruCache(2)
        self.cache.put("a", 1)
        self.cache.put("b", 2)

    def test_values_come_back(self) -> None:
        self.assertEqual((self.cache.get("a"), self.cache.get("b")), (1, 2))
        self.assertEqual(self.cache.get("c", "none"), "none")

    def test_the_oldest_goes(self) -> None:
        self.cache.put("c", 3)
        self.assertIsNone(self.cache.get("a"))
        self.assertEqual((self.cache.get("b"), self.cache.get("c")), (2, 3))
        self.assertEqual(len(self.cache), 2)

    def test_reading_counts_as_use(self) -> None:
        self.cache.get("a")
        self.cache.put("c", 3)
        self.assertEqual((self.cache.get("a"), self.cache.get("b"), self.cache.get("c")), (1, None, 3))

    def test_writing_again_counts_as_use(self) -> None:
        self.cache.put("a", 10)
        self.cache.put("c", 3)
        self.assertEqual((self.cache.get("a"), self.cache.get("b")), (10, None))

    def test_no_room_at_all(self) -> None:
        with self.assertRaises(ValueError):
            LruCache(0)
