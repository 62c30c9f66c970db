"""Users: who they are, how their names are unique, how their passwords are kept."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import string
import unicodedata
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.expressions.update import Action

from chalicelib.errors import (
    IdTaken,
    InvalidPage,
    ShopError,
    UserNameTaken,
    UserNotFound,
    WeakPassword,
    WrongPassword,
)
from chalicelib.storage.dynamodb import (
    ItemKey,
    Transaction,
    UserItem,
    WholeNumber,
    find,
    find_together,
    refusing,
)

AnItem = TypeVar("AnItem", bound=UserItem)

STUDENT, ASSISTANT, TEACHER, ADMIN = "学员", "助教", "讲师", "管理员"
ROLES = (STUDENT, ASSISTANT, TEACHER, ADMIN)
MAX_NAME_LENGTH = 64
MIN_PASSWORD_LENGTH, MAX_PASSWORD_LENGTH = 8, 128
_TELLING_NAME_LENGTH = 3
"""A shorter name occurs in many a password by chance: whoever is called `a` may use that letter."""

_COMMON_PASSWORDS = frozenset(
    """
    password password1 password12 password123 passw0rd p@ssw0rd iloveyou sunshine princess football baseball
    superman trustno1 welcome1 qwertyui qwerty123 qwertyuiop qwer1234 1qaz2wsx 1q2w3e4r 1q2w3e4r5t asdfghjk
    asdfghjkl zxcvbnm1 abc12345 abcd1234 abcdefgh a1234567 a12345678 a123456789 aa123456 aa12345678 woaini1314
    woaini520 5201314a 123456789a 12345678a q1w2e3r4 admin123 root1234 letmein1 changeme test1234
    """.split()  # noqa: SIM905
)
"""The commonest passwords that pass the other rules, folded."""

_ALGORITHM = "pbkdf2_sha256"
_SALT_CHARACTERS = string.ascii_letters + string.digits


def partition(user_id: int) -> str:
    """The partition of a user and of all that is theirs."""
    return f"USER#{user_id}"


class User(UserItem, discriminator="USER"):
    """A person. `beli` is the balance of the ledger, in whole beli; `password` a hash as Django writes it.

    Sessions of an earlier `generation` than the user's have ended.
    """

    user_id = WholeNumber()
    username = UnicodeAttribute()
    password = UnicodeAttribute()
    name = UnicodeAttribute()
    head_img = UnicodeAttribute()
    role = UnicodeAttribute(default=STUDENT)
    gender = UnicodeAttribute(default="保密")
    email = UnicodeAttribute(null=True)
    mobile = UnicodeAttribute(null=True)
    disabled = BooleanAttribute(default=False)
    beli = WholeNumber(default=0)
    generation = WholeNumber(default=0)
    created_at = UTCDateTimeAttribute()


class UserName(UserItem, discriminator="USERNAME"):
    """The claim of a user name: partition `USERNAME#<folded name>`."""

    user_id = WholeNumber()


def folded(username: str) -> str:
    """The form in which user names are compared: without regard to case, width and composition."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", username).casefold())


def is_valid_name(username: object) -> bool:
    """Whether a value can be a user name at all: text of 1 to 64 printable characters, no blank at its ends."""
    return (
        isinstance(username, str)
        and 0 < len(username) <= MAX_NAME_LENGTH
        and username == username.strip()
        and username.isprintable()
        and 0 < len(folded(username)) <= 4 * MAX_NAME_LENGTH
    )


def user_item(user_id: int, **attributes: Any) -> User:
    """A user, ready to be written; `attributes` as of `User`."""
    return User(partition(user_id), "USER", user_id=user_id, **attributes)


def user_place(user_id: int) -> ItemKey:
    """Where a user's item lies, for a batch read."""
    return User, partition(user_id), "USER"


def register(transaction: Transaction, user: User) -> None:
    """Add a new user and the claim of the name. Refusals: UserNameTaken, IdTaken."""
    claim = UserName(
        f"USERNAME#{folded(user.username)}", "USERNAME", user_id=user.user_id, source=user.source
    )
    transaction.put_new(claim, UserNameTaken(username=user.username))
    transaction.put_new(user, IdTaken(user_id=user.user_id))


def find_user(user_id: int) -> User:
    """The user with this id. One round trip. Raises UserNotFound."""
    user = find(User, partition(user_id), "USER")
    if user is None:
        raise UserNotFound(user_id=user_id)
    return user


def usernames(user_ids: Iterable[int]) -> dict[int, str]:
    """The names of users, by their ids. One batch read for a hundred of them."""
    found = find_together([user_place(user_id) for user_id in dict.fromkeys(user_ids)])
    return {user.user_id: user.username for user in found.values() if isinstance(user, User)}


def find_by_name(username: str) -> User:
    """The user with this name, compared as `folded`. Two round trips. Raises UserNotFound."""
    claim = find(UserName, f"USERNAME#{folded(username)}", "USERNAME")
    if claim is None:
        raise UserNotFound()
    return find_user(claim.user_id)


def renew_hash(user: User, password: str, iterations: int) -> None:
    """Store a new hash of the password the user has. One write. Raises UserNotFound when it was changed
    meanwhile.
    """
    with refusing(UserNotFound(user_id=user.user_id)):
        new = hash_password(password, iterations)
        user.update([User.password.set(new)], condition=User.password == user.password)


def change_password(transaction: Transaction, user: User, password: str, iterations: int) -> int:
    """Set a new password, which ends all sessions -> the new generation. Refusal: WrongPassword (changed
    meanwhile).
    """
    generation = int(user.generation) + 1
    unchanged = (User.password == user.password) & (User.generation == user.generation)
    actions: list[Action] = [
        User.password.set(hash_password(password, iterations)),
        User.generation.set(generation),
    ]
    transaction.update(user, actions, unchanged, WrongPassword())
    return generation


def disable(transaction: Transaction, user: User, refusal: ShopError) -> None:
    """Let a user in no more; all his sessions end. Refused when he is disabled already or gone."""
    actions: list[Action] = [User.disabled.set(True), User.generation.add(1)]
    transaction.update(user, actions, User.disabled == False, refusal)  # noqa: E712


def enable(transaction: Transaction, user: User, refusal: ShopError) -> None:
    """Let a disabled user sign in again. Refused when he is not disabled."""
    transaction.update(user, [User.disabled.set(False)], User.disabled == True, refusal)  # noqa: E712


def change_role(transaction: Transaction, user: User, role: str, refusal: ShopError) -> None:
    """Give a user one of `ROLES`. Refused when his role is no longer as it was read."""
    transaction.update(user, [User.role.set(role)], User.role == user.role, refusal)


def raise_if_weak(password: str, username: str) -> None:
    """Raise WeakPassword, with the `rule` that a new password breaks: length, digits, name or common."""
    if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
        raise WeakPassword(rule="length")
    if password.isdigit():
        raise WeakPassword(rule="digits")
    name = folded(username)
    if name == folded(password) or (len(name) >= _TELLING_NAME_LENGTH and name in folded(password)):
        raise WeakPassword(rule="name")
    if folded(password) in _COMMON_PASSWORDS or len(set(password)) < 4:
        raise WeakPassword(rule="common")


def hash_password(password: str, iterations: int) -> str:
    """A new hash in Django's form `pbkdf2_sha256$<iterations>$<salt>$<base64 hash>`."""
    salt = "".join(secrets.choice(_SALT_CHARACTERS) for _ in range(22))
    return f"{_ALGORITHM}${iterations}${salt}${_derive(password, salt, iterations)}"


def password_matches(password: str, encoded: str) -> bool:
    """Whether `password` is the one that `encoded` was made of. A hash of another form matches nothing."""
    algorithm, iterations, salt, expected = [*encoded.split("$"), "", "", "", ""][:4]
    if algorithm != _ALGORITHM or not re.fullmatch(r"[1-9][0-9]{0,8}", iterations):
        return False
    return hmac.compare_digest(_derive(password, salt, int(iterations)).encode(), expected.encode())


def needs_new_hash(encoded: str, iterations: int) -> bool:
    """Whether a hash was made with fewer iterations than are asked for today."""
    made_with = encoded.split("$")[1]
    return int(made_with) < iterations


def _derive(password: str, salt: str, iterations: int) -> str:
    return b64encode(hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), iterations)).decode()


def list_partition(user_id: int, prefix: str) -> list[UserItem]:
    """All of a user's items whose sort key begins with `prefix`, strongly consistent. One Query."""
    return list(UserItem.query(partition(user_id), UserItem.sort.startswith(prefix), consistent_read=True))


@dataclass(frozen=True)
class Page(Generic[AnItem]):
    """Some of a user's items, newest first, and the cursor of what follows, if anything does."""

    items: list[AnItem]
    next_cursor: str | None


def list_page(model: type[AnItem], user_id: int, prefix: str, limit: int, cursor: str | None) -> Page[AnItem]:
    """A user's items whose sort keys are `prefix`, a `sortable` time and more, newest first. One Query.

    Strongly consistent; up to `limit` rows. Raises InvalidPage for a cursor that is none.
    """
    start = _decode_cursor(cursor, prefix) if cursor else None
    found = list(
        model.query(
            partition(user_id),
            model.sort.startswith(prefix),
            consistent_read=True,
            scan_index_forward=False,
            limit=limit + 1,  # one row more than asked for tells whether anything follows
            last_evaluated_key={"owner": {"S": partition(user_id)}, "sort": {"S": start}} if start else None,
        )
    )
    more = len(found) > limit
    return Page(found[:limit], _encode_cursor(found[limit - 1].sort) if more else None)


def _encode_cursor(sort: str) -> str:
    return base64.urlsafe_b64encode(sort.encode()).decode()


def _decode_cursor(cursor: str, prefix: str) -> str:
    try:
        sort = base64.b64decode(cursor, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise InvalidPage(field="cursor") from error
    if not re.fullmatch(re.escape(prefix) + r"[0-9]{8}T[0-9]{12}Z#[0-9A-Za-z_#-]{1,160}", sort):
        raise InvalidPage(field="cursor")
    return sort


def sortable(at: datetime) -> str:
    """A time as text that sorts as time does, for sort keys: UTC, to the microsecond."""
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%S%fZ")
