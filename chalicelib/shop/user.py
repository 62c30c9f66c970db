"""Users, and the claims that keep their names unique."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pynamodb.attributes import (
    BooleanAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
    UTCDateTimeAttribute,
)
from pynamodb.expressions.update import Action

from chalicelib.errors import IdTaken, ShopError, UserGone, UserNameTaken, UserNotFound, WrongPassword
from chalicelib.shop.partition import partition
from chalicelib.shop.password import hash_password
from chalicelib.shop.user_name import folded
from chalicelib.storage.dynamodb import (
    CodedText,
    ItemKey,
    Transaction,
    UserItem,
    WholeNumber,
    find,
    find_together,
    refusing,
)

STUDENT, ASSISTANT, TEACHER, ADMIN = "student", "assistant", "teacher", "admin"
ROLE_NAMES = {STUDENT: "学员", ASSISTANT: "助教", TEACHER: "讲师", ADMIN: "管理员"}

UNDISCLOSED, MALE, FEMALE = "undisclosed", "male", "female"
GENDER_NAMES = {UNDISCLOSED: "保密", MALE: "男", FEMALE: "女"}


class User(UserItem, discriminator="USER"):
    """A person. `beli` is the balance of the ledger, in whole beli; `password` a hash as Django writes it; `devices`
    the names of those they have signed in from, None where that was not yet kept.

    Sessions of an earlier `generation` than the user's have ended.
    """

    user_id = WholeNumber()
    username = UnicodeAttribute()
    password = UnicodeAttribute()
    name = UnicodeAttribute()
    head_img = UnicodeAttribute()
    role = CodedText(ROLE_NAMES, default=STUDENT)
    gender = CodedText(GENDER_NAMES, default=UNDISCLOSED)
    email = UnicodeAttribute(null=True)
    mobile = UnicodeAttribute(null=True)
    disabled = BooleanAttribute(default=False)
    beli = WholeNumber(default=0)
    generation = WholeNumber(default=0)
    devices: UnicodeSetAttribute = UnicodeSetAttribute(null=True)
    created_at = UTCDateTimeAttribute()


class UserName(UserItem, discriminator="USERNAME"):
    """The claim of a user name: partition `USERNAME#<folded name>`."""

    user_id = WholeNumber()


def user_item(user_id: int, **attributes: Any) -> User:
    """A user, ready to be written; `attributes` as of `User`."""
    return User(partition(user_id), "USER", user_id=user_id, **attributes)


def user_key(user_id: int) -> ItemKey:
    """The key of a user's item, for a batch read."""
    return User, partition(user_id), "USER"


def register(transaction: Transaction, user: User) -> None:
    """Add a new user and the claim of the name. Refusals: UserNameTaken, IdTaken."""
    claim = UserName(
        f"USERNAME#{folded(user.username)}", "USERNAME", user_id=user.user_id, source=user.source
    )
    transaction.put_new(claim, UserNameTaken())
    transaction.put_new(user, IdTaken(user_id=user.user_id))


def find_user(user_id: int) -> User:
    """The user with this id. One round trip. Raises UserNotFound."""
    user = find(User, partition(user_id), "USER")
    if user is None:
        raise UserNotFound(user_id=user_id)
    return user


def usernames(user_ids: Iterable[int]) -> dict[int, str]:
    """The names of users, by their ids. One batch read for a hundred of them."""
    found = find_together([user_key(user_id) for user_id in dict.fromkeys(user_ids)])
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


def raise_generation(transaction: Transaction, user: User, refusal: ShopError) -> int:
    """End all sessions of a user -> the new generation. Refused when the generation was raised since it was read."""
    generation = int(user.generation) + 1
    unchanged = User.generation == user.generation
    transaction.update(user, [User.generation.set(generation)], unchanged, refusal)
    return generation


def is_known_device(user: User, device: str) -> bool:
    """Whether the user has signed in from a device of this name."""
    return device in (user.devices or ())


def add_device(transaction: Transaction, user: User, device: str, refusal: ShopError) -> None:
    """Keep the name of a device. Refused when it is kept already."""
    transaction.update(user, [User.devices.add({device})], ~User.devices.contains(device), refusal)


def change_profile(user: User, *, name: str | None, head_img: str | None) -> None:
    """Change what is given, in the item and in `user`, in one write; none where nothing is. Raises UserGone."""
    actions: list[Action] = []
    if name is not None:
        actions.append(User.name.set(name))
    if head_img is not None:
        actions.append(User.head_img.set(head_img))
    if actions:
        with refusing(UserGone()):
            user.update(actions, condition=User.disabled == False)  # noqa: E712


def disable(transaction: Transaction, user: User, refusal: ShopError) -> None:
    """Disable a user and end all their sessions. Refused when they are disabled already or gone."""
    actions: list[Action] = [User.disabled.set(True), User.generation.add(1)]
    transaction.update(user, actions, User.disabled == False, refusal)  # noqa: E712


def enable(transaction: Transaction, user: User, refusal: ShopError) -> None:
    """Let a disabled user sign in again. Refused when they are not disabled."""
    transaction.update(user, [User.disabled.set(False)], User.disabled == True, refusal)  # noqa: E712


def change_role(transaction: Transaction, user: User, role: str, refusal: ShopError) -> None:
    """Give a user another role, a code of `ROLE_NAMES`. Refused when their role changed since it was read."""
    transaction.update(user, [User.role.set(role)], User.role == user.role, refusal)
