"""What the plan wants of the catalogue."""

import json
import unittest

from shop.data import ARTICLES, opened
from shop.server import answer


class Catalogue(unittest.TestCase):
    def test_every_article_is_listed_with_its_name_and_its_price(self):
        reply = answer(opened(":memory:"), "GET", "/api/articles")
        self.assertEqual(reply.status, 200)
        listed = {(each["name"], each["cents"]) for each in json.loads(reply.body)}
        self.assertEqual(listed, {(name, cents) for name, cents, _ in ARTICLES})
