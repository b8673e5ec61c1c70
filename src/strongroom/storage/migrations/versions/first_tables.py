"""The first tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TEXT, _BYTES, _INTEGER, _FLOAT, _BOOLEAN = sa.Text, sa.LargeBinary, sa.BigInteger, sa.Double, sa.Boolean
_ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_SET = {"set_nonce": _BYTES, "set_sum": _BYTES}
_SEAL = {"version": _INTEGER, "mac": _BYTES}
_KEY = {"account": _TEXT, "region": _TEXT, "key_id": _TEXT}
_PRINCIPAL = {"account": _TEXT, "kind": _TEXT, "name": _TEXT}

# By table: how many of the columns are its primary key, and all columns in order.
_TABLES: dict[str, tuple[int, dict[str, Any]]] = {
    "registry": (1, {"name": _TEXT, **_SET, **_SEAL}),
    "meta": (1, {"name": _TEXT, "value": _TEXT, **_SEAL}),
    "accounts": (1, {"account": _TEXT, "created_at": _FLOAT, **_SET, **_SEAL}),
    "realms": (2, {"account": _TEXT, "region": _TEXT, **_SET, **_SEAL}),
    "audit_heads": (
        2,
        {
            "worker": _INTEGER,
            "epoch": _INTEGER,
            "sequence": _INTEGER,
            "chain_mac": _BYTES,
            "created_at": _FLOAT,
            **_SEAL,
        },
    ),
    "principals": (
        3,
        {
            **_PRINCIPAL,
            "path": _TEXT,
            "unique_id": _TEXT,
            "created_at": _FLOAT,
            "description": _TEXT,
            "trust_document": _TEXT,
            "trust_bindings": _TEXT,
            "max_session_seconds": _INTEGER,
            **_SET,
            **_SEAL,
        },
    ),
    "principal_policies": (4, {**_PRINCIPAL, "policy_name": _TEXT, "document": _TEXT, **_SEAL}),
    "credentials": (
        1,
        {
            "access_key_id": _TEXT,
            **_PRINCIPAL,
            "sealed_secret": _BYTES,
            "active": _BOOLEAN,
            "created_at": _FLOAT,
            **_SEAL,
        },
    ),
    "keys": (
        3,
        {
            **_KEY,
            "spec": _TEXT,
            "usage": _TEXT,
            "origin": _TEXT,
            "manager": _TEXT,
            "state": _TEXT,
            "description": _TEXT,
            "created_at": _FLOAT,
            "settles_as": _TEXT,
            "deletion_at": _FLOAT,
            "pending_window_days": _INTEGER,
            "primary_region": _TEXT,
            "replica_regions": _TEXT,
            "material_id": _TEXT,
            "valid_to": _FLOAT,
            "rotation_period_days": _INTEGER,
            "next_rotation_at": _FLOAT,
            "on_demand_rotations": _INTEGER,
            "on_demand_started_at": _FLOAT,
            "due_at": _FLOAT,
            **_SET,
            **_SEAL,
        },
    ),
    "tombstones": (3, {**_KEY, "deleted_at": _FLOAT, **_SEAL}),
    "materials": (
        4,
        {
            **_KEY,
            "material_id": _TEXT,
            "wrapped": _BYTES,
            "created_at": _FLOAT,
            "number": _INTEGER,
            "pending": _BOOLEAN,
            "rotated_at": _FLOAT,
            "rotation_type": _TEXT,
            "description": _TEXT,
            "valid_to": _FLOAT,
            **_SEAL,
        },
    ),
    "policies": (4, {**_KEY, "name": _TEXT, "document": _TEXT, "bindings": _TEXT, **_SEAL}),
    "tags": (4, {**_KEY, "tag_key": _TEXT, "tag_value": _TEXT, **_SEAL}),
    "aliases": (
        3,
        {
            "account": _TEXT,
            "region": _TEXT,
            "name": _TEXT,
            "key_id": _TEXT,
            "created_at": _FLOAT,
            "updated_at": _FLOAT,
            **_SEAL,
        },
    ),
    "grant_index": (3, {**_KEY, "buckets": _BYTES, **_SEAL}),
    "grants": (
        4,
        {
            **_KEY,
            "grant_id": _TEXT,
            "name": _TEXT,
            "created_at": _FLOAT,
            "grantee": _TEXT,
            "grantee_token": _TEXT,
            "retiring": _TEXT,
            "retiring_token": _TEXT,
            "issuing_account": _TEXT,
            "operations": _TEXT,
            "constraints": _TEXT,
            "bucket": _INTEGER,
            **_SEAL,
        },
    ),
    "leases": (1, {"name": _TEXT, "holder": _TEXT, "valid_to": _FLOAT, **_SEAL}),
    "key_usage": (
        3,
        {
            **_KEY,
            "operation": _TEXT,
            "used_at": _FLOAT,
            "event_id": _TEXT,
            "request_id": _TEXT,
            **_SEAL,
        },
    ),
    "change_log": (
        1,
        {
            "seq": _ROW_NUMBER,
            "kind": _TEXT,
            "account": _TEXT,
            "region": _TEXT,
            "name": _TEXT,
            "previous": _BYTES,
            "mac": _BYTES,
        },
    ),
    "root_keys": (1, {"version": _INTEGER, "sealed": _BYTES, "created_at": _FLOAT}),
    "audit_outbox": (1, {"position": _ROW_NUMBER, "event_id": _TEXT, "payload": _BYTES}),
}
_NULLABLE = {
    "principals": {"trust_document", "trust_bindings"},
    "keys": {
        "settles_as", "deletion_at", "pending_window_days", "primary_region", "material_id", "valid_to",
        "rotation_period_days", "next_rotation_at", "on_demand_started_at", "due_at",
    },
    "materials": {"rotated_at", "rotation_type", "description", "valid_to"},
    "grants": {"retiring", "retiring_token"},
}  # fmt: skip


def upgrade() -> None:
    """Make all tables."""
    for table, (keys, columns) in _TABLES.items():
        op.create_table(
            table,
            *(
                sa.Column(
                    name,
                    type_,
                    primary_key=number < keys,
                    nullable=name in _NULLABLE.get(table, ()),
                    autoincrement=name == "position",
                )
                for number, (name, type_) in enumerate(columns.items())
            ),
        )
    op.create_index("ix_audit_outbox_event", "audit_outbox", ["event_id"], unique=True)
    op.create_index("ix_principals_id", "principals", ["unique_id"])
    op.create_index("ix_credentials_principal", "credentials", [*_PRINCIPAL])
    op.create_index("ix_keys_due", "keys", ["due_at"])
    op.create_index("ix_aliases_key", "aliases", [*_KEY])
    op.create_index("ix_grants_bucket", "grants", [*_KEY, "bucket"])
    op.create_index("ix_grants_retiring", "grants", ["region", "retiring_token", "grant_id"])
