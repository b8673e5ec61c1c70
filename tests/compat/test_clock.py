"""Dev mode's clock of keys on the real service: two workers, a restart, the program, and what must not move."""

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tests.compat.calls import new_key, post, refusal
from tests.compat.records import all_records
from tests.guides import DOCS, run, run_python
from tests.support import PROGRAM, Server, clean_environment, need

DAY = 86_400
BLOCK = re.compile(r"^<!-- test: (\w+) -->\n```(?:sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A dev service with two workers, in the data folder that the program looks for by itself."""
    data = tmp_path_factory.mktemp("clock") / ".strongroom" / "data"
    data.parent.mkdir()
    with Server(data, "--workers", "2") as running:
        yield running
        assert running.stop() == 0


def advance(server: Server, seconds: float) -> dict[str, Any]:
    """Let time pass over HTTP, on a connection that the kernel gives to either worker; the answer."""
    answer = post(server, "", {"Seconds": seconds}, headers={"X-Amz-Target": "StrongroomDev.AdvanceClock"})
    assert answer.status == 200, answer.body
    told: dict[str, Any] = json.loads(answer.body)
    return told


def program(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``strongroom clock`` for the data folder of a service."""
    return subprocess.run(
        [str(PROGRAM), "clock", *arguments, "--data-dir", str(server.data_dir)],
        check=False,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )


def told(server: Server, *arguments: str) -> dict[str, Any]:
    """Run ``strongroom clock``, which must succeed; what it prints."""
    done = program(server, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


# --- what happens to keys ---


def test_a_key_is_gone_when_its_waiting_period_is_over(pair: Server) -> None:
    """Seven days pass in a moment; at their end, not before, the key does not exist any more."""
    kms = pair.client()
    key = new_key(kms)
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    advance(pair, 7 * DAY - 60)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    advance(pair, 60)
    assert refusal(kms.describe_key, KeyId=key).code == "NotFoundException"


def test_three_years_are_three_rotations(pair: Server) -> None:
    """A year apart, at their dates; what was encrypted at any time can be decrypted."""
    kms = pair.client()
    key = new_key(kms)
    kms.enable_key_rotation(KeyId=key)
    first = kms.get_key_rotation_status(KeyId=key)["NextRotationDate"]
    blobs = []
    for days in (0, 400, 695):
        if days:
            advance(pair, days * DAY)
        blobs.append(kms.encrypt(KeyId=key, Plaintext=b"kept")["CiphertextBlob"])
    dates = [rotation["RotationDate"] for rotation in kms.list_key_rotations(KeyId=key)["Rotations"]]
    assert dates == [first + timedelta(days=365 * year) for year in range(3)]
    assert [kms.decrypt(CiphertextBlob=blob)["Plaintext"] for blob in blobs] == [b"kept"] * 3


def test_imported_material_expires_at_its_date(pair: Server) -> None:
    """Before it the key works; from it on it waits for material again."""
    kms = pair.client()
    key = new_key(kms, Origin="EXTERNAL")
    given = kms.get_parameters_for_import(KeyId=key, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048")
    public = load_der_public_key(given["PublicKey"])
    assert isinstance(public, rsa.RSAPublicKey)
    wrapped = public.encrypt(os.urandom(32), padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), label=None))
    created = kms.describe_key(KeyId=key)["KeyMetadata"]["CreationDate"]
    kms.import_key_material(
        KeyId=key,
        ImportToken=given["ImportToken"],
        EncryptedKeyMaterial=wrapped,
        ExpirationModel="KEY_MATERIAL_EXPIRES",
        ValidTo=created + timedelta(days=30),
    )
    advance(pair, 30 * DAY - 60)
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    advance(pair, 60)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingImport"
    assert refusal(kms.decrypt, CiphertextBlob=blob).code == "KMSInvalidStateException"


def test_the_next_request_at_either_worker_sees_the_new_time(pair: Server) -> None:
    """Whichever worker moved the clock, and whichever makes the next key; the operator's command counts as much."""
    for turn in range(20):
        by_program = turn % 5 == 0
        offset = told(pair, "advance", "1d")["offsetSeconds"] if by_program else advance(pair, DAY)["OffsetSeconds"]
        for _ in range(2):
            began = time.time()
            made = json.loads(post(pair, "CreateKey", {}).body)["KeyMetadata"]["CreationDate"]
            assert began - 0.001 <= made - offset <= time.time() + 0.001


def test_the_parent_process_sees_the_new_time(pair: Server) -> None:
    """What falls due later by the moved clock is done by the jobs, with nobody asking."""
    kms = pair.client()
    key = new_key(kms)
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    advance(pair, 7 * DAY - 1)
    end = time.monotonic() + 20
    while key in {found["KeyArn"] for found in kms.list_keys(Limit=1000)["Keys"]}:
        assert time.monotonic() < end
        time.sleep(0.05)


# --- what does not move ---


def test_requests_stay_fresh_and_records_keep_the_machines_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signature by the clock of keys is out of time; records keep the machine's time, and note how far keys are."""
    with Server(tmp_path / "data") as server:
        kms = server.client()
        new_key(kms)
        began = time.time()
        advance(server, 36_500 * DAY)
        new_key(kms)
        told(server, "show")
        told(server, "advance", "1s")
        of_keys = datetime.now(UTC) + timedelta(days=36_500)
        monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: of_keys.replace(tzinfo=None))
        assert post(server, "ListKeys", {}).fault == "InvalidSignatureException"
        assert server.stop() == 0
    records = all_records(server.data_dir)
    years = {record["eventTime"][:4] for record in records}
    assert years <= {time.strftime("%Y", time.gmtime(moment)) for moment in (began, time.time())}
    noted = [(record["eventName"], record.get("additionalEventData")) for record in records]
    after = {"keyLifeClockOffsetSeconds": 36_500.0 * DAY}
    before = [(name, None) for name in ("init", "serve", "CreateKey", "AdvanceClock")]
    later = [(name, after) for name in ("CreateKey", "clock-show", "clock-advance")]
    assert sorted(noted, key=str) == sorted([*before, *later], key=str)


def test_a_restart_keeps_the_time(tmp_path: Path) -> None:
    """The clock goes on from where it was, and its records say so from the first."""
    with Server(tmp_path / "data") as server:
        advance(server, 1000.5)
        assert server.stop() == 0
    with Server(tmp_path / "data") as server:
        assert told(server, "show")["offsetSeconds"] == 1000.5
        made = server.client().create_key()["KeyMetadata"]["CreationDate"].timestamp()
        assert made >= time.time() + 900
        assert advance(server, 0.5)["OffsetSeconds"] == 1001.0
        assert server.stop() == 0
    serves = [record for record in all_records(server.data_dir) if record["eventName"] == "serve"]
    assert [record.get("additionalEventData") for record in serves] == [
        None,
        {"keyLifeClockOffsetSeconds": 1000.5},
    ]


# --- the program, and production ---


def test_the_program_moves_the_clock(pair: Server) -> None:
    """It prints both clocks, as ``show`` does; what is no time ends with 1 or 2."""
    before = told(pair, "show")
    after = told(pair, "advance", "1d12h")
    assert after["offsetSeconds"] == before["offsetSeconds"] + 1.5 * DAY
    assert after.keys() == before.keys() == {"keyLifeTime", "machineTime", "offsetSeconds"}
    nothing, nonsense = program(pair, "advance", "0d"), program(pair, "advance", "soon")
    assert (nothing.returncode, nonsense.returncode) == (1, 2)
    assert "forward only" in nothing.stderr
    assert told(pair, "show")["offsetSeconds"] == after["offsetSeconds"]


def test_production_has_no_such_clock(tmp_path: Path) -> None:
    """The call is unknown to a caller who is proven, the commands refuse in plain words and end with 1."""
    data = tmp_path / "data"
    made = subprocess.run(
        [str(PROGRAM), "init", "--data-dir", str(data)],
        check=True,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    access_key, secret = re.findall(r"AWS_\w+=(.*)", made)
    with Server(data, dev=False) as server:
        answer = post(
            server,
            "",
            {"Seconds": 1},
            access_key=access_key,
            secret=secret,
            headers={"X-Amz-Target": "StrongroomDev.AdvanceClock"},
        )
        assert (answer.status, answer.fault) == (400, "UnknownOperationException")
        for arguments in (("advance", "7d"), ("show",)):
            done = program(server, *arguments)
            assert (done.returncode, done.stdout) == (1, "")
            assert done.stderr == "strongroom: the clock of keys can be moved in dev mode alone\n"
        assert server.stop() == 0


# --- the pages ---


@pytest.mark.parametrize("page", ["guide/testing.md", "reference/http.md"])
def test_the_examples_work_as_written(pair: Server, page: str) -> None:
    """Each of a page's two, run in the folder of the service; they print what the page says."""
    need("curl")
    folder = pair.data_dir.parents[1]
    blocks = BLOCK.findall((DOCS / page).read_text())
    assert [mark for mark, _ in blocks] == ["shell", "python"]
    printed = []
    for mark, code in blocks:
        here = code.replace("127.0.0.1:8080", f"127.0.0.1:{pair.port}")
        result = run(["sh", "-euc", here], pair, folder) if mark == "shell" else run_python(here, pair, folder)
        assert (result.returncode, result.stderr) == (0, "")
        printed.append(result.stdout)
    if page == "guide/testing.md":
        assert printed[0].splitlines()[-1] == "4"
        assert printed[1] == "gone\n"
    else:
        first, second = (json.loads(text)["OffsetSeconds"] for text in printed)
        assert second == first + 0.5
