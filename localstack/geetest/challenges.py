"""The life of a challenge: issued, pictures shown, slid, and its proof checked once by the shop's server.

Rules (Geetest's documents): a challenge lives ten minutes. In v3 the shop's server asks for it and hashes it
with its key before it hands it on; a slide's challenge comes back two characters longer. In v4 the browser
asks, and the challenge is called a lot number. A proof is accepted once. A wrong slide gets a new picture.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from localstack.geetest import puzzles
from localstack.geetest.puzzles import Puzzle

Clock = Callable[[], datetime]

LIFETIME = timedelta(minutes=10)
TOLERANCE = 8
"""How far beside the gap the piece may be left, in pixels of the picture."""

MOST_MISSES = 10
"""A challenge with more wrong slides than this is dead: somebody is guessing."""

MOST_KEPT = 500

DIGESTS: dict[str, Callable[[str, str], str]] = {
    "md5": lambda challenge, key: hashlib.md5((challenge + key).encode()).hexdigest(),
    "sha256": lambda challenge, key: hashlib.sha256((challenge + key).encode()).hexdigest(),
    "hmac-sha256": lambda challenge, key: hmac.new(key.encode(), challenge.encode(), "sha256").hexdigest(),
}
"""`digestmod` → the challenge as the shop has to hand it on, from the one it was given and its key."""


class Refusal(Exception):
    """Geetest says no. ``reason`` is the word for it, the same in answers, control API and list."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Event:
    """What happened to a challenge: issued, shown, missed, passed, accepted, or refused with its reason."""

    at: datetime
    what: str
    reason: str = ""


@dataclass
class Proof:
    """What the browser got for one right slide. ``challenge`` is a lot number in v4; ``token`` is v3's
    validate and v4's pass_token; ``output`` and ``gen_time`` (seconds since 1970) are v4's."""

    challenge: str
    token: str
    output: str
    gen_time: str
    used: bool = False

    def triple(self) -> dict[str, str]:
        """As v3's getValidate() returns it."""
        return {
            "geetest_challenge": self.challenge,
            "geetest_validate": self.token,
            "geetest_seccode": f"{self.token}|jordan",
        }

    def v4(self, captcha_id: str) -> dict[str, str]:
        """As v4's getValidate() returns it."""
        return {
            "captcha_id": captcha_id,
            "lot_number": self.challenge,
            "pass_token": self.token,
            "gen_time": self.gen_time,
            "captcha_output": self.output,
        }


@dataclass
class Challenge:
    """One challenge as it is now. ``name`` is the challenge that the shop hands on, or v4's lot number.
    ``told`` is what the shop said of its visitor. ``shown`` names the picture that waits to be slid."""

    version: int
    name: str
    issued_at: datetime
    told: dict[str, str]
    events: list[Event]
    shown: str = ""
    gap: int | None = None
    misses: int = 0
    proofs: list[Proof] = field(default_factory=list)


class Challenges:
    """All challenges of one Geetest account, the latest 500, in memory. Safe to use from many threads."""

    def __init__(self, geetest_id: str, geetest_key: str, clock: Clock) -> None:
        self.geetest_id = geetest_id
        self._key = geetest_key
        self._now = clock
        self._lock = threading.Lock()
        self._kept: dict[str, Challenge] = {}

    def change_key(self, geetest_key: str) -> None:
        """Another key, from Geetest's console: what a shop hashes by the one before is not known any more."""
        self._key = geetest_key

    # --- the shop's server ---------------------------------------------------------------------------------

    def register(self, gt: str, digestmod: str = "md5", told: Mapping[str, str] | None = None) -> str:
        """v3's register.php: 32 characters that the shop has yet to hash. Raises Refusal."""
        if gt != self.geetest_id:
            raise Refusal("illegal gt")
        if digestmod not in DIGESTS:
            raise Refusal("illegal digestmod")
        given = secrets.token_hex(16)
        with self._lock:
            self._keep(3, DIGESTS[digestmod](given, self._key), told or {})
        return given

    def validate(self, captchaid: str, challenge: str, seccode: str) -> str:
        """v3's validate.php: the MD5 of the seccode for a proof not used before. Raises Refusal."""
        if captchaid != self.geetest_id:
            raise Refusal("illegal captchaid")
        with self._lock:
            known = self._of_version(3, challenge)
            right = [
                proof
                for proof in known.proofs
                if proof.challenge == challenge and _same(proof.triple()["geetest_seccode"], seccode)
            ]
            self._use(known, right[0] if right else None, "illegal seccode", "used seccode")
        return hashlib.md5(seccode.encode()).hexdigest()

    def validate_v4(
        self, lot_number: str, captcha_output: str, pass_token: str, gen_time: str, sign_token: str
    ) -> None:
        """v4's validate, after its parameters' form was checked. Raises Refusal; see `known_lot`."""
        with self._lock:
            known = self._of_version(4, lot_number)
            sent = f"{captcha_output} {pass_token} {gen_time}"
            right = [
                proof
                for proof in known.proofs
                if _same(f"{proof.output} {proof.token} {proof.gen_time}", sent)
            ]
            if not _same(self.signature(lot_number), sign_token):
                self._use(known, None, "sign_token error", "")
            self._use(known, right[0] if right else None, "pass_token error", "pass_token expire")

    def known_lot(self, lot_number: str) -> bool:
        """Whether this lot number was issued and still lives: v4 answers others with an error, not a result."""
        with self._lock:
            known = self._find(lot_number)
            return known is not None and known.version == 4 and not self._expired(known)

    def hashed(self, given: str) -> str:
        """The challenge that a shop hands on, by MD5, from the one that `register` gave it."""
        return DIGESTS["md5"](given, self._key)

    def signature(self, lot_number: str) -> str:
        """v4's sign_token, as a shop computes it."""
        return hmac.new(self._key.encode(), lot_number.encode(), "sha256").hexdigest()

    def _use(self, known: Challenge, proof: Proof | None, unknown: str, used: str) -> None:
        reason = unknown if proof is None else used if proof.used else ""
        if self._expired(known):
            reason = "old challenge"
        if reason or proof is None:
            self._note(known, "refused", reason)
            raise Refusal(reason)
        proof.used = True
        self._note(known, "accepted")

    # --- the browser ---------------------------------------------------------------------------------------

    def show(self, gt: str, challenge: str) -> tuple[str, Puzzle]:
        """A picture for v3: the challenge with two more characters, and the puzzle. Raises Refusal."""
        if gt != self.geetest_id:
            raise Refusal("illegal gt")
        with self._lock:
            self._open(3, challenge)
        puzzle = puzzles.draw()  # outside the lock: it takes a moment
        with self._lock:
            known = self._open(3, challenge)
            taken = {proof.challenge for proof in known.proofs} | {known.shown}
            name = next(name for name in iter(lambda: known.name + _two(), "") if name not in taken)
            self._show(known, name, puzzle)
        return name, puzzle

    def load(self, captcha_id: str, told: Mapping[str, str] | None = None) -> tuple[str, Puzzle]:
        """v4: a new lot number and its puzzle. Raises Refusal."""
        if captcha_id != self.geetest_id:
            raise Refusal("illegal captcha_id")
        puzzle = puzzles.draw()
        with self._lock:
            known = self._keep(4, secrets.token_hex(16), told or {})
            self._show(known, known.name, puzzle)
        return known.name, puzzle

    def slide(self, version: int, challenge: str, left: float) -> Proof | None:
        """The piece was left with its left edge at this pixel. The proof, or None beside the gap; either way
        the picture is spent. Raises Refusal."""
        with self._lock:
            known = self._open(version, challenge)
            if known.gap is None or known.shown != challenge:
                raise Refusal("old picture")
            distance, known.gap = abs(left - known.gap), None
            # Not "greater than": whatever compares with nothing is beside the gap.
            if not distance <= TOLERANCE:
                known.misses += 1
                self._note(known, "missed")
                return None
            return self._pass(known, challenge)

    def solve(self, challenge: str) -> Proof:
        """What a right slide would give, for tests. v3: the challenge, in either length; v4: the lot number,
        and "" for a new one. Raises Refusal."""
        with self._lock:
            if not challenge:
                known = self._keep(4, secrets.token_hex(16), {})
                return self._pass(known, known.name)
            found = self._find(challenge)
            if found is None:
                raise Refusal("illegal challenge")
            known = self._open(found.version, challenge)
            return self._pass(known, known.name + _two() if known.version == 3 else known.name)

    # --- looking -------------------------------------------------------------------------------------------

    def latest(self, most: int = 50) -> list[Challenge]:
        """The latest challenges, the newest first."""
        with self._lock:
            return list(self._kept.values())[: -most - 1 : -1]

    def find(self, challenge: str) -> Challenge | None:
        """By the challenge as the shop handed it on or as the browser sent it, or by lot number."""
        with self._lock:
            return self._find(challenge)

    # --- with the lock held --------------------------------------------------------------------------------

    def _keep(self, version: int, name: str, told: Mapping[str, str]) -> Challenge:
        while len(self._kept) >= MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        now = self._now()
        self._kept[name] = Challenge(version, name, now, dict(told), [Event(now, "issued")])
        return self._kept[name]

    def _find(self, challenge: str) -> Challenge | None:
        known, slid = self._kept.get(challenge), self._kept.get(challenge[:-2])
        return known or (slid if slid and slid.version == 3 else None)

    def _of_version(self, version: int, challenge: str) -> Challenge:
        known = self._find(challenge)
        if known is None or known.version != version:
            raise Refusal("illegal challenge")
        return known

    def _open(self, version: int, challenge: str) -> Challenge:
        known = self._of_version(version, challenge)
        if self._expired(known):
            raise Refusal("old challenge")
        if known.misses > MOST_MISSES:
            raise Refusal("forbidden")
        return known

    def _expired(self, known: Challenge) -> bool:
        return self._now() >= known.issued_at + LIFETIME

    def _show(self, known: Challenge, name: str, puzzle: Puzzle) -> None:
        known.shown, known.gap = name, puzzle.gap
        self._note(known, "shown")

    def _pass(self, known: Challenge, name: str) -> Proof:
        seconds = str(int(self._now().timestamp()))
        proof = Proof(name, secrets.token_hex(16), secrets.token_urlsafe(48), seconds)
        known.proofs.append(proof)
        self._note(known, "passed")
        return proof

    def _note(self, known: Challenge, what: str, reason: str = "") -> None:
        known.events.append(Event(self._now(), what, reason))


def _two() -> str:
    """The two characters that a slide adds to its challenge."""
    return "".join(secrets.choice("0123456789abcdefghijklmnopqrstuvwxyz") for _ in range(2))


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
