"""A key with as many grants as AWS allows: what one costs beside all the others."""

import hashlib
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from strongroom.storage.store import SqlStore
from strongroom.storage.transaction import SqlTransaction
from tests.storage.support import K1, REALM, make_grant, make_key, make_stored, new_store
from tests.support import SOAK

GRANTS = 50_000 if SOAK else 1_500
IN_ONE_TRANSACTION = 500
TIMES = 20
"""How often what is quick is done, for the mean."""

pytestmark = pytest.mark.soak


def grant_id(number: int) -> str:
    """The id of one of many grants."""
    return hashlib.sha256(number.to_bytes(4, "big")).hexdigest()


def put(store: SqlStore, first: int, last: int) -> None:
    """Give grants to so many grantees, in one transaction."""

    def work(tx: SqlTransaction) -> None:
        for number in range(first, last):
            tx.put_grant(make_grant(grant_id(number), f"AIDA{number}"))

    store.run(work)


def milliseconds(work: Callable[[int], object], times: int) -> float:
    """How long a piece of work takes; its argument counts from 0."""
    start = time.perf_counter()
    for number in range(times):
        work(number)
    return (time.perf_counter() - start) * 1000 / times


@pytest.mark.timeout(900)
def test_a_key_with_all_the_grants_it_may_have(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All are there, each is found and revoked by itself, and with the key they go."""
    figures: dict[str, float] = {}
    with closing(new_store(tmp_path)) as store:
        store.run(lambda tx: tx.insert_key(make_stored(K1)))
        figures["one of many given in a transaction"] = (
            milliseconds(
                lambda n: put(store, n * IN_ONE_TRANSACTION, (n + 1) * IN_ONE_TRANSACTION), GRANTS // IN_ONE_TRANSACTION
            )
            / IN_ONE_TRANSACTION
        )
        assert store.grant_count(REALM, K1) == GRANTS
        figures["a use"] = milliseconds(lambda n: store.grants_of(REALM, K1, f"AIDA{n}"), TIMES)
        figures["the key's own load"] = milliseconds(lambda _: store.key(REALM, K1), TIMES)
        figures["one given"] = milliseconds(lambda n: put(store, GRANTS + n, GRANTS + n + 1), TIMES)
        figures["one revoked"] = milliseconds(
            lambda n: store.run(lambda tx: tx.delete_grant(make_grant(grant_id(n), f"AIDA{n}"))), TIMES
        )
        assert store.grants_of(REALM, K1, "AIDA0") == ()
        assert store.grants_of(REALM, K1, f"AIDA{TIMES}") == (make_grant(grant_id(TIMES), f"AIDA{TIMES}"),)
        assert len(store.grants(REALM, K1, "", GRANTS * 2)) == store.grant_count(REALM, K1) == GRANTS
        figures["the check of the whole"] = milliseconds(lambda _: store.check(), 1)
        figures["the end of the key"] = milliseconds(
            lambda _: store.run(lambda tx: tx.delete_key(make_key(K1), 1.0)), 1
        )
        assert store.grants(REALM, K1, "", 1) == []
    with capsys.disabled():
        print(f"\n{GRANTS} grants on a key:", ", ".join(f"{what} {spent:.2f} ms" for what, spent in figures.items()))
