"""Numbers and parentheses at random, for ENAMEL's input generators, which call these functions by name.

The text of this file is put before each generator and runs in the sandbox. Written anew after what the package `enam`
0.2.0 offers to generators (enam/datautils.py): the same arguments draw the same random numbers in the same order, so
that a seed gives the inputs that it gives there. Generators find `random` and `string` here too.
"""

from __future__ import annotations

import random
import string as string


def rand_parens(size: int, valid: bool = True, par: str = "()", sep: str | None = "") -> str | list[str]:
    """Balanced parentheses, `size` of them, or one more where that is odd.

    Args:
        valid: False: two balanced halves with a closing and an opening one between them.
        sep: put between the outermost groups; None: their list is given.
    """
    if not valid:
        half = (size + 1) // 2 - 1
        first, second = ("".join(_groups(half, par)) for _ in range(2))
        return first + par[1] + par[0] + second
    groups = _groups(size, par)
    return groups if sep is None else sep.join(groups)


def _groups(size: int, par: str) -> list[str]:
    """The outermost groups of balanced parentheses."""
    groups: list[list[str]] = []
    depth = 0
    for left in range(size + size % 2, 0, -1):
        if depth == 0:
            groups.append([])
        if depth == 0 or (depth < left and random.randint(0, 1)):
            groups[-1].append(par[0])
            depth += 1
        else:
            groups[-1].append(par[1])
            depth -= 1
    return ["".join(group) for group in groups]


def miller_rabin(n: int, k: int = 5) -> bool:
    """Whether n is probably prime, by k rounds of Miller and Rabin's test."""
    if n in (2, 3):
        return True
    if n == 1 or n % 2 == 0:
        return False
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    return all(_is_no_witness(random.randint(2, n - 2), n, odd, twos) for _ in range(k))


def _is_no_witness(base: int, n: int, odd: int, twos: int) -> bool:
    """Whether `base` leaves open that n = odd * 2**twos + 1 is prime."""
    power = pow(base, odd, n)
    if power in (1, n - 1):
        return True
    for _ in range(twos - 1):
        power = power * power % n
        if power == n - 1:
            return True
    return False


def rand_probably_prime(lb: int, ub: int | None = None) -> int:
    """A probable prime from lb to max(2 * lb, ub), or, without ub, from lb / 2 to lb."""
    if ub is None:
        high = max(lb, 3)
        low = high // 2
    else:
        low = max(lb, 0)
        high = max(2 * low, ub, 3)
    while not miller_rabin(found := random.randint(low, high)):
        pass
    return found


def rand_primality(size: int, lid: int, cid: int) -> int:
    """A number of about `size` of which it is hard to say whether it is prime: known traps first, at level 0."""
    traps = (30031, 561, 2, 125)  # 59 * 509 = 2 * 3 * 5 * 7 * 11 * 13 + 1; a Carmichael number; the least; a cube
    if lid == 0 and cid < len(traps):
        return traps[cid]
    size = max(size, 4)
    root = int(size**0.5 + 1)
    if cid % 3 == 0:
        return rand_probably_prime(size)
    if cid % 3 == 1:
        return rand_probably_prime(root) ** 2
    return rand_probably_prime(root) * rand_probably_prime(root)
