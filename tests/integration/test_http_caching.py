"""What may be kept of answers: ETags, 304, seconds, and that nothing private is kept anywhere."""

from __future__ import annotations

import pytest

import app as application
from chalicelib.shop import catalog
from chalicelib.shop.catalog import Course
from chalicelib.web import caching, shop_app
from localstack.api_gateway import GatewayServer
from tests import builders
from tests.client import Client
from tests.faults.routing import FaultyApp

MAX_AGE = f"public, max-age={caching.MAX_AGE}"


@pytest.fixture(scope="module")
def course(gateway_server: GatewayServer) -> Course:
    teacher = {"teacher_id": 7, "name": "老师", "title": "讲师", "image": "", "brief": ""}
    catalog.teacher_item(7, name="老师", role=catalog.LECTURER, title="讲师", image="", brief="").save()
    return builders.a_course(teachers=[teacher])


@pytest.fixture
def visitor(gateway_server: GatewayServer) -> Client:
    return Client(gateway_server.base_url)


@pytest.fixture
def learner(gateway_server: GatewayServer) -> Client:
    return Client(gateway_server.base_url, builders.a_user())


def public_paths(course: Course) -> list[str]:
    return [
        "/home",
        "/teachers",
        "/teachers/7",
        "/course/category",
        "/courses/?limit=3",
        "/courses/search?words=x",
        f"/coursedetail/{course.detail_id}/",
        f"/course/{course.course_id}",
        f"/course/{course.course_id}/questions",
    ]


def for_visitors(course: Course) -> list[str]:
    return [f"/course/{course.course_id}/chapters", "/coupons/available"]


def test_a_public_answer_says_how_long_it_may_be_kept_and_has_an_etag(
    visitor: Client, course: Course
) -> None:
    for path in [*public_paths(course), *for_visitors(course)]:
        answer = visitor.request("GET", path)
        assert answer.status_code == 200, path
        assert answer.headers["Cache-Control"] == MAX_AGE, path
        assert answer.headers["ETag"] == caching.etag(answer.text), path
        assert "Accept-Encoding" in answer.headers["Vary"], path


def test_who_has_the_answer_is_answered_304_without_it(visitor: Client, course: Course) -> None:
    for path in [*public_paths(course), *for_visitors(course)]:
        first = visitor.request("GET", path)
        again = visitor.request("GET", path, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b""), path
        for name in ("ETag", "Cache-Control", "Vary", "Access-Control-Allow-Origin"):
            assert again.headers[name] == first.headers[name], (path, name)


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ("*", 304),
        ("W/{}", 304),
        ('"x", {}', 304),
        ('W/"x",W/{},"y"', 304),
        ('"x"', 200),
        ("", 200),
        ("x", 200),
        ('W/"*"', 200),
        ('"', 200),
        ("*, *", 200),
    ],
)
def test_if_none_match_is_read_in_all_its_forms(
    visitor: Client, course: Course, form: str, status: int
) -> None:
    path = f"/course/{course.course_id}"
    tag = visitor.request("GET", path).headers["ETag"]
    asked = visitor.request("GET", path, headers={"If-None-Match": form.format(tag)})
    assert asked.status_code == status


def test_a_changed_answer_has_another_etag(visitor: Client, gateway_server: GatewayServer) -> None:
    course = builders.a_course()
    path = f"/course/{course.course_id}"
    before = visitor.request("GET", path).headers["ETag"]
    course.update([Course.name.set("新名字")])
    application.app.forget_fresh()
    after = visitor.request("GET", path, headers={"If-None-Match": before})
    assert after.status_code == 200
    assert after.headers["ETag"] != before


def test_with_a_token_the_answers_that_know_who_asks_are_kept_by_nobody(
    learner: Client, course: Course
) -> None:
    for path in for_visitors(course):
        answer = learner.request("GET", path, headers={"If-None-Match": "*"})
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        assert "ETag" not in answer.headers
        assert "Authorization" in answer.headers["Vary"], "a visitor's answer is not theirs"
    for path in public_paths(course):
        assert learner.request("GET", path).headers["Cache-Control"] == MAX_AGE


def test_private_answers_are_kept_by_nobody(learner: Client, course: Course) -> None:
    for path in ("/userinfo", "/shoppingcar/", "/myorder/", "/coupons", "/mycourses", "/sessions", "/beli"):
        answer = learner.request("GET", path, headers={"If-None-Match": "*"})
        assert answer.status_code == 200, path
        assert answer.headers["Cache-Control"] == "no-store", path
        assert "ETag" not in answer.headers


def test_no_other_route_is_kept(visitor: Client, course: Course) -> None:
    ids = {"{course_id}": course.course_id, "{detail_id}": course.detail_id, "{teacher_id}": 7}
    kept = set()
    for path, methods in application.app.routes.items():
        asked = "/".join(str(ids.get(part, part)) for part in path.split("/"))
        if "GET" in methods and visitor.request("GET", asked).headers["Cache-Control"] != "no-store":
            kept.add(path)
    assert kept == {
        *("/home", "/teachers", "/teachers/{teacher_id}", "/course/category", "/courses", "/courses/search"),
        *("/coursedetail/{detail_id}", "/course/{course_id}", "/course/{course_id}/questions"),
        *("/course/{course_id}/chapters", "/coupons/available"),
    }


def test_what_is_not_there_and_what_cannot_be_read_is_not_kept(
    faulty_app: FaultyApp, gateway_server: GatewayServer
) -> None:
    visitor = Client(faulty_app.base_url)
    for path in ("/coursedetail/1", "/courses?limit=0", "/nowhere"):
        assert visitor.request("GET", path).headers["Cache-Control"] == "no-store"
    application.app.forget_fresh()
    with faulty_app.dynamodb.down():
        answer = visitor.request("GET", "/home", headers={"If-None-Match": "*"})
    assert (answer.status_code, answer.headers["Cache-Control"]) == (503, "no-store")


def test_a_refusal_of_a_public_route_is_kept_like_its_answers(visitor: Client) -> None:
    answer = visitor.request("GET", "/course/1")
    assert (answer.json()["code"], answer.headers["Cache-Control"]) == (1601, MAX_AGE)


def test_what_is_kept_here_and_by_others_is_together_younger_than_ten_seconds() -> None:
    reading = 2
    assert 0 < shop_app.FRESH_SECONDS + caching.MAX_AGE + reading <= 10


# What a page may read of an answer


def test_a_page_may_read_request_id_etag_and_the_seconds_to_wait(visitor: Client) -> None:
    for path in ("/home", "/userinfo", "/nowhere"):
        answer = visitor.request("GET", path)
        exposed = answer.headers["Access-Control-Expose-Headers"].split(",")
        assert exposed == ["ETag", "Retry-After", "x-amzn-RequestId"], path
        assert answer.headers["x-amzn-RequestId"]


def test_with_one_origin_an_answer_varies_by_it(visitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://shop.example")
    answer = visitor.request("GET", "/course/category")
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert answer.headers["Vary"] == "Accept-Encoding, Origin"
    assert visitor.request("GET", "/nowhere").headers["Access-Control-Allow-Origin"] == "*", (
        "the gateway's own"
    )
    assert visitor.request("DELETE", "/logout").headers["Vary"] == "Origin"
