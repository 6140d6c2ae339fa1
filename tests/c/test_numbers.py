"""The core's numbers against Python's: shortest texts (`repr`) and exact reading (`float`).

`test_numbers.py PROGRAM [COUNT]`: PROGRAM is the tool numbers.c, COUNT how many random doubles
(200,000; five millions with SCOPEFLOW_TEST_DEPTH=deep in the environment). The layout is
ECMAScript's, which RFC 8785 asks for; it is made here from Python's digits.
"""

from __future__ import annotations

import math
import os
import random
import struct
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction

SEED = 8785
SHORT_COUNT, DEEP_COUNT, PART_COUNT = 200_000, 5_000_000, 500_000


def ecmascript(value: float) -> str:
    """The text of Number.prototype.toString, from the digits of `repr`."""
    if not math.isfinite(value):
        return "null"
    if value == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    text = "".join(map(str, digits)).rstrip("0")
    point = len(digits) + exponent  # The decimal point stands after so many digits.
    if len(text) <= point <= 21:
        body = text + "0" * (point - len(text))
    elif 0 < point <= 21:
        body = f"{text[:point]}.{text[point:]}"
    elif -6 < point <= 0:
        body = f"0.{'0' * -point}{text}"
    else:
        fraction = f".{text[1:]}" if len(text) > 1 else ""
        body = f"{text[0]}{fraction}e{point - 1:+d}"
    return "-" * sign + body


def from_bits(bits: int) -> float:
    return struct.unpack("<d", struct.pack("<Q", bits))[0]


def chosen_doubles() -> list[float]:
    """Where printers go wrong: powers, their neighbours, subnormals, whole numbers, ties."""
    values = [0.0, -0.0, math.nan, math.inf, -math.inf, 5e-324, 2.2250738585072014e-308]
    for exponent in range(-1074, 1024):
        power = math.ldexp(1.0, exponent)
        values += [power, math.nextafter(power, math.inf), math.nextafter(power, 0.0)]
    for exponent in range(-323, 309):
        power = float(f"1e{exponent}")
        values += [power, math.nextafter(power, math.inf), math.nextafter(power, 0.0), 3 * power]
    for whole in range(-2000, 2000):
        values += [float(whole), whole / 10, whole / 8, whole * 1e15 + 0.5, float(2**53 + whole)]
    return values


def random_doubles(source: random.Random, count: int) -> list[float]:
    values = [from_bits(source.getrandbits(64)) for _ in range(count // 2)]
    values += [source.uniform(-1000, 1000) for _ in range(count // 4)]
    values += [round(source.uniform(-1e6, 1e6), source.randrange(8)) for _ in range(count // 4)]
    return values


def exact(value: Fraction) -> str:
    """All decimal digits of a fraction whose denominator is a power of two."""
    shift = max(0, value.denominator.bit_length() - 1)
    digits = str(abs(value.numerator) * 5**shift).rjust(shift + 1, "0")
    text = f"{digits[:-shift]}.{digits[-shift:]}" if shift else digits
    return "-" * (value < 0) + text


def hard_texts(source: random.Random, count: int) -> list[str]:
    """Decimal numbers between two doubles: exactly in the middle, and just beside it."""
    texts = ["1e999", "-1e999", "1e-999", "0e999", "0.0e-999", "2.2250738585072011e-308"]
    texts += ["9" * 400, "0." + "0" * 400 + "1", "1" + "0" * 308, "1" + "0" * 309 + ".5"]
    texts += ["179769313486231580793728971405301e276", "1.7976931348623159e308"]
    for _ in range(count):
        low = abs(from_bits(source.getrandbits(64)))
        if not math.isfinite(low) or not math.isfinite(math.nextafter(low, math.inf)):
            continue
        middle = (Fraction(low) + Fraction(math.nextafter(low, math.inf))) / 2
        text = exact(middle)
        head = text + ("" if "." in text else ".0")
        texts += [text, head + "1", head + "0" * 30 + "1"]
    for _ in range(count):
        digits = "".join(source.choices("0123456789", k=source.randrange(1, 40))).lstrip("0") or "7"
        texts.append(f"{digits}e{source.randrange(-340, 310)}")
        texts.append(f"{digits[0]}.{digits[1:] or '0'}e{source.randrange(-330, 310)}")
        texts.append(f"0.{digits}")
    return [text for text in texts if "." in text or "e" in text]


def short_ties(source: random.Random, count: int) -> list[str]:
    """The same with no more digits than 64 bits hold: products of 128 bits are told apart there."""
    texts = []
    for _ in range(count):
        digits = (source.getrandbits(52) | 1 << 52) * 2 + 1
        whole = digits << source.randrange(0, 10)
        texts += [f"{whole + step}e0" for step in (-1, 0, 1)]
        texts += [f"{digits // 2}.5", f"{digits // 2 + 1}.5", f"{digits * 5}e-1"]
        texts.append(f"{source.getrandbits(63)}e{source.randrange(-345, 300)}")
    return texts


def written(program: str, mode: str, data: bytes) -> list[str]:
    result = subprocess.run([program, mode], input=data, capture_output=True, check=True)
    return result.stdout.decode().splitlines()


def compare(what: str, inputs: list, expected: list[str], actual: list[str]) -> int:
    if len(expected) != len(actual):
        print(f"{what}: {len(actual)} numbers came out of {len(expected)}")
        return 1
    wrong = [
        f"{what}: {str(given)[:120]}: {got} instead of {want}"
        for given, want, got in zip(inputs, expected, actual, strict=True)
        if want != got
    ]
    print("\n".join(wrong[:20]) or f"{what}: {len(expected)} are right")
    return len(wrong)


def check(program: str, source: random.Random, count: int) -> int:
    """How many numbers are wrong, of the chosen ones and of so many random ones."""
    doubles = chosen_doubles() + random_doubles(source, count)
    data = struct.pack(f"<{len(doubles)}d", *doubles)
    expected = [ecmascript(value) for value in doubles]
    wrong = compare("doubles", doubles, expected, written(program, "doubles", data))
    texts = hard_texts(source, max(1, count // 100)) + short_ties(source, max(1, count // 20))
    # Every double, read from the digits that Python gives it.
    texts += [repr(value) for value in doubles if math.isfinite(value)]
    expected = [ecmascript(float(text)) for text in texts]
    lines = "".join(f"{text}\n" for text in texts).encode()
    return wrong + compare("texts", texts, expected, written(program, "texts", lines))


def main() -> int:
    is_deep = os.environ.get("SCOPEFLOW_TEST_DEPTH") == "deep"
    count = int(sys.argv[2]) if len(sys.argv) > 2 else DEEP_COUNT if is_deep else SHORT_COUNT
    source = random.Random(SEED)
    wrong = 0
    while count > 0 and wrong == 0:  # In parts, so that memory stays small.
        wrong = check(sys.argv[1], source, min(count, PART_COUNT))
        count -= PART_COUNT
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
