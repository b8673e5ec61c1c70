"""Cryptographic primitives; the only package that imports `cryptography`. Knows no key record, store or setting."""
