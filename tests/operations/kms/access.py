"""Every operation on a key as somebody other than a root makes it: a scene, a request, and who may what."""

import functools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from strongroom.model.grant import Constraints, Grant, GrantOperation
from strongroom.model.identity import Caller
from strongroom.model.policy import BoundPolicy
from strongroom.model.region import Realm
from strongroom.operations.table import OPERATIONS, Operation, Target
from tests.actors import policy, statement
from tests.core import ACCOUNT, ELSEWHERE, REGION, Answer, Core, key_id_of, open_core
from tests.operations.kms.scenes import REQUESTS, Scene, grant_on, prepare
from tests.operations.kms.state_table import GENERAL, TAKES

CASES = tuple(case for case in REQUESTS if case not in {"ListAliases", "RetireGrant"})
"""Each operation on a key; those on two keys once for each. RetireGrant is allowed by the grant that it ends."""

DENIED = "AccessDeniedException"
ROOT_STATEMENT = statement("Allow", "kms:*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
"""The statement that leaves it to the account's IAM policies."""


def row_of(case: str) -> Operation:
    """The operation of a case."""
    return OPERATIONS[case.split(maxsplit=1)[0]]


def target_of(case: str) -> Target:
    """Which of the operation's keys is the one in question: the last, of ``from`` the first."""
    targets = row_of(case).key_targets
    return targets[0] if case.endswith("from") or len(targets) == 1 else targets[-1]


@contextmanager
def scene_of(folder: Path, case: str) -> Iterator[tuple[Core, Scene]]:
    """A core with keys that the operation can be done with."""
    scene = prepare(folder, TAKES.get(case, GENERAL)[0], "Enabled")
    grant = replace(grant_on(scene.key), operations=(GrantOperation.RETIRE_GRANT,))  # allows none of the cases
    with open_core(folder) as core:
        core.store.run(lambda tx: tx.put_grant(grant))
        yield core, scene


def make(
    core: Core,
    case: str,
    scene: Scene,
    caller: Caller | None = None,
    between: Callable[[], object] | None = None,
) -> Answer:
    """Make the request of a case, by the root of the keys' account unless told; others name keys by their ARNs."""
    region, members = ELSEWHERE if case == "UpdatePrimaryRegion to" else REGION, REQUESTS[case](scene)
    if caller is not None and caller.account != ACCOUNT:
        key_id, arn = key_id_of(scene.key), scene.key.replace(REGION, region)
        members = {name: arn if value == key_id else value for name, value in members.items()}
    return core.call(row_of(case).name, region=region, caller=caller, between=between, **members)


def put_policy(core: Core, arn: str, *statements: dict[str, Any], callers: tuple[Caller, ...] = ()) -> None:
    """Give a key a policy past PutKeyPolicy; where it names callers' ARNs, they are meant as they are now."""
    bindings = tuple((caller.arn, caller.principal_id) for caller in callers)
    key = core.stored(arn).key
    core.store.run(lambda tx: tx.put_policy(key, "default", BoundPolicy(policy(*statements), bindings)))


def keys_in(core: Core, scene: Scene) -> list[str]:
    """The ARNs of all keys that the request of a case may touch."""
    found = [scene.key, scene.other]
    key = core.stored(scene.key).key
    return [*found, *(scene.key.replace(REGION, realm.region) for realm in key.related)]


def put_grant(core: Core, arn: str, caller: Caller, *operations: GrantOperation, **changes: Any) -> Grant:
    """Give a caller a grant past CreateGrant."""
    parts = arn.split(":")
    grant = Grant(
        realm=Realm(parts[4], parts[3]),
        key_id=key_id_of(arn),
        grant_id=changes.pop("grant_id", "ab" * 32),
        name="",
        created_at=1_780_000_000.0,
        grantee=caller.arn,
        grantee_token=changes.pop("grantee_token", caller.principal_id),
        retiring=None,
        retiring_token=None,
        issuing_account=ACCOUNT,
        operations=operations,
        constraints=changes.pop("constraints", Constraints()),
    )
    core.store.run(lambda tx: tx.put_grant(grant))
    return grant


@functools.cache
def end_of(case: str) -> str | None:
    """How the request ends where nobody denies it: its error code, None for success."""
    with tempfile.TemporaryDirectory() as folder, scene_of(Path(folder), case) as (core, scene):
        return make(core, case, scene).code
