import unittest

from programs.primes import prime_factors, primes_up_to


class Listing(unittest.TestCase):
    def test_small_limits(self) -> None:
        self.assertEqual(primes_up_to(1), [])
        self.assertEqual(primes_up_to(2), [2])
        self.assertEqual(primes_up_to(3), [2, 3])

    def test_the_square_of_a_prime_is_no_prime(self) -> None:
        self.assertEqual(primes_up_to(9), [2, 3, 5, 7])
        self.assertNotIn(25, primes_up_to(25))
        self.assertNotIn(49, primes_up_to(50))

    def test_thirty(self) -> None:
        self.assertEqual(primes_up_to(30), [2, 3, 5, 7, 11, 13, 17, 19, 23, 29])


class Factors(unittest.TestCase):
    def test_repeated_factors(self) -> None:
        self.assertEqual(prime_factors(360), [2, 2, 2, 3, 3, 5])

    def test_a_prime_is_its_own_factor(self) -> None:
        self.assertEqual(prime_factors(97), [97])
        self.assertEqual(prime_factors(1), [])
