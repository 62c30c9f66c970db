"""The openings of the machine's histories. Hypothesis leaves out some rules in each history, so that long chains of
events would hardly ever come about: each opening is one such chain, and checks that it got where it should.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from chalicelib.shop import attention, order, payment, refund
from chalicelib.shop.coupon_claim import Claim
from chalicelib.shop.order import Order
from chalicelib.shop.payment import Payment
from chalicelib.shop.payment_type import ALIPAY, WECHAT, Way
from chalicelib.shop.progress import CourseProgress
from chalicelib.shop.refund_notice import RefundNotice
from tests.proof.provider import EARLY, LOST, OTHER_AMOUNT, REFUSING, UNDONE
from tests.proof.wechat import ABNORMAL, CLOSED
from tests.proof.world import World

GENERAL, EIGHTY, OF_THE_THIRD, OF_THE_FIFTH = range(4)
"""Positions of each user's coupons in a new world, by the time at which they were got."""


def _placed(
    world: World,
    who: int,
    courses: Sequence[int],
    records: Sequence[int] = (),
    *,
    use_beli: bool = False,
    provider: str = ALIPAY,
) -> str:
    number = world.place(who, courses, records, use_beli=use_beli, with_key=True, provider=provider)
    assert number, world.outcomes
    world.check()
    return number


def _paid(
    world: World, who: int, courses: Sequence[int], records: Sequence[int] = (), *, provider: str = ALIPAY
) -> str:
    number = _placed(world, who, courses, records, use_beli=True, provider=provider)
    world.pay(number)
    world.look(number)
    world.check()
    assert _status(world, number) == order.PAID
    return number


def _order(world: World, number: str) -> Order:
    (found,) = (placed for placed in world.all_orders() if placed.number == number)
    return found


def _status(world: World, number: str) -> str:
    return str(_order(world, number).status)


def _refunds(world: World, number: str) -> list[str]:
    return [str(item.status) for item in world.refunds() if item.order_number == number]


def _applied(world: World, number: str, lines: Sequence[int] | None = None) -> str:
    request_no = world.apply(number, lines)
    assert request_no, world.outcomes
    world.check()
    return request_no


def _tell_all_of(world: World, number: str) -> None:
    world.collect_notices()
    for fields in [told for told in world.notices if told["out_trade_no"] == number]:
        assert world.deliver(fields) == "success"
        world.check()


def refund_line_by_line(world: World) -> None:
    """Three lines with all discounts are refunded one by one, each told of again and again."""
    number = _paid(world, 0, [4, 3, 2], [GENERAL, OF_THE_THIRD])
    world.approve_one(_applied(world, number, [1]))
    world.check()
    assert (_status(world, number), _refunds(world, number)) == (order.PAID, [refund.DONE])
    _tell_all_of(world, number)
    _tell_all_of(world, number)
    world.approve_one(_applied(world, number, [2]))
    world.check()
    assert world.apply(number, [1]) is None
    world.approve_one(_applied(world, number))
    _tell_all_of(world, number)
    assert _status(world, number) == order.REFUNDED


def late_money_goes_back(world: World) -> None:
    """An order is cancelled, its coupon is used elsewhere, and then its money comes."""
    number = _placed(world, 0, [4], [GENERAL])
    world.cancel(number)
    other = _placed(world, 0, [3, 2], [GENERAL])
    world.pay(number)
    _tell_all_of(world, number)
    world.clock.advance(timedelta(minutes=1))
    world.run_timer()
    world.check()
    assert _refunds(world, number) == [refund.DONE]
    assert (_status(world, number), _status(world, other)) == (order.CANCELLED, order.PLACED)
    _tell_all_of(world, number)


def late_money_reopens(world: World) -> None:
    """An order is cancelled, and paid after all: nobody told of it, the timer finds it."""
    number = _placed(world, 1, [4, 2], [GENERAL, OF_THE_THIRD], use_beli=True)
    world.cancel(number)
    world.pay(number)
    world.clock.advance(timedelta(minutes=12))
    world.run_timer()
    world.check()
    assert _status(world, number) == order.PAID


def two_trades(world: World) -> None:
    """A second trade pays a paid order: it goes back by the shop, or by the console, and the order stays paid."""
    first, second = _paid(world, 0, [4]), _paid(world, 1, [3, 4])
    for number in (first, second):
        world.pay_twice(number)
        world.check()
    world.refund_second_trade_at_console(1)
    world.check()
    assert _refunds(world, second) == [refund.SUPERSEDED]
    world.clock.advance(timedelta(minutes=1))
    world.run_timer()
    _tell_all_of(world, first)
    _tell_all_of(world, second)
    assert _refunds(world, first) == [refund.DONE]
    assert [_status(world, number) for number in (first, second)] == [order.PAID, order.PAID]


def stuck_refunds(world: World) -> None:
    """Alipay refuses two refunds: one is tried again, the other refused by the school."""
    first, second = _paid(world, 0, [4, 2]), _paid(world, 1, [3, 2], [OF_THE_THIRD])
    tried, refused = _applied(world, first, [0]), _applied(world, second, [0])
    for request_no in (tried, refused):
        world.provider.moods.append(REFUSING)
        world.approve_one(request_no)
        world.check()
    assert [*_refunds(world, first), *_refunds(world, second)] == [refund.STUCK, refund.STUCK]
    world.clock.advance(timedelta(hours=3))
    world.retry_one(tried)
    world.refuse_one(refused)
    world.check()
    assert [*_refunds(world, first), *_refunds(world, second)] == [refund.DONE, refund.REFUSED]


def applications_withdrawn(world: World) -> None:
    """An application is withdrawn and made again for more, then approved; another one outlives its withdrawal at the
    console.
    """
    first, second = _paid(world, 0, [4, 3], [GENERAL]), _paid(world, 1, [4, 2])
    early, late = _applied(world, first, [0]), _applied(world, second)
    world.clock.advance(timedelta(hours=1))
    for request_no in (early, late):
        world.withdraw_one(request_no)
        world.check()
    assert [_status(world, number) for number in (first, second)] == [order.PAID, order.PAID]
    world.approve_one(_applied(world, first))
    world.refund_at_console(second, None)
    _tell_all_of(world, second)
    assert [_status(world, number) for number in (first, second)] == [order.REFUNDED, order.REFUNDED]
    assert sorted([*_refunds(world, first), *_refunds(world, second)]) == [
        refund.DONE,
        refund.WITHDRAWN,
        refund.WITHDRAWN,
    ]


def refunds_that_take_their_time(world: World) -> None:
    """Alipay says yes and does nothing, then knows of nothing, then does it."""
    number = _paid(world, 0, [3, 4], [EIGHTY])
    request_no = _applied(world, number, [1])
    world.provider.moods.extend([UNDONE])
    world.approve_one(request_no)
    world.check()
    assert _refunds(world, number) == [refund.APPROVED]
    world.provider.moods.extend([EARLY, UNDONE])
    world.clock.advance(timedelta(minutes=1))
    world.run_timer()
    world.check()
    assert _refunds(world, number) == [refund.APPROVED]
    world.provider.moods.clear()
    world.clock.advance(timedelta(minutes=6))
    world.run_timer()
    world.check()
    assert _refunds(world, number) == [refund.DONE]


def refunds_at_the_console(world: World) -> None:
    """The console refunds a whole order while an application is open, and a part of another one."""
    whole, part = _paid(world, 0, [4, 3], [GENERAL]), _paid(world, 1, [4])
    _applied(world, whole, [1])
    world.refund_at_console(whole, None)
    world.refund_at_console(part, 99)
    _tell_all_of(world, whole)
    _tell_all_of(world, part)
    assert (_status(world, whole), _refunds(world, whole)) == (order.REFUNDED, [refund.SUPERSEDED])
    assert _status(world, part) == order.PAID
    told = [notice for who in (0, 1) for notice in world.belongings(who).of(RefundNotice)]
    assert [notice.attention for notice in told if notice.order_number == part] == [attention.PROBLEM]


def refunded_by_parts(world: World) -> None:
    """The console refunds orders on several days, until nothing is left of what was paid, once or too late."""
    number, late = _paid(world, 0, [4]), _placed(world, 1, [4], [GENERAL])
    world.cancel(late)
    _placed(world, 1, [3], [GENERAL])
    world.pay(late)
    for amount in (99, 999, None):
        world.clock.advance(timedelta(days=1))
        for one in (number, late):
            world.refund_at_console(one, amount)
            _tell_all_of(world, one)
    assert _status(world, number) == order.REFUNDED
    assert (_status(world, late), _refunds(world, late)) == (order.CANCELLED, [refund.SUPERSEDED])
    world.hold_bills()


def refunded_at_the_console_and_applied_for(world: World) -> None:
    """The console refunds a part of an order, then its lines are applied for one by one: refused, said to have been
    paid there, and paid all the same.
    """
    number = _paid(world, 0, [4, 3])
    world.refund_at_console(number, 99)
    _tell_all_of(world, number)
    for position, line in ((1, 0), (0, 0), (2, 1)):
        world.decide_one(position, _applied(world, number, [line]))
        world.check()
    assert sorted(_refunds(world, number)) == [refund.DONE, refund.DONE, refund.REFUSED]
    assert _status(world, number) == order.REFUNDED


def looked_at_amid_a_refund(world: World) -> None:
    """All the money of an order is refunded, but a line that cost none stays; an operator looks at it in the middle."""
    number = _paid(world, 0, [0, 4])
    request_no = _applied(world, number, [1])
    world.provider.moods.append(LOST)
    world.approve_one(request_no)
    world.provider.moods.extend(["", EARLY])
    world.retry_order(number)
    world.check()
    assert _refunds(world, number) == [refund.APPROVED]
    world.retry_order(number)
    world.check()
    assert (_status(world, number), _refunds(world, number)) == (order.PAID, [refund.DONE])


def another_amount(world: World) -> None:
    """Alipay has another amount for a paid order: nobody delivers it on that word, a person is told, and when Alipay
    says better it is delivered.
    """
    number = _placed(world, 0, [3, 4], [EIGHTY])
    world.pay(number)
    world.provider.moods.extend([OTHER_AMOUNT] * 2)
    world.look(number)
    world.clock.advance(timedelta(minutes=2))
    world.run_timer()
    world.check()
    assert _status(world, number) == order.PLACED
    assert [placed.attention for placed in world.all_orders()] == [attention.PROBLEM]
    world.clock.advance(timedelta(minutes=3))
    world.run_timer()
    world.check()
    assert _status(world, number) == order.PAID


def minds_changed(world: World) -> None:
    """A learner scans Alipay's code, changes to WeChat Pay and back, and pays: each trade that was left is closed."""
    number = _placed(world, 0, [4, 3], [GENERAL])
    world.scan(number)
    for to in (WECHAT, ALIPAY):
        world.change_provider(number, to)
        world.check()
        assert _order(world, number).payment_type == to, world.outcomes
        if to == WECHAT:
            world.open_wechat_page(number, Way.NATIVE)
            world.check()
    world.pay(number)
    world.look(number)
    world.check()
    begun = [(trade.provider, trade.is_closed) for trade in _order(world, number).begun()]
    assert begun == [(ALIPAY, True), (WECHAT, True), (ALIPAY, False)]
    assert _status(world, number) == order.PAID


def both_providers_paid(world: World) -> None:
    """A page of Alipay's that nobody had scanned is paid after the learner has paid by WeChat Pay; every notice is
    lost: the course is delivered once, the second payment goes back.
    """
    number = _placed(world, 1, [4, 2], [GENERAL])
    world.change_provider(number, WECHAT)
    world.check()
    world.pay(number)
    world.check()
    world.pay(number, 1)
    assert world.outcomes["pay"] == 2, world.outcomes
    for minutes in (2, 30, 2):
        world.clock.advance(timedelta(minutes=minutes))
        world.run_timer()
        world.check()
    paid = [one for one in world.belongings(1).of(Payment) if one.order_number == number]
    assert sorted((one.provider, one.use) for one in paid) in (
        [(ALIPAY, payment.DUPLICATE), (WECHAT, payment.APPLIED)],
        [(ALIPAY, payment.APPLIED), (WECHAT, payment.DUPLICATE)],
    )
    assert (_status(world, number), _refunds(world, number)) == (order.PAID, [refund.DONE])


def refunds_by_wechat(world: World) -> None:
    """Lines of a WeChat order go back: one by the way of an abnormal refund, one by a second number after WeChat Pay
    has closed the first.
    """
    number = _paid(world, 0, [4, 3, 2], provider=WECHAT)
    first = _applied(world, number, [0])
    world.wechat_provider.moods.append(ABNORMAL)
    world.approve_one(first)
    _timer_after(world, 2)
    assert _refunds(world, number) == [refund.APPROVED]
    world.end_wechat_refund(0, "SUCCESS")
    _timer_after(world, 24 * 60)
    assert _refunds(world, number) == [refund.DONE]
    second = _applied(world, number, [1])
    world.wechat_provider.moods.append(CLOSED)
    world.approve_one(second)
    _timer_after(world, 2)
    assert sorted(_refunds(world, number)) == [refund.DONE, refund.STUCK]
    world.retry_one(second)
    _timer_after(world, 24 * 60)
    assert _refunds(world, number) == [refund.DONE, refund.DONE]
    assert _status(world, number) == order.PAID


def _timer_after(world: World, minutes: float) -> None:
    world.check()
    world.clock.advance(timedelta(minutes=minutes))
    world.run_timer()
    world.check()


def claims_and_orders_of_nothing(world: World) -> None:
    """The last piece of a coupon, a free course, a key sent again, an order that expires after it was scanned."""
    world.claim(0, 0)
    world.claim(1, 0)
    world.leave_claim(1, 1)
    world.check()
    assert [len(world.belongings(who).of(Claim)) for who in (0, 1)] == [1, 1]
    free, scanned = _placed(world, 0, [0]), _placed(world, 1, [4, 3], [GENERAL], use_beli=True)
    assert _status(world, _placed(world, 0, [2], use_beli=True)) == order.PAID
    world.scan(scanned)
    world.look(scanned)
    world.check()
    assert _status(world, scanned) == order.PLACED
    world.repeat_key(0, 0)
    world.clock.advance(timedelta(minutes=31))
    world.run_timer()
    world.check()
    assert (_status(world, free), _status(world, scanned)) == (order.PAID, order.EXPIRED)
    uses = [paid.use for who in (0, 1) for paid in world.belongings(who).of(Payment)]
    assert payment.APPLIED not in uses


def watched_until_refunded(world: World) -> None:
    """A learner watches on one device, then on another, whatever the first one reports, until the money goes back."""
    number = _paid(world, 0, [4])
    for _ in range(2):
        world.play(0, 4, 1)
        world.check()
        world.watch(0, 3)
        world.check()
    world.renew(0)
    world.renew(1)
    world.say(1, [(0, 86400)], 2)
    world.say(0, [(0, 86400), (30, 20)], 2)
    world.check()
    (course,) = world.belongings(0).of(CourseProgress)
    assert course.counted >= 5
    request_no = _applied(world, number)
    world.watch(0, 1)
    world.renew(0)
    world.play(0, 4, 1)
    world.play(0, 4, 0)
    world.approve_one(request_no)
    world.check()
    world.renew(0)
    expected = {"renew", "renew: PlaceTaken", "report: PlaceTaken"}
    expected |= {f"{step}: AccessPaused" for step in ("report", "renew", "play")} | {"renew: AccessEnded"}
    assert expected <= world.outcomes.keys(), world.outcomes


OPENINGS: Sequence[Callable[[World], None]] = (
    *(refund_line_by_line, late_money_goes_back, late_money_reopens, two_trades, stuck_refunds),
    applications_withdrawn,
    *(refunds_that_take_their_time, refunds_at_the_console, refunded_at_the_console_and_applied_for),
    *(refunded_by_parts, looked_at_amid_a_refund, another_amount),
    *(minds_changed, both_providers_paid, refunds_by_wechat),
    claims_and_orders_of_nothing,
    watched_until_refunded,
)
