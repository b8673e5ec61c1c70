"""A policy document, and whom its principals were when it was put."""

import msgspec


class BoundPolicy(msgspec.Struct, frozen=True):
    """A policy document as put, its principals bound to unique ids: a namesake made later gains nothing.

    Attributes:
        document: JSON text, byte for byte as it was sent.
        bindings: Principals as written, each with the token that stands for it: the unique id of a user or a role, or
            ``ROLE-ID:session-name``. In the order of the principals.
    """

    document: str
    bindings: tuple[tuple[str, str], ...] = ()
