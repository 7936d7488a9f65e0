"""What the plan wants of orders, and of the stock."""

import json
import unittest

from shop.data import opened
from shop.server import answer


class Orders(unittest.TestCase):
    def setUp(self):
        self.data = opened(":memory:")

    def post(self, path, **body):
        return answer(self.data, "POST", f"/api/carts/ann/{path}", json.dumps(body).encode()).status

    def lines(self):
        return json.loads(answer(self.data, "GET", "/api/carts/ann").body)["lines"]

    def test_an_order_empties_the_cart(self):
        self.post("lines", article="apple", quantity=2)
        self.assertEqual(self.post("order", buyer="Ann"), 201)
        self.assertEqual(self.lines(), [])

    def test_nothing_cannot_be_ordered(self):
        self.assertEqual(self.post("order", buyer="Ann"), 409)

    def test_no_more_than_is_in_stock_goes_into_a_cart(self):
        self.assertEqual(self.post("lines", article="cheese", quantity=5), 201)
        self.assertEqual(self.post("lines", article="cheese", quantity=1), 409)
        self.assertEqual([each["quantity"] for each in self.lines()], [5])
