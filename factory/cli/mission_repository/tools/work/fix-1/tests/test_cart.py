import json
import unittest

from shop.data import opened
from shop.server import answer


class Cart(unittest.TestCase):
    def setUp(self):
        self.data = opened(":memory:")

    def put(self, **what):
        return answer(self.data, "POST", "/api/carts/ann/lines", json.dumps(what).encode()).status

    def test_what_is_put_into_a_cart_is_in_it(self):
        self.assertEqual(self.put(article="cheese", quantity=2), 201)
        cart = json.loads(answer(self.data, "GET", "/api/carts/ann").body)
        self.assertEqual(cart, {"lines": [{"article": "cheese", "quantity": 2, "cents": 415}], "cents": 830})

    def test_the_page_shows_lines_and_the_total(self):
        self.put(article="cheese", quantity=2)
        page = answer(self.data, "GET", "/carts/ann").body
        self.assertIn("2 × cheese", page)
        self.assertIn("Total: 8.30", page)

    def test_what_is_not_sold_or_not_said_is_refused(self):
        self.assertEqual(self.put(article="snow", quantity=1), 404)
        self.assertEqual(self.put(article="cheese"), 422)

    def test_cents_below_ten_are_shown_with_two_digits(self):
        self.put(article="apple", quantity=3)
        self.assertIn("Total: 1.05", answer(self.data, "GET", "/carts/ann").body)
