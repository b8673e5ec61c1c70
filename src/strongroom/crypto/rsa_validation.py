"""RSA private keys of somebody else's making: all that must hold before one is used.

Not by `cryptography`'s own check: it holds the interpreter for up to half a second, and a worker would answer nobody
meanwhile. Here all that is long is done by OpenSSL without the interpreter.
"""

from math import lcm

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.hashes import SHA256

from strongroom.crypto.errors import InvalidKeyError

MIN_EXPONENT, MAX_EXPONENT = 2**16, 2**256
"""A public exponent lies between the two (FIPS 186-5, section A.1.1)."""

ROUNDS = 32
"""Of Miller-Rabin: a number that was made to deceive passes all with a chance of 4^-32, an honest mistake none."""

_RANDOM = OAEP(MGF1(SHA256()), SHA256(), None)


def validated(key: rsa.RSAPrivateKey) -> rsa.RSAPrivateKey:
    """The key in the one form that it has here, whatever form it came in: p > q, d modulo lcm(p - 1, q - 1).

    Checked are size and distance of the primes, the exponents and that all numbers belong together (FIPS 186-5, section
    A.1.1; NIST SP 800-56B Rev. 2, section 6.4.1), and at last that the primes are primes.

    Raises:
        InvalidKeyError: Something does not hold.
    """
    numbers = key.private_numbers()
    p, q = max(numbers.p, numbers.q), min(numbers.p, numbers.q)
    half = key.key_size // 2
    if not (p.bit_length() == q.bit_length() == half and p & q & 1 and p - q > 2 ** (half - 100)):
        raise InvalidKeyError
    public = numbers.public_numbers
    period = lcm(p - 1, q - 1)
    d = numbers.d % period
    if not (
        public.n == p * q
        and MIN_EXPONENT < public.e < MAX_EXPONENT
        and numbers.d < public.n
        and 2**half < d
        and public.e * d % period == 1
        and (numbers.dmp1, numbers.dmq1) == (d % (numbers.p - 1), d % (numbers.q - 1))
        and numbers.iqmp < numbers.p
        and numbers.iqmp * numbers.q % numbers.p == 1
        and _is_prime(p)
        and _is_prime(q)
    ):
        raise InvalidKeyError
    iqmp = rsa.rsa_crt_iqmp(p, q)
    plain = rsa.RSAPrivateNumbers(p=p, q=q, d=d, dmp1=d % (p - 1), dmq1=d % (q - 1), iqmp=iqmp, public_numbers=public)
    return plain.private_key(unsafe_skip_rsa_key_validation=True)


def _is_prime(number: int) -> bool:
    """Whether an odd number is a prime, by Miller-Rabin (FIPS 186-5, section B.3.1).

    The power modulo the number is what OpenSSL's RSA encryption computes; the base is the padded message, random each
    time.
    """
    twos = ((number - 1) & -(number - 1)).bit_length() - 1
    try:
        power = rsa.RSAPublicNumbers((number - 1) >> twos, number).public_key()
    except ValueError:  # one less than the number is all but a power of two
        return False
    for _ in range(ROUNDS):
        x = int.from_bytes(power.encrypt(b"", _RANDOM), "big")
        if x in {1, number - 1}:
            continue
        if not any((x := x * x % number) == number - 1 for _ in range(twos - 1)):
            return False
    return True
