"""List what an operator decides on: applications for refunds, of whom, how much of it was studied, and what the
provider told of refunds that the shop did not make.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from chalicelib.shop import progress, refund_notice
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.partition import Page
from chalicelib.shop.progress import studied_share
from chalicelib.shop.refund import Refund, list_waiting
from chalicelib.shop.refund_notice import RefundNotice
from chalicelib.shop.user import User, user_key
from chalicelib.storage.background import in_background
from chalicelib.storage.dynamodb import ItemKey, StoredItem, find_together


class WaitingRefunds(Struct, frozen=True):
    """Some applications that wait for a decision, the names of their users by id, what these have studied, and `told`:
    by request number, the refunds of its trade that the shop did not make, oldest first, where there are any.
    """

    page: Page[Refund]
    usernames: Mapping[int, str]
    found: Mapping[ItemKey, StoredItem]
    told: Mapping[str, list[RefundNotice]]

    def studied(self, one: Refund) -> list[int | None]:
        """How much was watched of each course of an application, in percent, in the order of its lines; None where that
        is not known.
        """
        keys = [CourseKey.parse(text) for text in one.course_keys]
        shares = [studied_share(progress.course_in(self.found, one.user_id, key)) for key in keys]
        return shares or [None] * len(one.course_names)


def list_refunds(limit: int, cursor: str | None) -> WaitingRefunds:
    """Applications that wait, longest first. Two round trips, one more for each hundred users and courses; beside the
    second a Query for each application of the page, some at once. Raises InvalidPage.
    """
    page = list_waiting(limit, cursor)
    heard = {one.request_no: in_background(refund_notice.told_beyond, one) for one in page.items}
    keys: list[ItemKey] = []
    for one in page.items:
        keys.append(user_key(one.user_id))
        keys += [progress.course_key(one.user_id, CourseKey.parse(text)) for text in one.course_keys]
    found = find_together(keys)
    names = {user.user_id: user.username for user in found.values() if isinstance(user, User)}
    told = {request_no: notices for request_no, read in heard.items() if (notices := read())}
    return WaitingRefunds(page, names, found, told)
