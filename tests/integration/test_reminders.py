"""Reminders: an unpaid order, access and a coupon that end, told in time and once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from chalicelib.beijing_time import BEIJING
from chalicelib.flows.claim_coupon import claim_coupon
from chalicelib.flows.grant import grant_coupon, grant_enrollment
from chalicelib.flows.tell_operators import tell_operators
from chalicelib.shop import coupon, enrollment, message, order, reminder
from chalicelib.shop import order as orders
from chalicelib.shop.enrollment import EnrollmentSlice
from chalicelib.shop.message import Event, Message
from chalicelib.shop.message_texts import words
from chalicelib.shop.order import Order
from chalicelib.shop.partition import list_partition
from chalicelib.shop.reminder import Reminder
from chalicelib.shop.user import User
from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from tests import builders, purchases
from tests.addresses import new_address
from tests.client import Client
from tests.conftest import Stores
from tests.fake_post import send_due
from tests.other_shop import OtherShop
from tests.purchases import Clock

DAY = timedelta(days=1)


def reminders(user: User) -> list[Reminder]:
    found = list_partition(user.user_id, reminder.PREFIX)
    return [item for item in found if isinstance(item, Reminder)]


def told(user: User, event: Event) -> list[Message]:
    found = list_partition(user.user_id, message.PREFIX)
    return [item for item in found if isinstance(item, Message) and item.event == event]


def look(user: User, until: datetime, most: int = 80) -> None:
    """Whenever a reminder of theirs is due until then, look."""
    import app

    for _ in range(most):
        due = [item for item in reminders(user) if item.due_at is not None]
        times = [item.due_at for item in due if item.due_at is not None]
        if not times or min(times) > until.timestamp():
            return
        at = datetime.fromtimestamp(min(times), UTC)
        for item in due:
            send_due(item, app.app.gateways, at)
    raise AssertionError("reminders are never done with")


def test_an_unpaid_order_is_told_of_once_before_it_expires_and_a_paid_one_never(
    gateway_server: GatewayServer, alipay: AlipaySimulator, clock: Clock
) -> None:
    user = builders.a_user()
    learner = Client(gateway_server.base_url, user)
    unpaid = purchases.place(learner, [builders.a_course(prices=[300])], 3)
    paid = purchases.place(learner, [builders.a_course(prices=[300])], 3)
    purchases.pay(alipay, paid)
    assert purchases.deliver(purchases.notice(alipay, paid)) == "success"
    expires_at = purchases.stored(unpaid).expires_at
    assert {item.about for item in reminders(user)} == {unpaid, paid}

    look(user, expires_at)
    (warned,) = told(user, Event.ORDER_EXPIRING)
    assert warned.order_number == unpaid
    assert expires_at - timedelta(minutes=11) < warned.at < expires_at - timedelta(minutes=9)

    purchases.stored(unpaid).update([Order.status.set(order.EXPIRED)])
    look(user, expires_at + 5 * DAY)
    assert [item.about for item in reminders(user)] == [paid]
    assert len(told(user, Event.ORDER_EXPIRING)) == 1


def test_access_that_ends_is_told_of_seven_days_and_one_day_before(gateway_server: GatewayServer) -> None:
    user, course, now = builders.a_user(), builders.a_course(), builders.now()
    grant_enrollment(user, course.key, 30, "test", "op", now)
    end = now + 30 * DAY
    look(user, end - 8 * DAY)
    assert told(user, Event.ACCESS_ENDS) == []
    look(user, end + DAY)
    assert [one.facts["days"] for one in told(user, Event.ACCESS_ENDS)] == ["7", "1"]
    assert reminders(user) == []


def test_of_several_grants_for_a_course_the_one_that_ends_it_tells(gateway_server: GatewayServer) -> None:
    user, course, now = builders.a_user(), builders.a_course(), builders.now()
    for later in range(3):
        grant_enrollment(user, course.key, 20, "test", "op", now + later * timedelta(minutes=1))
    look(user, now + 61 * DAY)
    days = [(one.at - now).days for one in told(user, Event.ACCESS_ENDS)]
    assert days == [53, 59]
    assert reminders(user) == []


def test_what_has_just_begun_or_never_ends_is_not_told_of(gateway_server: GatewayServer) -> None:
    user, now = builders.a_user(), builders.now()
    grant_enrollment(user, builders.a_course().key, 7, "test", "op", now)
    grant_enrollment(user, builders.a_course().key, 36000, "test", "op", now)
    look(user, now + 20 * DAY)
    assert [one.facts["days"] for one in told(user, Event.ACCESS_ENDS)] == ["1"]
    assert reminders(user) == []


def test_access_that_ends_after_all_is_told_of(gateway_server: GatewayServer) -> None:
    """What never ended goes back after a while; an application waits past the end, and is refused."""
    user, course, now = builders.a_user(), builders.a_course(), builders.now()
    grant_enrollment(user, course.key, 30, "test", "op", now)
    grant_enrollment(user, course.key, 36000, "test", "op", now + DAY)
    look(user, now + 10 * DAY)
    (endless,) = [one for one in enrollment.list_slices(user.user_id) if one.is_permanent()]
    endless.update([EnrollmentSlice.withdrawn_at.set(now + 10 * DAY)])
    look(user, now + 20 * DAY)
    (limited,) = [one for one in enrollment.list_slices(user.user_id) if one.withdrawn_at is None]
    limited.update([EnrollmentSlice.paused_at.set(now + 20 * DAY)])
    look(user, now + 40 * DAY)
    assert told(user, Event.ACCESS_ENDS) == []
    limited.update([EnrollmentSlice.paused_at.remove(), EnrollmentSlice.paused_seconds.set(20 * 24 * 3600)])
    look(user, now + 60 * DAY)
    assert [one.facts["days"] for one in told(user, Event.ACCESS_ENDS)] == ["7", "1"]
    assert reminders(user) == []


def test_a_coupon_is_told_of_three_days_before_it_ends_unless_it_is_used(
    gateway_server: GatewayServer,
) -> None:
    now = builders.now()
    keeps, uses = builders.a_user(), builders.a_user()
    offer = builders.an_offer(valid_days=30)
    for user in (keeps, uses):
        claim_coupon(user.user_id, offer, new_address(), now)
    (record,) = coupon.list_records(uses.user_id)
    record.update([coupon.CouponRecord.status.set(coupon.USED)])
    for user in (keeps, uses):
        look(user, now + 40 * DAY)
        assert reminders(user) == []
    (ends,) = told(keeps, Event.COUPON_ENDS)
    assert ends.facts["coupon"] == offer.name
    assert timedelta(days=26, hours=23) < ends.at - now < timedelta(days=27, hours=1)
    assert told(uses, Event.COUPON_ENDS) == []


def test_a_coupon_that_is_good_for_three_days_has_no_reminder(gateway_server: GatewayServer) -> None:
    user = builders.a_user()
    grant_coupon(user, builders.an_offer(valid_days=3).coupon_id, builders.now())
    assert reminders(user) == []


def test_operators_hear_once_of_what_is_new_and_of_the_day_before(
    gateway_server: GatewayServer, alipay: AlipaySimulator, stores: Stores
) -> None:
    with OtherShop(stores).in_use():  # in this one, other tests have put things before a person
        operators = (builders.an_admin(), builders.an_admin())
        ids = tuple(user.user_id for user in operators)
        learner = Client(gateway_server.base_url, builders.a_user())
        number = purchases.place(learner, [builders.a_course(prices=[300])], 3)
        purchases.pay(alipay, number)
        assert purchases.deliver(purchases.notice(alipay, number)) == "success"
        noon = datetime.now(BEIJING).replace(hour=12, minute=30)
        orders.flag_problem(purchases.stored(number), "somebody must look", noon)
        assert tell_operators(ids, noon.replace(hour=22)) == 0
        assert tell_operators((), noon) == 0
        assert tell_operators(ids, noon) == 2
        assert tell_operators(ids, noon + timedelta(minutes=5)) == 0
        assert [len(told(user, Event.NEEDS_PERSON)) for user in operators] == [1, 1]

        morning = noon.replace(hour=9) + DAY
        assert tell_operators(ids, morning) == 2
        assert tell_operators(ids, morning + timedelta(minutes=1)) == 0
        (digest,) = told(operators[0], Event.DIGEST)
        assert int(digest.facts["problems"]) >= 1
        assert words(Event.DIGEST, digest.facts).text.startswith("昨日支付")
