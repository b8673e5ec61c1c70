"""The decision, as long as callers are the roots of accounts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.authz.decide import require_allowed, unknown_ciphertext
from strongroom.model.errors import AccessDeniedException
from strongroom.model.identity import Caller

ACCOUNTS = st.from_regex("[0-9]{12}", fullmatch=True)
ACTIONS = st.sampled_from(["kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:PutKeyPolicy"])

# Both texts are seen in public logs; clients match on them.
ELSEWHERE = (
    "User: arn:aws:iam::111122223333:root is not authorized to perform: kms:Encrypt on this resource because the"
    " resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy"
    " explicitly denies access"
)
CIPHERTEXT = (
    "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not"
    " allowed to access."
)


def root(account: str) -> Caller:
    """The root of an account."""
    return Caller("Root", account, f"arn:aws:iam::{account}:root", account, "AKIAIOSFODNN7EXAMPLE")


@given(ACCOUNTS, ACTIONS, st.booleans())
def test_a_root_may_do_everything_in_its_account(account: str, action: str, from_ciphertext: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
    """No action on a key of the caller's own account is refused."""
    require_allowed(root(account), action, account, from_ciphertext=from_ciphertext)


@given(ACCOUNTS, ACCOUNTS, ACTIONS, st.booleans())
def test_a_root_may_do_nothing_elsewhere(account: str, owner: str, action: str, from_ciphertext: bool) -> None:  # noqa: FBT001 - as above
    """Every action on a key of another account is refused, whatever it is."""
    if account != owner:
        with pytest.raises(AccessDeniedException):
            require_allowed(root(account), action, owner, from_ciphertext=from_ciphertext)


def test_the_refusal_names_the_caller_and_the_action_and_no_key() -> None:
    """AWS's one text for another account's key tells not whether there is one."""
    with pytest.raises(AccessDeniedException) as caught:
        require_allowed(root("111122223333"), "kms:Encrypt", "444455556666", from_ciphertext=False)
    assert caught.value.message == ELSEWHERE


def test_a_ciphertext_of_elsewhere_is_as_one_of_no_key() -> None:
    """A key that only a ciphertext names is refused in the words of a key that does not exist."""
    with pytest.raises(AccessDeniedException) as caught:
        require_allowed(root("111122223333"), "kms:Decrypt", "444455556666", from_ciphertext=True)
    assert caught.value.message == CIPHERTEXT == unknown_ciphertext().message
