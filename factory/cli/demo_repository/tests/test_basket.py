import unittest

from programs.basket import total, with_item


class Filling(unittest.TestCase):
    def test_a_new_basket_holds_one_thing(self) -> None:
        self.assertEqual(with_item("tea"), {"tea": 1})
        self.assertEqual(with_item("jam", 2), {"jam": 2})

    def test_more_of_the_same(self) -> None:
        basket = with_item("tea")
        self.assertEqual(with_item("tea", 2, basket), {"tea": 3})

    def test_a_given_basket_is_used_even_when_empty(self) -> None:
        basket: dict[str, int] = {}
        self.assertIs(with_item("tea", 1, basket), basket)

    def test_nothing_is_not_put_in(self) -> None:
        with self.assertRaises(ValueError):
            with_item("tea", 0)


class Paying(unittest.TestCase):
    def test_total(self) -> None:
        self.assertEqual(total({"tea": 2, "jam": 1}, {"tea": 300, "jam": 250}), 850)

    def test_a_price_is_missing(self) -> None:
        with self.assertRaises(KeyError):
            total({"caviar": 1}, {})
