"""The walls between the core and its adapters: every Protocol, and the values that cross them."""

from strongroom.ports.audit import AuditEvent, Trail
from strongroom.ports.base import (
    AdapterError,
    AuditUnavailableError,
    Clocks,
    StoreUnavailableError,
    TamperedStoreError,
    clock_note,
)
from strongroom.ports.denials import Denials
from strongroom.ports.keys import KeyStore, KeyStores
from strongroom.ports.seals import (
    GrantPointer,
    GrantTokens,
    MarkerSeal,
    Recipient,
    Recipients,
    RowSeal,
    SecretBox,
    SessionCredentials,
    SessionTokens,
)
from strongroom.ports.storage import Change, Due, LastUsage, Reads, Store, Transaction

__all__ = [
    "AdapterError",
    "AuditEvent",
    "AuditUnavailableError",
    "Change",
    "Clocks",
    "Denials",
    "Due",
    "GrantPointer",
    "GrantTokens",
    "KeyStore",
    "KeyStores",
    "LastUsage",
    "MarkerSeal",
    "Reads",
    "Recipient",
    "Recipients",
    "RowSeal",
    "SecretBox",
    "SessionCredentials",
    "SessionTokens",
    "Store",
    "StoreUnavailableError",
    "TamperedStoreError",
    "Trail",
    "Transaction",
    "clock_note",
]
