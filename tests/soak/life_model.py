"""What AWS's documents say of the lives of keys, in the plainest words that run: states, materials, dates, replicas.

Most methods are calls: they raise ``RefusedError`` where AWS refuses, and otherwise change what AWS changes. Nothing
here comes from the code. Where the documents say nothing, it is what docs/reference/operations.md says.
"""

import math
from dataclasses import dataclass, field

DAY = 86_400.0
INVALID_STATE, UNSUPPORTED, INCORRECT = (
    "KMSInvalidStateException",
    "UnsupportedOperationException",
    "IncorrectKeyMaterialException",
)
PENDING = ("PendingDeletion", "PendingReplicaDeletion")


class RefusedError(Exception):
    """AWS refuses; the exception's text is the code."""


@dataclass
class Material:
    """A key material of a key and of those related to it.

    Attributes:
        material_id: As the service says it; empty until it has been asked.
        secret: What was imported.
        pending: It was imported for a rotation that is still to come.
    """

    number: int
    secret: bytes = b""
    pending: bool = False
    rotated_at: float | None = None
    rotation_type: str | None = None
    description: str | None = None
    material_id: str = ""


@dataclass
class Parcel:
    """What ImportKeyMaterial is given, but for what wraps it; without an expiry it does not expire."""

    secret: bytes
    import_type: str | None = None
    expiry: float | None = None
    description: str | None = None


@dataclass
class Member:
    """A key in its Region.

    Attributes:
        settles_as: What follows Creating or Updating.
        settled: Whether it has been Creating and is no more; until then it knows of no material.
        expiries: Of the imported materials that are present here, by number, when they expire.
    """

    region: str
    created_at: float
    state: str
    settles_as: str | None = None
    deletion_at: float | None = None
    window: int | None = None
    settled: bool = True
    expiries: dict[int, float | None] = field(default_factory=dict)


@dataclass
class Life:
    """A key with all keys related to it, from its creation on.

    Attributes:
        kind: ``symmetric``, ``HMAC`` or ``signing``.
        members: By Region.
        on_demand: When the rotation was asked for that has not happened yet.
    """

    key_id: str
    kind: str
    imported: bool
    multi_region: bool
    primary: str
    members: dict[str, Member]
    materials: list[Material]
    current: Material | None
    period: int | None = None
    next_rotation: float | None = None
    on_demand: float | None = None
    rotated_on_demand: int = 0

    # --- what is so ---

    @property
    def rotatable(self) -> bool:
        """Whether it can have several materials."""
        return self.kind == "symmetric"

    def rotates(self, member: Member) -> bool:
        """Whether it is for this key to say when all of them rotate."""
        return self.rotatable and member.region == self.primary

    def rotates_itself(self, member: Member) -> bool:
        """Whether it can have a schedule, too."""
        return self.rotates(member) and not self.imported

    def can_rotate(self, member: Member) -> bool:
        """Whether there is something to rotate to, too."""
        return self.rotates(member) and (not self.imported or self.pending_everywhere() is not None)

    def permanent(self) -> list[Material]:
        """The materials that it has for good."""
        return [material for material in self.materials if not material.pending]

    def complete(self, region: str, now: float = 0.0) -> bool:
        """Whether all of them are present in a Region, and none has expired."""
        if not self.imported:
            return True
        numbers = [material.number for material in self.permanent()]
        expiries = self.members[region].expiries
        good = {number for number, expiry in expiries.items() if expiry is None or expiry > now}
        return bool(numbers) and good.issuperset(numbers)

    def state(self, region: str, now: float) -> str:
        """The state in a Region: imported material counts as gone from the moment that it expires."""
        member = self.members[region]
        expiries = [member.expiries.get(material.number) for material in self.permanent()]
        expired = any(expiry is not None and expiry <= now for expiry in expiries)
        return "PendingImport" if expired and member.state in {"Enabled", "Disabled", "Updating"} else member.state

    def has_expired(self, now: float) -> bool:
        """Whether material has expired and is still to be deleted."""
        expiries = [expiry for member in self.members.values() for expiry in member.expiries.values()]
        return any(expiry is not None and expiry <= now for expiry in expiries)

    def pending_everywhere(self) -> Material | None:
        """The material that a rotation can make the current one."""
        for material in self.materials:
            if material.pending and all(material.number in member.expiries for member in self.members.values()):
                return material
        return None

    def require_there(self, region: str) -> None:
        """Refuse a Region where the key is not, or no longer."""
        if region not in self.members:
            raise RefusedError("NotFoundException")

    def require(self, region: str, now: float, *states: str) -> None:
        """Refuse other states than these."""
        state = self.state(region, now)
        if state not in states:
            raise RefusedError("DisabledException" if state == "Disabled" else INVALID_STATE)

    # --- states ---

    def use(self, region: str, now: float) -> None:
        """Any cryptographic call."""
        self.require(region, now, "Enabled", "Updating")

    def enable(self, region: str, now: float) -> None:
        """EnableKey; a rotation that was missed follows at once."""
        self.require(region, now, "Enabled", "Disabled")
        self.members[region].state = "Enabled"
        if region == self.primary and self.next_rotation is not None:
            self.next_rotation = max(self.next_rotation, now)

    def disable(self, region: str, now: float) -> None:
        """DisableKey."""
        self.require(region, now, "Enabled", "Disabled")
        self.members[region].state = "Disabled"

    def schedule(self, region: str, days: int, now: float) -> None:
        """ScheduleKeyDeletion; a primary key waits for its replicas first."""
        self.require(region, now, "Enabled", "Disabled", "PendingImport", "Creating")
        self.wait_for_end(region, days, now)

    def wait_for_end(self, region: str, days: int, now: float) -> None:
        """Begin the waiting period, or the wait for it."""
        member = self.members[region]
        waits = region == self.primary and len(self.members) > 1
        member.state, member.window = PENDING[waits], days
        member.deletion_at = None if waits else now + days * DAY
        if member.settles_as is not None:
            member.settles_as = member.state

    def cancel(self, region: str) -> None:
        """CancelKeyDeletion."""
        member = self.members[region]
        if member.state not in PENDING:
            raise RefusedError(INVALID_STATE)
        after = "Disabled" if self.complete(region) else "PendingImport"
        member.deletion_at = member.window = None
        if member.settles_as is None:
            member.state = after
        else:  # it never came to be: the material is still on its way
            member.state, member.settles_as = "Creating", after

    # --- rotation ---

    def require_own_rotation(self, region: str) -> None:
        """Refuse keys of other kinds, and replicas."""
        if not self.rotates(self.members[region]):
            raise RefusedError(UNSUPPORTED)

    def set_rotation(self, region: str, days: int | None, now: float) -> None:
        """EnableKeyRotation with a period, DisableKeyRotation without; the same period again changes nothing."""
        if self.imported and self.state(region, now) == "PendingImport":
            raise RefusedError(UNSUPPORTED)
        self.require(region, now, "Enabled", "Updating")
        self.require_own_rotation(region)
        if self.imported:
            raise RefusedError(UNSUPPORTED)
        if days != self.period:
            self.period, self.next_rotation = days, None if days is None else now + days * DAY

    def ask_rotation(self, region: str, now: float) -> None:
        """GetKeyRotationStatus."""
        if self.imported and self.state(region, now) == "PendingImport":
            raise RefusedError(UNSUPPORTED)

    def rotate_on_demand(self, region: str, now: float) -> None:
        """RotateKeyOnDemand."""
        self.require(region, now, "Enabled", "Updating")
        self.require_own_rotation(region)
        if self.rotated_on_demand >= 25:
            raise RefusedError("LimitExceededException")
        soon = self.next_rotation is not None and self.next_rotation - now <= 20 * 60
        if soon or self.on_demand is not None:
            raise RefusedError("ConflictException")
        if self.imported and self.pending_everywhere() is None:
            raise RefusedError(INVALID_STATE)
        self.on_demand = now
        self.rotated_on_demand += 1

    def rotate(self, now: float) -> None:
        """A rotation happens, the one on demand first."""
        if self.on_demand is not None:
            self.on_demand, rotation_type = None, "ON_DEMAND"
        else:
            assert self.next_rotation is not None
            assert self.period is not None
            following = self.next_rotation + self.period * DAY
            self.next_rotation = following if following > now else now + self.period * DAY
            rotation_type = "AUTOMATIC"
        material = self.pending_everywhere() if self.imported else Material(self.next_number())
        if material is None:
            return
        if not self.imported:
            self.materials.append(material)
        material.pending, material.rotated_at, material.rotation_type = False, now, rotation_type
        self.current = material

    def next_number(self) -> int:
        """The number of one more material."""
        return max((material.number for material in self.materials), default=0) + 1

    # --- imported material ---

    def import_material(self, region: str, parcel: Parcel, now: float) -> Material:
        """ImportKeyMaterial; the material."""
        self.require_imports(region, now, "Enabled", "Disabled", "PendingImport", "Updating")
        said = parcel.import_type is not None or parcel.description is not None
        of_primary = parcel.import_type == "NEW_KEY_MATERIAL" or parcel.description is not None
        if (said and not self.rotatable) or (of_primary and region != self.primary):
            raise RefusedError(UNSUPPORTED)
        known = next((material for material in self.materials if material.secret == parcel.secret), None)
        new = parcel.import_type == "NEW_KEY_MATERIAL" if parcel.import_type else not self.materials
        if new != (known is None):
            raise RefusedError(INCORRECT)
        if new and any(material.pending for material in self.materials):
            raise RefusedError(INVALID_STATE)
        if known is None:
            known = Material(self.next_number(), parcel.secret, pending=bool(self.materials))
            self.materials.append(known)
            self.current = self.current or known
        known.description = known.description if parcel.description is None else parcel.description
        awaited = self.state(region, now) == "PendingImport"
        self.members[region].expiries[known.number] = parcel.expiry
        self.settle_import(region, now, awaited=awaited)
        return known

    def require_imports(self, region: str, now: float, *states: str) -> None:
        """Refuse keys whose material is not imported, and other states than these."""
        if self.state(region, now) in {"Creating", *({"Updating"} - set(states))}:
            raise RefusedError(INVALID_STATE)
        if not self.imported:
            raise RefusedError(UNSUPPORTED)
        self.require(region, now, *states)

    def delete_material(self, region: str, material: Material | None, now: float) -> None:
        """DeleteImportedKeyMaterial, of the current material where none is named."""
        self.require_imports(region, now, "Enabled", "Disabled", "PendingImport", *PENDING)
        named = material or self.current
        if named is not None:
            self.remove(region, named, now)

    def remove(self, region: str, material: Material, now: float) -> None:
        """Take a material away in a Region; a pending one of the primary key is forgotten everywhere."""
        if material.pending and region == self.primary:
            self.materials.remove(material)
            for member in self.members.values():
                member.expiries.pop(material.number, None)
        else:
            self.members[region].expiries.pop(material.number, None)
            self.settle_import(region, now)

    def settle_import(self, region: str, now: float, *, awaited: bool = False) -> None:
        """A key without a material that it has for good awaits import, with all of them it does not."""
        member = self.members[region]
        transient = member.state == "Updating"
        state = (member.settles_as if transient else member.state) or ""
        if not self.complete(region, now) and state not in PENDING:
            state = "PendingImport"
        elif self.complete(region, now) and (awaited or state == "PendingImport"):
            state = "Enabled"
        if transient:
            member.settles_as = state
        else:
            member.state = state

    # --- related keys ---

    def replicate(self, region: str, new: str, now: float) -> None:
        """ReplicateKey."""
        self.require(region, now, "Enabled")
        if not self.multi_region or region != self.primary:
            raise RefusedError(UNSUPPORTED)
        if new in self.members:
            raise RefusedError("AlreadyExistsException")
        after = "PendingImport" if self.imported else "Enabled"
        self.members[new] = Member(new, now, "Creating", after, settled=False)

    def promote(self, region: str, new: str, now: float) -> None:
        """UpdatePrimaryRegion."""
        if new not in self.members:
            raise RefusedError("NotFoundException" if self.multi_region else UNSUPPORTED)
        for each in (region, new):
            self.require(each, now, "Enabled", "Updating")
        if not self.multi_region or region != self.primary or new == region:
            raise RefusedError(UNSUPPORTED)
        self.primary = new
        for each in (region, new):
            member = self.members[each]
            member.state, member.settles_as = "Updating", member.settles_as or member.state

    # --- time ---

    def steps(self, region: str) -> list[tuple[float, str]]:
        """What is to happen to the key of a Region and when, in order."""
        member = self.members[region]
        steps = [(expiry, "1 expire") for expiry in member.expiries.values() if expiry is not None]
        if member.settles_as is not None:
            steps.append((0.0, "0 settle"))
        if member.deletion_at is not None:
            steps.append((member.deletion_at, "2 delete"))
        if member.state == "Enabled" and region == self.primary:
            steps += [(at, "3 rotate") for at in (self.on_demand, self.next_rotation) if at is not None]
        return sorted(steps)

    def happen(self, region: str, what: str, now: float) -> None:
        """Let it happen."""
        member = self.members[region]
        if what == "0 settle":
            member.state, member.settles_as, member.settled = member.settles_as or member.state, None, True
        elif what == "1 expire":
            over = {number for number, expiry in member.expiries.items() if expiry is not None and expiry <= now}
            for material in [material for material in self.materials if material.number in over]:
                self.remove(region, material, now)
        elif what == "2 delete":
            self.delete(region, now)
        else:
            self.rotate(now)

    def delete(self, region: str, now: float) -> None:
        """The key is gone; a primary key that waited for its last replica begins its waiting period."""
        del self.members[region]
        left = self.members.get(self.primary)
        if left is not None and left.state == "PendingReplicaDeletion" and len(self.members) == 1:
            self.wait_for_end(self.primary, left.window or 0, now)


def coming(lives: list[Life]) -> list[tuple[float, Life, str]]:
    """When the next step of each key comes that has one, in order."""
    found = [(steps[0][0], life, region) for life in lives for region in life.members if (steps := life.steps(region))]
    return sorted(found, key=lambda each: each[0])


def pass_time(lives: list[Life], now: float) -> None:
    """Let all happen that is due by now: one step of each key, those that waited longest first, and so on."""
    while due := [each for each in coming(lives) if each[0] <= now]:
        for _, life, region in due:
            at, what = next(iter(life.steps(region)), (math.inf, ""))
            if at <= now:
                life.happen(region, what, now)
