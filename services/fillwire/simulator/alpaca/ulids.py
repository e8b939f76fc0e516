"""ULIDs: a time in milliseconds and eighty random bits, in Crockford's base 32."""

from random import Random

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM_BITS = 80
_LENGTH = 26


def ulid(time_ns: int, random: Random) -> str:
    """Return an id that sorts by its millisecond; within one, ids stand in no order."""
    value = (time_ns // 1_000_000 << _RANDOM_BITS) | random.getrandbits(_RANDOM_BITS)
    digits = []
    for _ in range(_LENGTH):
        value, digit = divmod(value, 32)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
