"""The walls between the core and its adapters: every Protocol, and the values that cross them."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from strongroom.model.ciphertext import Header
from strongroom.model.identity import Caller
from strongroom.model.key import Alias, Key, Material, StoredKey
from strongroom.model.region import Realm
from strongroom.model.spec import EncryptionAlgorithm, KeySpec, MacAlgorithm, MessageType, SigningAlgorithm

T = TypeVar("T")


# --- time ---


class Clocks(msgspec.Struct, frozen=True):
    """The two clocks, both in epoch seconds.

    Attributes:
        machine: The machine's time: signature freshness, TLS, audit times, leases.
        key_life: The time that keys live by: creation, rotation, expiry, deletion windows. Movable in dev mode.
    """

    machine: Callable[[], float]
    key_life: Callable[[], float]


# --- faults of the adapters, none of which says anything to a caller ---


class AdapterError(Exception):
    """Something behind a wall failed; the caller sees KMSInternalException, the operator this text."""


class AuditUnavailableError(AdapterError):
    """The audit cannot be written, so nothing may be answered or committed."""


class StoreUnavailableError(AdapterError):
    """The database did not do its work; the transaction did not happen."""


class TamperedStoreError(AdapterError):
    """A row, or the set of rows under a parent, is not what this service wrote."""


# --- audit ---


class AuditEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of one CloudTrail record (reference: CloudTrail User Guide, "Record contents").

    Attributes:
        event_id: UUID, unique for each record.
        time: Epoch seconds on the machine's clock.
        request_parameters: Members as CloudTrail names them (lower camel), secrets left out; None where there are none.
        response_elements: Only for changing calls.
        resources: (account, ARN) of each key or alias touched, in order.
        recipient: The account that receives the record.
        shared_event_id: Set on both records of a cross-account pair.
        tls: (protocol version, cipher suite) of the connection, None on plain HTTP.
        host: The Host header as sent.
    """

    event_id: str
    request_id: str
    time: float
    name: str
    source: str
    region: str
    caller: Caller
    source_ip: str
    user_agent: str
    read_only: bool
    recipient: str
    error_code: str | None = None
    error_message: str | None = None
    request_parameters: Mapping[str, Any] | None = None
    response_elements: Mapping[str, Any] | None = None
    additional_event_data: Mapping[str, Any] | None = None
    resources: tuple[tuple[str, str], ...] = ()
    shared_event_id: str | None = None
    tls: tuple[str, str] | None = None
    host: str = ""


class Trail(Protocol):
    """The audit of one process."""

    def encode(self, *events: AuditEvent) -> bytes:
        """Make one frame's payload of one record, or of the two records of a cross-account pair."""

    def append(self, payload: bytes, done: Callable[[AuditUnavailableError | None], None]) -> None:
        """Write a payload; ``done`` is called once it is on the disk, or with the error.

        Both happen on the event loop's thread.
        """

    def require_writable(self) -> None:
        """Pass if the last write reached the disk; a writing transaction asks this before it commits.

        Raises:
            AuditUnavailableError: The spool cannot be written.
        """


# --- storage ---


class Change(msgspec.Struct, frozen=True):
    """One entry of the change log: what has to leave the caches.

    Attributes:
        kind: ``key`` (with all that belongs to it), ``alias``, ``credential`` or ``none`` (housekeeping).
        name: The key id, alias name or access key id.
    """

    kind: str
    account: str
    region: str
    name: str


class Credential(msgspec.Struct, frozen=True):
    """An access key as stored; ``sealed_secret`` is bound to the access key id and account."""

    access_key_id: str
    account: str
    sealed_secret: bytes
    active: bool
    created_at: float


class Reads(Protocol):
    """Reads of checked rows; one call is one snapshot.

    Every method raises TamperedStoreError where a row, or the set of rows under a parent, is not as it was written, and
    StoreUnavailableError where the database fails.
    """

    def key(self, realm: Realm, key_id: str) -> StoredKey | None:
        """A key with all that belongs to it, or None."""

    def alias(self, realm: Realm, name: str) -> Alias | None:
        """An alias by its name (``alias/...``), or None."""

    def key_ids(self, realm: Realm, after: str, limit: int) -> list[str]:
        """Ids of the realm's keys greater than ``after``, in order, at most ``limit``."""

    def aliases(self, realm: Realm, after: str, limit: int) -> list[Alias]:
        """The realm's aliases with names greater than ``after``, in order, at most ``limit``."""

    def credential(self, access_key_id: str) -> Credential | None:
        """An access key, or None."""


class Transaction(Reads, Protocol):
    """Reads and writes of one savepoint; what it does happens wholly and durably, or not at all."""

    def insert_key(self, stored: StoredKey) -> None:
        """Add a key with its materials, policies and tags."""

    def update_key(self, key: Key) -> None:
        """Replace a key's own row."""

    def put_policy(self, key: Key, name: str, document: str) -> None:
        """Add or replace a policy of a key."""

    def put_tags(self, key: Key, tags: Mapping[str, str]) -> None:
        """Add or replace tags of a key."""

    def delete_tags(self, key: Key, tag_keys: tuple[str, ...]) -> None:
        """Remove tags of a key; those that it does not have are passed over."""

    def put_alias(self, alias: Alias) -> None:
        """Add an alias, or replace it (and take it from the key that it pointed at)."""

    def delete_alias(self, alias: Alias) -> None:
        """Remove an alias."""

    def put_credential(self, credential: Credential) -> None:
        """Add or replace an access key."""

    def add_record(self, event_id: str, payload: bytes) -> None:
        """Put an audit payload into the outbox of this transaction."""


class Store(Reads, Protocol):
    """The database as one process sees it. Reads are for the event loop's thread."""

    def changes(self) -> list[Change] | None:
        """What changed since the last call: the list (mostly empty), or None for "anything may have".

        One cheap probe when nobody wrote.

        Raises:
            TamperedStoreError: Somebody other than this service wrote, and the whole does not check.
        """

    def submit(self, work: Callable[[Transaction], T], done: Callable[[T | BaseException], None]) -> None:
        """Queue ``work`` for the writer thread; ``done`` gets its result once it is on the disk, or what it raised.

        ``done`` is called on the writer's thread.
        """


class RowSeal(Protocol):
    """Keyed functions over rows (docs: formats, "Rows")."""

    def mac(self, row: bytes) -> bytes:
        """32 bytes over a row's canonical encoding."""

    def element(self, row_mac: bytes) -> int:
        """A row's share in its parent's set hash, 256 bits."""

    def mask(self, nonce: bytes) -> int:
        """The blinding share of a set hash, 256 bits, for a fresh 16-byte nonce."""


class MarkerSeal(Protocol):
    """A keyed function over pagination markers, so that only our own are taken."""

    def mac(self, text: bytes) -> bytes:
        """32 bytes over a marker's scope and sort key."""


# --- keys ---


class KeyStore(Protocol):
    """Where raw key material lives; nothing else ever holds it.

    An implementer promises: material leaves only wrapped; a failed decryption says only InvalidCiphertextException, a
    failed verification only that it failed. Every method may be called on any thread.
    """

    def generate(self, key: Key) -> Material:
        """Make new material for a key; the material id depends on key id and material."""

    def encrypt(self, key: Key, material: Material, plaintext: bytes, context: Mapping[str, str]) -> bytes:
        """Encrypt under a symmetric key; the blob names key and material, the context is bound to it."""

    def decrypt(self, key: Key, material: Material, header: Header, blob: bytes, context: Mapping[str, str]) -> bytes:
        """Open a blob made by ``encrypt``.

        Raises:
            InvalidCiphertextException: Anything does not fit; nothing more is said.
        """

    def public_key(self, key: Key, material: Material) -> bytes:
        """The public key of an asymmetric key, as DER SubjectPublicKeyInfo (RFC 5280)."""

    def encrypt_to(self, key: Key, material: Material, algorithm: EncryptionAlgorithm, plaintext: bytes) -> bytes:
        """Encrypt to the public key of an asymmetric key; the plaintext is within ``model.spec.max_plaintext``."""

    def decrypt_with(self, key: Key, material: Material, algorithm: EncryptionAlgorithm, ciphertext: bytes) -> bytes:
        """Decrypt with the private key of an asymmetric key.

        Raises:
            InvalidCiphertextException: Anything does not fit; nothing more is said.
        """

    def sign(
        self, key: Key, material: Material, algorithm: SigningAlgorithm, message_type: MessageType, message: bytes
    ) -> bytes:
        """Sign a message that is of its type's length (``model.spec.MESSAGE_BYTES``)."""

    def verify(
        self,
        key: Key,
        material: Material,
        algorithm: SigningAlgorithm,
        message_type: MessageType,
        message: bytes,
        *,
        signature: bytes,
    ) -> bool:
        """Whether a signature is good; any other bytes are just not good."""

    def mac(self, key: Key, material: Material, algorithm: MacAlgorithm, message: bytes) -> bytes:
        """The HMAC of a message (RFC 2104)."""

    def agree(self, key: Key, material: Material, peer: bytes) -> bytes:
        """The raw ECDH secret with a peer's public key, as long as the curve's field (NIST SP 800-56A).

        Raises:
            ValidationException: The peer's key is not DER SubjectPublicKeyInfo of a point on the key's curve.
        """

    def encapsulate(self, key: Key, material: Material) -> tuple[bytes, bytes]:
        """A fresh shared secret of 32 bytes, and its ciphertext (FIPS 203)."""

    def decapsulate(self, key: Key, material: Material, ciphertext: bytes) -> bytes:
        """The shared secret of a ciphertext; one that was not made for this key gives another secret (FIPS 203).

        Raises:
            InvalidCiphertextException: The length is not that of the key's spec.
        """

    def key_pair(self, spec: KeySpec) -> tuple[bytes, bytes]:
        """A fresh data key pair for use outside: DER SubjectPublicKeyInfo and DER PKCS#8 (RFC 5958)."""

    def random(self, count: int) -> bytes:
        """``count`` random bytes."""


class KeyStores(Protocol):
    """Which key store holds a key's material."""

    def of(self, key: Key) -> KeyStore:
        """The key store of a key."""

    @property
    def default(self) -> KeyStore:
        """The key store of keys in no custom key store."""


class Recipient(msgspec.Struct, frozen=True):
    """What an attestation document proved.

    Attributes:
        module_id: The enclave or instance that the document is of.
        public_key: Where answers go: an RSA key as DER SubjectPublicKeyInfo.
        pcrs: Measurements by number of the platform configuration register.
        nitro_tpm: Whether the measurements are a NitroTPM's, else they are a Nitro enclave's.
    """

    module_id: str
    public_key: bytes
    pcrs: dict[int, bytes]
    nitro_tpm: bool


class Recipients(Protocol):
    """Who attested recipients are, and how they get their answers. May be called on any thread."""

    def attested(self, document: bytes) -> Recipient:
        """Check an attestation document in full.

        Raises:
            ValidationException: It does not hold, or none can be checked here.
        """

    def envelop(self, recipient: Recipient, plaintext: bytes) -> bytes:
        """Encrypt for a recipient alone: CMS EnvelopedData (RFC 5652), in BER as AWS KMS writes it."""


class SecretBox(Protocol):
    """Seals small secrets of the database, each bound to what it is and whose it is."""

    def seal(self, purpose: str, parts: tuple[str, ...], secret: bytes) -> bytes:
        """Seal a secret for a purpose and the columns that it belongs to."""

    def open(self, purpose: str, parts: tuple[str, ...], sealed: bytes) -> bytes:
        """Open a sealed secret.

        Raises:
            TamperedStoreError: It is not one of ours, or was sealed for another purpose or other columns.
        """
