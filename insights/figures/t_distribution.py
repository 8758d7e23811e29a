"""Student's t-distribution, because importing SciPy takes longer than many a command."""

from collections.abc import Iterator
from functools import cache
from itertools import count
from math import exp, inf, lgamma, log, pi, sqrt
from statistics import NormalDist

# Where the continued fraction ends, and Newton's method, which doubles the digits in each step.
PRECISION = 1e-15
CLOSE = 1e-9

# The logarithm of a value whose square a float can hold.
LARGEST = 350.0


def t_tail(freedom: float, t: float) -> float:
    """Return the probability of a value above `t`, which is at least 0.

    That is half the regularized incomplete beta function of `freedom / 2` and 1/2.
    """
    a, total = freedom / 2, freedom + t * t
    x, rest = freedom / total, t * t / total
    # The continued fraction converges fast for an x up to this one, and for the rest otherwise.
    if x < (a + 1) / (a + 2.5):
        return exp(a * log(x) - log_beta(a)) * sqrt(rest) / fraction(a, 0.5, x) / (2 * a)
    return 0.5 - exp(a * log(x) - log_beta(a)) * sqrt(rest) / fraction(0.5, a, rest)


def log_beta(a: float) -> float:
    """Return the logarithm of the beta function of `a` and 1/2."""
    return lgamma(a) + log(pi) / 2 - lgamma(a + 0.5)


def fraction(a: float, b: float, x: float) -> float:
    """Return the continued fraction of the incomplete beta function, by Lentz's method."""
    result = numerator = 1.0
    denominator = 0.0
    for term in terms(a, b, x):
        denominator = 1 / (1 + term * denominator)
        numerator = 1 + term / numerator
        result *= numerator * denominator
        if abs(numerator * denominator - 1) < PRECISION:
            break
    return result


def terms(a: float, b: float, x: float) -> Iterator[float]:
    """Yield the terms of the continued fraction."""
    for m in count():
        yield -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        yield (m + 1) * (b - m - 1) * x / ((a + 2 * m + 1) * (a + 2 * m + 2))


@cache
def t_quantile(freedom: float, level: float) -> float:
    """Return the two-sided quantile, infinite if a float cannot hold its square.

    Newton's method on the logarithms converges, because that of the tail is concave.
    """
    size = log(-NormalDist().inv_cdf(level / 2))
    for _ in range(100):
        if size > LARGEST:
            return inf
        tail = t_tail(freedom, exp(size))
        step = tail * log(2 * tail / level) / slope(freedom, exp(size))
        size += step
        if abs(step) < CLOSE:
            break
    return exp(size)


def slope(freedom: float, t: float) -> float:
    """Return the density at `t`, multiplied by `t`."""
    power = (freedom + 1) / 2 * log(1 + t * t / freedom)
    return t * exp(-power - log_beta(freedom / 2)) / sqrt(freedom)
