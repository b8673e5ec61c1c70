"""RSA keys of somebody else's making: what is refused, and that one key has one form."""

import threading
import time
from collections.abc import Callable
from math import gcd, lcm
from typing import NamedTuple

import pytest
from Crypto.PublicKey import RSA
from Crypto.Util import number
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key

from strongroom.crypto import private_keys
from strongroom.crypto.errors import InvalidKeyError
from strongroom.crypto.rsa_validation import _is_prime
from strongroom.model.spec import KeySpec
from tests import wrapping
from tests.asn1 import rsa_pkcs8

SPEC = KeySpec.RSA_2048
SIZES = (2048, 3072, 4096)


class Numbers(NamedTuple):
    """The members of an RSAPrivateKey (RFC 8017, appendix A.1.2), in its order."""

    n: int
    e: int
    d: int
    p: int
    q: int
    dp: int
    dq: int
    qinv: int


def numbers_of(pkcs8: bytes) -> Numbers:
    """The numbers of a key as PyCryptodome reads them."""
    key = RSA.import_key(pkcs8)
    p, q, d = int(key.p), int(key.q), int(key.d)
    return Numbers(int(key.n), int(key.e), d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))


GOOD = numbers_of(wrapping.rsa_material(2048))
OTHER = numbers_of(wrapping.rsa_material(3072))


def made_of(p: int, q: int, e: int = 65537) -> Numbers:
    """The key that two numbers make, consistent whether they are primes or not."""
    d = pow(e, -1, lcm(p - 1, q - 1))
    return Numbers(p * q, e, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))


def is_taken(numbers: Numbers) -> bool:
    """Whether a key of these numbers loads."""
    try:
        private_keys.load_untrusted(SPEC, rsa_pkcs8(*numbers))
    except InvalidKeyError:
        return False
    return True


@pytest.mark.parametrize("size", SIZES)
def test_good_keys_are_taken(size: int) -> None:
    """Keys of every size; what is stored is the same key to PyCryptodome."""
    material = wrapping.rsa_material(size)
    loaded = private_keys.load_untrusted(KeySpec(f"RSA_{size}"), material)
    stored = private_keys.to_pkcs8(loaded)
    was, now = numbers_of(material), numbers_of(stored)
    assert (now.n, now.e, {now.p, now.q}) == (was.n, was.e, {was.p, was.q})
    assert now.d == was.d % lcm(was.p - 1, was.q - 1)
    assert RSA.import_key(loaded.spki) == RSA.import_key(material).public_key()
    assert private_keys.load(KeySpec(f"RSA_{size}"), stored).spki == loaded.spki


def test_one_key_has_one_form() -> None:
    """Primes the other way round, and a private exponent that could be smaller, are the same bytes in the end."""
    p, q, period = GOOD.p, GOOD.q, lcm(GOOD.p - 1, GOOD.q - 1)
    forms = {
        GOOD._replace(d=GOOD.d % period),
        GOOD._replace(d=GOOD.d % period + period),
        GOOD._replace(p=q, q=p, dp=GOOD.dq, dq=GOOD.dp, qinv=pow(p, -1, q)),
    }
    assert len(forms) == 3
    stored = {private_keys.to_pkcs8(private_keys.load_untrusted(SPEC, rsa_pkcs8(*form))) for form in forms}
    assert len(stored) == 1
    assert {*numbers_of(stored.pop())} >= {GOOD.n, GOOD.e, p, q}


INCONSISTENT: dict[str, Callable[[Numbers], Numbers]] = {
    "another modulus": lambda it: it._replace(n=it.n + 2),
    "the modulus of another size": lambda it: it._replace(n=OTHER.n),
    "another p": lambda it: it._replace(p=it.p + 2),
    "another q": lambda it: it._replace(q=it.q - 2),
    "another d": lambda it: it._replace(d=it.d + 2),
    "d as large as n": lambda it: it._replace(d=it.d + lcm(it.p - 1, it.q - 1) * it.n),
    "d of zero": lambda it: it._replace(d=0),
    "another dp": lambda it: it._replace(dp=it.dp ^ 2),
    "dp not reduced": lambda it: it._replace(dp=it.dp + it.p - 1),
    "another dq": lambda it: it._replace(dq=it.dq ^ 2),
    "another qinv": lambda it: it._replace(qinv=it.qinv ^ 1),
    "qinv not reduced": lambda it: it._replace(qinv=it.qinv + it.p),
    "another e": lambda it: it._replace(e=it.e + 2),
    "all of the primes in p": lambda it: it._replace(p=it.n, q=1),
    "p of zero": lambda it: it._replace(p=0),
    "p and q of one": lambda it: it._replace(p=1, q=1),
    "all zero": lambda _: Numbers(0, 0, 0, 0, 0, 0, 0, 0),
}


@pytest.mark.parametrize("case", INCONSISTENT)
def test_numbers_that_do_not_belong_together_are_refused(case: str) -> None:
    """Each number alone changed; the key as it was is taken."""
    assert is_taken(GOOD)
    assert not is_taken(INCONSISTENT[case](GOOD))


EXPONENTS = {
    3: False,
    2**16 - 1: False,
    2**16 + 1: True,
    2**16 + 3: True,
    2**256 - 1: True,
    2**256 + 1: False,
}


@pytest.mark.parametrize("e", EXPONENTS)
def test_the_public_exponent_is_in_fipss_range(e: int) -> None:
    """It lies between 2^16 and 2^256 (FIPS 186-5, section A.1.1); a key with another is consistent all the same."""
    p, q = (_prime(without=e) for _ in range(2))
    assert is_taken(made_of(max(p, q), min(p, q), e)) is EXPONENTS[e]


def _prime(bits: int = 1024, without: int = 65537) -> int:
    """A new prime that makes, with another, a modulus of all their bits; one less shares no factor with a number."""
    while True:
        found = rsa.generate_private_key(65537, 2 * bits).private_numbers().p
        if gcd(found - 1, without) == 1:
            return found


def test_primes_of_unequal_size_are_refused() -> None:
    """Both have half of the modulus's bits (FIPS 186-5, section A.1.1)."""
    large, small = _prime(1056), _prime(992)
    assert (large * small).bit_length() == 2048
    assert not is_taken(made_of(large, small))


# Found by trying: 16 and 11 times this number, plus 1, are primes. One less than each has this large factor in common,
# so that to the exponent 65545 there is a private one of 1,023 bits.
SHARED = int(
    "e0ec75da25d91d59a0cdf5575e6d91bf9fcd295fc90d8981f0ca0abe8ab5037a0835004f07b9689e38ae2e"
    "49abe460ba7a2bf3fa6298fe63df522c6505658f63a3699bcbb92df77475e86a32dfc5195ff7ee7cc71aae"
    "009a95e138ac35577ba89c253b859862db7dbd17f5c53a2e31a6ab00499c2959696ef83467437b0f836",
    16,
)


def test_a_small_private_exponent_is_refused() -> None:
    """It is over 2^1024 (FIPS 186-5, section A.1.1): a small one can be found."""
    numbers = made_of(16 * SHARED + 1, 11 * SHARED + 1, 65545)
    assert _is_prime(numbers.p)
    assert _is_prime(numbers.q)
    assert (numbers.n.bit_length(), numbers.d.bit_length()) == (2048, 1023)
    assert not is_taken(numbers)


def test_primes_near_each_other_are_refused() -> None:
    """They differ in their first hundred bits (FIPS 186-5, section A.1.1): else the modulus is easily taken apart."""
    first = _prime()
    second = first + 2
    while not (_is_prime(second) and gcd(second - 1, 65537) == 1):
        second += 2
    assert not is_taken(made_of(max(first, second), min(first, second)))
    square = first * first
    d = pow(65537, -1, first - 1)
    assert not is_taken(Numbers(square, 65537, d, first, first, d, d, 0))


# Found by trying: of k the numbers 6k + 1, 12k + 1, 18k + 1 are primes, and so their product is a Carmichael number,
# which passes Fermat's test (Chernick, 1939), and since k is odd Euler's as well; of the other, one less than the prime
# ends with 400 zero bits.
CHERNICK = 2**338 + 6_208_887
MANY_TWOS = (2**624 - 471) * 2**400 + 1


def test_a_number_that_looks_like_a_prime_is_refused() -> None:
    """A product of two primes, as the larger and as the smaller factor of a consistent key; a Carmichael number."""
    for larger in (True, False):
        pairs = ((_prime(512) * _prime(512), _prime()) for _ in iter(int, 1))
        composite, other = next(pair for pair in pairs if (pair[0] > pair[1]) is larger)
        numbers = made_of(max(composite, other), min(composite, other))
        assert numbers.n.bit_length() == 2048
        assert not is_taken(numbers)
        assert not _is_prime(composite)
    primes = [factor * CHERNICK + 1 for factor in (6, 12, 18)]
    assert all(map(number.isPrime, primes))
    carmichael = primes[0] * primes[1] * primes[2]
    assert {pow(base, (carmichael - 1) // 2, carmichael) for base in (2, 3, 5, 7)} == {1}
    assert not _is_prime(carmichael)


def test_primes_are_primes() -> None:
    """Primes of the sizes that keys have are taken as such, also where one less than them ends with many zero bits."""
    for bits in (1024, 1536, 2048):
        assert _is_prime(_prime(bits))
    assert number.isPrime(MANY_TWOS)
    assert _is_prime(MANY_TWOS)
    assert not _is_prime(MANY_TWOS + 2**401)
    assert not _is_prime(2**1024 + 1)


def test_the_interpreter_stays_free() -> None:
    """While the largest key is tested other threads run; `cryptography`'s own test would stop them for far longer."""
    material = wrapping.rsa_material(4096)
    own = _longest_pause(lambda: private_keys.load_untrusted(KeySpec.RSA_4096, material))
    assert own < _longest_pause(lambda: load_der_private_key(material, None)) / 2


def _longest_pause(work: Callable[[], object]) -> float:
    """The longest time for which another thread did not run while some work was done."""
    pauses = [0.0]
    done = threading.Event()

    def tick() -> None:
        last = time.perf_counter()
        while not done.wait(0.0005):
            now = time.perf_counter()
            pauses.append(now - last)
            last = now

    other = threading.Thread(target=tick)
    other.start()
    work()
    done.set()
    other.join()
    return max(pauses)
