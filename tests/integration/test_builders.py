"""What tests begin with is what the shop itself would have stored."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.flows.change_user import set_role
from chalicelib.flows.grant import grant_beli
from chalicelib.flows.register import register
from chalicelib.shop.device import UNKNOWN
from chalicelib.shop.partition import partition
from chalicelib.shop.user import ADMIN, User
from chalicelib.shop.user_name import folded
from chalicelib.storage.dynamodb import UserItem
from tests import builders
from tests.proof.reading import items_in, read_partition

pytestmark = pytest.mark.usefixtures("stores")

OF_EACH = {"owner", "sort", "user_id", "username", "name", "password", "created_at", "at"}
"""What no two users have in common, or what is the moment at which it was written."""


def stored(user: User) -> list[dict[str, Any]]:
    table = str(UserItem.Meta.table_name)
    owners = (partition(user.user_id), f"USERNAME#{folded(user.username)}")
    items = [item for owner in owners for item in items_in(read_partition(table, owner))]
    return [{name: value for name, value in item.items() if name not in OF_EACH} for item in items]


@pytest.mark.parametrize("beli", [0, 100])
def test_a_user_is_stored_as_by_registering_and_an_operators_grant(beli: int) -> None:
    user = register(builders.new_name(), builders.PASSWORD, 1000, builders.now(), device=UNKNOWN)
    if beli:
        grant_beli(user, beli, "test", builders.now())
    assert stored(builders.a_user(beli=beli)) == stored(user)


def test_an_admin_is_stored_as_by_registering_and_an_operators_act() -> None:
    user = register(builders.new_name(), builders.PASSWORD, 1000, builders.now(), device=UNKNOWN)
    set_role(user, ADMIN, "test", "test", builders.now())
    assert stored(builders.an_admin()) == stored(user)
