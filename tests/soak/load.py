"""Clients that work on one service all at once, and what they find there afterwards."""

import contextlib
import random
import threading
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from tests.policies import open_policy
from tests.soak.ledger import Ledger, Place, Sealed, Signed
from tests.soak.wire import NotSentError, Wire, blob

CLIENTS = 4
TAG_KEYS = ("team", "stage", "cost center")
SIGNERS = {
    "ECC_NIST_P256": "ECDSA_SHA_256",
    "ECC_NIST_EDWARDS25519": "ED25519_SHA_512",
    "ML_DSA_44": "ML_DSA_SHAKE_256",
}
STATES = {"EnableKey": "Enabled", "DisableKey": "Disabled"}


class Client:
    """One client: makes random calls until it is stopped.

    Args:
        ledger: Where it books what it sees.
        port: Where the service is.
        seed: For its choices.
    """

    def __init__(self, ledger: Ledger, port: int, seed: str) -> None:
        self._ledger = ledger
        self._wire = Wire(port)
        self._seed = seed
        self._random = random.Random(seed)  # noqa: S311 - choices of a test
        self._numbers = count()
        # How often each is called, out of all.
        self._calls: dict[Callable[[], None], int] = {
            self.create_key: 1,
            self.put_policy: 2,
            self.tag: 2,
            self.untag: 1,
            self.create_alias: 1,
            self.move_alias: 1,
            self.delete_alias: 1,
            self.describe: 2,
            self.disable: 1,
            self.enable: 2,
            self.schedule: 1,
            self.encrypt: 4,
            self.data_key: 2,
            self.key_pair: 1,
            self.sign: 3,
            self.refused: 2,
        }

    def run(self, over: threading.Event) -> None:
        """Call until told that it is over, or nobody listens any more."""
        with self._wire, contextlib.suppress(NotSentError):
            while not over.is_set():
                (call,) = self._random.choices(tuple(self._calls), tuple(self._calls.values()))
                call()

    def create_key(self) -> None:
        """CreateKey with policy, description and a tag; one in three signs."""
        description, policy = self._text(), self._policy()
        tags = [{"TagKey": "born", "TagValue": description}]
        members: dict[str, Any] = {"Description": description, "Policy": policy, "Tags": tags}
        spec = self._random.choice([*SIGNERS, *[None] * 6])
        if spec is not None:
            members |= {"KeySpec": spec, "KeyUsage": "SIGN_VERIFY"}
        answer = self._ledger.call(self._wire, "CreateKey", members)
        if answer is not None:
            key_id = answer.members["KeyMetadata"]["KeyId"]
            made = {"description": description, "policy": policy, "state": "Enabled"}
            values: dict[Place, object] = {(kind, key_id): value for kind, value in made.items()}
            self._ledger.add_key(key_id, values | {("tag", key_id, "born"): description}, SIGNERS.get(spec or ""))

    def put_policy(self) -> None:
        """PutKeyPolicy."""
        key_id, policy = self._key(), self._policy()
        self._write("PutKeyPolicy", {"KeyId": key_id, "Policy": policy}, ("policy", key_id), policy)

    def tag(self) -> None:
        """TagResource."""
        key_id, name, value = self._key(), self._random.choice(TAG_KEYS), self._text()
        members = {"KeyId": key_id, "Tags": [{"TagKey": name, "TagValue": value}]}
        self._write("TagResource", members, ("tag", key_id, name), value)

    def untag(self) -> None:
        """UntagResource."""
        key_id, name = self._key(), self._random.choice(TAG_KEYS)
        self._write("UntagResource", {"KeyId": key_id, "TagKeys": [name]}, ("tag", key_id, name), None)

    def create_alias(self) -> None:
        """CreateAlias, of a name that may be taken."""
        key_id, name = self._key(), self._alias()
        self._write("CreateAlias", {"AliasName": name, "TargetKeyId": key_id}, ("alias", name), key_id)

    def move_alias(self) -> None:
        """UpdateAlias, of a name that may not be there."""
        key_id, name = self._key(), self._alias()
        self._write("UpdateAlias", {"AliasName": name, "TargetKeyId": key_id}, ("alias", name), key_id)

    def delete_alias(self) -> None:
        """DeleteAlias, of a name that may not be there."""
        name = self._alias()
        self._write("DeleteAlias", {"AliasName": name}, ("alias", name), None)

    def describe(self) -> None:
        """UpdateKeyDescription."""
        key_id, value = self._key(), self._text()
        self._write("UpdateKeyDescription", {"KeyId": key_id, "Description": value}, ("description", key_id), value)

    def disable(self) -> None:
        """DisableKey."""
        key_id = self._key()
        self._write("DisableKey", {"KeyId": key_id}, ("state", key_id), "Disabled")

    def enable(self) -> None:
        """EnableKey."""
        key_id = self._key()
        self._write("EnableKey", {"KeyId": key_id}, ("state", key_id), "Enabled")

    def schedule(self) -> None:
        """ScheduleKeyDeletion, and CancelKeyDeletion right after it."""
        key_id = self._key()
        self._write("ScheduleKeyDeletion", {"KeyId": key_id}, ("state", key_id), "PendingDeletion")
        self._write("CancelKeyDeletion", {"KeyId": key_id}, ("state", key_id), "Disabled")

    def encrypt(self) -> None:
        """Encrypt."""
        key_id, plaintext, context = self._key(), blob(self._text().encode()), {"by": self._seed}
        members = {"KeyId": key_id, "Plaintext": plaintext, "EncryptionContext": context}
        answer = self._ledger.call(self._wire, "Encrypt", members)
        if answer is not None and answer.fault is None:
            self._ledger.add_sealed(Sealed(key_id, answer.members["CiphertextBlob"], plaintext, context))

    def data_key(self) -> None:
        """GenerateDataKey."""
        key_id = self._key()
        answer = self._ledger.call(self._wire, "GenerateDataKey", {"KeyId": key_id, "KeySpec": "AES_256"})
        if answer is not None and answer.fault is None:
            made = answer.members
            self._ledger.add_sealed(Sealed(key_id, made["CiphertextBlob"], made["Plaintext"], {}))

    def key_pair(self) -> None:
        """GenerateDataKeyPair."""
        key_id = self._key()
        answer = self._ledger.call(self._wire, "GenerateDataKeyPair", {"KeyId": key_id, "KeyPairSpec": "ECC_NIST_P256"})
        if answer is not None and answer.fault is None:
            made = answer.members
            self._ledger.add_sealed(Sealed(key_id, made["PrivateKeyCiphertextBlob"], made["PrivateKeyPlaintext"], {}))

    def sign(self) -> None:
        """Sign, with one of the newest keys that sign."""
        if self._ledger.signers:
            (key_id, algorithm), message = self._random.choice(self._ledger.signers[-8:]), blob(self._text().encode())
            members = {"KeyId": key_id, "Message": message, "SigningAlgorithm": algorithm}
            answer = self._ledger.call(self._wire, "Sign", members)
            if answer is not None and answer.fault is None:
                self._ledger.add_signed(Signed(key_id, algorithm, message, answer.members["Signature"]))

    def refused(self) -> None:
        """A call that is refused."""
        operation, members = self._random.choice(REFUSED)
        answer = self._ledger.call(self._wire, operation, members)
        assert answer is None or answer.fault, f"{operation} {members} was not refused"

    def _write(self, operation: str, members: dict[str, Any], place: Place, value: object) -> None:
        self._ledger.call(self._wire, operation, members, {place: value})

    def _key(self) -> str:
        """A key of any client, most often one of the newest: so that clients meet."""
        keys = self._ledger.keys
        return self._random.choice(keys[-8:] if self._random.random() < 0.8 else keys) if keys else "nobody's"

    def _alias(self) -> str:
        return f"alias/{self._random.randrange(40)}"

    def _text(self) -> str:
        return f"{self._seed}-{next(self._numbers)}"

    def _policy(self) -> str:
        return open_policy(self._text())


NOWHERE = "00000000-0000-4000-8000-000000000000"
REFUSED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("DescribeKey", {"KeyId": NOWHERE}),
    ("UpdateKeyDescription", {"KeyId": NOWHERE, "Description": "nobody's"}),
    ("Encrypt", {"KeyId": "alias/nobody's", "Plaintext": "AAAA"}),
    ("Decrypt", {"CiphertextBlob": "AAAA"}),
    ("CreateKey", {"KeySpec": "RSA"}),
    ("GenerateRandom", {"NumberOfBytes": 4096}),
    ("GenerateMac", {}),
)


@contextlib.contextmanager
def load(ledger: Ledger, port: int, seed: str) -> Iterator[None]:
    """Clients at work until the end of the block; what goes wrong in one of them is raised there."""
    over = threading.Event()
    wrong: list[BaseException] = []

    def work(client: Client) -> None:
        try:
            client.run(over)
        except BaseException as error:  # noqa: BLE001 - raised again below, on the thread of the test
            wrong.append(error)

    threads = [
        threading.Thread(target=work, args=(Client(ledger, port, f"{seed}-{number}"),)) for number in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
    for error in wrong:
        raise error
