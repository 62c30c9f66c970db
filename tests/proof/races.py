"""Races: people, Alipay and timers at the very same moment, in real threads. One wins, and the sums are exact.

A race is made anew for each round, run, and held to the invariants; its own rule says who may have won.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import app as application
from chalicelib.errors import RefundFinished
from chalicelib.flows import decide_refund
from chalicelib.shop import coupon, coupon_claim, enrollment, order, refund
from chalicelib.shop.user import User
from localstack.alipay import AlipaySimulator
from localstack.alipay.trades import Refused
from localstack.wechat import WechatSimulator
from tests import builders, purchases
from tests.addresses import ClientAt
from tests.proof import invariants
from tests.proof.writing_flows import courses
from tests.purchases import Clock, at_once
from tests.scheduled import SCHEDULED

THREADS = 4


class Race:
    """One learner with 100 beli and a coupon, and what happens at once."""

    def __init__(self, alipay: AlipaySimulator, wechat: WechatSimulator, clock: Clock) -> None:
        self.alipay = alipay
        self.wechat = wechat
        self.clock = clock
        self.user: User = builders.a_user(beli=100)
        self.learner = ClientAt(self.user)
        self.coupon = builders.a_coupon(self.user, value=5000)
        self.users = [self.user]
        self.offers: list[coupon.CouponOffer] = []

    def run(self) -> None:
        """Run it, hold everything to the invariants, and clean up."""
        self.race()
        invariants.check([user.user_id for user in self.users], self.offers)
        self.forget()

    def race(self) -> None:
        """The race, and who may have won."""
        raise NotImplementedError

    # What races need

    def buy(self, **headers: Any) -> Any:
        """The answer to buying the first course with everything: 100 - 50 - 10."""
        return self.learner.pay(courses()[:1], 40, general=self.coupon, is_beli=True, **headers)

    def buy_at_last(self, **headers: Any) -> Any:
        """The same by somebody who asks again when told to: on a busy machine all want one item for longer than the
        store is waited for.
        """
        for _ in range(10):
            answer = self.buy(**headers)
            if answer["code"] != 503:
                break
        return answer

    def place(self) -> str:
        """An order with everything."""
        return purchases.number_in(self.buy()["data"])

    def paid(self) -> str:
        """A delivered order."""
        number = self.place()
        purchases.pay(self.alipay, number)
        assert purchases.deliver(purchases.notice(self.alipay, number)) == "success"
        return number

    def applied(self) -> str:
        """An application for the refund of a delivered order -> its request number."""
        self.number = self.paid()
        return str(
            self.learner.post(f"/order/{self.number}/refund/", {"reason": "学不完"})["data"]["request_no"]
        )

    def pay_and_tell(self, number: str) -> bool:
        """The buyer pays and the shop is told -> whether Alipay took the money."""
        try:
            self.alipay.pay(number)
        except Refused:
            return False
        return purchases.deliver(purchases.notice(self.alipay, number)) == "success"

    def assert_free(self) -> None:
        """The learner has everything back."""
        purchases.assert_untouched(self.user, beli=100, unused=[self.coupon])

    def assert_delivered(self, number: str) -> None:
        """The order is delivered, once."""
        assert purchases.status(number) == order.PAID
        assert len(enrollment.list_slices(self.user.user_id)) == 1
        assert purchases.balance(self.user) == 0

    def forget(self) -> None:
        """Take all of it out of the tables again."""
        invariants.forget(invariants.belongings(user.user_id) for user in self.users)
        for offer in self.offers:
            offer.delete()


class OneCouponTwoOrders(Race):
    def race(self) -> None:
        buy = partial(self.learner.pay, courses()[:1], 50, general=self.coupon)
        codes = Counter(answer["code"] for answer in at_once(*[buy] * THREADS))
        assert codes == {1000: 1, 1306: THREADS - 1}
        assert len(purchases.orders(self.user)) == 1


class OneBalance(Race):
    def race(self) -> None:
        buy = partial(self.learner.pay, courses()[:1], 90, is_beli=True)
        codes = Counter(answer["code"] for answer in at_once(*[buy] * THREADS))
        assert codes[1000] == 1
        assert codes[1305] + codes[1308] == THREADS - 1
        assert purchases.balance(self.user) == 0


class OneFreeTerm(Race):
    def race(self) -> None:
        tried = builders.a_course(prices=[0, 30000])
        buy = partial(self.learner.pay, [tried], 0)
        codes = Counter(answer["code"] for answer in at_once(*[buy] * THREADS))
        assert codes == {1000: 1, 1302: THREADS - 1}
        assert len(purchases.orders(self.user)) == 1


class LastClaimableCoupon(Race):
    def race(self) -> None:
        self.offers = [builders.an_offer(quantity=1)]
        others = [builders.a_user() for _ in range(THREADS - 1)]
        self.users += others
        claim = f"/coupons/{self.offers[0].coupon_id}/claim/"
        clients = [self.learner, *(ClientAt(user) for user in others)]
        codes = Counter(
            answer["code"] for answer in at_once(*[partial(client.post, claim) for client in clients * 2])
        )
        assert codes[1000] == 1
        assert codes[1703] + codes[1704] == 2 * THREADS - 1


class OneNoticeTwentyTimes(Race):
    def race(self) -> None:
        number = self.place()
        purchases.pay(self.alipay, number)
        signed = purchases.notice(self.alipay, number)
        assert at_once(*[partial(purchases.deliver, signed)] * 20) == ["success"] * 20
        self.assert_delivered(number)


class OneKey(Race):
    def race(self) -> None:
        headers = {"Idempotency-Key": builders.new_name()}
        answers = at_once(*[partial(self.buy_at_last, **headers)] * THREADS)
        assert {answer["code"] for answer in answers} == {1000}, answers
        assert len({answer["data"] for answer in answers}) == 1
        assert len(purchases.orders(self.user)) == 1


class CancelAgainstPay(Race):
    scanned = True

    def race(self) -> None:
        number = self.place()
        self.alipay.open_cashier(purchases.pay_url(number))
        if self.scanned:
            self.alipay.scan(number)
        answer, took = at_once(
            partial(purchases.cancel, self.learner, number), partial(self.pay_and_tell, number)
        )
        assert answer["code"] in (1000, 1502)
        if took:
            # Cancelled first and paid then, the money reopens it: nobody else wants its coupon.
            self.assert_delivered(number)
        else:
            assert answer["code"] == 1000
            self.assert_free()


class CancelUnscannedAgainstPay(CancelAgainstPay):
    scanned = False


class RefundAgainstRefund(Race):
    """Two operators, one application: approved once, refunded once."""

    def race(self) -> None:
        request_no = self.applied()
        approve = partial(self.decide, decide_refund.approve, request_no, "op", application.app.gateways)
        assert sum(at_once(*[approve] * THREADS)) == 1
        self.assert_refunded()

    def decide(self, how: Callable[..., object], *arguments: object) -> bool:
        """Whether a decision was taken."""
        try:
            how(*arguments, self.clock())
        except RefundFinished:
            return False
        return True

    def assert_refunded(self) -> None:
        """All of it went back, once."""
        assert purchases.status(self.number) == order.REFUNDED
        assert [back.amount for back in self.alipay.book.refunds(self.number)] == [4000]
        self.assert_free()


class ApproveAgainstRefuse(RefundAgainstRefund):
    def race(self) -> None:
        request_no = self.applied()
        approved, refused = at_once(
            partial(self.decide, decide_refund.approve, request_no, "op", application.app.gateways),
            partial(
                self.decide, decide_refund.refuse, request_no, "other", "不符合", application.app.gateways
            ),
        )
        assert approved != refused
        if approved:
            self.assert_refunded()
        else:
            assert self.alipay.trade(self.number).refunded == 0
            self.assert_delivered(self.number)


class WithdrawalAgainstWithdrawal(Race):
    """The learner presses several times: it is withdrawn once, and each press is answered alike."""

    def race(self) -> None:
        request_no = self.applied()
        self.clock.advance(hours=1)
        withdraw = partial(self.learner.delete, f"/order/{self.number}/refund/{request_no}/")
        assert Counter(answer["code"] for answer in at_once(*[withdraw] * THREADS)) == {1000: THREADS}
        self.assert_delivered(self.number)
        (part,) = enrollment.list_slices(self.user.user_id)
        assert part.paused_seconds == 3600


class WithdrawalAgainstApproval(RefundAgainstRefund):
    def race(self) -> None:
        request_no = self.applied()
        withdrawn, approved = at_once(
            partial(self.learner.delete, f"/order/{self.number}/refund/{request_no}/"),
            partial(self.decide, decide_refund.approve, request_no, "op", application.app.gateways),
        )
        assert withdrawn["code"] == (1508 if approved else 1000)
        if approved:
            self.assert_refunded()
        else:
            assert self.alipay.trade(self.number).refunded == 0
            self.assert_delivered(self.number)


class WithdrawalAgainstRefusal(RefundAgainstRefund):
    """Whoever ends the application, the learner has the course, longer by the pause once."""

    def race(self) -> None:
        request_no = self.applied()
        self.clock.advance(hours=1)
        withdrawn, refused = at_once(
            partial(self.learner.delete, f"/order/{self.number}/refund/{request_no}/"),
            partial(self.decide, decide_refund.refuse, request_no, "op", "不符合", application.app.gateways),
        )
        assert withdrawn["code"] == (1508 if refused else 1000)
        self.assert_delivered(self.number)
        (part,) = enrollment.list_slices(self.user.user_id)
        assert part.paused_seconds == 3600


class WithdrawalAgainstConsole(RefundAgainstRefund):
    """The learner withdraws while Alipay's console refunds it all: it is refunded in the end."""

    def race(self) -> None:
        request_no = self.applied()
        self.alipay.refund(self.number)
        told = purchases.notice(self.alipay, self.number)
        withdrawn, _ = at_once(
            partial(self.learner.delete, f"/order/{self.number}/refund/{request_no}/"),
            partial(purchases.deliver, told),
        )
        assert withdrawn["code"] in (1000, 1508)
        assert purchases.deliver(told) == "success"
        self.assert_refunded()


class TwoApplications(Race):
    def race(self) -> None:
        number = self.paid()
        apply = partial(self.learner.post, f"/order/{number}/refund/", {"reason": "学不完"})
        codes = Counter(answer["code"] for answer in at_once(*[apply] * THREADS))
        assert codes == {1000: 1, 1505: THREADS - 1}


class TwoApplicationsForTwoLines(Race):
    """Of two applications for different lines one is open at a time; no coupon stands in the way of the other."""

    def race(self) -> None:
        number = purchases.place(self.learner, courses()[:2], 290, is_beli=True)
        purchases.pay(self.alipay, number)
        assert purchases.deliver(purchases.notice(self.alipay, number)) == "success"
        path = f"/order/{number}/refund/"
        codes = Counter(
            answer["code"]
            for answer in at_once(
                *[
                    partial(self.learner.post, path, {"reason": "学不完", "lines": [line]})
                    for line in (0, 1, 0, 1)
                ]
            )
        )
        assert codes == {1000: 1, 1505: 3}
        assert len(purchases.stored(number).requested_lines) == 1


class ApplicationAgainstConsole(Race):
    """The learner applies while Alipay's console refunds it all: all of it is taken back, once."""

    def race(self) -> None:
        number = self.paid()
        self.alipay.refund(number)
        told = purchases.notice(self.alipay, number)
        answer, taken = at_once(
            partial(self.learner.post, f"/order/{number}/refund/", {"reason": "学不完"}),
            partial(purchases.deliver, told),
        )
        assert answer["code"] in (1000, 1505, 503)
        assert "success" in (taken, purchases.deliver(told))
        assert purchases.status(number) == order.REFUNDED
        self.assert_free()


class RefusalAgainstConsole(RefundAgainstRefund):
    """An operator refuses while Alipay's console refunds it all: it is refunded in the end."""

    def race(self) -> None:
        request_no = self.applied()
        self.alipay.refund(self.number)
        told = purchases.notice(self.alipay, self.number)
        at_once(
            partial(self.decide, decide_refund.refuse, request_no, "op", "不符合", application.app.gateways),
            partial(purchases.deliver, told),
        )
        assert purchases.deliver(told) == "success"
        self.assert_refunded()


class ApprovalAgainstItsNotice(RefundAgainstRefund):
    """The notice of a refund of ours is as fast as the answer."""

    def race(self) -> None:
        request_no = self.applied()
        self.alipay.refund(self.number, 4000, request_no)
        told = purchases.notice(self.alipay, self.number)
        approve = partial(self.decide, decide_refund.approve, request_no, "op", application.app.gateways)
        at_once(approve, *[partial(purchases.deliver, told)] * THREADS)
        assert purchases.deliver(told) == "success"
        self.assert_refunded()


class TwoSecondTrades(Race):
    """Two further trades pay a paid order, each told of several times: each goes back once."""

    def race(self) -> None:
        number = self.paid()
        trades = [f"2026{builders.new_id():015d}" for _ in range(2)]
        told = [purchases.notice(self.alipay, number, trade_no=trade_no) for trade_no in trades]
        assert set(at_once(*[partial(purchases.deliver, one) for one in told * THREADS])) == {"success"}
        self.assert_delivered(number)
        going_back = refund.list_refunds(purchases.stored(number))
        assert sorted(str(one.trade_no) for one in going_back) == sorted(trades)
        assert {one.amount for one in going_back} == {4000}


class ClaimAgainstSweep(Race):
    """Claims of a coupon whose pieces are held up by claims that were cut off, and the sweep of these."""

    def race(self) -> None:
        self.offers = [builders.an_offer(quantity=2, close_at=builders.now() + timedelta(days=3000))]
        others = [builders.a_user() for _ in range(THREADS - 1)]
        self.users += others
        for user in others[:2]:
            cut_off = coupon_claim.claim_item(
                user.user_id, self.offers[0].coupon_id, builders.new_id(), self.clock()
            )
            coupon_claim.begin(cut_off)
            coupon_claim.take_one(self.offers[0], cut_off)
        self.clock.advance(minutes=3)
        claim = f"/coupons/{self.offers[0].coupon_id}/claim/"
        clients = [self.learner, *(ClientAt(user) for user in others)]
        sweep = partial(application.sweep_coupon_claims, SCHEDULED, None)
        answers = at_once(sweep, *[partial(client.post, claim) for client in clients], sweep)
        codes = Counter(answer["code"] for answer in answers if isinstance(answer, dict) and "code" in answer)
        assert codes[1000] <= 2
        assert set(codes) <= {1000, 1703, 1704}
        self.clock.advance(minutes=3)
        sweep()
        held = sum(len(coupon.list_records(user.user_id)) for user in others) + len(
            [one for one in coupon.list_records(self.user.user_id) if one.record_id != self.coupon.record_id]
        )
        offer = coupon.find_offer(self.offers[0].coupon_id)
        assert offer is not None
        assert (held, offer.remaining, offer.in_flight) == (codes[1000], 2 - codes[1000], None)


class ApproveAgainstConsole(RefundAgainstRefund):
    """The shop refunds, and so does Alipay's own console: all of it goes back, once."""

    def race(self) -> None:
        request_no = self.applied()
        at_once(
            partial(self.decide, decide_refund.approve, request_no, "op", application.app.gateways),
            self.refund_at_console,
        )
        assert purchases.deliver(purchases.notice(self.alipay, self.number)) == "success"
        assert self.alipay.trade(self.number).refunded == 4000
        assert purchases.status(self.number) == order.REFUNDED
        self.assert_free()

    def refund_at_console(self) -> None:
        """The console refunds, if there is anything left."""
        try:
            self.alipay.refund(self.number)
        except Refused:
            return
        purchases.deliver(purchases.notice(self.alipay, self.number))


class TimerAgainstLearner(Race):
    def race(self) -> None:
        number = self.place()
        self.clock.advance(minutes=36)
        _, answer = at_once(purchases.run_timer, partial(purchases.cancel, self.learner, number))
        assert answer["code"] in (1000, 1503)
        assert purchases.status(number) == {1000: order.CANCELLED, 1503: order.EXPIRED}[answer["code"]]
        self.assert_free()


class TimerAgainstNotice(Race):
    def race(self) -> None:
        number = self.place()
        purchases.pay(self.alipay, number)
        signed = purchases.notice(self.alipay, number)
        self.clock.advance(minutes=2)
        _, answer = at_once(purchases.run_timer, partial(purchases.deliver, signed))
        assert answer == "success"
        self.assert_delivered(number)


class TwoTimers(Race):
    def race(self) -> None:
        number = self.place()
        self.clock.advance(minutes=36)
        at_once(purchases.run_timer, purchases.run_timer)
        assert purchases.status(number) == order.EXPIRED
        self.assert_free()


class LateMoneyAgainstNewOrder(Race):
    """Money for a cancelled order, while its coupon is taken for another one."""

    def race(self) -> None:
        number = self.place()
        self.alipay.open_cashier(purchases.pay_url(number))
        assert purchases.cancel(self.learner, number)["code"] == 1000
        buy = partial(self.learner.pay, courses()[1:2], 150, general=self.coupon)
        took, answer = at_once(partial(self.pay_and_tell, number), buy)
        assert took
        if purchases.status(number) == order.PAID:
            assert answer["code"] == 1306
        else:
            assert answer["code"] == 1000
            assert purchases.payments(number) == ["late"]
            self.clock.advance(seconds=30)
            purchases.run_timer()
            assert self.alipay.trade(number).refunded == 4000
            assert refund.list_refunds(purchases.stored(number))[0].status == refund.DONE


DAILY: Sequence[type[Race]] = (
    *(OneCouponTwoOrders, OneBalance, LastClaimableCoupon, OneNoticeTwentyTimes),
    *(CancelAgainstPay, RefundAgainstRefund, TimerAgainstLearner, TwoTimers),
)
"""Those that a shop runs into day by day: hundreds of rounds in the long setting."""
RARE: Sequence[type[Race]] = (
    *(
        OneKey,
        OneFreeTerm,
        CancelUnscannedAgainstPay,
        ApproveAgainstRefuse,
        TwoApplications,
        TwoApplicationsForTwoLines,
    ),
    *(ApproveAgainstConsole, ApplicationAgainstConsole, RefusalAgainstConsole, ApprovalAgainstItsNotice),
    *(WithdrawalAgainstWithdrawal, WithdrawalAgainstApproval),
    *(WithdrawalAgainstRefusal, WithdrawalAgainstConsole),
    *(TwoSecondTrades, ClaimAgainstSweep, TimerAgainstNotice, LateMoneyAgainstNewOrder),
)
"""Those that take a rare moment: dozens."""
