"""Key ids, alias names and their ARNs: what a KeyId may be, and the refusal of everything else."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.model.arn import KeyRef, alias_arn, key_arn, parse_key_ref, root_arn
from strongroom.model.errors import Fault, InvalidArnException, NotFoundException
from strongroom.model.region import PARTITIONS, Realm

ACCOUNT, OTHER = "123456789012", "210987654321"
REALM = Realm(ACCOUNT, "us-west-2")
UUID = "1234abcd-12ab-34cd-56ef-1234567890ab"
MRK = "mrk-1234abcd12ab34cd56ef1234567890ab"
HOME = f"arn:aws:kms:us-west-2:{ACCOUNT}"

ARNS = {
    "a key": (key_arn(REALM, UUID), f"arn:aws:kms:us-west-2:123456789012:key/{UUID}"),
    "a multi-Region key": (key_arn(REALM, MRK), f"arn:aws:kms:us-west-2:123456789012:key/{MRK}"),
    "an alias": (alias_arn(REALM, "alias/a/b"), "arn:aws:kms:us-west-2:123456789012:alias/a/b"),
    "a key in China": (
        key_arn(Realm(ACCOUNT, "cn-north-1"), UUID),
        f"arn:aws-cn:kms:cn-north-1:123456789012:key/{UUID}",
    ),
    "an alias of GovCloud": (
        alias_arn(Realm(ACCOUNT, "us-gov-west-1"), "alias/x"),
        "arn:aws-us-gov:kms:us-gov-west-1:123456789012:alias/x",
    ),
    "an account's root": (root_arn(ACCOUNT, "aws"), "arn:aws:iam::123456789012:root"),
    "a root in the sovereign cloud": (root_arn(ACCOUNT, "aws-eusc"), "arn:aws-eusc:iam::123456789012:root"),
}


@pytest.mark.parametrize("case", ARNS)
def test_arns_are_written_as_aws_writes_them(case: str) -> None:
    """Partition, service, Region, account and resource stand where AWS puts them."""
    made, expected = ARNS[case]
    assert expected == made


ACCEPTED = {
    "a key id": (UUID, KeyRef(REALM, UUID, None)),
    "a multi-Region key id": (MRK, KeyRef(REALM, MRK, None)),
    "a key ARN": (f"{HOME}:key/{UUID}", KeyRef(REALM, UUID, None)),
    "the key ARN of a multi-Region key": (f"{HOME}:key/{MRK}", KeyRef(REALM, MRK, None)),
    "another account's key ARN": (
        f"arn:aws:kms:us-west-2:{OTHER}:key/{UUID}",
        KeyRef(Realm(OTHER, "us-west-2"), UUID, None),
    ),
}
ALIASES = {
    "an alias name": ("alias/app", KeyRef(REALM, None, "alias/app")),
    "an alias name with a colon": ("alias/a:b", KeyRef(REALM, None, "alias/a:b")),
    "an alias ARN": (f"{HOME}:alias/a/b", KeyRef(REALM, None, "alias/a/b")),
    "an alias ARN with a colon": (f"{HOME}:alias/a:b", KeyRef(REALM, None, "alias/a:b")),
    "another account's alias ARN": (
        f"arn:aws:kms:us-west-2:{OTHER}:alias/app",
        KeyRef(Realm(OTHER, "us-west-2"), None, "alias/app"),
    ),
}


@pytest.mark.parametrize("aliases", [True, False])
@pytest.mark.parametrize("case", ACCEPTED)
def test_key_ids_and_key_arns_are_taken_everywhere(case: str, *, aliases: bool) -> None:
    """A key id means the caller's account and the endpoint's Region; an ARN may name another account."""
    value, expected = ACCEPTED[case]
    assert expected == parse_key_ref(value, REALM, aliases=aliases)


@pytest.mark.parametrize("case", ALIASES)
def test_aliases_are_taken_where_the_operation_takes_them(case: str) -> None:
    """An alias name is one of the caller's; an alias ARN may name another account."""
    value, expected = ALIASES[case]
    assert expected == parse_key_ref(value, REALM, aliases=True)


ALIASES_REFUSED = {
    "an alias name": ("alias/app", NotFoundException, "Invalid keyId 'alias/app'"),
    "an alias ARN": (f"{HOME}:alias/app", InvalidArnException, f"Invalid arn {HOME}:alias/app"),
}


@pytest.mark.parametrize("case", ALIASES_REFUSED)
def test_aliases_are_refused_where_only_keys_are_taken(case: str) -> None:
    """An alias is then no key id, and an alias ARN no ARN that fits."""
    value, fault, text = ALIASES_REFUSED[case]
    with pytest.raises(fault) as caught:
        parse_key_ref(value, REALM, aliases=False)
    assert caught.value.message == text


NO_IDS = ("foo", "app", "Alias/app", "key/" + UUID, UUID[:-1], UUID + "0", UUID + "\n", MRK[:-1], MRK + "a", "arn", " ")
BAD_ARNS = {
    "nothing but the word": "arn:",
    "cut short": "arn:aws:kms:us-west-2:123456789012",
    "another service": f"arn:aws:iam:us-west-2:{ACCOUNT}:key/{UUID}",
    "another partition": f"arn:aws-cn:kms:us-west-2:{ACCOUNT}:key/{UUID}",
    "no partition": f"arn::kms:us-west-2:{ACCOUNT}:key/{UUID}",
    "no account": f"arn:aws:kms:us-west-2::key/{UUID}",
    "an account that is too short": f"arn:aws:kms:us-west-2:12345678901:key/{UUID}",
    "an account that is too long": f"arn:aws:kms:us-west-2:1234567890123:key/{UUID}",
    "an account with other digits": f"arn:aws:kms:us-west-2:12345678901\u0662:key/{UUID}",
    "no resource": f"{HOME}:",
    "no key id": f"{HOME}:key/",
    "a key id that is none": f"{HOME}:key/foo",
    "a key id with more behind it": f"{HOME}:key/{UUID}\n",
    "a bare key id as resource": f"{HOME}:{UUID}",
    "another resource": f"{HOME}:grant/{UUID}",
}


@pytest.mark.parametrize("value", NO_IDS)
def test_what_is_no_id_is_not_found(value: str) -> None:
    """Text that is neither id, ARN nor alias is answered as a key that is not there, echoed."""
    with pytest.raises(NotFoundException) as caught:
        parse_key_ref(value, REALM, aliases=True)
    assert caught.value.message == f"Invalid keyId '{value}'"


@pytest.mark.parametrize("case", BAD_ARNS)
def test_a_malformed_arn_is_named(case: str) -> None:
    """An ARN that is malformed, or not of a key here, is an InvalidArnException that echoes it."""
    with pytest.raises(InvalidArnException) as caught:
        parse_key_ref(BAD_ARNS[case], REALM, aliases=True)
    assert caught.value.message == f"Invalid arn {BAD_ARNS[case]}"


@pytest.mark.parametrize("resource", [f"key/{UUID}", "alias/app"])
@pytest.mark.parametrize("region", ["eu-central-1", "us-west-1", ""])
def test_an_arn_of_another_region_is_not_found(region: str, resource: str) -> None:
    """AWS answers with that Region alone."""
    with pytest.raises(NotFoundException) as caught:
        parse_key_ref(f"arn:aws:kms:{region}:{ACCOUNT}:{resource}", REALM, aliases=True)
    assert caught.value.message == f"Invalid arn {region}"


@given(
    st.from_regex("[0-9]{12}", fullmatch=True),
    st.sampled_from([region for regions in PARTITIONS.values() for region in regions]),
    st.uuids(),
)
def test_what_is_written_is_read(account: str, region: str, key_id: uuid.UUID) -> None:
    """In every Region, the ARN of a key or alias reads as that key or alias, whoever asks there."""
    realm, asking = Realm(account, region), Realm(ACCOUNT, region)
    for ref in (KeyRef(realm, str(key_id), None), KeyRef(realm, None, f"alias/{key_id}")):
        assert parse_key_ref(ref.arn, asking, aliases=True) == ref


@given(st.text() | st.text(alphabet="arn:wskmuet-2/lik0123456789ab", max_size=90).map(lambda text: f"arn:{text}"))
def test_any_text_is_a_key_or_one_of_two_faults(value: str) -> None:
    """No text does anything but name a key or alias, or be refused as the reference says."""
    try:
        ref = parse_key_ref(value, REALM, aliases=True)
    except Fault as fault:
        assert type(fault) in {NotFoundException, InvalidArnException}  # noqa: PT017 - either may come
    else:
        assert value in {ref.arn, ref.key_id, ref.alias}
