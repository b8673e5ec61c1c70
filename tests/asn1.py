"""DER by hand, for keys that no library would write."""

_SEQUENCE, _INTEGER, _OCTETS, _OID = 0x30, 0x02, 0x04, 0x06
_NULL = b"\5\0"
_RSA_ENCRYPTION = bytes.fromhex("2a864886f70d010101")


def tagged(tag: int, content: bytes) -> bytes:
    """A value of a tag, its length in as few bytes as can be."""
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def sequence(*members: bytes) -> bytes:
    """A SEQUENCE."""
    return tagged(_SEQUENCE, b"".join(members))


def integer(value: int) -> bytes:
    """An INTEGER that is not negative."""
    return tagged(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def octets(content: bytes) -> bytes:
    """An OCTET STRING."""
    return tagged(_OCTETS, content)


def rsa_pkcs1(*numbers: int) -> bytes:
    """RSAPrivateKey: n, e, d, p, q, dp, dq, qinv (RFC 8017, appendix A.1.2)."""
    return sequence(integer(0), *map(integer, numbers))


def pkcs8(algorithm: bytes, private_key: bytes, *more: bytes, version: int = 0) -> bytes:
    """PrivateKeyInfo (RFC 5958): AlgorithmIdentifier and key as they are given."""
    return sequence(integer(version), algorithm, octets(private_key), *more)


def rsa_pkcs8(*numbers: int) -> bytes:
    """An RSA key as PKCS#8."""
    return pkcs8(sequence(tagged(_OID, _RSA_ENCRYPTION), _NULL), rsa_pkcs1(*numbers))
