"""Random lives of keys: what users and time do to them, in any order."""

import math
from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from strongroom.audit.record import encode
from strongroom.keystores.registry import Registry
from strongroom.keystores.software import SoftwareKeyStore
from strongroom.operations import life as product
from tests.core import ROOTS
from tests.soak.life_model import DAY, PENDING, Life, Material, Member, Parcel, coming, pass_time
from tests.soak.life_service import REGIONS, SideBySide, new_secret

MOST_LIVES = 3
SPECS: dict[str, dict[str, str]] = {
    "symmetric": {},
    "HMAC": {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"},
    "signing": {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"},
}
KINDS = st.sampled_from(["symmetric", "symmetric", "symmetric", "HMAC", "signing"])
PICKS = st.integers(0, 99)
PLACES = st.sampled_from(REGIONS)
Span = tuple[float, int | None]
SPANS = st.tuples(
    st.sampled_from([1 / 24, 0.9, 1, 7, 30, 100, 364, 365, 500, 800]),
    st.sampled_from([None, None, -1800, -600, 0, 600]),
)


WHICH = st.sampled_from([None, -1, -1, 0, 1])
WAITS = st.sampled_from([True, True, False])


def usable(member: Member) -> bool:
    """Whether a key can be used."""
    return member.state in {"Enabled", "Updating"}


def is_free_primary(life: Life, member: Member) -> bool:
    """Whether it is a multi-Region primary key that can have one more replica."""
    return life.multi_region and member.region == life.primary and len(life.members) < len(REGIONS)


def has_replicas(life: Life, member: Member) -> bool:
    """Whether it is a primary key with replicas."""
    return member.region == life.primary and len(life.members) > 1


class Lives(SideBySide):
    """Keys of several kinds in three Regions, and all that users and time do to them."""

    def pick(self, pick: int, fits: Callable[[Life, Member], bool] = lambda *_: True) -> tuple[Life, str]:
        """A key and one of its Regions: most often such that the call fits, and now and then any, of ended keys too."""
        ended = [(life, life.primary) for life in self.lives if not life.members]
        there = [(life, region) for life in self.lives for region in life.members]
        fitting = [(life, region) for life, region in there if fits(life, life.members[region])]
        chosen = fitting if fitting and pick % 5 else [*there, *ended]
        return chosen[pick // 5 % len(chosen)]

    # --- what users do ---

    @initialize(
        region=PLACES,
        imported_region=PLACES,
        multi_region=st.booleans(),
        replicas=st.integers(0, 2),
        days=st.sampled_from([90, 365, None]),
    )
    def begin(self, region: str, imported_region: str, *, multi_region: bool, replicas: int, days: int | None) -> None:
        """A store with two keys that can do most: a multi-Region one that rotates, and one with imported material."""
        self.make()
        self.create("symmetric", region, imported=False, multi_region=True)
        self.create("symmetric", imported_region, imported=True, multi_region=multi_region)
        for number in range(replicas * 2):
            self.replicate(1 + number * 5, 1, wait=True)
        self.set_rotation(1, days)

    def has(self, fits: Callable[[Life, Member], bool]) -> bool:
        """Whether there is a key for which a call fits."""
        return any(usable(member) and fits(life, member) for life in self.lives for member in life.members.values())

    @precondition(lambda self: sum(bool(life.members) for life in self.lives) < MOST_LIVES)
    @rule(kind=KINDS, region=PLACES, imported=st.booleans(), multi_region=st.booleans())
    def create(self, kind: str, region: str, *, imported: bool, multi_region: bool) -> None:
        """CreateKey; what is to be imported is imported."""
        origin = {"Origin": "EXTERNAL"} if imported else {}
        answer = self.core.ok("CreateKey", region=region, MultiRegion=multi_region, **origin, **SPECS[kind])
        first = Material(1)
        life = Life(
            key_id=answer["KeyMetadata"]["KeyId"],
            kind=kind,
            imported=imported,
            multi_region=multi_region,
            primary=region,
            members={region: Member(region, self.now, "PendingImport" if imported else "Enabled")},
            materials=[] if imported else [first],
            current=None if imported else first,
        )
        self.lives.append(life)
        self.check(life)
        if imported:
            self.hand_over(life, region, Parcel(new_secret(life)))
            self.check(life)

    @rule(pick=PICKS, operation=st.sampled_from(["EnableKey", "DisableKey"]))
    def switch(self, pick: int, operation: str) -> None:
        """EnableKey, DisableKey."""
        life, region = self.pick(pick, lambda _, member: member.state in {"Enabled", "Disabled"})
        change = life.enable if operation == "EnableKey" else life.disable
        self.call(life, region, operation, lambda: change(region, self.now))
        self.check(life)

    @rule(pick=PICKS, days=st.integers(7, 30))
    def schedule(self, pick: int, days: int) -> None:
        """ScheduleKeyDeletion."""
        life, region = self.pick(pick, lambda _, member: member.state not in PENDING)
        members = {"PendingWindowInDays": days}
        self.call(life, region, "ScheduleKeyDeletion", lambda: life.schedule(region, days, self.now), **members)
        self.check(life)

    @rule(pick=PICKS)
    def cancel(self, pick: int) -> None:
        """CancelKeyDeletion."""
        life, region = self.pick(pick, lambda _, member: member.state in PENDING)
        self.call(life, region, "CancelKeyDeletion", lambda: life.cancel(region))
        self.check(life)

    @rule(pick=PICKS, days=st.sampled_from([None, 90, 91, 365, 2560]))
    def set_rotation(self, pick: int, days: int | None) -> None:
        """EnableKeyRotation, DisableKeyRotation."""
        life, region = self.pick(
            pick, lambda life, member: usable(member) and life.rotates(member) and not life.imported
        )
        operation = "DisableKeyRotation" if days is None else "EnableKeyRotation"
        members = {} if days is None else {"RotationPeriodInDays": days}
        self.call(life, region, operation, lambda: life.set_rotation(region, days, self.now), **members)
        self.check(life)

    @rule(pick=PICKS, wait=WAITS)
    def rotate(self, pick: int, *, wait: bool) -> None:
        """RotateKeyOnDemand."""
        life, region = self.pick(pick, lambda life, member: usable(member) and life.can_rotate(member))
        self.call(life, region, "RotateKeyOnDemand", lambda: life.rotate_on_demand(region, self.now))
        self.check_after(life, wait=wait)

    @rule(pick=PICKS, where=st.integers(0, 3), wait=WAITS)
    def replicate(self, pick: int, where: int, *, wait: bool) -> None:
        """ReplicateKey, most often to a Region that is free."""
        life, region = self.pick(pick, lambda life, member: usable(member) and is_free_primary(life, member))
        free = [each for each in REGIONS if each not in life.members] if where else []
        new = (free or REGIONS)[pick % len(free or REGIONS)]
        self.call(life, region, "ReplicateKey", lambda: life.replicate(region, new, self.now), ReplicaRegion=new)
        self.check_after(life, wait=wait)

    @precondition(lambda self: self.has(has_replicas))
    @rule(pick=PICKS, where=st.integers(0, 3), wait=WAITS)
    def promote(self, pick: int, where: int, *, wait: bool) -> None:
        """UpdatePrimaryRegion, most often to a replica."""
        life, region = self.pick(pick, lambda life, member: usable(member) and has_replicas(life, member))
        replicas = sorted(life.members.keys() - {region}) if where else []
        new = (replicas or REGIONS)[pick % len(replicas or REGIONS)]
        self.call(life, region, "UpdatePrimaryRegion", lambda: life.promote(region, new, self.now), PrimaryRegion=new)
        self.check_after(life, wait=wait)

    @rule(
        pick=PICKS,
        which=st.sampled_from([None, None, -1, 0, 1]),
        right=st.sampled_from([True, True, True, False, None]),
        days=st.none() | st.integers(1, 365),
        description=st.sampled_from([None, None, None, "first", "second"]),
    )
    def import_material(
        self, pick: int, *, which: int | None, right: bool | None, days: int | None, description: str | None
    ) -> None:
        """ImportKeyMaterial of new material, or of what was imported before; with the right ImportType or not."""
        again = which is not None
        life, region = self.pick(pick, lambda life, member: life.imported and not (again and member.state == "Enabled"))
        known = None if which is None or not life.materials else life.materials[which % len(life.materials)]
        secret = known.secret if known else new_secret(life)
        types = {True: "NEW_KEY_MATERIAL", False: "EXISTING_KEY_MATERIAL"}
        import_type = None if right is None or not life.rotatable else types[(known is None) == right]
        expiry = None if days is None else float(math.floor(self.now + days * DAY))
        self.hand_over(life, region, Parcel(secret, import_type, expiry, description))
        self.check(life)

    @precondition(lambda self: self.has(lambda life, member: life.imported and life.rotates(member)))
    @rule(pick=PICKS, days=st.none() | st.integers(1, 365), wait=WAITS)
    def renew(self, pick: int, days: int | None, *, wait: bool) -> None:
        """Import new material into a primary key and its replicas, and rotate to it."""
        life, region = self.pick(pick, lambda life, member: life.imported and life.rotates(member) and usable(member))
        if life.rotatable:
            expiry = None if days is None else float(math.floor(self.now + days * DAY))
            secret = new_secret(life)
            self.hand_over(life, region, Parcel(secret, "NEW_KEY_MATERIAL", expiry))
            for replica in sorted(life.members.keys() - {region}):
                self.hand_over(life, replica, Parcel(secret, "EXISTING_KEY_MATERIAL"))
            self.check(life)
            self.call(life, region, "RotateKeyOnDemand", lambda: life.rotate_on_demand(region, self.now))
            self.check_after(life, wait=wait)

    @rule(pick=PICKS, which=WHICH)
    def delete_material(self, pick: int, which: int | None) -> None:
        """DeleteImportedKeyMaterial, of the current material or of another one."""
        life, region = self.pick(pick, lambda life, _: life.imported)
        named = life.materials if life.imported and life.rotatable and which is not None else []
        material = named[(which or 0) % len(named)] if named else None
        members = {"KeyMaterialId": material.material_id} if material else {}
        change = lambda: life.delete_material(region, material, self.now)  # noqa: E731 - what the model does
        self.call(life, region, "DeleteImportedKeyMaterial", change, **members)
        self.check(life)

    # --- what happens by itself ---

    def check_after(self, life: Life, *, wait: bool) -> None:
        """Look at a key, and if need be only after what was begun has come to its end."""
        if wait:
            self.work()
        self.check(life)

    def work(self) -> None:
        """The jobs do what is due."""
        assert [job for job, outcome in self.run_jobs() if outcome == "failed"] == []
        pass_time(self.lives, self.now)

    @rule(span=SPANS, wakes=WAITS)
    def sleep(self, span: Span, *, wakes: bool) -> None:
        """The jobs stand still for a time; what was due meanwhile happens late."""
        self.set_clock(self.after(span))
        for life in self.lives:
            self.check_use(life)
        if wakes:
            self.work()
            self.check_all()

    @rule(span=SPANS)
    def jump(self, span: Span) -> None:
        """Time passes; everything happens at its own moment."""
        until = self.after(span)
        keystores = Registry(SoftwareKeyStore(ROOTS))
        machine_now = self.core.clock.machine
        self.core.store.run(
            lambda tx: product.pass_time(product.Life(tx, keystores, self.now, machine_now, encode), until)
        )
        while (due := coming(self.lives)) and due[0][0] <= until:
            self.now = max(self.now, due[0][0])
            pass_time(self.lives, self.now)
        self.set_clock(until)
        self.check_all()

    @rule(pick=PICKS, span=SPANS)
    def rest(self, pick: int, span: Span) -> None:
        """A key is disabled for a time."""
        life, region = self.pick(pick, lambda life, member: usable(member) and life.period is not None)
        self.call(life, region, "DisableKey", lambda: life.disable(region, self.now))
        self.jump(span)
        self.call(life, region, "EnableKey", lambda: life.enable(region, self.now))
        self.check_after(life, wait=True)

    def after(self, span: Span) -> float:
        """The moment after so many days, or so many seconds after the next thing that happens, or before it."""
        days, seconds = span
        moments = [at for at, _, _ in coming(self.lives) if at > self.now]
        if seconds is not None and moments:
            return max(self.now, round(moments[0] + seconds, 3))
        return round(self.now + days * DAY, 3)

    def set_clock(self, now: float) -> None:
        """Set the key-life clock."""
        self.now = self.core.clock.key_life = now

    @rule()
    def restart(self) -> None:
        """The process ends and comes back."""
        self.stop()
        self.start()
        self.check_all()
