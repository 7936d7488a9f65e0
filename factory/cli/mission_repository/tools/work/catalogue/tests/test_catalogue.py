import json
import unittest

from shop.data import opened
from shop.server import answer


class Catalogue(unittest.TestCase):
    def setUp(self):
        self.data = opened(":memory:")

    def test_the_api_lists_articles_by_name(self):
        names = [each["name"] for each in json.loads(answer(self.data, "GET", "/api/articles").body)]
        self.assertEqual(names, sorted(names))
        self.assertIn("jam", names)

    def test_the_page_shows_a_price(self):
        self.assertIn("bread: 2.95", answer(self.data, "GET", "/").body)
