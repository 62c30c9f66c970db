"""The history that learners read: their orders' events, and the ledger of their 贝里."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import accumulate
from typing import Any

import pytest

from chalicelib.beijing_time import beijing_text
from chalicelib.flows.grant import grant_beli
from chalicelib.shop import choice, order
from chalicelib.shop import ledger as book
from chalicelib.shop.event import By, Cause
from chalicelib.shop.ledger import list_entries
from chalicelib.shop.user import User
from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from tests import builders, purchases
from tests.client import Client
from tests.faults import Exchange, Fault
from tests.faults.routing import FaultyApp
from tests.purchases import Buyer, Clock
from tests.terminal import Operator


@pytest.fixture
def buyer(gateway_server: GatewayServer, alipay: AlipaySimulator) -> Buyer:
    return Buyer(gateway_server.base_url)


@pytest.fixture
def office(gateway_server: GatewayServer) -> Client:
    return Client(gateway_server.base_url, builders.an_admin())


def bought(buyer: Buyer, alipay: AlipaySimulator) -> str:
    number = buyer.place()
    purchases.pay(alipay, number)
    assert purchases.deliver(purchases.notice(alipay, number)) == "success"
    return number


def texts(buyer: Buyer, number: str) -> list[str]:
    return [entry["text"] for entry in buyer.order(number)["history"]]


def ledger(learner: Client, **query: Any) -> Any:
    answer = learner.get("/beli/", params=query)
    assert answer["code"] == 1000
    return answer


# The history of an order


def test_a_whole_life_is_told_in_a_learners_words(
    buyer: Buyer, alipay: AlipaySimulator, office: Client, clock: Clock
) -> None:
    number = bought(buyer, alipay)
    for decision in ("refuse", "approve"):
        clock.advance(minutes=1)
        asked = buyer.post(f"/order/{number}/refund", {"reason": "r"})["data"]
        clock.advance(minutes=1)
        path = f"/admin/refunds/{asked['request_no']}/{decision}"
        assert office.post(path, {"answer": "no"})["code"] == 1000
    assert texts(buyer, number) == [
        "订单已提交",
        "支付成功，课程已开通",
        "已申请退费，课程暂停学习",
        "退费申请未通过，课程恢复学习",
        "已申请退费，课程暂停学习",
        "退费申请已通过，正在退款",
        "订单已退费，课程已关闭",
    ]
    dates = [entry["date"] for entry in buyer.order(number)["history"]]
    assert dates == sorted(dates)
    states = sorted(one["status"] for one in buyer.order(number)["refunds"])
    assert states == ["已拒绝", "已退款"]


def test_every_event_has_a_text_for_learners(buyer: Buyer, alipay: AlipaySimulator, office: Client) -> None:
    number = bought(buyer, alipay)
    asked = buyer.post(f"/order/{number}/refund", {"reason": "r"})["data"]
    office.post(f"/admin/refunds/{asked['request_no']}/approve")
    assert purchases.deliver(purchases.notice(alipay, number)) == "success"
    told = purchases.notice(alipay, number, trade_no="2026000000000000000000000009")
    assert purchases.deliver(told) == "success"
    for text in texts(buyer, number):
        assert not re.search("[a-z]", text), text


def test_a_learner_reads_nothing_of_causes_and_operators(
    buyer: Buyer, alipay: AlipaySimulator, office: Client, operator: Operator
) -> None:
    number = bought(buyer, alipay)
    asked = buyer.post(f"/order/{number}/refund", {"reason": "r"})["data"]
    office.post(f"/admin/refunds/{asked['request_no']}/approve")
    assert office.user is not None
    assert office.user.username not in buyer.get(f"/order/{number}").__repr__()
    shown = operator.does("show-order", number)
    assert office.user.username in shown
    for cause in ("learner", "notification", "provider"):
        assert cause in shown


def test_events_of_one_moment_stand_in_the_order_in_which_they_happened(
    gateway_server: GatewayServer, clock: Clock
) -> None:
    clock.stand_at(builders.now())
    learner = Client(gateway_server.base_url, builders.a_user())
    for _ in range(5):
        number = purchases.place(learner, [builders.a_course(prices=[0])], 0)
        assert purchases.happened(number) == ["placed", "paid"]


def test_each_event_names_its_cause(buyer: Buyer, alipay: AlipaySimulator, clock: Clock) -> None:
    by_notice, by_query, by_clock = bought(buyer, alipay), "", ""
    learner = Client(buyer.base_url, builders.a_user())
    by_query, by_clock = (purchases.place(learner, [builders.a_course(prices=[100])], 1) for _ in range(2))
    purchases.pay(alipay, by_query)
    learner.order(by_query)
    clock.stand_at(purchases.stored(by_clock).expires_at + order.CLOSE_MARGIN)
    purchases.run_timer()
    causes = [
        order.list_events(purchases.stored(number))[-1].cause for number in (by_notice, by_query, by_clock)
    ]
    assert causes[0].by == By.NOTIFICATION and causes[0].detail
    assert causes[1:] == [Cause(By.QUERY), Cause(By.CLOCK)]


# The ledger of beli


def test_the_ledger_tells_every_change_in_a_learners_words(
    buyer: Buyer, alipay: AlipaySimulator, office: Client, clock: Clock
) -> None:
    closed = buyer.place()
    clock.advance(seconds=1)
    assert purchases.cancel(buyer, closed)["code"] == 1000
    clock.advance(seconds=1)
    purchases.pay(alipay, closed)
    assert purchases.deliver(purchases.notice(alipay, closed)) == "success"
    clock.advance(seconds=1)
    asked = buyer.post(f"/order/{closed}/refund", {"reason": "r"})["data"]
    office.post(f"/admin/refunds/{asked['request_no']}/approve")
    data = ledger(buyer)["data"]
    assert [(entry["beli"], entry["text"]) for entry in data["entries"]] == [
        (100, f"订单{closed}退费，退回"),
        (-100, f"订单{closed}重新开通，支付"),
        (100, f"订单{closed}关闭，退回"),
        (-100, f"订单{closed}支付"),
        (100, "学校发放或调整"),
    ]
    assert [entry["order_number"] for entry in data["entries"]] == [closed] * 4 + [None]
    assert [entry["balance"] for entry in data["entries"]] == [100, 0, 100, 0, 100]
    assert data["beli"] == sum(entry["beli"] for entry in data["entries"]) == 100
    newest = purchases.stored(closed).refunded_at
    assert newest is not None
    assert data["entries"][0]["date"] == beijing_text(newest)


def test_the_ledger_is_read_page_by_page_and_adds_up_to_the_balance(buyer: Buyer, clock: Clock) -> None:
    for _ in range(3):
        number = buyer.place()
        clock.advance(seconds=1)
        assert purchases.cancel(buyer, number)["code"] == 1000
    whole = ledger(buyer)["data"]["entries"]
    assert len(whole) == 7
    pages, cursor = [], None
    while True:
        page = ledger(buyer, limit=3, **({"cursor": cursor} if cursor else {}))
        pages.append(page["data"]["entries"])
        cursor = page.get("next")
        if cursor is None:
            break
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [entry for page in pages for entry in page] == whole
    assert sum(entry["beli"] for entry in whole) == ledger(buyer)["data"]["beli"] == 100


def test_a_ledger_page_can_begin_after_the_refund_of_many_lines(
    gateway_server: GatewayServer, alipay: AlipaySimulator, office: Client, clock: Clock
) -> None:
    user = builders.a_user(beli=400)
    learner = Client(gateway_server.base_url, user)
    courses = [builders.a_course(prices=[100], with_detail=False) for _ in range(choice.MAX_LINES)]
    number = purchases.place(learner, courses, 0, is_beli=True)
    clock.advance(seconds=1)
    asked = learner.post(f"/order/{number}/refund", {"reason": "r"})["data"]
    assert office.post(f"/admin/refunds/{asked['request_no']}/approve")["data"]["status"] == "已退款"
    first = ledger(learner, limit=1)
    second = ledger(learner, limit=1, cursor=first["next"])
    assert [page["data"]["entries"][0]["beli"] for page in (first, second)] == [400, -400]


@pytest.mark.parametrize("query", [{"cursor": "x"}, {"cursor": "T1JERVIj"}, {"limit": "0"}, {"limit": "x"}])
def test_a_page_that_does_not_exist_is_refused(buyer: Buyer, query: dict[str, str]) -> None:
    assert buyer.request("GET", "/beli/", params=query).status_code == 400


def balances(user: User) -> dict[int, int]:
    """The balance after each entry, by the entry's amount, summed up from the first one."""
    entries = list_entries(user.user_id)
    return dict(
        zip((entry.beli for entry in entries), accumulate(entry.beli for entry in entries), strict=True)
    )


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 500])
def test_every_page_tells_the_balance_after_each_entry(gateway_server: GatewayServer, limit: int) -> None:
    user = builders.a_user()
    for beli in (100, -30, 5, 400, -75, 1, 60):
        grant_beli(user, beli, "test", builders.now())
    learner = Client(gateway_server.base_url, user)
    told, query = dict[int, int](), dict[str, Any](limit=limit)
    while True:
        page = ledger(learner, **query)
        told |= {entry["beli"]: entry["balance"] for entry in page["data"]["entries"]}
        if "next" not in page:
            break
        query["cursor"] = page["next"]
    assert told == balances(user)
    assert ledger(learner, limit=1)["data"]["entries"][0]["balance"] == 461 == page["data"]["beli"]


def test_entries_written_meanwhile_make_no_balance_wrong(faulty_app: FaultyApp) -> None:
    user = builders.a_user(beli=100)
    learner = Client(faulty_app.base_url, user)
    amounts = iter((7, 11, 13, 17, 19))

    def grant_before(exchange: Exchange) -> bytes:
        grant_beli(user, next(amounts), "test", builders.now())
        return exchange.forward()

    with faulty_app.dynamodb.faults(Fault.on("Query", action=grant_before, nth=1)):
        first = ledger(learner, limit=1)
    with faulty_app.dynamodb.faults(Fault.on("Query", action=grant_before, nth=1)):
        second = ledger(learner, limit=1, cursor=first["next"])
    shown = [page["data"]["entries"][0] for page in (first, second)]
    assert {entry["beli"]: entry["balance"] for entry in shown}.items() <= balances(user).items()


def test_a_ledger_of_more_than_an_answer_of_the_database_adds_up(gateway_server: GatewayServer) -> None:
    user, now = builders.a_user(), builders.now()
    for number in range(1, 31):
        book.entry(
            user.user_id, number, f"{number:02d}", "x" * 50_000, now + timedelta(seconds=number)
        ).save()
    learner = Client(gateway_server.base_url, user)
    first = ledger(learner, limit=2)
    second = ledger(learner, limit=2, cursor=first["next"])
    rows = first["data"]["entries"] + second["data"]["entries"]
    assert [(row["beli"], row["balance"]) for row in rows] == [(30, 465), (29, 435), (28, 406), (27, 378)]


def test_somebody_without_beli_has_an_empty_ledger(gateway_server: GatewayServer) -> None:
    learner = Client(gateway_server.base_url, builders.a_user())
    assert ledger(learner)["data"] == {"beli": 0, "entries": []}


def test_a_ledger_is_its_users_alone(buyer: Buyer, gateway_server: GatewayServer) -> None:
    buyer.place()
    other = Client(gateway_server.base_url, builders.a_user(beli=5))
    cursor = ledger(buyer, limit=1)["next"]
    assert [entry["beli"] for entry in ledger(other)["data"]["entries"]] == [5]
    assert sum(entry["beli"] for entry in ledger(other, cursor=cursor)["data"]["entries"]) in (0, 5)
    assert Client(gateway_server.base_url).request("GET", "/beli/").status_code == 401
