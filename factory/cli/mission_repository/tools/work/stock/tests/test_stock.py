import unittest

from shop.cart import Refused, put
from shop.data import opened


class Stock(unittest.TestCase):
    def test_a_cart_holds_what_is_in_stock_and_no_more(self):
        data = opened(":memory:")
        put(data, "ann", "bread", 12)
        with self.assertRaises(Refused):
            put(data, "ann", "bread", 1)
