"""A small world around the real stores: some users, an Alipay, a clock, and everything that can be done there.

Every step goes through the flows, as the application calls them, with this world's clock and gateways. A
refusal that the endpoint documents is a normal outcome; anything else that is raised ends the history.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import TypeVar
from urllib.parse import urlencode

from chalicelib.beijing_time import day_end
from chalicelib.deadline import PROVIDER_SECONDS, Deadline
from chalicelib.errors import RefundedAtProvider, ShopError
from chalicelib.flows import (
    apply_for_refund,
    change_provider,
    checkout,
    claim_coupon,
    close_order,
    decide_refund,
    grant,
    hold_bills,
    pay_wechat,
    preview_refund,
    reconcile,
    resolve_problem,
    show_order,
    work_off,
)
from chalicelib.flows.match_bill import What
from chalicelib.flows.settle import choice_keys, price_choice
from chalicelib.gateways import Gateways
from chalicelib.gateways.bills import BillLine
from chalicelib.money import to_yuan
from chalicelib.settings import Settings
from chalicelib.shop import (
    bill,
    coupon,
    coupon_claim,
    enrollment,
    ledger,
    order,
    payment,
    progress,
    refund,
    refund_notice,
)
from chalicelib.shop.attention import PROBLEM
from chalicelib.shop.bill import BillDifference
from chalicelib.shop.caller import Caller
from chalicelib.shop.catalog import Course
from chalicelib.shop.choice import Choice, ChosenLine
from chalicelib.shop.coupon import CouponOffer, CouponRecord
from chalicelib.shop.idempotency import IdempotencyKey
from chalicelib.shop.journal import PAID, REFUNDED, WHOLE_TRADE, JournalEntry, day_of
from chalicelib.shop.order import Order
from chalicelib.shop.partition import partition
from chalicelib.shop.payment_type import ALIPAY, WECHAT, Way
from chalicelib.shop.progress import Span
from chalicelib.shop.refund import Refund
from chalicelib.shop.trade import Trade
from chalicelib.shop.user import User
from chalicelib.storage.dynamodb import ItemKey, connection, find_together
from chalicelib.web import codes, people_responses, responses
from chalicelib.web.notification import answer_notification
from localstack.alipay import AlipaySimulator
from localstack.alipay.bad_days import FUND_BILL
from localstack.alipay.bill_files import FUND, lines_of
from localstack.alipay.trades import Refused as AlipayRefused
from localstack.alipay.trades import Trade as AlipayTrade
from localstack.provider.book import NoSuchTrade, Notice
from localstack.wechat import WechatSimulator
from localstack.wechat.notices import NoticeWriter
from localstack.wechat.trades import Refund as WechatRefund
from localstack.wechat.trades import Refused as WechatRefused
from localstack.wechat.trades import Trade as WechatTrade
from tests import builders, purchases, study
from tests.proof import bills, invariants, journal
from tests.proof.counts import count
from tests.proof.invariants import Belongings
from tests.proof.provider import EARLY, DirectAlipay, SecondTrade
from tests.proof.studying import LENGTHS, Studying
from tests.proof.wechat import DirectWechat

Result = TypeVar("Result")

PRICES = (0, 100, 999, 12345, 30000)
"""Of the courses of every world (fen): one that is free among them."""
SECONDS = 60.0
BEFORE_ALL = datetime(2000, 1, 1, tzinfo=UTC)
WECHATS_LIKE = {
    "bill_amount_off": "bill_one_fen",
    "bill_line_missing": "bill_line_missing",
    "bill_line_added": "bill_line_too_many",
}
"""What is wrong with a bill of Alipay's -> the like at WeChat Pay."""
_numbers = itertools.count()


class Standing:
    """A clock that stands still until it is moved. Each look is a little later: no two moments are the same."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC).replace(microsecond=0)
        self._looks = itertools.count(1)

    def __call__(self) -> datetime:
        return self._now + timedelta(microseconds=next(self._looks))

    def advance(self, duration: timedelta) -> None:
        """Let time pass."""
        self._now += duration


@dataclass
class Shelf:
    """What is on offer in every world of a process: made once, because nothing ever changes it."""

    courses: list[Course] = field(default_factory=list)

    def fill(self) -> list[Course]:
        """The courses, by price."""
        if not self.courses:
            self.courses = [study.a_video_course(LENGTHS, prices=[price]) for price in PRICES]
        return self.courses


SHELF = Shelf()


@dataclass(frozen=True)
class Sold:
    """A trade as its provider has it; amounts in fen."""

    trade_no: str | None
    amount: int
    refunded: int
    refundable: int
    is_paid: bool


def _sold(trade: AlipayTrade | WechatTrade) -> Sold:
    trade_no = trade.transaction_id if isinstance(trade, WechatTrade) else trade.trade_no
    return Sold(trade_no, trade.amount, trade.refunded, trade.refundable, trade.paid_at is not None)


class Written:
    """What this process has written: nobody else writes to what belongs to a world."""

    def __init__(self) -> None:
        self._requests: list[str] = []
        connection().client.listeners[:] = [self._note]  # and that of the world before hears no more

    def _note(self, operation: str, body: bytes) -> None:
        if operation in ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem"):
            self._requests.append(body.decode())

    def take(self) -> list[str]:
        """The bodies of all requests that wrote something since this was asked last."""
        taken, self._requests = self._requests, []
        return taken


class World:
    """Users with everything a purchase can touch. `check` after each step; `quiesce` and `forget` at the end."""

    def __init__(
        self,
        settings: Settings,
        alipay: AlipaySimulator,
        wechat: WechatSimulator,
        clock: Standing,
        users: int = 2,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.alipay = alipay
        self.wechat = wechat
        self.provider = DirectAlipay(alipay, settings)
        self.wechat_provider = DirectWechat(wechat, settings.shop_url)
        self.gateways = Gateways(
            payments={ALIPAY: self.provider, WECHAT: self.wechat_provider},
            geetest=None,
            wechat=self.wechat_provider,
        )
        self.courses = SHELF.fill()
        self.users = [builders.a_user(beli=400) for _ in range(users)]
        self._claims = {user.user_id: builders.claims_of(user) for user in self.users}
        self.offers = [
            builders.an_offer(quantity=1, coupon_type=coupon.PERCENT, off_percent=80),
            builders.an_offer(quantity=3, value=2500, valid_days=1),
        ]
        self.keys: dict[int, list[tuple[IdempotencyKey, str]]] = {}
        self.notices: list[dict[str, str]] = []
        self.wechat_notices: list[Notice] = []
        self.told: set[str] = set()
        self.outcomes: Counter[str] = Counter()
        self._read: dict[int, Belongings] = {}
        self._followed: set[ItemKey] = set()
        self._refunded_at_console: set[str] = set()
        self._held: set[tuple[str, date]] = set()
        self._checks = 0
        self._written = Written()
        self.studying = Studying(self.courses, self._caller, self._do, clock, clock.advance)
        for user in self.users:
            builders.a_coupon(user, value=5000, valid_until=builders.now() + timedelta(days=2))
            builders.a_coupon(user, coupon_type=coupon.PERCENT, off_percent=33)
            builders.a_coupon(user, course=self.courses[2].key, value=999)
            builders.a_coupon(user, course=self.courses[4].key, coupon_type=coupon.FULL, value=1, minimum=3)
        self.check()

    # What there is

    def belongings(self, who: int) -> Belongings:
        """What the last check found of a user."""
        return self._read[self.users[who].user_id]

    def orders(self, who: int) -> list[Order]:
        """A user's orders as of the last check, oldest first."""
        return sorted(self.belongings(who).of(Order), key=lambda placed: placed.sort)

    def all_orders(self) -> list[Order]:
        """All orders, oldest first."""
        placed = [each for who in range(len(self.users)) for each in self.orders(who)]
        return sorted(placed, key=lambda each: each.sort)

    def refunds(self) -> list[Refund]:
        """All refunds, oldest first."""
        found = [each for who in range(len(self.users)) for each in self.belongings(who).of(Refund)]
        return sorted(found, key=lambda each: each.requested_at)

    def written(self) -> list[str]:
        """The bodies of all requests since the last check, or since this was asked last, that wrote something."""
        return self._written.take()

    def _user(self, who: int) -> User:
        """A user as of the last check, for a flow to work with."""
        mine = self.belongings(who)
        (stored,) = [stored for stored, item in mine.pairs() if isinstance(item, User)]
        return User.from_raw_data(stored)

    def _caller(self, who: int) -> Caller:
        """A user, signed in."""
        return Caller(self._claims[self.users[who].user_id], self.clock())

    def _own(self, number: str) -> Order:
        """An order as its learner's request finds it."""
        claims = self._claims[self._order(number).user_id]
        return order.find_own(Caller(claims, self.clock()), number)

    def _order(self, number: str) -> Order:
        """An order as of the last check."""
        (found,) = [mine.by_number[number] for mine in self._read.values() if number in mine.by_number]
        return found

    def check(self) -> None:
        """Hold everything to the invariants. Raises Violated.

        What nothing was written of is as it was; every tenth time all is read anew all the same.
        """
        self._checks += 1
        written = self.written()

        def is_written(mark: str) -> bool:
            return any(mark in request for request in written)

        users = [user.user_id for user in self.users]
        is_turn = self._checks % 10 == 1
        read = invariants.check(
            users,
            [offer for offer in self.offers if is_turn or is_written(str(offer.coupon_id))],
            followed=self._followed,
            before=self._read,
            now=self.clock(),
            untouched=()
            if is_turn
            else {user_id for user_id in users if not is_written(f'{partition(user_id)}"')},
        )
        self._read = {mine.user_id: mine for mine in read}
        self._assert_money_is_the_providers()
        self.studying.check(self.belongings)

    def _assert_money_is_the_providers(self) -> None:
        """What the shop says was paid, a trade at its provider brought in; what it says went back, the provider has
        refunded: of an application the very amount, under the very number, or by its console, as an operator says.
        """
        wrong = []
        for mine in self._read.values():
            for paid in mine.of(payment.Payment):
                if paid.amount != self._brought_in(paid):
                    wrong.append(
                        f"{paid.amount} fen for {paid.order_number} were never paid by {paid.trade_no}"
                    )
        for item in self.refunds():
            if item.status != refund.DONE or not item.amount:
                continue
            second = self.provider.second_trades.get(item.trade_no or "")
            made = second.refunded if second else self._refunded(*self._trade_of(item))
            if item.refunded_externally:
                is_made = item.request_no not in made and any(name.startswith("console") for name in made)
            elif item.why == refund.APPLICATION:
                is_made = made.get(item.request_no) == item.amount
            else:
                # What is late or surplus may have been sent back by the console, in parts too.
                is_made = sum(made.values()) >= item.amount
            if not is_made:
                wrong.append(
                    f"refund {item.request_no} ({item.why}) is done, and its provider knows nothing of it"
                )
        if wrong:
            raise invariants.Violated("; ".join(wrong))

    def _trade(self, provider: str, number: str) -> Sold | None:
        """A trade at a provider, by our number."""
        try:
            return _sold(self.wechat.trade(number) if provider == WECHAT else self.alipay.trade(number))
        except NoSuchTrade:
            return None

    def _trade_of(self, item: Refund) -> tuple[str, str]:
        """The provider and our number of the trade of which a refund is."""
        return item.provider_of(self._order(item.order_number)), item.trade_number or item.order_number

    def _brought_in(self, paid: payment.Payment) -> int | None:
        """What (fen) the trade of a payment brought in for its order."""
        if second := self.provider.second_trades.get(paid.trade_no):
            return second.amount if second.number == paid.order_number else None
        trade = self._trade(paid.provider, paid.number or paid.order_number)
        return trade.amount if trade and trade.is_paid and trade.trade_no == paid.trade_no else None

    def _refunded(self, provider: str, number: str) -> dict[str, int]:
        """A provider's refunds (fen) of a trade that were made, by our request numbers, whichever try it was."""
        if provider == ALIPAY:
            return {back.out_request_no: back.amount for back in self.alipay.book.refunds(number)}
        made = Counter[str]()
        for back in self.wechat.book.refunds(number):
            if back.status == "SUCCESS":
                made[back.out_refund_no.partition("-")[0]] += back.amount
        return dict(made)

    def _do(self, name: str, table: codes.Codes, step: Callable[[], Result]) -> Result | None:
        """Do a step; a documented refusal is counted and forgotten."""
        try:
            result = step()
        except ShopError as refusal:
            if codes.find_answer(table, refusal) is None:
                raise
            self.outcomes[f"{name}: {type(refusal).__name__}"] += 1
            return None
        self.outcomes[name] += 1
        return result

    # Learners

    def place(
        self,
        who: int,
        courses: Sequence[int],
        records: Sequence[int],
        *,
        use_beli: bool,
        with_key: bool,
        provider: str = ALIPAY,
    ) -> str | None:
        """Buy some courses with some of the user's coupons: each is put where it belongs -> the order's number."""
        user = self._user(who)
        mine = sorted(self.belongings(who).of(CouponRecord), key=lambda record: record.got_at)
        chosen = {mine[position % len(mine)].record_id: mine[position % len(mine)] for position in records}
        general = next((record for record in chosen.values() if record.bound_to is None), None)
        lines = []
        for position in dict.fromkeys(courses):
            course = self.courses[position % len(self.courses)]
            bound = next((record for record in chosen.values() if record.is_for(course.key)), None)
            lines.append(
                ChosenLine(course.key, builders.policy_id_of(course), bound.record_id if bound else None)
            )
        choice = Choice(tuple(lines), general.record_id if general else None, use_beli)
        key = IdempotencyKey(f"key {next(_numbers)}", repr(choice)) if with_key else None
        return self._place(who, user, choice, key, provider)

    def _place(
        self, who: int, user: User, choice: Choice, key: IdempotencyKey | None, provider: str
    ) -> str | None:
        def buy() -> str:
            found = find_together(choice_keys(user.user_id, choice))
            priced = price_choice(user, choice, found, self.clock())
            due = priced.settlement.payable
            placed = checkout.place_order(
                self._caller(who), choice, due, key, self.gateways, self.settings, self.clock(), provider
            )
            return str(placed.order.number)

        number = self._do("place", codes.PAYMENT, buy)
        if number and key:
            self.keys.setdefault(who, []).append((key, number))
        return number

    def repeat_key(self, who: int, position: int) -> None:
        """Send an earlier purchase once more with its key: it makes nothing new. Nor does the key for another."""
        known = self.keys.get(who)
        if not known:
            return
        key, number = known[position % len(known)]

        def send(wanted: IdempotencyKey) -> str:
            nothing = Choice((), None, False)
            again = checkout.place_order(
                self._caller(who), nothing, 0, wanted, self.gateways, self.settings, self.clock()
            )
            return str(again.order.number)

        again = self._do("repeat a key", codes.PAYMENT, lambda: send(key))
        assert again == number, f"{number} and {again} have one key"
        other = self._do(
            "misuse a key", codes.PAYMENT, lambda: send(IdempotencyKey(key.key, "another purchase"))
        )
        assert other is None, f"{number} and {other} have one key"

    def cancel(self, number: str) -> None:
        """The learner cancels an order."""
        self._do(
            "cancel",
            codes.ORDER_CANCEL,
            lambda: close_order.cancel_by_learner(self._own(number), self.gateways, self.clock()),
        )

    def look(self, number: str) -> None:
        """The learner looks at an order's page."""

        def show() -> Order:
            return reconcile.ask_for_page(self._own(number), self.gateways, self.clock())

        self._do("look", codes.ORDER, show)

    def read(self, who: int, which: int) -> None:
        """The learner reads their ledger, courses and one of their orders: everything can be told in words, and says
        the same as what is stored.
        """
        user, now = self._user(who), self.clock()
        told = people_responses.ledger(ledger.list_newest(user.user_id, 500, None), user.beli)["data"]
        assert sum(entry["beli"] for entry in told["entries"]) == told["beli"]
        mine = responses.my_courses(
            enrollment.list_enrollments(user.user_id),
            {},
            progress.list_courses(user.user_id),
            now,
            self.settings.shop_url,
        )
        assert len(mine["data"]) <= len(self.courses)
        self.studying.read(who, which)
        if placed := self.orders(who):
            number = placed[which % len(placed)].number
            found = self._own(number)
            page = responses.order(show_order.read(found, now), self.gateways, now, self.settings)["data"]
            lines = page["orderdetail_list"]
            assert sum(line["payable"] for line in lines) == page["actual_amount"]
            assert page["history"]
            assert all("\u4e00" <= event["text"][0] <= "\u9fff" for event in page["history"])

    def claim(self, who: int, offer: int) -> None:
        """The learner claims a coupon."""
        user_id, wanted = self.users[who].user_id, self.offers[offer % len(self.offers)]
        self._do(
            "claim",
            codes.COUPON_CLAIM,
            lambda: claim_coupon.claim_coupon(
                user_id, coupon.find_offer(wanted.coupon_id), f"10.1.{user_id}", self.clock()
            ),
        )

    def apply(self, number: str, lines: Sequence[int] | None) -> str | None:
        """The learner applies for a refund -> its request number."""
        placed = self._order(number)
        chosen = None if lines is None else [line % len(placed.lines) for line in lines]
        window = timedelta(days=self.settings.refund_days)
        previewed = self._do(
            "preview",
            codes.REFUND_PREVIEW,
            lambda: preview_refund.preview(
                self._own(number), chosen, window, self.gateways.payments, self.clock()
            ),
        )
        applied = self._do(
            "apply",
            codes.REFUND_APPLY,
            lambda: apply_for_refund.apply(
                self._own(number), chosen, "学不完", window, self.gateways.payments, self.clock()
            ),
        )
        if applied is None:
            return None
        assert previewed is not None, f"{number} had no preview, and was applied for"
        said = previewed.asked
        assert (said.lines, said.amount, said.beli) == (applied.lines, applied.amount, applied.beli)
        assert sum(previewed.amounts) == applied.amount and min(previewed.amounts) >= 0
        assert previewed.is_reviewed == applied.is_undecided()
        return applied.request_no

    def withdraw(self, position: int) -> None:
        """A learner withdraws an application."""
        self._decide("withdraw", codes.REFUND_WITHDRAW, position, refund.REQUESTED, self.withdraw_one)

    def withdraw_one(self, request_no: str) -> None:
        """The learner withdraws this application."""
        own = self._own(request_no.rpartition("_")[0])
        apply_for_refund.withdraw(own, request_no, self.clock())

    def change_provider(self, number: str, to: str) -> None:
        """The learner has an order paid by another provider."""
        self._do(
            "change provider",
            codes.CHANGE_PROVIDER,
            lambda: change_provider.change_provider(self._own(number), to, self.gateways, self.clock()),
        )

    def open_wechat_page(self, number: str, way: Way) -> None:
        """The learner opens the page on which an order is paid by WeChat Pay, on a computer or a phone."""

        def start() -> object:
            own = self._own(number)
            return pay_wechat.start(own, way, None, "10.1.2.3", self.gateways, self.settings, self.clock())

        self._do("open WeChat's page", codes.BEGIN_PAYMENT, start)

    def open_page(self, number: str) -> None:
        """The learner opens the page on which an order that waits is paid."""
        placed = order.reload(self._order(number))
        if placed.payment_type == WECHAT and placed.is_open():
            self.open_wechat_page(number, Way.NATIVE)
        elif checkout.can_pay(placed, self.gateways, self.clock()):
            self._do(
                "open the pay page",
                codes.PAY_ADDRESS,
                lambda: checkout.pay_page(placed, self.gateways, self.clock()),
            )

    def play(self, who: int, course: int, section: int) -> None:
        """A learner begins to play a section."""
        self.studying.play(who, course, section, self.belongings(who))

    def renew(self, which: int) -> None:
        """A player asks for its token anew."""
        self.studying.renew(which, self.belongings)

    def watch(self, which: int, reports: int) -> None:
        """A player plays, and reports what was played."""
        self.studying.watch(which, reports, self.belongings)

    def say(self, which: int, spans: Sequence[Span], times: int) -> None:
        """A player reports whatever it likes."""
        self.studying.say(which, spans, times)

    # The buyer at the providers

    def pay(self, number: str, nth: int = 0) -> None:
        """The buyer pays one of an order's trades, of which the newest is the first, if its provider lets them; the
        shop is not told.
        """
        placed = self._order(number)
        if placed.amount == 0:
            return
        self.open_page(number)
        trades = order.reload(placed).begun()[::-1]
        if not trades:
            return
        trade = trades[nth % len(trades)]
        if trade.provider == WECHAT:
            self._at_provider("pay", lambda: self.wechat.pay(trade.number))
            return
        with suppress(AlipayRefused):  # Its code may be on their screen since long.
            self._open_cashier(placed, trade.number)
        self._at_provider("pay", lambda: self.alipay.pay(trade.number))

    def scan(self, number: str) -> None:
        """The buyer opens Alipay's page and scans its code."""
        self.open_page(number)
        placed, trade_number = self._order(number), self._at_alipay(number)
        if placed.amount == 0 or trade_number is None:
            return
        try:
            self._open_cashier(placed, trade_number)
        except AlipayRefused:
            return
        self._at_provider("scan", lambda: self.alipay.scan(trade_number))

    def give_up(self, number: str) -> None:
        """The buyer closes the trade on Alipay's page."""
        if trade_number := self._at_alipay(number):
            self._at_provider("give up", lambda: self.alipay.close(trade_number))

    def _at_alipay(self, number: str) -> str | None:
        """The number of an order's newest trade at Alipay."""
        begun = [
            trade.number for trade in order.reload(self._order(number)).begun() if trade.provider == ALIPAY
        ]
        return begun[-1] if begun else None

    def _open_cashier(self, placed: Order, trade_number: str) -> None:
        page = self.provider.pay_page(
            trade_number, placed.amount, placed.title, placed.expires_at, Deadline(PROVIDER_SECONDS)
        )
        self.alipay.open_cashier(page.text)

    def refund_at_console(self, number: str, amount: int | None) -> None:
        """The merchant's console refunds a part of a trade, or (None) all that is left."""
        for each in self._order(number).begun():
            trade = self._trade(each.provider, each.number)
            if trade is None or not trade.refundable:
                continue
            self._refunded_at_console.add(each.number)
            wanted = None if amount is None else 1 + amount % trade.refundable
            console = self.wechat if each.provider == WECHAT else self.alipay
            self._at_provider("console", partial(console.refund, each.number, wanted))
            return

    def _at_provider(self, name: str, act: Callable[[], object]) -> None:
        try:
            act()
        except (AlipayRefused, WechatRefused, NoSuchTrade) as refusal:
            self.outcomes[f"{name}: {type(refusal).__name__}"] += 1
            return
        self.outcomes[name] += 1

    # WeChat Pay calls the shop

    def collect_wechat_notices(self) -> None:
        """Take what WeChat Pay has to tell out of its book: when and how often it is told is to be seen."""
        self.wechat.book.close_expired()
        known = {told.notify_id for told in self.wechat_notices}
        self.wechat_notices += [told for told in self.wechat.notices() if told.notify_id not in known]

    def notify_by_wechat(self, position: int) -> None:
        """Deliver one of all notices that WeChat Pay ever made, the newest first: late, again, or out of turn."""
        self.collect_wechat_notices()
        if self.wechat_notices:
            self.deliver_wechat(self.wechat_notices[-1 - position % len(self.wechat_notices)])

    def deliver_wechat(self, told: Notice) -> bool:
        """Post a notice, encrypted and signed now, to the notification function's edge -> whether it was taken."""
        letter = NoticeWriter(self.wechat.merchant).letter(told.notify_id, told.fields, self.clock())
        posted = {"httpMethod": "POST", "headers": letter.headers, "body": letter.body.decode()}
        answer = answer_notification(self.wechat_provider, posted, self.clock())
        assert answer["statusCode"] in (204, 400), answer
        is_taken = bool(answer["statusCode"] == 204)
        self.outcomes[f"WeChat's notice: {'success' if is_taken else 'fail'}"] += 1
        return is_taken

    def end_wechat_refund(self, position: int, status: str) -> None:
        """A refund that is under way at WeChat Pay, or abnormal, comes to this end."""
        waiting = self._wechat_refunds_under_way()
        if waiting:
            number = waiting[position % len(waiting)].out_refund_no
            self._at_provider(f"refund {status}", lambda: self.wechat.end_refund(number, status))

    def _wechat_refunds_under_way(self) -> list[WechatRefund]:
        self.wechat.book.close_expired()
        return [
            back
            for trade in self.wechat.trades()
            for back in self.wechat.book.refunds(trade.out_trade_no)
            if back.status in ("PROCESSING", "ABNORMAL")
        ]

    # Alipay calls the shop

    def collect_notices(self) -> None:
        """Take what Alipay has to tell out of its book, signed: when and how often it is told is to be seen."""
        known = {fields["notify_id"] for fields in self.notices}
        for told in self.alipay.notices():
            if told.notify_id not in known:
                self.notices.append(
                    self.alipay.sign_notice({"notify_time": "2026-01-01 00:00:00", **told.fields})
                )

    def notify(self, position: int) -> None:
        """Deliver one of all notices ever made: late, again, or out of turn."""
        self.collect_notices()
        if self.notices:
            assert self.deliver(self.notices[position % len(self.notices)]) in ("success", "fail")

    def deliver(self, fields: dict[str, str]) -> str:
        """Post signed fields to the notification function's edge -> its answer."""
        answer = answer_notification(self.provider, purchases.event(urlencode(fields)), self.clock())
        self.told.add(fields["notify_id"])
        self.outcomes[f"notice: {answer['body']}"] += 1
        return str(answer["body"])

    def pay_twice(self, number: str) -> None:
        """An order is paid by a second trade, and its notice arrives."""
        placed = self._order(number)
        if placed.amount == 0 or placed.payment_type != ALIPAY or placed.trades is not None:
            return
        try:
            fields = self.alipay.notice_fields(number)
        except (AlipayRefused, NoSuchTrade):
            return
        trade_no = f"2026{next(_numbers):024d}"
        self.provider.second_trades[trade_no] = SecondTrade(number, placed.amount)
        changes = {"trade_no": trade_no, "trade_status": "TRADE_SUCCESS", "notify_id": f"second{trade_no}"}
        fields = {
            name: text
            for name, text in (fields | changes).items()
            if name not in ("refund_fee", "gmt_refund", "out_biz_no", "gmt_close")
        }
        self._tell(fields)

    def _tell(self, fields: dict[str, str]) -> None:
        signed = self.alipay.sign_notice(fields)
        self.notices.append(signed)
        self.deliver(signed)

    def refund_second_trade_at_console(self, position: int) -> None:
        """The merchant's console refunds all that is left of a second trade, and its notice arrives."""
        trades = list(self.provider.second_trades.items())
        if not trades:
            return
        trade_no, trade = trades[position % len(trades)]
        left = trade.amount - sum(trade.refunded.values())
        if not left:
            return
        trade.refunded["console"] = left
        first = next(told for told in self.notices if told["trade_no"] == trade_no)
        told = {name: text for name, text in first.items() if name not in ("sign", "sign_type")}
        back = {
            "notify_id": f"second-back{trade_no}",
            "trade_status": "TRADE_CLOSED",
            "refund_fee": str(to_yuan(trade.amount)),
            "gmt_refund": "2026-01-01 00:00:00.000",
            "out_biz_no": "console",
        }
        self._tell(told | back)

    def notify_wrongly(self, position: int, change: dict[str, str]) -> None:
        """A genuinely signed notice arrives that does not fit: it is refused and changes nothing of anybody's."""
        self.collect_notices()
        if self.notices:
            told = self.notices[position % len(self.notices)]
            fields = {name: text for name, text in told.items() if name not in ("sign", "sign_type")}
            before = [mine.raw for mine in self._read.values()]
            assert self.deliver(self.alipay.sign_notice(fields | change)) == "fail", change
            self.check()
            assert [mine.raw for mine in self._read.values()] == before, change

    # Operators and the clock

    def approve(self, position: int) -> None:
        """An operator approves an application, or does what else there is to do with it."""
        self._decide(
            "approve",
            codes.REFUND_APPROVE,
            position,
            refund.REQUESTED,
            partial(self.decide_one, position // 4),
        )

    def refuse(self, position: int) -> None:
        """An operator refuses an application."""
        self._decide(
            "refuse",
            codes.REFUND_REFUSE,
            position,
            refund.REQUESTED,
            self.refuse_one,
        )

    def approve_one(self, request_no: str) -> None:
        """An operator approves this application."""
        decide_refund.approve(request_no, "op", self.gateways, self.clock())

    def decide_one(self, position: int, request_no: str) -> None:
        """An operator approves this application, unless the console may have paid it: then they say that it has, refuse
        the application, or have it paid all the same.
        """
        may_be_back = bool(refund_notice.told_beyond(refund.find_refund(request_no)[1]))
        try:
            self.approve_one(request_no)
        except RefundedAtProvider:
            assert may_be_back
        else:
            assert not may_be_back or not refund.find_refund(request_no)[1].amount, "it was paid again"
            return
        self.check()
        match position % 3:
            case 0:
                decide_refund.resolve_elsewhere(request_no, "op", "there", self.gateways, self.clock())
            case 1:
                self.refuse_one(request_no)
            case _:
                decide_refund.approve(request_no, "op", self.gateways, self.clock(), pay_again=True)

    def refuse_one(self, request_no: str) -> None:
        """An operator refuses this application. Of one that was stuck a while it is not too early to tell any more."""
        for moody in (self.provider, self.wechat_provider):
            moody.moods = deque(mood for mood in moody.moods if mood != EARLY)
        decide_refund.refuse(request_no, "op", "不符合条件", self.gateways, self.clock())

    def retry_one(self, request_no: str) -> None:
        """An operator has this refund tried again, also where the console may have paid it meanwhile."""
        may_be_back = bool(refund_notice.told_beyond(refund.find_refund(request_no)[1]))
        try:
            decide_refund.try_again(request_no, "op", self.gateways, self.clock())
        except RefundedAtProvider:
            assert may_be_back
            self.check()
            decide_refund.try_again(request_no, "op", self.gateways, self.clock(), pay_again=True)

    def try_again(self, position: int) -> None:
        """An operator has a stuck refund tried again."""
        self._decide(
            "try again",
            codes.REFUND_APPROVE,
            position,
            refund.STUCK,
            self.retry_one,
        )

    def _decide(
        self, name: str, table: codes.Codes, position: int, status: str, act: Callable[[str], object]
    ) -> None:
        # Mostly one that waits for it; sometimes any: an operator's page may be old.
        every = self.refunds()
        waiting = [item for item in every if item.status == status]
        chosen = waiting if waiting and position % 4 else every
        if chosen:
            number = chosen[position % len(chosen)].request_no
            self._do(name, table, lambda: act(number))

    def retry_order(self, number: str) -> None:
        """An operator has Alipay asked about an order, whatever its state."""
        resolve_problem.retry_order(number, "op", self.gateways, self.clock())
        self.outcomes["retry order"] += 1

    def grant(self, who: int, beli: int) -> None:
        """An operator gives (or, below zero, takes) beli."""
        user = self.users[who]
        try:
            grant.grant_beli(user, beli, "proof", self.clock())
        except ShopError as refusal:
            self.outcomes[f"grant: {type(refusal).__name__}"] += 1

    def grant_course(self, who: int, course: int) -> None:
        """An operator gives days of study."""
        key = self.courses[course % len(self.courses)].key
        grant.grant_enrollment(self._user(who), key, 30, "proof", "op", self.clock())

    def run_timer(self) -> None:
        """The scheduled functions run."""
        work_off.run_due_work(self.gateways, self.clock, SECONDS)
        claim_coupon.sweep_claims(self.clock, SECONDS)

    # Orders cut between placing and delivery, claims cut half-way

    def leave_claim(self, who: int, offer: int) -> None:
        """A claim that dies after it took its piece."""
        wanted = coupon.find_offer(self.offers[offer % len(self.offers)].coupon_id)
        assert wanted is not None
        mine = coupon_claim.claim_item(
            self.users[who].user_id, wanted.coupon_id, builders.new_id(), self.clock()
        )

        def die() -> None:
            coupon_claim.begin(mine)
            coupon_claim.take_one(wanted, mine)

        self._do("claim, and die", codes.COUPON_CLAIM, die)

    # The end

    def quiesce(self, days: int = 4) -> None:
        """Let everything run that runs by itself, with the providers well, every application decided on, and no notice
        of a payment ever delivered again: then whoever paid has the course or the money. Raises Violated.

        After 4 days even closed orders are off the work list. Two things a query does not tell, so that the
        notices have to, which the providers send for a day: all of an order that two trades of one number paid, and
        what was refunded of an order that is paid, where the console refunded a part of it.
        """
        self.provider.moods.clear()
        self.wechat_provider.moods.clear()
        for back in self._wechat_refunds_under_way():
            self.wechat.end_refund(back.out_refund_no, "SUCCESS")
        self.collect_notices()
        told = self._tell_of_consoles(0)
        twice_paid = {trade.number for trade in self.provider.second_trades.values()}
        for fields in self.notices:
            number = fields["out_trade_no"]
            if number in twice_paid or (fields.get("refund_fee") and number in self._refunded_at_console):
                assert self.deliver(fields) == "success"
                self.check()
        for minutes in (36, 36, 150, *[24 * 60] * days):
            for item in self.refunds():
                if item.status == refund.REQUESTED:
                    self.decide_one(self._checks, item.request_no)
                elif item.status == refund.STUCK:
                    self.retry_one(item.request_no)
                else:
                    continue
                self.check()
            self.clock.advance(timedelta(minutes=minutes))
            self.run_timer()
            self.check()
            told = self._tell_of_consoles(told)
        wrong = [
            text for who in range(len(self.users)) for text in self._unfinished(self.belongings(who), days)
        ]
        if self._checks % 10 == 0:
            # Days fill with what other histories have done: to read them each time would take longer and longer.
            facts = [fact for mine in self._read.values() for fact in journal.facts(mine.items)]
            wrong += journal.surplus({user.user_id for user in self.users}, facts)
        for offer in self.offers:
            stored = coupon.find_offer(offer.coupon_id)
            if stored is not None and stored.in_flight:
                wrong.append(f"coupon {offer.coupon_id} is in flight for ever")
        if wrong:
            raise invariants.Violated("; ".join(wrong))

    def _tell_of_consoles(self, known: int) -> int:
        """WeChat Pay tells of the trades that its console refunded, but for the first so many notices -> how many there
        are.
        """
        self.collect_wechat_notices()
        for told in self.wechat_notices[known:]:
            if told.out_trade_no in self._refunded_at_console:
                is_end = told.fields["event_type"] in ("TRANSACTION.SUCCESS", "REFUND.SUCCESS")
                # What is stuck or given up there, and is not the shop's, is for a person, and told again for a day.
                assert self.deliver_wechat(told) or not is_end
                self.check()
        return len(self.wechat_notices)

    def _unfinished(self, mine: Belongings, days: int) -> list[str]:
        wrong = []
        for placed in mine.of(Order):
            name = f"order {placed.number} ({placed.status})"
            if placed.is_open():
                wrong.append(f"{name} is open for ever")
            if placed.due_at is not None and days >= 4:
                wrong.append(f"{name} is on the work list for ever")
            wrong += self._money(name, placed, mine)
            if placed.problem is not None:
                wrong.append(f"{name} waits for a person: {placed.problem}")
        for item in mine.of(Refund):
            if item.is_open() and not self._is_refused_for_good(item):
                wrong.append(f"refund {item.request_no} is {item.status} for ever: {item.problem}")
        return wrong

    def _is_refused_for_good(self, item: Refund) -> bool:
        """Whether the provider has less left of a trade than a refund is for, because its console refunded a part."""
        if item.status != refund.STUCK or item.trade_no in self.provider.second_trades:
            return False
        trade = self._trade(*self._trade_of(item))
        return bool(trade and trade.refundable < item.amount)

    def _money(self, name: str, placed: Order, mine: Belongings) -> list[str]:
        """The providers' books against the shop's: what came in, what went back."""
        return [text for trade in placed.begun() for text in self._money_of(name, placed, trade, mine)]

    def _money_of(self, name: str, placed: Order, begun: Trade, mine: Belongings) -> list[str]:
        trade = self._trade(begun.provider, begun.number)
        if trade is None or not trade.is_paid:
            return []
        recorded = [
            paid
            for paid in mine.of(payment.Payment)
            if (paid.order_number, paid.trade_no) == (placed.number, trade.trade_no)
        ]
        if not recorded:
            return [f"{name}: {trade.amount} fen were paid and nobody knows"]
        made = self._refunded(begun.provider, begun.number)
        own = {
            request_no: amount for request_no, amount in made.items() if not request_no.startswith("console")
        }
        at_console = sum(made.values()) - sum(own.values())
        done = [
            item
            for item in mine.of(Refund)
            if item.trade_no == trade.trade_no and item.amount and item.status == refund.DONE
        ]
        here = {item.request_no: item.amount for item in done if not item.refunded_externally}
        # What an operator said that the console had paid: of that only its notices tell.
        said = sum(item.amount for item in done if item.refunded_externally)
        if said and not at_console:
            return [f"{name}: {said} are said to have gone back at the console, which paid nothing"]
        if recorded[0].use == payment.APPLIED and placed.status == order.REFUNDED:
            whole = placed.refunded_amount == trade.amount and (said or trade.refunded == trade.amount)
            return [] if whole else [f"{name}: {trade.refunded} of {trade.amount} went back"]
        if recorded[0].use == payment.APPLIED:
            # Each of our refunds is one of the provider's; what its console did beyond them waits for a person.
            exact = own == here and placed.refunded_amount == sum(here.values()) + said
            if exact and (trade.refunded < trade.amount or not trade.amount):
                return []
            # All that cost money went back: what is left was free.
            free = placed.refunded_amount == placed.amount and exact and (said or not at_console)
            return [] if free else [f"{name}: {own} went back, {here} here, {at_console} at the console"]
        stuck = [item for item in mine.of(Refund) if item.trade_no == trade.trade_no and item.is_open()]
        if trade.refunded < trade.amount and not stuck:
            return [f"{name}: unused money stays here: {trade.refunded} of {trade.amount} went back"]
        return []

    # Bills

    def hold_bills(self, planted: str = "", method: str = "") -> None:
        """Some days later hold each day on which money moved against the bills of both providers: by what they and the
        journal are apart is listed, trade by trade, to the fen, and nothing else is. What is `planted` in the bills (a
        bad day of Alipay's simulator, at a method; WeChat's has its like) is listed with its trade. Raises Violated.
        """
        self.check()
        self.clock.advance(timedelta(days=3))
        facts = [fact for mine in self._read.values() for fact in journal.facts(mine.items)]
        found = find_together([fact.key for fact in facts])
        recorded = [entry for entry in found.values() if isinstance(entry, JournalEntry)]
        by_alipay = [one.at for one in self.alipay.book.movements(BEFORE_ALL, self.clock())]
        by_wechat = [at for at, _, _ in self.wechat.book.moves(BEFORE_ALL, self.clock())]
        with self.alipay.bad_day(planted, method=method) if planted else nullcontext():
            self._hold(self.provider, recorded, by_alipay, planted, is_of_funds=method == FUND_BILL)
        like = WECHATS_LIKE.get(planted, "")
        with self.wechat.bad_day(like) if like else nullcontext():
            self._hold(self.wechat_provider, recorded, by_wechat, like)

    def _hold(
        self,
        provider: DirectAlipay | DirectWechat,
        recorded: Sequence[JournalEntry],
        movements: Sequence[datetime],
        planted: str,
        *,
        is_of_funds: bool = False,
    ) -> None:
        entries: dict[date, list[JournalEntry]] = defaultdict(list)
        for entry in recorded:
            entries[day_of(entry.at)].append(entry)
        moved = {day_of(at) for at in movements}
        days = sorted(moved | entries.keys())
        self._held |= {(provider.name, day) for day in days}
        provider.billed.clear()
        for day in days:
            assert hold_bills.hold(provider, day, self.clock(), lambda wanted: entries.get(wanted, []))
        by_day = [bills.check(provider.name, day, at_rest=True) for day in days]
        # A day that is older than its provider keeps bills waits for a person itself, and lists nothing.
        too_old = {day for day in days if day_of(self.clock()) - day > provider.bills_kept}
        for day in sorted(too_old):
            held = bill.find_day(provider.name, day)
            if held is None or (held.state, held.attention) != (bill.UNREADABLE, PROBLEM):
                raise invariants.Violated(f"{provider.name}: {day} has no bill any more, and does not wait")
        unheld = {entry.trade_no for day in too_old for entry in entries[day]}
        moved -= too_old
        listed = [one for of_day in by_day for one in of_day if one.trade_no not in unheld]
        lines = [line for day in days for line in provider.billed.get(day, [])]
        ours = [entry for entry in recorded if entry.provider == provider.name]
        expected = {one for one in _apart(provider.billed, ours) if one[1] not in unheld}
        off = {trade_no for _, trade_no, *_ in expected}
        named = {one.trade_no for one in listed}
        if is_of_funds:
            is_right = (
                bool(listed) or not moved or (planted == "bill_line_missing" and self._cancel_out(days))
            )
        elif planted:
            is_right = off <= named and (bool(listed) or not moved)
        else:
            # Of a refund that was heard of later than it is looked for, the journal's side is listed alone.
            late = {
                one.trade_no
                for one in listed
                if one.request_no is not None and _heard_late(one, provider.billed)
            }
            said = {(one.what, one.trade_no, one.request_no, one.ours, one.theirs) for one in listed}
            named_apart, apart = ({one for one in ones if one[1] not in late} for ones in (said, expected))
            # A day that lists as many as it keeps may be silent of others.
            is_full = any(len(of_day) >= bill.MOST_DIFFERENCES for of_day in by_day)
            is_right = named_apart <= apart if is_full else named_apart == apart
        if not is_right:
            about = off | named
            raise invariants.Violated(
                f"{provider.name}: bills and journal are apart by {expected}, {sorted(named)} are listed, "
                f"with {planted!r}: "
                f"{[line for line in lines if line.trade_no in about]} in the bills, "
                f"{[entry.attribute_values for entry in recorded if entry.trade_no in about]} in the journal, "
                f"{[one.attribute_values for one in listed]} listed"
            )
        count("days of bills", len(days))

    def _cancel_out(self, days: Iterable[date]) -> bool:
        """Whether the lines of funds that a bill lacks on each of these days, its first payment or refund, come to
        nothing of every trade: a payment and its whole refund move nothing together.
        """
        lacking = Counter[str]()
        for day in days:
            moved = self.alipay.book.movements(day_end(day - timedelta(days=1)), day_end(day))
            lines = (line for line in lines_of(FUND, moved) if line.word in ("交易", "退款"))
            if first := next(lines, None):
                lacking[first.trade_no] += first.amount
        return not any(lacking.values())

    def forget(self) -> None:
        """Take all of it out of the tables again: a long run would fill them."""
        held = (
            found
            for name, day in self._held
            for found in [*bill.list_differences(name, day), *bill.list_days(name, day, day)]
        )
        invariants.forget(self._read.values(), held)
        for offer in self.offers:
            CouponOffer(offer.course_key, offer.sort).delete()


_Listed = tuple[str, str, str | None, int | None, int | None]
"""What is to be listed of a movement: as what, of which trade and request, and what (fen) either side says."""


def _apart(billed: Mapping[date, Sequence[BillLine]], entries: Iterable[JournalEntry]) -> set[_Listed]:
    """What bills have that the journal has not, and the other way round, line by line. A refund of all that was left of
    a trade is the sum of its trade's refunds that nothing else accounts for: of its day, of one beside, or of all days.
    A refund of ours that is under way is no movement before it is recorded.
    """
    ours: dict[tuple[str, str | None], int] = {}
    wholes: dict[str, date] = {}
    for entry in entries:
        if entry.fact in (PAID, REFUNDED) and entry.trade_no and entry.amount:
            request_no = "" if entry.use == WHOLE_TRADE else entry.request_no
            ours[entry.trade_no, None if entry.fact == PAID else request_no] = entry.amount
            if request_no == "":
                wholes[entry.trade_no] = day_of(entry.at)
    theirs: dict[tuple[str, str | None], int] = {}
    stands_on: dict[tuple[str, str | None], date] = {}
    for day, line in [(day, line) for day, lines in billed.items() for line in lines]:
        is_ours = line.request_no is not None and not line.request_no.startswith("console")
        if line.is_final or not is_ours or (line.trade_no, line.request_no) in ours:
            theirs[line.trade_no, line.request_no] = line.amount
            stands_on[line.trade_no, line.request_no] = day
    for trade_no, heard_on in wholes.items():
        parts = [key for key in theirs if key[0] == trade_no and key[1] is not None and key not in ours]
        beside = [
            [key for key in parts if stands_on[key] == heard_on + timedelta(days=age)] for age in (0, -1, 1)
        ]
        for some in (*beside, parts):
            if sum(theirs[key] for key in some) == ours[trade_no, ""]:
                del ours[trade_no, ""]
                theirs = {key: fen for key, fen in theirs.items() if key not in some}
                break
    apart: set[_Listed] = set()
    for key in ours.keys() | theirs.keys():
        mine, its = ours.get(key), theirs.get(key)
        if mine != its:
            what = What.UNKNOWN if mine is None else What.MISSING if its is None else What.AMOUNT
            apart.add((what, *key, mine, its))
    return apart


def _heard_late(listed: BillDifference, billed: Mapping[date, Sequence[BillLine]]) -> bool:
    """Whether a refund of its trade stands in bills of more days before than are looked at: a month."""
    until = date.fromisoformat(listed.day) - timedelta(days=31)
    return any(
        line.trade_no == listed.trade_no and line.request_no is not None
        for day, lines in billed.items()
        if day < until
        for line in lines
    )
