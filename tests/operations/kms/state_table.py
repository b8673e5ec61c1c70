"""AWS's table of key states, written down by hand ("Key states of AWS KMS keys", AWS KMS Developer Guide).

A row for each operation, or several where it has several keys; a column for each state; a cell is ``ok`` or the number
of one of the page's footnotes. ``?7`` is success where footnote 7 does not apply, ``1|7`` that either may come. Nothing
here comes from the code: the states that it allows are its own table.
"""

from typing import NamedTuple

COLUMNS = ("Enabled", "Disabled", "PendingDeletion", "PendingImport", "Unavailable", "Creating", "Updating")

CRYPTOGRAPHIC = "    ok  1   2|3  5   11  14  ok"
DATA_KEY_PAIRS = "   ok  1   2|3  5   7   14  ok"
STORED_NOWHERE = "   ok  1   2|3  5   n/a 14  ok"  # of keys that no custom key store can have
READING = "          ok  ok  ok   ok  ok  ok  ok"
MARKING = "          ok  ok  3    ok  ok  ok  ok"
SWITCHING = "        ok  ok  3    5   ok  14  15"
ROTATION_SETTING = " ?7  1|7 3|7  6   7   14  ?7"

TABLE = {
    "CancelKeyDeletion": "4 4 ok 4 4 4 4",
    "CreateAlias": MARKING,
    "CreateGrant": "ok 1 2|3 5 ok 14 ok",
    "Decapsulate": STORED_NOWHERE,  # not in AWS's table yet: as its like
    "Decrypt": CRYPTOGRAPHIC,
    "DeleteAlias": READING,
    "DeleteImportedKeyMaterial": "?9 ?9 ?9 ok n/a 14 15",
    "DeriveSharedSecret": STORED_NOWHERE,
    "DescribeKey": READING,
    "DisableKey": SWITCHING,
    "DisableKeyRotation": ROTATION_SETTING,
    "EnableKey": SWITCHING,
    "EnableKeyRotation": ROTATION_SETTING,
    "Encapsulate": STORED_NOWHERE,  # as Decapsulate
    "Encrypt": CRYPTOGRAPHIC,
    "GenerateDataKey": CRYPTOGRAPHIC,
    "GenerateDataKeyPair": DATA_KEY_PAIRS,
    "GenerateDataKeyPairWithoutPlaintext": DATA_KEY_PAIRS,
    "GenerateDataKeyWithoutPlaintext": CRYPTOGRAPHIC,
    "GenerateMac": STORED_NOWHERE,
    "GetKeyLastUsage": READING,  # not in AWS's table yet: it only reads
    "GetKeyPolicy": READING,
    "GetKeyRotationStatus": "?7 ?7 ?7 6 7 ?7 ?7",
    "GetParametersForImport": "?9 ?9 8|9 ok 9 14 15",
    "GetPublicKey": STORED_NOWHERE,
    "ImportKeyMaterial": "?9 ?9 8|9 ok 9 14 ok",
    "ListAliases": READING,
    "ListGrants": READING,
    "ListKeyPolicies": READING,
    "ListKeyRotations": "?7 ?7 ?7 ok 7 ?7 ?7",
    "ListResourceTags": READING,
    "PutKeyPolicy": READING,
    "ReEncrypt from": CRYPTOGRAPHIC,
    "ReEncrypt to": CRYPTOGRAPHIC,
    "ReplicateKey": "ok 1 2|3 5 n/a 14 15",
    "RetireGrant": READING,
    "RevokeGrant": READING,
    "RotateKeyOnDemand": "?7 1|7 3|7 5 7 14 ?7",
    "ScheduleKeyDeletion": "ok ok 3 ok ok ok 15",
    "Sign": STORED_NOWHERE,
    "TagResource": MARKING,
    "UntagResource": MARKING,
    "UpdateAlias from": READING,  # footnote 10: the old target may be in any state,
    "UpdateAlias to": MARKING,  # the new one not pending deletion
    "UpdateKeyDescription": MARKING,
    "UpdatePrimaryRegion from": STORED_NOWHERE,
    "UpdatePrimaryRegion to": STORED_NOWHERE,  # the page does not say which of both keys it means
    "Verify": STORED_NOWHERE,
    "VerifyMac": STORED_NOWHERE,
}

KIND = "kind"  # footnotes 7 and 9, and the same for kinds that the page does not speak of

FOOTNOTES = {
    "1": ("DisabledException", "{arn} is disabled."),
    "2": ("DisabledException", "{arn} is {pending}"),
    "3": ("KMSInvalidStateException", "{arn} is {pending}."),
    "4": ("KMSInvalidStateException", "{arn} is not pending deletion"),
    "5": ("KMSInvalidStateException", "{arn} is pending import."),
    "6": ("UnsupportedOperationException", "{arn} origin is EXTERNAL which is not valid for this operation."),
    "8": ("KMSInvalidStateException", "{arn} is {pending}."),
    "11": ("KMSInvalidStateException", "{arn} is unavailable."),
    "14": ("KMSInvalidStateException", "{arn} is creating."),
    "15": ("KMSInvalidStateException", "{arn} is updating."),
    KIND: ("UnsupportedOperationException", None),
}
"""Of each footnote the exception, and the message where the page has one."""

CHOICES = {"2|3": "3", "1|7": "1", "3|7": "3"}
"""Where either may come: the one for the state, which is looked at before the kind of key."""


class Kind(NamedTuple):
    """A kind of key that rows and footnotes tell apart.

    Attributes:
        create: The members of CreateKey.
        replica: Whether it is a replica of a multi-Region key.
        states: The states that such a key can be in.
    """

    create: dict[str, str | bool]
    replica: bool
    states: tuple[str, ...]

    @property
    def imported(self) -> bool:
        """Whether its material is imported."""
        return self.create.get("Origin") == "EXTERNAL"


_ALL = ("Enabled", "Disabled", "PendingDeletion")
_EXTERNAL: dict[str, str | bool] = {"Origin": "EXTERNAL"}
_HMAC: dict[str, str | bool] = {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}
_SIGNING: dict[str, str | bool] = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}
_RSA: dict[str, str | bool] = {"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"}
_AGREEMENT: dict[str, str | bool] = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT"}
_ENCAPSULATION: dict[str, str | bool] = {"KeySpec": "ML_KEM_768", "KeyUsage": "ENCAPSULATE_DECAPSULATE"}
_MULTI: dict[str, str | bool] = {"MultiRegion": True}

KINDS = {
    # No custom key store is here: a key is put into their state by hand.
    "symmetric": Kind({}, replica=False, states=(*_ALL, "Unavailable")),
    "imported": Kind(_EXTERNAL, replica=False, states=(*_ALL, "PendingImport")),
    "HMAC": Kind(_HMAC, replica=False, states=_ALL),
    "imported HMAC": Kind(_HMAC | _EXTERNAL, replica=False, states=(*_ALL, "PendingImport")),
    "signing": Kind(_SIGNING, replica=False, states=_ALL),
    "imported signing": Kind(_SIGNING | _EXTERNAL, replica=False, states=(*_ALL, "PendingImport")),
    "RSA": Kind(_RSA, replica=False, states=_ALL),
    "agreement": Kind(_AGREEMENT, replica=False, states=_ALL),
    "encapsulation": Kind(_ENCAPSULATION, replica=False, states=_ALL),
    "primary": Kind(_MULTI, replica=False, states=(*_ALL, "PendingReplicaDeletion", "Updating")),
    "replica": Kind(_MULTI, replica=True, states=(*_ALL, "Creating", "Updating")),
    "imported primary": Kind(
        _MULTI | _EXTERNAL, replica=False, states=(*_ALL, "PendingImport", "PendingReplicaDeletion", "Updating")
    ),
    "imported replica": Kind(_MULTI | _EXTERNAL, replica=True, states=(*_ALL, "PendingImport", "Creating", "Updating")),
}

GENERAL = ("symmetric", "imported", "primary", "replica")  # between them they meet every state
SYMMETRIC = ("symmetric", "imported", "primary", "replica", "imported primary", "imported replica")
IMPORTED = tuple(name for name, kind in KINDS.items() if kind.imported)
PRIMARIES, REPLICAS = ("primary", "imported primary"), ("replica", "imported replica")

# The kinds that an operation takes, where that is not GENERAL ("Key type reference", AWS KMS Developer Guide).
TAKES = {
    **dict.fromkeys(("Encrypt", "Decrypt", "ReEncrypt from", "ReEncrypt to"), (*SYMMETRIC, "RSA")),
    **dict.fromkeys(("GenerateMac", "VerifyMac"), ("HMAC", "imported HMAC")),
    **dict.fromkeys(("Sign", "Verify", "GetPublicKey"), ("signing", "imported signing")),
    "DeriveSharedSecret": ("agreement",),
    **dict.fromkeys(("Encapsulate", "Decapsulate"), ("encapsulation",)),
    **dict.fromkeys(("EnableKeyRotation", "DisableKeyRotation"), ("symmetric", "primary")),
    "RotateKeyOnDemand": ("symmetric", "imported", *PRIMARIES),
    "ListKeyRotations": SYMMETRIC,
    "GetKeyRotationStatus": tuple(KINDS),
    **dict.fromkeys(("GetParametersForImport", "ImportKeyMaterial", "DeleteImportedKeyMaterial"), IMPORTED),
    **dict.fromkeys(("ReplicateKey", "UpdatePrimaryRegion from"), PRIMARIES),
    "UpdatePrimaryRegion to": REPLICAS,
}

# Operations of which keys of other kinds are cases, too: what the state refuses is refused for its state, the rest for
# its kind.
JUDGES_KINDS = (
    "EnableKeyRotation", "DisableKeyRotation", "RotateKeyOnDemand", "ListKeyRotations", "GetParametersForImport",
    "ImportKeyMaterial", "DeleteImportedKeyMaterial", "ReplicateKey",
)  # fmt: skip
OF_ANOTHER_KIND = tuple(name for name in KINDS if name not in {"RSA", "agreement", "encapsulation"})


class Cell(NamedTuple):
    """A case: an operation on a key of a kind in a state, and the footnote that it meets, ``KIND`` or ``ok``."""

    case: str
    kind: str
    state: str
    outcome: str


def cells() -> list[Cell]:
    """Every cell of the table, for every kind of key that the operation and the state can meet."""
    found = []
    for case, row in TABLE.items():
        for name in OF_ANOTHER_KIND if case in JUDGES_KINDS else TAKES.get(case, GENERAL):
            for state in KINDS[name].states:
                column = state.replace("PendingReplicaDeletion", "PendingDeletion")
                cell = row.split()[COLUMNS.index(column)]
                if (state, cell) in _WITHOUT_STORES or (case, name, state) in _IMPOSSIBLE:
                    continue
                found.append(Cell(case, name, state, _outcome(case, name, cell)))
    return found


# There are no custom key stores, so a key that is put into their state by hand meets no footnote about their kind.
_WITHOUT_STORES = {("Unavailable", cell) for cell in ("7", "9", "n/a")}
# The primary key of related keys is pending replica deletion; once it is pending deletion there is no replica.
_IMPOSSIBLE = {("UpdatePrimaryRegion from", name, "PendingDeletion") for name in PRIMARIES}


def _outcome(case: str, name: str, cell: str) -> str:
    """The footnote that applies to a kind of key, ``KIND`` or ``ok``."""
    fits = name in TAKES.get(case, GENERAL)
    if cell == "8|9":
        return "8" if fits else KIND
    if cell in CHOICES:
        return CHOICES[cell]
    if cell == "ok" or cell.startswith("?"):
        return "ok" if fits else KIND
    return cell
