"""`make bench`: the operations over HTTP beside their limits in the same run; medians of several rounds.

The limits are a bare HTTP echo on the same stack, and the bare primitive in a loop. Machines are noisy: compare
columns of one run, not runs.
"""

import os
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench import policies, private_keys
from bench.load import Figures, measure
from bench.service import bare, client, echo_server, service, signed_request
from strongroom.keystores.root import RootKeys
from strongroom.keystores.software import SoftwareKeyStore
from strongroom.model.ciphertext import parse_header
from strongroom.model.key import Key
from strongroom.model.region import Realm
from strongroom.model.spec import KeyManager, KeySpec, KeyUsage, Origin
from strongroom.model.state import KeyState

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "2"))
CONNECTIONS = 32
PLAINTEXT = bytes(range(256)) * 4
CONTEXT = {"purpose": "bench", "tenant": "example"}


def _primitives() -> dict[str, Callable[[], object]]:
    """What the work itself costs, as the bare call in this process."""
    store = SoftwareKeyStore(RootKeys.create())
    key = Key(
        realm=Realm("123456789012", "us-east-1"),
        key_id="1234abcd-12ab-34cd-56ef-1234567890ab",
        spec=KeySpec.SYMMETRIC_DEFAULT,
        usage=KeyUsage.ENCRYPT_DECRYPT,
        origin=Origin.AWS_KMS,
        manager=KeyManager.CUSTOMER,
        state=KeyState.ENABLED,
        description="",
        created_at=0.0,
    )
    material = store.generate(key)
    blob = store.encrypt(key, material, PLAINTEXT, CONTEXT)
    header = parse_header(blob)
    return {
        "Encrypt 1 KiB": lambda: store.encrypt(key, material, PLAINTEXT, CONTEXT),
        "Decrypt 1 KiB": lambda: store.decrypt(key, material, header, blob, CONTEXT),
        "GenerateDataKey": lambda: store.encrypt(key, material, store.random(32), CONTEXT),
        "DescribeKey": lambda: None,
        "CreateKey": lambda: store.generate(key),
    }


def _requests(port: int) -> dict[str, list[bytes]]:
    kms = client(port)
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key_id, Plaintext=PLAINTEXT, EncryptionContext=CONTEXT)["CiphertextBlob"]
    return {
        "Encrypt 1 KiB": [
            signed_request(port, "Encrypt", KeyId=key_id, Plaintext=PLAINTEXT, EncryptionContext=CONTEXT)
        ],
        "Decrypt 1 KiB": [signed_request(port, "Decrypt", CiphertextBlob=blob, EncryptionContext=CONTEXT)],
        "GenerateDataKey": [
            signed_request(port, "GenerateDataKey", KeyId=key_id, KeySpec="AES_256", EncryptionContext=CONTEXT)
        ],
        "DescribeKey": [signed_request(port, "DescribeKey", KeyId=key_id)],
        "CreateKey": [signed_request(port, "CreateKey")],
    }


def median(rounds: list[Figures]) -> Figures:
    """Each column's median."""
    return Figures(*(statistics.median(column) for column in zip(*rounds, strict=True)))


def _measured(port: int, pids: list[int], requests: list[bytes]) -> Figures:
    return measure(port, requests, pids, connections=CONNECTIONS, seconds=SECONDS)


def main() -> None:
    """Measure and print."""
    figures: dict[str, list[Figures]] = {}
    private: list[dict[str, private_keys.Sample]] = []
    ready: list[float] = []
    with tempfile.TemporaryDirectory() as name, echo_server() as (echo_port, echo_pids):
        for number in range(ROUNDS):
            folder = Path(name, str(number))
            folder.mkdir()
            with service(folder):  # so that the start that is timed finds a data folder
                pass
            with service(folder) as (port, pids, seconds):
                ready.append(seconds)
                requests = _requests(port)
                echo = [requests["Encrypt 1 KiB"][0]]
                figures.setdefault("bare echo", []).append(_measured(echo_port, echo_pids, echo))
                for operation, prepared in requests.items():
                    figures.setdefault(operation, []).append(_measured(port, pids, prepared))
                private.append(private_keys.sample(port, partial(_measured, port, pids)))
    _print(figures, ready)
    private_keys.report(private)
    policies.report()


def _print(figures: dict[str, list[Figures]], ready: list[float]) -> None:
    primitives = _primitives()
    echo = median(figures["bare echo"])
    print(f"{CONNECTIONS} connections, one worker, {ROUNDS} rounds of {SECONDS:g} s, medians; CPU of the whole service")
    print(f"{'':18}{'req/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'CPU us':>9}{'bare us':>9}{'CPU / echo':>12}")
    for name, rounds in figures.items():
        row = median(rounds)
        alone = f"{bare(primitives[name]):9.1f}" if name in primitives else f"{'':9}"
        print(
            f"{name:18}{row.rate:9.0f}{row.p50 / 1e3:9.2f}{row.p99 / 1e3:9.2f}{row.cpu:9.1f}{alone}"
            f"{row.cpu / echo.cpu:12.1f}"
        )
    print(f"start to ready: {statistics.median(ready):.2f} s (best {min(ready):.2f} s)")


if __name__ == "__main__":
    main()
