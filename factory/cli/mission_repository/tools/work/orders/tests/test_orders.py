import unittest

from shop.cart import put
from shop.data import opened
from shop.orders import order, place
from shop.server import answer


class Orders(unittest.TestCase):
    def setUp(self):
        self.data = opened(":memory:")

    def test_an_order_is_remembered(self):
        put(self.data, "ann", "jam", 2)
        number = place(self.data, "ann", "Ann")
        self.assertEqual(order(self.data, number), ("Ann", 760, [("jam", 2)]))
        self.assertIn("Total: 7.60", answer(self.data, "GET", f"/orders/{number}").body)

    def test_an_order_that_nobody_placed_is_not_found(self):
        self.assertEqual(answer(self.data, "GET", "/orders/7").status, 404)
