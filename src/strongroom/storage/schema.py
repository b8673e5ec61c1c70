"""The tables, in types that SQLite and PostgreSQL share (docs: storage, "Tables").

The order of the columns is part of the row format: a row's MAC covers them in the order that stands here, the primary
key first, ``version`` last, ``mac`` left out.
"""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.types import TypeEngine

HEAD = "0001"
"""The schema revision that this program works with; the newest one in ``migrations``."""

metadata = MetaData()

# SQLite numbers rows by itself only where the primary key's type is INTEGER, which has 64 bits there.
_ROW_NUMBER = BigInteger().with_variant(Integer(), "sqlite")


def _column(name: str, type_: type[TypeEngine[Any]], *, key: bool = False, null: bool = False) -> Column[Any]:
    return Column(name, type_, primary_key=key, nullable=null, autoincrement=False)


def _text(name: str, *, key: bool = False) -> Column[Any]:
    return _column(name, Text, key=key)


def _blob(name: str) -> Column[Any]:
    return _column(name, LargeBinary)


def _set_hash() -> tuple[Column[Any], Column[Any]]:
    """The two columns of a parent's set hash: a 16-byte nonce and 32 bytes."""
    return _blob("set_nonce"), _blob("set_sum")


def _seal() -> tuple[Column[Any], Column[Any]]:
    """The last two columns of a row under a MAC of 32 bytes; the version counts the row's replacements from 1."""
    return _column("version", BigInteger), _blob("mac")


# --- the root of all set hashes, and its children ---

registry = Table("registry", metadata, _text("name", key=True), *_set_hash(), *_seal())

meta = Table("meta", metadata, _text("name", key=True), _text("value"), *_seal())

accounts = Table(
    "accounts", metadata, _text("account", key=True), _column("created_at", Double), *_set_hash(), *_seal()
)

realms = Table("realms", metadata, _text("account", key=True), _text("region", key=True), *_set_hash(), *_seal())

audit_heads = Table(
    "audit_heads",
    metadata,
    _column("worker", BigInteger, key=True),
    _column("epoch", BigInteger, key=True),
    _column("sequence", BigInteger),
    _blob("chain_mac"),
    _column("created_at", Double),
    *_seal(),
)

# --- children of accounts ---

principals = Table(
    "principals",
    metadata,
    _text("account", key=True),
    _text("kind", key=True),
    _text("name", key=True),
    _text("path"),
    _text("unique_id"),
    _column("created_at", Double),
    _text("description"),
    _column("trust_document", Text, null=True),
    _column("trust_bindings", Text, null=True),
    _column("max_session_seconds", BigInteger),
    *_set_hash(),
    *_seal(),
    Index("ix_principals_id", "unique_id"),
)

# --- children of principals ---

principal_policies = Table(
    "principal_policies",
    metadata,
    _text("account", key=True),
    _text("kind", key=True),
    _text("name", key=True),
    _text("policy_name", key=True),
    _text("document"),
    *_seal(),
)

credentials = Table(
    "credentials",
    metadata,
    _text("access_key_id", key=True),
    _text("account"),
    _text("kind"),
    _text("name"),
    _blob("sealed_secret"),
    _column("active", Boolean),
    _column("created_at", Double),
    *_seal(),
    Index("ix_credentials_principal", "account", "kind", "name"),
)

# --- children of realms ---

keys = Table(
    "keys",
    metadata,
    _text("account", key=True),
    _text("region", key=True),
    _text("key_id", key=True),
    _text("spec"),
    _text("usage"),
    _text("origin"),
    _text("manager"),
    _text("state"),
    _text("description"),
    _column("created_at", Double),
    _column("settles_as", Text, null=True),
    _column("deletion_at", Double, null=True),
    _column("pending_window_days", BigInteger, null=True),
    _column("primary_region", Text, null=True),
    _text("replica_regions"),
    _column("material_id", Text, null=True),
    _column("valid_to", Double, null=True),
    _column("rotation_period_days", BigInteger, null=True),
    _column("next_rotation_at", Double, null=True),
    _column("on_demand_rotations", BigInteger),
    _column("on_demand_started_at", Double, null=True),
    _column("due_at", Double, null=True),
    *_set_hash(),
    *_seal(),
    Index("ix_keys_due", "due_at"),
)

tombstones = Table(
    "tombstones",
    metadata,
    _text("account", key=True),
    _text("region", key=True),
    _text("key_id", key=True),
    _column("deleted_at", Double),
    *_seal(),
)

# --- children of keys ---

materials = Table(
    "materials",
    metadata,
    _text("account", key=True),
    _text("region", key=True),
    _text("key_id", key=True),
    _text("material_id", key=True),
    _blob("wrapped"),
    _column("created_at", Double),
    _column("number", BigInteger),
    _column("pending", Boolean),
    _column("rotated_at", Double, null=True),
    _column("rotation_type", Text, null=True),
    _column("description", Text, null=True),
    _column("valid_to", Double, null=True),
    *_seal(),
)

policies = Table(
    "policies",
    metadata,
    _text("account", key=True),
    _text("region", key=True),
    _text("key_id", key=True),
    _text("name", key=True),
    _text("document"),
    _text("bindings"),
    *_seal(),
)

tags = Table(
    "tags",
    metadata,
    _text("account", key=True),
    _text("region", key=True),
    _text("key_id", key=True),
    _text("tag_key", key=True),
    _text("tag_value"),
    *_seal(),
)

aliases = Table(
    "aliases",
    metadata,
    _text("account", key=True),
    _text("region", key=True),
    _text("name", key=True),
    _text("key_id"),
    _column("created_at", Double),
    _column("updated_at", Double),
    *_seal(),
    Index("ix_aliases_key", "account", "region", "key_id"),
)

grant_index = Table(
    "grant_index",
    metadata,
    _text("account", key=True),
    _text("region", key=True),
    _text("key_id", key=True),
    _blob("buckets"),
    *_seal(),
)

# --- children of the buckets in grant_index ---

grants = Table(
    "grants",
    metadata,
    _text("account", key=True),
    _text("region", key=True),
    _text("key_id", key=True),
    _text("grant_id", key=True),
    _text("name"),
    _column("created_at", Double),
    _text("grantee"),
    _text("grantee_token"),
    _column("retiring", Text, null=True),
    _column("retiring_token", Text, null=True),
    _text("issuing_account"),
    _text("operations"),
    _text("constraints"),
    _column("bucket", BigInteger),
    *_seal(),
    Index("ix_grants_bucket", "account", "region", "key_id", "bucket"),
    Index("ix_grants_retiring", "region", "retiring_token", "grant_id"),
)

# --- beside the tree ---

leases = Table("leases", metadata, _text("name", key=True), _text("holder"), _column("valid_to", Double), *_seal())

key_usage = Table(
    "key_usage",
    metadata,
    _text("account", key=True),
    _text("region", key=True),
    _text("key_id", key=True),
    _text("operation"),
    _column("used_at", Double),
    _text("event_id"),
    _text("request_id"),
    *_seal(),
)

change_log = Table(
    "change_log",
    metadata,
    Column("seq", _ROW_NUMBER, primary_key=True, autoincrement=False),
    _text("kind"),
    _text("account"),
    _text("region"),
    _text("name"),
    _blob("previous"),
    _blob("mac"),
)

root_keys = Table(
    "root_keys", metadata, _column("version", BigInteger, key=True), _blob("sealed"), _column("created_at", Double)
)

audit_outbox = Table(
    "audit_outbox",
    metadata,
    Column("position", _ROW_NUMBER, primary_key=True, autoincrement=True),
    _text("event_id"),
    _blob("payload"),
    Index("ix_audit_outbox_event", "event_id", unique=True),
)
