"""The journal: each fact of money once, on its Beijing day, with what its figure is made of."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

import app as application
from chalicelib.flows import fill_journal, resolve_problem
from chalicelib.money import to_yuan
from chalicelib.shop import journal, order
from chalicelib.shop.journal import JournalEntry
from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from tests import builders, purchases
from tests.alipay_answers import refused
from tests.client import Client
from tests.faults import Fault
from tests.faults.routing import FaultyApp
from tests.integration.test_late_money import late
from tests.integration.test_refunds import REFUND, Student, approve, calls_of, office
from tests.purchases import Buyer, Clock
from tests.terminal import Operator

__all__ = ["office"]

Told = tuple[str, str, int, list[int]]

pytestmark = pytest.mark.usefixtures("own_tables")


@pytest.fixture
def student(faulty_app: FaultyApp, alipay: AlipaySimulator, clock: Clock) -> Student:
    return Student(faulty_app.base_url, alipay)


def entries(number: str, day: date | None = None) -> list[JournalEntry]:
    """What the journal has of an order on a day, today if none is named."""
    found = journal.list_day(day or journal.day_of(application.app.now()))
    return [entry for entry in found if entry.order_number == number]


def told(number: str, day: date | None = None) -> list[Told]:
    """The same as fact, use, amount and lines, in no order."""
    return sorted(
        (entry.fact, entry.use, entry.amount, [line.position for line in entry.lines])
        for entry in entries(number, day)
    )


def test_a_payment_is_recorded_once_with_the_shares_of_each_discount(
    student: Student, alipay: AlipaySimulator
) -> None:
    for _ in range(2):
        assert purchases.deliver(purchases.notice(alipay, student.number)) == "success"
    [entry] = entries(student.number)
    placed = purchases.stored(student.number)
    assert (entry.fact, entry.use, entry.amount) == (journal.PAID, "applied", 30000)
    assert (entry.provider, entry.trade_no, entry.request_no) == ("alipay", placed.trade_no, None)
    assert entry.user_id == student.person.user_id
    first, second = entry.lines
    assert (first.original_price, first.coupon_share, second.coupon_share) == (30000, 5000, 0)
    assert first.general_share + second.general_share == 3500
    assert first.beli_share + second.beli_share == 1500
    assert first.beli + second.beli == 150
    for line, stored in zip(entry.lines, placed.lines, strict=True):
        taken = line.coupon_share + line.general_share + line.beli_share
        assert line.original_price - taken == line.payable == stored.payable
        assert (line.course_id, line.policy_id) == (stored.course_id, stored.policy_id)


def test_refunds_are_recorded_with_their_request_and_lines(
    student: Student, office: Client, clock: Clock
) -> None:
    first = student.applies([0])
    approve(office, first)
    clock.advance(minutes=1)
    second = student.applies()
    approve(office, second)
    back = student.back()
    assert [journal.moved(entries(student.number), fact) for fact in (journal.PAID, journal.REFUNDED)] == [
        30000,
        sum(back),
    ]
    refunds = {entry.request_no: entry for entry in entries(student.number) if entry.fact == journal.REFUNDED}
    assert refunds.keys() == {first, second}
    assert [line.position for line in refunds[first].lines] == [0]
    assert [line.position for line in refunds[second].lines] == [1]
    assert [refunds[first].amount, refunds[second].amount] == back
    assert {entry.trade_no for entry in refunds.values()} == {purchases.stored(student.number).trade_no}


def test_an_order_of_nothing_and_its_return_are_facts_too(
    gateway_server: GatewayServer, clock: Clock
) -> None:
    learner = Client(gateway_server.base_url, builders.a_user())
    number = purchases.place(learner, [builders.a_course(prices=[0])], 0)
    assert told(number) == [("free", "applied", 0, [0])]
    assert learner.post(f"/order/{number}/refund", {"reason": "看错了"})["code"] == 1000
    assert told(number) == [("free", "applied", 0, [0]), ("refunded", "application", 0, [0])]


def test_money_that_its_order_cannot_use_is_about_no_line_either_way(
    faulty_app: FaultyApp, alipay: AlipaySimulator, clock: Clock
) -> None:
    number = late(Buyer(faulty_app.base_url), alipay)
    assert told(number) == [("paid", "late", 24000, [])]
    clock.advance(minutes=1)
    purchases.run_timer()
    assert told(number) == [("paid", "late", 24000, []), ("refunded", "late payment", 24000, [])]


def test_a_trade_that_the_console_refunded_whole_is_about_the_lines_that_were_left(
    student: Student, office: Client, alipay: AlipaySimulator, clock: Clock
) -> None:
    approve(office, student.applies([0]))
    alipay.refund(student.number)
    for _ in range(2):
        assert purchases.deliver(purchases.notice(alipay, student.number)) == "success"
    left = 30000 - student.back()[0]
    assert ("refunded", journal.WHOLE_TRADE, left, [1]) in told(student.number)
    assert journal.moved(entries(student.number), journal.REFUNDED) == sum(student.back()) == 30000


def test_money_that_went_back_another_way_and_then_by_the_provider_is_two_facts(
    student: Student,
    faulty_app: FaultyApp,
    alipay: AlipaySimulator,
    office: Client,
    operator: Operator,
    clock: Clock,
) -> None:
    request_no = student.applies([0])
    no = refused(student.alipay, REFUND, "ACQ.SELLER_BALANCE_NOT_ENOUGH")
    with faulty_app.alipay.faults(Fault.on("GET", action=no, where=calls_of(REFUND, student.number))):
        approve(office, request_no)
    operator.does("resolve-refund", request_no, "--reason", "by bank transfer")
    amount = student.refunds()[0].amount
    paid = ("paid", "applied", 30000, [0, 1])
    elsewhere = ("elsewhere", "application", amount, [0])
    assert told(student.number) == [elsewhere, paid]
    alipay.refund(student.number, amount, request_no)
    today, tomorrow = journal.day_of(clock()), clock() + timedelta(days=1)
    clock.stand_at(tomorrow)
    for _ in range(2):
        assert purchases.deliver(purchases.notice(alipay, student.number)) == "success"
    refunded = ("refunded", "application", amount, [0])
    for _ in range(2):
        assert told(student.number, today) == [elsewhere, paid]
        [entry] = entries(student.number, journal.day_of(tomorrow))
        assert told(student.number, journal.day_of(tomorrow)) == [refunded]
        entry.delete()
        operator.does("fill-journal")


@pytest.mark.parametrize(("paid", "day"), [("23:59:59", 0), ("00:00:00", 1)])
def test_a_fact_lies_on_the_beijing_day_on_which_the_provider_took_the_money(
    faulty_app: FaultyApp, alipay: AlipaySimulator, clock: Clock, paid: str, day: int
) -> None:
    buyer = Buyer(faulty_app.base_url)
    today = journal.day_of(clock())
    number = buyer.place()
    purchases.pay(alipay, number)
    days = [today - timedelta(days=1), today]
    notice = purchases.notice(alipay, number, gmt_payment=f"{days[day]} {paid}")
    assert purchases.deliver(notice) == "success"
    assert [bool(told(number, each)) for each in days] == [day == 0, day == 1]


def test_what_the_journal_lacks_is_written_by_a_command_and_nothing_twice(
    student: Student,
    faulty_app: FaultyApp,
    office: Client,
    alipay: AlipaySimulator,
    operator: Operator,
    clock: Clock,
) -> None:
    approve(office, student.applies([0]))
    alipay.refund(student.number)
    assert purchases.deliver(purchases.notice(alipay, student.number)) == "success"
    learner = Client(faulty_app.base_url, builders.a_user())
    free = purchases.place(learner, [builders.a_course(prices=[0])], 0)
    sent_back = late(Buyer(faulty_app.base_url), alipay)
    clock.advance(minutes=1)
    purchases.run_timer()
    numbers = (student.number, free, sent_back)
    written = {(entry.owner, entry.sort): entry for number in numbers for entry in entries(number)}
    assert len(written) == 3 + 1 + 2
    for entry in written.values():
        entry.delete()
    assert not [entry for number in numbers for entry in entries(number)]

    said = operator.does("fill-journal")
    again = {(entry.owner, entry.sort): entry for number in numbers for entry in entries(number)}
    assert {key: entry.serialize() for key, entry in again.items()} == {
        key: entry.serialize() for key, entry in written.items()
    }
    assert int(said.split(" orders read, ")[1].split()[0]) >= len(written)
    assert ", 0 entries were missing" in operator.does("fill-journal")
    assert "fill-journal  journal" in operator.does("audit")


def test_filling_that_was_cut_off_goes_on_when_it_is_repeated(student: Student) -> None:
    class Cut(Exception):
        pass

    def cut(read: int, written: int) -> None:
        if written:
            raise Cut

    [entry] = entries(student.number)
    entry.delete()
    with pytest.raises(Cut):
        fill_journal.fill(cut)
    assert fill_journal.fill(lambda read, written: None)[1] == 0
    assert [again.sort for again in entries(student.number)] == [entry.sort]


def test_an_order_that_waits_for_its_money_is_no_fact(faulty_app: FaultyApp, clock: Clock) -> None:
    number = Buyer(faulty_app.base_url).place()
    placed = purchases.stored(number)
    assert list(fill_journal.facts(placed, order.list_about(placed))) == []
    assert told(number) == []


def test_a_person_reads_a_day_with_its_sums(
    student: Student, office: Client, operator: Operator, clock: Clock
) -> None:
    request_no = student.applies([0])
    approve(office, request_no)
    placed, day = purchases.stored(student.number), journal.day_of(clock())
    lines = operator.does("journal").splitlines()
    assert operator.does("journal", "--day", day.isoformat()).splitlines() == lines
    [paid] = [line for line in lines if f"  {placed.trade_no}  " in line]
    names = "、".join(line.course_name for line in placed.lines)
    assert paid.endswith(f"收款      300.00  支付宝  {student.number}  {placed.trade_no}  {names}")
    [back] = [line for line in lines if request_no in line]
    assert f"退款  {to_yuan(student.back()[0]):>10.2f}  支付宝  {student.number}  {request_no}" in back
    every = [entry for entry in journal.list_day(day) if entry.provider == "alipay"]
    came, went = (to_yuan(journal.moved(every, fact)) for fact in (journal.PAID, journal.REFUNDED))
    [sums] = [line for line in lines if line.startswith("支付宝: ")]
    assert sums.startswith(f"支付宝: {came:.2f} came, {went:.2f} went back by it, ")
    assert operator.does("journal", "--day", "2020-02-29") == "no money moved on 2020-02-29\n"
    assert "not a day" in operator.is_misunderstood("journal", "--day", "2026-02-30")


def test_an_order_of_the_old_system_is_recorded_when_its_payment_becomes_known(
    student: Student, clock: Clock
) -> None:
    placed = purchases.stored(student.number)
    [entry] = entries(student.number)
    assert [fact.sort for fact in fill_journal.facts(placed, order.list_about(placed))] == [entry.sort]
    resolve_problem.retry_order(
        student.number, "op", application.app.gateways, clock() + timedelta(minutes=1)
    )
    assert len(entries(student.number)) == 1
