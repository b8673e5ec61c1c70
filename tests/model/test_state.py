"""Key states: which of them allow what, and AWS's words where one does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.model import state
from strongroom.model.errors import DisabledException, Fault, KMSInvalidStateException
from strongroom.model.state import KeyState, require_state

ARN = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
NONE: frozenset[KeyState] = frozenset()

# AWS KMS Developer Guide, "Key states of AWS KMS keys", footnotes: how a state that is not allowed is refused.
REFUSALS: dict[str, tuple[type[Fault], str]] = {
    "Creating": (KMSInvalidStateException, f"{ARN} is creating."),
    "Disabled": (DisabledException, f"{ARN} is disabled."),
    "PendingDeletion": (KMSInvalidStateException, f"{ARN} is pending deletion."),
    "PendingReplicaDeletion": (KMSInvalidStateException, f"{ARN} is pending replica deletion."),
    "PendingImport": (KMSInvalidStateException, f"{ARN} is pending import."),
    "Unavailable": (KMSInvalidStateException, f"{ARN} is unavailable."),
    "Updating": (KMSInvalidStateException, f"{ARN} is updating."),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_state_that_is_not_allowed_is_refused_in_awss_words(name: str) -> None:
    """Each state has its fault and its text."""
    fault, text = REFUSALS[name]
    with pytest.raises(fault) as caught:
        require_state(NONE, KeyState(name), ARN)
    assert caught.value.message == text


def test_every_state_that_can_be_refused_has_its_words() -> None:
    """Only Enabled is never refused by an operation that asks for the state of a key in use."""
    assert {item.value for item in KeyState} - REFUSALS.keys() == {"Enabled"}


@pytest.mark.parametrize("name", sorted(item.value for item in KeyState if item not in state.CANCELLABLE))
def test_only_a_key_pending_deletion_can_be_kept(name: str) -> None:
    """CancelKeyDeletion has one text for every other state, Enabled included (footnote 4: without a full stop)."""
    with pytest.raises(KMSInvalidStateException) as caught:
        require_state(state.CANCELLABLE, KeyState(name), ARN)
    assert caught.value.message == f"{ARN} is not pending deletion"


@given(st.frozensets(st.sampled_from(KeyState), min_size=1), st.data())
def test_an_allowed_state_passes(allowed: frozenset[KeyState], data: st.DataObject) -> None:
    """What is in the set is not refused, whatever set it is."""
    require_state(allowed, data.draw(st.sampled_from(sorted(allowed))), ARN)
