"""What related multi-Region keys share, and what is each one's own."""

import pytest

from tests.core import Core, key_id_of
from tests.operations.kms.kinds import KINDS
from tests.operations.kms.regions import FAR, HOME, NEAR, at, replicated, state
from tests.policies import open_policy

SHARED = ("KeyId", "KeySpec", "KeyUsage", "Origin", "KeyManager", "MultiRegion", "CurrentKeyMaterialId")
ALGORITHMS = ("EncryptionAlgorithms", "SigningAlgorithms", "MacAlgorithms", "KeyAgreementAlgorithms")


@pytest.mark.parametrize("kind", KINDS)
def test_related_keys_are_of_one_kind(core: Core, kind: str) -> None:
    """Id, spec, usage, origin, algorithms and material are the same; the ARN is the own one."""
    primary = replicated(core, NEAR, **KINDS[kind])
    own = core.ok("DescribeKey", KeyId=primary)["KeyMetadata"]
    theirs = core.ok("DescribeKey", region=NEAR, KeyId=at(primary, NEAR))["KeyMetadata"]
    for member in (*SHARED, *ALGORITHMS, "EncapsulationAlgorithms"):
        assert own.get(member) == theirs.get(member)
    assert (own["Arn"], theirs["Arn"]) == (primary, at(primary, NEAR))


def test_a_ciphertext_opens_in_every_region(core: Core) -> None:
    """With the key id, with the ARN of the Region, or without a KeyId; the answer names the key of the Region."""
    primary = replicated(core, NEAR)
    replica = at(primary, NEAR)
    context = {"a": "b"}
    for made_in, made_by, opened_in, opened_by in ((HOME, primary, NEAR, replica), (NEAR, replica, HOME, primary)):
        sealed = core.ok("Encrypt", region=made_in, KeyId=made_by, Plaintext=b"x", EncryptionContext=context)
        blob = {"CiphertextBlob": sealed["CiphertextBlob"], "EncryptionContext": context}
        for named in ({}, {"KeyId": opened_by}, {"KeyId": key_id_of(primary)}):
            opened = core.ok("Decrypt", region=opened_in, **blob, **named)
            assert (opened["Plaintext"], opened["KeyId"]) == (b"x", opened_by)
        moved = core.ok("ReEncrypt", region=opened_in, CiphertextBlob=blob["CiphertextBlob"],
                        SourceEncryptionContext=context, DestinationKeyId=opened_by)  # fmt: skip
        assert moved["SourceKeyId"] == opened_by


def test_the_arn_of_another_region_is_refused(core: Core) -> None:
    """A request goes to the endpoint of its key's Region."""
    primary = replicated(core, NEAR)
    blob = core.ok("Encrypt", KeyId=primary, Plaintext=b"x")["CiphertextBlob"]
    refused = core.refused("Decrypt", region=NEAR, CiphertextBlob=blob, KeyId=primary)
    assert refused == ("NotFoundException", f"Invalid arn {HOME}")


def test_a_region_without_a_replica_does_not_know_the_key(core: Core) -> None:
    """Neither by its id nor by a ciphertext; the key of another set has another id."""
    primary = replicated(core, NEAR)
    blob = core.ok("Encrypt", KeyId=primary, Plaintext=b"x")["CiphertextBlob"]
    assert core.refused("Decrypt", region=FAR, CiphertextBlob=blob)[0] == "AccessDeniedException"
    assert core.refused("DescribeKey", region=FAR, KeyId=key_id_of(primary))[0] == "NotFoundException"


def test_signatures_and_macs_are_of_one_key(core: Core) -> None:
    """A signature verifies, and a MAC is the same, in the other Region; so is the public key."""
    signer, mac = replicated(core, NEAR, **KINDS["signing"]), replicated(core, NEAR, **KINDS["HMAC"])
    signing = {"KeyId": key_id_of(signer), "Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}
    signature = core.ok("Sign", **signing)["Signature"]
    assert core.ok("Verify", region=NEAR, **signing, Signature=signature)["SignatureValid"] is True
    public = [core.ok("GetPublicKey", region=region, KeyId=key_id_of(signer))["PublicKey"] for region in (HOME, NEAR)]
    assert public[0] == public[1]
    authenticating = {"KeyId": key_id_of(mac), "Message": b"m", "MacAlgorithm": "HMAC_SHA_256"}
    macs = [core.ok("GenerateMac", region=region, **authenticating)["Mac"] for region in (HOME, NEAR)]
    assert macs[0] == macs[1]


def test_state_description_tags_aliases_and_policy_are_each_keys_own(core: Core) -> None:
    """A change in one Region leaves the other as it was."""
    primary = replicated(core, NEAR)
    replica = at(primary, NEAR)
    for changed, kept, region in ((primary, replica, HOME), (replica, primary, NEAR)):
        before = core.stored(kept)
        core.ok("UpdateKeyDescription", region=region, KeyId=changed, Description="changed")
        core.ok("TagResource", region=region, KeyId=changed, Tags=[{"TagKey": region, "TagValue": "1"}])
        core.ok("CreateAlias", region=region, AliasName="alias/the-same", TargetKeyId=changed)
        core.ok("PutKeyPolicy", region=region, KeyId=changed, Policy=open_policy("changed"))
        core.ok("DisableKey", region=region, KeyId=changed)
        assert core.stored(kept) == before
        core.ok("EnableKey", region=region, KeyId=changed)
    core.ok("DisableKey", KeyId=primary)
    assert state(core, replica) == "Enabled"
    core.ok("Encrypt", region=NEAR, KeyId=replica, Plaintext=b"x")
