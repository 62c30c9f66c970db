"""The cart over HTTP."""

from __future__ import annotations

from tests import builders
from tests.client import Client
from tests.faults.routing import FaultyApp


def test_a_cart_that_cannot_be_reached_is_answered_with_the_document_codes(faulty_app: FaultyApp) -> None:
    course = builders.a_course()
    learner = Client(faulty_app.base_url, builders.a_user())
    line = {"course_id": course.course_id, "price_policy_id": builders.policy_id_of(course)}
    assert learner.post("/shoppingcar/", line)["code"] == 1000
    with faulty_app.redis.down():
        assert learner.post("/shoppingcar/", line)["code"] == 1202
        assert learner.get("/shoppingcar/")["code"] == 1233
        assert learner.delete("/shoppingcar/", {"course_id": course.course_id})["code"] == 1204
    assert learner.get("/shoppingcar/")["data"]["total"] == 1
    with faulty_app.dynamodb.down():
        assert learner.get("/shoppingcar/")["code"] == 1233
