"""Deadlines: none outlasts its request, and what has no time left is not begun."""

from __future__ import annotations

import math
from contextvars import copy_context
from threading import Thread

import pytest

from chalicelib.deadline import ANSWER_SECONDS, Deadline, ending_with, of_request
from chalicelib.errors import CartStoreUnavailable, GatewayUnavailable, StoreUnavailable
from chalicelib.gateways.http import fetch
from chalicelib.settings import aws_settings
from chalicelib.storage.dynamodb import Patience, StoreConnection
from chalicelib.storage.redis_client import cart_store


class Context:
    """What Lambda tells a function of its time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self._seconds * 1000)


def test_a_deadline_has_its_own_seconds_where_no_request_has_fewer() -> None:
    assert Deadline().remaining() == math.inf
    assert 8 >= Deadline(8).remaining() > 0
    with ending_with(Deadline(1000)):
        assert 8 >= Deadline(8).remaining() > 0
    with ending_with(Deadline(1)):
        assert Deadline(8).remaining() <= 1
        assert Deadline().remaining() <= 1
    assert Deadline().remaining() == math.inf


def test_a_request_keeps_some_of_lambdas_time_for_its_answer() -> None:
    deadline = of_request(Context(20))
    assert deadline is not None
    assert deadline.remaining() <= 20 - ANSWER_SECONDS
    over = of_request(Context(1))
    assert over is not None
    assert over.remaining() == 0


def test_outside_of_lambda_a_request_has_no_deadline() -> None:
    assert of_request(None) is None
    with ending_with(None):
        assert Deadline().remaining() == math.inf


def test_a_thread_has_the_deadline_of_the_request_it_works_for() -> None:
    left: list[float] = []
    with ending_with(Deadline(5)):
        thread = Thread(target=copy_context().run, args=[lambda: left.append(Deadline().remaining())])
    thread.start()
    thread.join()
    assert left[0] <= 5


def test_when_the_time_is_over_no_call_begins() -> None:
    store = StoreConnection(aws_settings(), Patience())
    with ending_with(Deadline(0)):
        with pytest.raises(StoreUnavailable) as of_dynamodb:
            store.dispatch("ListTables", {})
        with pytest.raises(CartStoreUnavailable) as of_redis, cart_store():
            raise AssertionError("it began")
        with pytest.raises(GatewayUnavailable) as of_third_party:
            fetch("somebody", "http://127.0.0.1:1/", Deadline(8), 4)
    assert [caught.value.facts["reason"] for caught in (of_dynamodb, of_redis, of_third_party)] == [
        "deadline"
    ] * 3


def test_patience_ends_with_the_request() -> None:
    with ending_with(Deadline(0)):
        assert len(list(Patience(give_up_after=1000).pauses())) == 2
