import unittest

from programs.invoice import invoice_total, statement_average, tax_on


class Tax(unittest.TestCase):
    def test_half_a_cent_goes_up(self) -> None:
        self.assertEqual([tax_on(cents, "0.05") for cents in (10, 30, 50)], [1, 2, 3])
        self.assertEqual(tax_on(250, "0.19"), 48)

    def test_less_than_half_a_cent_is_dropped(self) -> None:
        self.assertEqual(tax_on(101, "0.19"), 19)


class Totals(unittest.TestCase):
    def test_lines_add_up(self) -> None:
        self.assertEqual(invoice_total([(999, 2), (250, 1)], "0.19"), 2675)

    def test_the_discount_comes_before_the_tax(self) -> None:
        self.assertEqual(invoice_total([(1000, 1)], "0.20", "0.10"), 1080)

    def test_half_a_cent_of_discount(self) -> None:
        self.assertEqual(invoice_total([(50, 1)], "0", "0.05"), 47)


class Statistics(unittest.TestCase):
    def test_the_mean_is_rounded_to_even(self) -> None:
        self.assertEqual((statement_average([2, 3]), statement_average([3, 4])), (2, 4))
