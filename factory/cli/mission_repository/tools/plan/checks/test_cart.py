"""What the plan wants of carts."""

import json
import unittest

from shop.data import opened
from shop.server import answer


class Cart(unittest.TestCase):
    def setUp(self):
        self.data = opened(":memory:")

    def put(self, article, quantity):
        body = json.dumps({"article": article, "quantity": quantity}).encode()
        return answer(self.data, "POST", "/api/carts/ann/lines", body).status

    def cart(self):
        return json.loads(answer(self.data, "GET", "/api/carts/ann").body)

    def test_two_of_the_same_make_one_line(self):
        self.put("apple", 1)
        self.put("apple", 1)
        self.assertEqual([(each["article"], each["quantity"]) for each in self.cart()["lines"]], [("apple", 2)])

    def test_a_quantity_below_1_is_refused(self):
        self.assertEqual([self.put("apple", 0), self.put("apple", -1)], [422, 422])
        self.assertEqual(self.cart()["lines"], [])

    def test_the_total_is_the_sum_over_all_lines(self):
        self.put("apple", 3)
        self.put("bread", 2)
        self.assertEqual(self.cart()["cents"], 3 * 35 + 2 * 295)
