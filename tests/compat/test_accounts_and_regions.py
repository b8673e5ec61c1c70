"""Two accounts and two Regions in one service with two workers: nothing leaks from one to the other."""

import uuid
from base64 import b64encode
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.compat.calls import (
    KEYED,
    Answer,
    Given,
    Refusal,
    account,
    id_of,
    new_alias,
    new_key,
    operation_of,
    post,
    refusal,
    requests_on,
)
from tests.compat.test_encryption import INCORRECT_KEY, unknown_key
from tests.compat.test_key_ids import TAKES_ALIASES
from tests.policies import name_of, open_policy
from tests.support import Server

REGIONS = ("us-east-1", "eu-west-1")
ELSEWHERE = (
    "User: arn:aws:iam::{caller}:root is not authorized to perform: {action} on this resource because the resource does"
    " not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies"
    " access"
)
ACTIONS = {"ReEncrypt from": "kms:ReEncryptFrom", "ReEncrypt to": "kms:ReEncryptTo"}


class Home(NamedTuple):
    """An account in a Region, with a key that has a name, a tag, a policy and a ciphertext."""

    account: str
    region: str
    kms: Any
    key: str
    alias: str
    blob: bytes

    @property
    def place(self) -> tuple[str, str]:
        """Account and Region."""
        return self.account, self.region


ALIAS = "alias/the-same-in-all"


def home(server: Server, caller: str, region: str) -> Home:
    """Furnish an account in a Region."""
    kms = server.client(region, caller)
    tags = [{"TagKey": "home", "TagValue": f"{caller} {region}"}]
    key = new_key(kms, Description=f"{caller} {region}", Tags=tags, Policy=open_policy(f"{caller} {region}"))
    kms.create_alias(AliasName=ALIAS, TargetKeyId=key)
    blob = kms.encrypt(KeyId=key, Plaintext=f"{caller} {region}".encode())["CiphertextBlob"]
    return Home(caller, region, kms, key, ALIAS, blob)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service with two workers."""
    with Server(tmp_path_factory.mktemp("shared") / "data", "--workers", "2") as running:
        yield running
        assert running.stop() == 0


@pytest.fixture(scope="module")
def homes(shared: Server) -> list[Home]:
    """Two accounts, each in two Regions."""
    return [home(shared, caller, region) for caller in (account(), account()) for region in REGIONS]


def test_lists_show_the_own_home_alone(homes: list[Home]) -> None:
    """Keys and aliases are listed in their account and Region and nowhere else."""
    for own in homes:
        assert [entry["KeyArn"] for entry in own.kms.list_keys()["Keys"]] == [own.key]
        aliases = own.kms.list_aliases()["Aliases"]
        assert [(entry["AliasName"], entry["TargetKeyId"]) for entry in aliases] == [(own.alias, id_of(own.key))]


def test_one_name_is_another_key_in_each_home(homes: list[Home]) -> None:
    """An alias, its key's tags, policy, description and ciphertexts are those of the own home."""
    for own in homes:
        mine = f"{own.account} {own.region}"
        metadata = own.kms.describe_key(KeyId=own.alias)["KeyMetadata"]
        assert (metadata["Arn"], metadata["Description"], metadata["AWSAccountId"]) == (own.key, mine, own.account)
        assert own.kms.list_resource_tags(KeyId=own.key)["Tags"] == [{"TagKey": "home", "TagValue": mine}]
        assert name_of(own.kms.get_key_policy(KeyId=own.key)["Policy"]) == mine
        assert own.kms.decrypt(CiphertextBlob=own.blob)["Plaintext"].decode() == mine


def test_a_bare_key_id_is_looked_up_at_home(homes: list[Home]) -> None:
    """The id of a key of another home names nothing here."""
    for own in homes:
        for other in homes:
            if other is not own:
                key_id = id_of(other.key)
                arn = own.key.replace(id_of(own.key), key_id)
                refused = refusal(own.kms.describe_key, KeyId=key_id)
                assert refused == Refusal("NotFoundException", f"Key '{arn}' does not exist")


def test_ciphertexts_open_at_home_alone(homes: list[Home]) -> None:
    """A ciphertext of another account or Region is refused, with and without a KeyId, and cannot be re-encrypted."""
    for own in homes:
        for other in homes:
            if other is not own:
                assert refusal(own.kms.decrypt, CiphertextBlob=other.blob) == unknown_key(own.kms)
                assert refusal(own.kms.decrypt, CiphertextBlob=other.blob, KeyId=own.key) == INCORRECT_KEY
                destination = {"CiphertextBlob": other.blob, "DestinationKeyId": own.key}
                assert refusal(own.kms.re_encrypt, **destination) == unknown_key(own.kms, "kms:ReEncryptFrom")


def test_an_arn_of_another_region_is_refused(homes: list[Home]) -> None:
    """An ARN of the own account in another Region is refused by its Region."""
    for own in homes:
        for other in homes:
            if own.region != other.region:
                for arn in (other.key, other.key.replace("key/" + id_of(other.key), ALIAS)):
                    refused = refusal(own.kms.encrypt, KeyId=arn, Plaintext=b"x")
                    assert refused == Refusal("NotFoundException", f"Invalid arn {other.region}")


def test_markers_stay_at_home(shared: Server) -> None:
    """A marker of one home's list is refused in another's."""
    homes = [shared.client(region, caller) for caller in (account(), account()) for region in REGIONS]
    for kms in homes:
        for _ in range(2):
            new_key(kms)
    markers = [kms.list_keys(Limit=1)["NextMarker"] for kms in homes]
    for kms, own in zip(homes, markers, strict=True):
        for marker in markers:
            if marker != own:
                assert refusal(kms.list_keys, Marker=marker).code == "InvalidMarkerException"


def bare(answer: Answer, named: str) -> tuple[int, bytes, dict[str, str]]:
    """An answer without what differs from call to call, and without the ARN that was sent."""
    changing = {"date", "x-amzn-requestid", "content-length"}
    headers = {name: value for name, value in answer.headers.items() if name not in changing}
    return answer.status, answer.body.replace(named.encode(), b"ARN"), headers


@pytest.mark.parametrize("name", KEYED)
def test_a_foreign_key_that_exists_looks_like_one_that_does_not(shared: Server, homes: list[Home], name: str) -> None:
    """Status, body and headers are the same for every key of another account, there or not; nothing is changed."""
    mine, theirs = homes[0], homes[2]
    assert mine.region == theirs.region
    missing = theirs.key.replace(id_of(theirs.key), str(uuid.uuid4()))
    unknown_account = f"arn:aws:kms:{mine.region}:{account()}:key/{uuid.uuid4()}"
    before = theirs.kms.describe_key(KeyId=theirs.key)["KeyMetadata"]
    answers = [_ask(shared, mine, name, arn, theirs.blob) for arn in (theirs.key, missing, unknown_account)]
    assert answers[0] == answers[1] == answers[2]
    status, body, _ = answers[0]
    if name == "ListAliases":  # authorized on no key, it looks for aliases in the caller's own account alone
        expected = b'{"__type":"NotFoundException","message":"Key \'ARN\' does not exist"}'
    else:
        text = ELSEWHERE.format(caller=mine.account, action=ACTIONS.get(name, f"kms:{name}"))
        expected = f'{{"__type":"AccessDeniedException","message":"{text}"}}'.encode()
    assert (status, body) == (400, expected)
    assert theirs.kms.describe_key(KeyId=theirs.key)["KeyMetadata"] == before


@pytest.mark.parametrize("name", sorted(TAKES_ALIASES))
def test_a_foreign_alias_that_exists_looks_like_one_that_does_not(shared: Server, homes: list[Home], name: str) -> None:
    """The same holds for alias ARNs: what takes an alias takes a key of another account, too."""
    mine, theirs = homes[0], homes[2]
    prefix = theirs.key.rpartition("key/")[0]
    answers = [_ask(shared, mine, name, prefix + alias, theirs.blob) for alias in (theirs.alias, new_alias())]
    assert answers[0] == answers[1]
    assert b"AccessDeniedException" in answers[0][1]


def _ask(server: Server, caller: Home, name: str, arn: str, blob: bytes) -> tuple[int, bytes, dict[str, str]]:
    """One raw call on a foreign key; of ReEncrypt, the other key is the caller's own."""
    if name == "ReEncrypt to":
        blob = caller.blob
    taken = new_alias()
    caller.kms.create_alias(AliasName=taken, TargetKeyId=caller.key)
    request = requests_on(arn, Given(blob, new_alias(), taken, caller.key))[name]
    answer = post(server, operation_of(name), _as_json(request), access_key=caller.account, region=caller.region)
    caller.kms.delete_alias(AliasName=taken)
    return bare(answer, arn)


def _as_json(request: dict[str, Any]) -> dict[str, Any]:
    """A request with its blobs in base64."""
    return {name: b64encode(value).decode() if isinstance(value, bytes) else value for name, value in request.items()}


def test_a_foreign_ciphertext_of_a_key_that_exists_looks_like_one_of_none(shared: Server, homes: list[Home]) -> None:
    """Decrypt without a KeyId tells nothing of another account's key either."""
    mine, theirs = homes[0], homes[2]
    of_no_key = theirs.blob[:9] + uuid.uuid4().bytes + theirs.blob[25:]
    answers = [
        bare(post(shared, "Decrypt", _as_json({"CiphertextBlob": blob}), access_key=mine.account), "-")
        for blob in (theirs.blob, of_no_key)
    ]
    assert answers[0] == answers[1]
    assert answers[0][0] == 400
