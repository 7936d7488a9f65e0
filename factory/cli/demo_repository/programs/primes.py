"""Prime numbers: listing them and splitting a number into them."""

from math import isqrt


def primes_up_to(limit: int) -> list[int]:
    """All primes that are not greater than the limit, in rising order."""
    if limit < 2:
        return []
    prime = [True] * (limit + 1)
    prime[0] = prime[1] = False
    for number in range(2, isqrt(limit)):
        if prime[number]:
            for multiple in range(number * number, limit + 1, number):
                prime[multiple] = False
    return [number for number, is_prime in enumerate(prime) if is_prime]


def prime_factors(number: int) -> list[int]:
    """The prime factors of a positive number, the smallest first, each as often as it divides."""
    factors = []
    divisor = 2
    while divisor * divisor <= number:
        while number % divisor == 0:
            factors.append(divisor)
            number //= divisor
        divisor += 1
    if number > 1:
        factors.append(number)
    return factors
