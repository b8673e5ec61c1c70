"""The condition keys of a request."""

from strongroom.authz.context import AMBIGUOUS, Context, Values


def test_each_key_is_looked_up_once() -> None:
    """A key costs its look-up when it is first asked for, and never again; also one that the request does not have."""
    asked: list[str] = []
    values: dict[str, Values] = {"aws:username": ("alice",), "kms:encryptioncontext:app": AMBIGUOUS}

    def get(key: str) -> Values:
        asked.append(key)
        return values.get(key)

    context = Context(get)
    assert asked == []
    for _ in range(2):
        assert context.get("aws:username") == ("alice",)
        assert context.get("kms:encryptioncontext:app") is AMBIGUOUS
        assert context.get("aws:sourceip") is None
    assert asked == ["aws:username", "kms:encryptioncontext:app", "aws:sourceip"]
