"""Confirming a phone number or an address, and what one may do with it: sign in, set a forgotten password."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

import app as application
from chalicelib.errors import ContactTaken
from chalicelib.flows import change_password
from chalicelib.flows.change_contact import release_contact
from chalicelib.flows.change_user import disable_user
from chalicelib.flows.move_contacts import move
from chalicelib.flows.send_code import EVEN_SECONDS
from chalicelib.gateways.post import Refused, Unclear
from chalicelib.settings import settings
from chalicelib.shop import code_texts, contact, one_time_code
from chalicelib.shop.contact import MAIL, SMS, Contacts, find_contacts
from chalicelib.shop.message import Event, Message
from chalicelib.shop.one_time_code import MAX_TRIES, Purpose, Subject
from chalicelib.shop.user import User, find_user
from chalicelib.storage.dynamodb import Transaction, UserItem
from localstack.post import PostSimulator
from tests import builders
from tests.addresses import ClientAt
from tests.builders import PASSWORD
from tests.captcha import captcha_on
from tests.faults import Fault, reset_after
from tests.faults.routing import FaultyApp
from tests.postbox import Postbox, postbox
from tests.proof import invariants
from tests.purchases import Clock, at_once
from tests.shapes import check_refusal
from tests.terminal import Operator

pytestmark = pytest.mark.usefixtures("own_tables", "gateway_server")

WRONG, NEW = "000000", "another good one"


@pytest.fixture
def box(gateway_server: object) -> Iterator[Postbox]:
    with postbox() as box:
        yield box


@pytest.fixture
def learner(box: Postbox) -> ClientAt:
    return ClientAt(builders.a_user())


def ask(client: ClientAt, purpose: str, to: str, **further: object) -> Any:
    channel = MAIL if "@" in to else SMS
    return client.post("/codes", {"purpose": purpose, "channel": channel, "to": to} | further)


def confirm(client: ClientAt, to: str, code: str, **further: object) -> Any:
    return client.put(f"/contacts/{MAIL if '@' in to else SMS}", {"to": to, "code": code} | further)


def sign_in(to: str, code: str, **headers: str) -> Any:
    return ClientAt().post("/login/code", {"channel": SMS, "to": to, "code": code}, headers=headers)


def set_password(to: str, code: str, password: str = NEW) -> Any:
    channel = MAIL if "@" in to else SMS
    body = {"channel": channel, "to": to, "code": code, "password": password}
    return ClientAt().put("/password/forgotten", body)


def another(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


def in_time(clock: Clock, **later: float) -> None:
    """So much later, another code may be asked for."""
    clock.advance(**(later or {"seconds": 61}))


def owner(client: ClientAt) -> User:
    assert client.user
    return client.user


# Confirming


@pytest.mark.parametrize("channel", [SMS, MAIL])
def test_a_code_confirms_a_contact_once(learner: ClientAt, box: Postbox, channel: str) -> None:
    to = builders.a_number() + ("" if channel == SMS else "@school.test")
    assert find_contacts(owner(learner).user_id) == Contacts()
    assert ask(learner, "confirm", to)["data"] == {"wait_seconds": 60, "expires_in": 300}
    code = box.code(to)
    assert confirm(learner, to, another(code))["code"] == 2104
    shown = confirm(learner, to, code)["data"]
    assert shown[channel] == {"masked": contact.masked(channel, to), "is_confirmed": True}
    assert shown["channels"] == [SMS, MAIL]
    assert getattr(find_contacts(owner(learner).user_id), channel) == to
    # Sent twice, it is done once; another account's attempt with the code of this one is none.
    assert confirm(learner, to, code)["data"] == shown == learner.get("/contacts")["data"]
    assert confirm(ClientAt(builders.a_user()), to, code)["code"] == 2104
    invariants.check([owner(learner).user_id])


def test_what_was_imported_is_shown_and_not_confirmed(learner: ClientAt) -> None:
    user = owner(learner)
    user.update([User.mobile.set("13800138000"), User.email.set("no address")])
    shown = learner.get("/contacts")["data"]
    assert shown[SMS] == {"masked": "138****8000", "is_confirmed": False}
    assert shown[MAIL] is None
    assert find_contacts(user.user_id) == Contacts()


def test_of_two_accounts_that_claim_a_number_at_once_one_gets_it(box: Postbox, clock: Clock) -> None:
    to, learners = builders.a_number(), [ClientAt(builders.a_user()) for _ in range(2)]
    codes = []
    for one in learners:
        one.token = builders.a_token(owner(one), clock())
        assert ask(one, "confirm", to)["code"] == 1000
        codes.append(box.code(to))
        in_time(clock)
    answers = at_once(
        *[
            lambda one=one, code=code: confirm(one, to, code)["code"]
            for one, code in zip(learners, codes, strict=True)
        ]
    )
    assert sorted(answers) == [1000, 2107]
    invariants.check([owner(one).user_id for one in learners])


def test_the_same_request_twice_at_once_confirms_once(learner: ClientAt, box: Postbox) -> None:
    to = builders.a_number()
    ask(learner, "confirm", to)
    code = box.code(to)
    assert at_once(*[lambda: confirm(learner, to, code)["code"]] * 4) == [1000] * 4
    invariants.check([owner(learner).user_id])


def test_another_number_takes_its_place_with_the_password_only(learner: ClientAt, box: Postbox) -> None:
    old, to = builders.a_contact(owner(learner)), builders.a_number()
    ask(learner, "confirm", to)
    code = box.code(to)
    for wrong in ({}, {"password": None}, {"password": "not the password"}):
        assert confirm(learner, to, code, **wrong)["code"] == 1002
    assert find_contacts(owner(learner).user_id).sms == old
    assert confirm(learner, to, code, password=PASSWORD)["code"] == 1000
    assert find_contacts(owner(learner).user_id).sms == to
    assert contact.find_owner(SMS, old, settings().contact_keys) is None
    invariants.check([owner(learner).user_id])


def test_a_number_changes_hands(learner: ClientAt, box: Postbox, clock: Clock) -> None:
    """Whoever has it now signs in to the account that has confirmed it now, and to none before."""
    to, next_one = builders.a_contact(owner(learner)), ClientAt(builders.a_user())
    for one in (learner, next_one):
        one.token = builders.a_token(owner(one), clock())
    ask(ClientAt(), "sign-in", to)
    before = box.code(to)
    assert learner.delete("/contacts/sms", {"password": "not the password"})["code"] == 1002
    assert learner.delete("/contacts/sms", {"password": PASSWORD})["data"][SMS] is None
    assert learner.delete("/contacts/sms", {"password": PASSWORD})["code"] == 1000
    assert sign_in(to, before)["code"] == 2104
    in_time(clock)
    ask(next_one, "confirm", to)
    assert confirm(next_one, to, box.code(to))["code"] == 1000
    in_time(clock)
    ask(ClientAt(), "sign-in", to)
    assert sign_in(to, box.code(to))["data"]["userinfo"]["username"] == owner(next_one).username
    invariants.check([owner(one).user_id for one in (learner, next_one)])


def test_an_operator_takes_a_number_that_has_another_holder_and_sees_no_number_whole(
    learner: ClientAt, operator: Operator
) -> None:
    user, to = owner(learner), builders.a_contact(owner(learner))
    shown = operator.does("show-user", user.username)
    assert f"sms: {contact.masked(SMS, to)}, confirmed" in shown
    assert "mail: none" in shown
    act = ("release-contact", user.username, SMS, "--reason", "有了新的机主")
    assert to not in shown + operator.does(*act)
    assert contact.find_owner(SMS, to, settings().contact_keys) is None
    assert not release_contact(user, SMS, "op", "test", settings(), builders.now())
    assert to not in operator.does("audit")
    invariants.check([user.user_id])


def test_keys_of_stored_items_and_the_claim_do_not_tell_the_number(learner: ClientAt, box: Postbox) -> None:
    to = builders.a_number()
    ask(learner, "confirm", to)
    code = box.code(to)
    subject = Subject(Purpose.CONFIRM, SMS, to, owner(learner).user_id)
    place = one_time_code._place(subject, settings().contact_keys[0])
    stored = str(UserItem.get(*place).to_dynamodb_dict())
    assert to not in stored
    assert code not in stored
    confirm(learner, to, code)
    (claim,) = [UserItem.get(*key[1:]) for key in contact.claim_keys(SMS, to, settings().contact_keys)]
    assert to not in str(claim.to_dynamodb_dict())


def test_a_new_key_before_the_old_one_finds_what_was_confirmed_and_moves_it(
    learner: ClientAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, to = owner(learner), builders.a_contact(owner(learner))
    old = settings().contact_keys
    both = ("a new key for the contacts of tests, long enough", *old)
    assert contact.find_owner(SMS, to, both) == user.user_id
    stranger = builders.a_user()
    for person, is_refused in ((stranger, True), (user, False)):
        transaction = Transaction()
        before = contact.find_contact(person.user_id, SMS)
        contact.confirm(transaction, person.user_id, before, SMS, to, both, builders.now())
        if is_refused:
            with pytest.raises(ContactTaken):
                transaction.commit(witness=lambda: False)
        else:
            transaction.commit(witness=lambda: False)
    assert contact.find_owner(SMS, to, both[:1]) == user.user_id
    assert contact.find_owner(SMS, to, old) is None


def test_contacts_are_moved_to_the_new_key_and_the_old_one_can_go(
    learner: ClientAt, operator: Operator
) -> None:
    user, to = owner(learner), builders.a_contact(owner(learner))
    builders.a_contact(user, MAIL)
    old = settings().contact_keys
    both = ("another key for the contacts of tests, long enough", *old)
    for channel in (SMS, MAIL):
        before = contact.find_contact(user.user_id, channel)
        assert before is not None
        assert [move(before, both), move(before, both)] == [True, False]
        after = contact.find_contact(user.user_id, channel)
        assert after is not None
        assert after.serialize() == before.serialize()
        assert contact.find_owner(channel, before.to, both[:1]) == user.user_id
        assert contact.find_owner(channel, before.to, old) is None

    # Its key is gone: it is found again, unless somebody else has confirmed it since.
    stale = contact.find_contact(user.user_id, SMS)
    assert stale is not None
    stranger = builders.a_user()
    taken = Transaction()
    contact.confirm(taken, stranger.user_id, None, SMS, to, old, builders.now())
    taken.commit(witness=lambda: False)
    with pytest.raises(ContactTaken):
        move(stale, old)
    assert f"user {user.user_id}: a contact is another user's" in operator.does("move-contacts")
    assert contact.find_owner(SMS, to, old) == stranger.user_id
    mail = contact.find_contact(user.user_id, MAIL)
    assert mail is not None
    assert contact.find_owner(MAIL, mail.to, old) == user.user_id
    assert "move-contacts  contacts" in operator.does("audit")

    # Given up meanwhile, it stays so.
    release_contact(user, MAIL, "op", "test", settings(), builders.now())
    assert not move(mail, old)
    assert contact.find_owner(MAIL, mail.to, old) is None
    stale.delete()


# Signing in, and a forgotten password


def test_a_code_signs_in_once_as_a_password_does(learner: ClientAt, box: Postbox) -> None:
    to = builders.a_contact(owner(learner))
    assert ask(ClientAt(), "sign-in", to)["code"] == 1000
    code = box.code(to)
    signed_in = sign_in(to, code)
    assert signed_in["code"] == 1000
    client = ClientAt()
    client.token = signed_in["data"]["token"]
    assert client.get("/userinfo")["data"]["username"] == owner(learner).username
    assert sign_in(to, code)["code"] == 2104
    assert len(learner.get("/sessions")["data"]) == 2


@pytest.mark.parametrize("channel", [SMS, MAIL])
def test_a_code_sets_a_forgotten_password_and_ends_all_sessions(
    learner: ClientAt, box: Postbox, channel: str
) -> None:
    to, user = builders.a_contact(owner(learner), channel), owner(learner)
    ask(ClientAt(), "password", to)
    code = box.code(to)
    for weak in ("short", "12345678", f"{user.username} 1"):
        assert set_password(to, code, weak)["code"] == 1007
    assert set_password(to, code)["code"] == 1000
    assert set_password(to, code, "yet another one")["code"] == 2104
    assert learner.request("GET", "/userinfo").status_code == 401
    for password, answer in ((PASSWORD, 1002), (NEW, 1000)):
        body = {"username": user.username, "password": password}
        assert ClientAt().post("/login", body)["code"] == answer


def test_a_code_does_one_thing(learner: ClientAt, box: Postbox, clock: Clock) -> None:
    learner.token = builders.a_token(owner(learner), clock())
    to = builders.a_contact(owner(learner))
    uses = {
        "sign-in": lambda code: sign_in(to, code)["code"],
        "password": lambda code: set_password(to, code)["code"],
    }
    other = builders.a_number()
    for purpose, use in uses.items():
        ask(ClientAt(), purpose, to)
        code = box.code(to)
        in_time(clock)
        for name, wrong in uses.items():
            if name != purpose:
                assert wrong(code) == 2104
        assert confirm(learner, other, code, password=PASSWORD)["code"] == 2104
        assert sign_in(other, code)["code"] == 2104
        assert use(code) == 1000


def test_a_disabled_user_is_refused_as_a_wrong_code_is(learner: ClientAt, box: Postbox, clock: Clock) -> None:
    user, to = owner(learner), builders.a_contact(owner(learner))
    codes = []
    for purpose in ("sign-in", "password"):
        ask(ClientAt(), purpose, to)
        codes.append(box.code(to))
        in_time(clock)
    disable_user(user, "test", "test", builders.now())
    assert sign_in(to, codes[0]) == sign_in(to, another(codes[0]))
    assert set_password(to, codes[1]) == set_password(to, another(codes[1]))
    sent = box.count(to)
    assert ask(ClientAt(), "sign-in", to)["code"] == 1000
    assert box.count(to) == sent
    assert find_user(user.user_id).password == user.password


# What users are told


def told(user: User) -> list[tuple[str, str | None]]:
    """The messages to a user: event and device, oldest first."""
    mine = invariants.belongings(user.user_id).of(Message)
    return [(one.event, one.facts.get("device")) for one in sorted(mine, key=lambda one: one.at)]


CHROME, SAFARI = (
    "Mozilla/5.0 (Windows NT 10.0) Chrome/130.0",
    "Mozilla/5.0 (iPhone) Version/18.0 Safari/604.1",
)


def test_a_sign_in_from_a_new_device_is_told_once(learner: ClientAt, box: Postbox) -> None:
    user, to = owner(learner), builders.a_contact(owner(learner))
    body = {"username": user.username, "password": PASSWORD}

    def log_in(agent: str) -> int:
        return int(ClientAt().post("/login", body, headers={"User-Agent": agent})["code"])

    assert log_in("python-requests") == 1000  # where they registered
    assert told(user) == []
    assert at_once(*[lambda: log_in(CHROME)] * 3) == [1000] * 3
    assert log_in(CHROME.replace("130", "131")) == 1000
    assert told(user) == [(Event.NEW_DEVICE, "Chrome · Windows")]
    ask(ClientAt(), "sign-in", to)
    assert sign_in(to, box.code(to), **{"User-Agent": SAFARI})["code"] == 1000
    assert told(user)[1:] == [(Event.NEW_DEVICE, "Safari · iPhone")]


def test_whoever_has_no_device_kept_yet_is_told_of_the_second(learner: ClientAt) -> None:
    user = owner(learner)
    user.update([User.devices.remove()])
    for agent in (CHROME, SAFARI):
        body = {"username": user.username, "password": PASSWORD}
        assert ClientAt().post("/login", body, headers={"User-Agent": agent})["code"] == 1000
    assert told(user) == [(Event.NEW_DEVICE, "Safari · iPhone")]


def test_a_new_password_is_told_whoever_set_it(learner: ClientAt, box: Postbox) -> None:
    user, to = owner(learner), builders.a_contact(owner(learner))
    assert learner.put("/password", {"old_password": PASSWORD, "new_password": NEW})["code"] == 1000
    change_password.set_password(find_user(user.user_id), PASSWORD, 1000, "op", builders.now())
    ask(ClientAt(), "password", to)
    assert set_password(to, another(box.code(to)))["code"] == 2104
    assert set_password(to, box.code(to))["code"] == 1000
    assert told(user) == [(Event.PASSWORD_CHANGED, None)] * 3


# Guessing


def test_five_tries_are_all_however_many_guess_at_once(learner: ClientAt, box: Postbox) -> None:
    to = builders.a_contact(owner(learner))
    ask(ClientAt(), "sign-in", to)
    code = box.code(to)
    assert at_once(*[lambda: sign_in(to, another(code))["code"]] * 8) == [2104] * 8
    assert sign_in(to, code)["code"] == 2104


def test_the_fifth_try_still_counts(learner: ClientAt, box: Postbox) -> None:
    to = builders.a_contact(owner(learner))
    ask(ClientAt(), "sign-in", to)
    code = box.code(to)
    for _ in range(MAX_TRIES - 1):
        assert sign_in(to, another(code))["code"] == 2104
    assert sign_in(to, code)["code"] == 1000


def test_of_many_who_use_a_code_at_once_one_is_signed_in(learner: ClientAt, box: Postbox) -> None:
    to = builders.a_contact(owner(learner))
    ask(ClientAt(), "sign-in", to)
    code = box.code(to)
    answers = at_once(*[lambda: sign_in(to, code)["code"]] * 5)
    assert sorted(answers) == [1000, *[2104] * 4]
    assert len(learner.get("/sessions")["data"]) == 2


def test_a_code_is_over_after_five_minutes_and_when_there_is_a_new_one(
    learner: ClientAt, box: Postbox, clock: Clock
) -> None:
    to = builders.a_contact(owner(learner))
    ask(ClientAt(), "sign-in", to)
    first = box.code(to)
    in_time(clock, minutes=5, seconds=1)
    assert sign_in(to, first)["code"] == 2104
    ask(ClientAt(), "sign-in", to)
    second = box.code(to)
    in_time(clock)
    ask(ClientAt(), "sign-in", to)
    if box.code(to) != second:
        assert sign_in(to, second)["code"] == 2104
    assert sign_in(to, box.code(to))["code"] == 1000


# Limits


@pytest.mark.parametrize("is_known", [True, False])
def test_a_number_gets_one_a_minute_five_an_hour_and_ten_a_day(
    box: Postbox, clock: Clock, is_known: bool
) -> None:
    to = builders.a_contact(builders.a_user()) if is_known else builders.a_number()
    body = {"purpose": "sign-in", "channel": SMS, "to": to}
    started = builders.now().replace(microsecond=0)
    at, sent = 0, list[int]()
    while at < 24 * 3600:
        clock.stand_at(started + timedelta(seconds=at))
        answer = ClientAt().request("POST", "/codes", json=body)
        if answer.json()["code"] == 1000:
            sent.append(at)
            at += 20
        else:
            check_refusal(answer.json())
            at += int(answer.headers["Retry-After"])
    assert sent == [*range(0, 300, 60), *range(3600, 3900, 60)]
    assert box.count(to) == (10 if is_known else 0)


def test_of_many_at_once_one_is_sent(box: Postbox) -> None:
    to = builders.a_contact(builders.a_user())
    answers = at_once(*[lambda: ask(ClientAt(), "sign-in", to)["code"]] * 5)
    assert sorted(answers) == [1000, *[2101] * 4]
    assert box.count(to) == 1


def test_a_persons_limit_holds_over_all_their_numbers_and_is_told_to_nobody_else(
    learner: ClientAt, box: Postbox
) -> None:
    user = owner(learner)
    number, address = builders.a_contact(user), builders.a_contact(user, MAIL)
    assert ask(ClientAt(), "password", number)["code"] == 1000
    assert ask(ClientAt(), "password", address)["code"] == 1000
    assert (box.count(number), box.count(address)) == (1, 0)
    assert ask(learner, "confirm", builders.a_number())["code"] == 2101


def test_an_address_and_its_network_have_their_limits(box: Postbox) -> None:
    client = ClientAt()
    for _ in range(30):
        assert ask(client, "sign-in", builders.a_number())["code"] == 1000
    assert ask(client, "sign-in", builders.a_number())["code"] == 2101
    neighbours = [ClientAt(address=f"{client.address.rpartition('.')[0]}.{n}") for n in range(240, 246)]
    answers = [ask(one, "sign-in", builders.a_number())["code"] for one in neighbours for _ in range(29)]
    assert answers == [1000] * 170 + [2101] * 4


def test_when_the_codes_of_a_day_are_used_up_none_leaves_and_only_whoever_is_known_hears_so(
    learner: ClientAt, box: Postbox, monkeypatch: pytest.MonkeyPatch, no_attempts_yet: None
) -> None:
    numbers = [builders.a_contact(builders.a_user()) for _ in range(3)]
    monkeypatch.setenv("CODES_PER_DAY", "2")
    settings.cache_clear()
    try:
        assert [ask(ClientAt(), "sign-in", to)["code"] for to in numbers] == [1000] * 3
        assert [box.count(to) for to in numbers] == [1, 1, 0]
        assert ask(learner, "confirm", builders.a_number())["code"] == 2108
    finally:
        monkeypatch.undo()
        settings.cache_clear()


def test_without_redis_nobody_gets_or_tries_a_code(faulty_app: FaultyApp) -> None:
    to = builders.a_contact(builders.a_user())
    with postbox() as box, faulty_app.redis.down():
        assert ask(ClientAt(), "sign-in", to)["code"] == 503
        assert sign_in(to, WRONG)["code"] == 503
        assert set_password(to, WRONG)["code"] == 503
        assert box.count(to) == 0


def test_a_captcha_is_solved_before_each_code(learner: ClientAt) -> None:
    to = builders.a_contact(owner(learner))
    with captcha_on() as shop, postbox() as box:
        assert ask(ClientAt(), "sign-in", to)["code"] == 1001
        solved = shop.solved(ClientAt())
        assert ask(ClientAt(), "sign-in", to, **solved)["code"] == 1000
        assert ask(ClientAt(), "sign-in", builders.a_number(), **solved)["code"] == 1001
        shop.switch("down")
        offline = {
            "geetest_challenge": shop.challenge(ClientAt()),
            "geetest_validate": "x",
            "geetest_seccode": "x",
        }
        assert ask(ClientAt(), "sign-in", builders.a_number(), **offline)["code"] == 1001
        assert box.count(to) == 1


# Telling nobody


def test_a_known_and_an_unknown_number_are_answered_alike_and_at_the_same_time(box: Postbox) -> None:
    """Each answer waits for what is left of the same time, so nothing that is done within it can be told by it."""
    known, unknown = builders.a_contact(builders.a_user()), builders.a_number()
    for purpose in ("sign-in", "password"):
        to = (known, unknown) if purpose == "sign-in" else (f"{known}@school.test", f"{unknown}@school.test")
        assert ask(ClientAt(), purpose, to[0]) == ask(ClientAt(), purpose, to[1])
    assert (box.count(known), box.count(unknown)) == (1, 0)
    assert len(box.pauses) == 4
    assert all(0 < pause <= EVEN_SECONDS for pause in box.pauses)
    assert sign_in(known, another(box.code(known))) == sign_in(unknown, WRONG)
    assert set_password(known, WRONG) == set_password(unknown, WRONG)


@pytest.mark.parametrize(
    "state", [Refused("isv.BUSINESS_LIMIT_CONTROL", is_final=False), Unclear("deadline")]
)
def test_a_provider_in_trouble_is_told_to_whoever_is_known_only(
    learner: ClientAt, box: Postbox, caplog: pytest.LogCaptureFixture, state: Any
) -> None:
    box.state = state
    to = builders.a_contact(owner(learner))
    assert ask(ClientAt(), "sign-in", to) == ask(ClientAt(), "sign-in", builders.a_number())
    mine = ClientAt(builders.a_user())
    number = builders.a_number()
    answer = ask(mine, "confirm", number)
    check_refusal(answer)
    assert answer["code"] == 2108
    # It may have arrived all the same, and then it does.
    assert confirm(mine, number, box.code(number))["code"] == 1000
    assert to not in caplog.text
    assert box.code(to) not in caplog.text


def test_a_shop_that_sends_nothing_says_so(learner: ClientAt) -> None:
    process = application.app.process
    process.gateways = replace(process.gateways, sms=None, mail=None)
    assert learner.get("/contacts")["data"]["channels"] == []
    for to in (builders.a_number(), "somebody@school.test"):
        assert ask(learner, "confirm", to)["code"] == 2103


def test_confirming_takes_a_token(box: Postbox) -> None:
    assert ask(ClientAt(), "confirm", builders.a_number())["code"] == 401


# On the wire


def test_codes_arrive_by_sms_and_mail_with_words_that_say_what_they_are_for(post: PostSimulator) -> None:
    learner, other = ClientAt(builders.a_user()), ClientAt(builders.a_user())
    number, address = builders.a_number(), builders.a_contact(owner(other), MAIL)
    post.templates |= {"SMS_1": code_texts.sms_text(Purpose.CONFIRM)}
    assert ask(learner, "confirm", number)["code"] == 1000
    (sms,) = post.sms(number)
    code = post.newest_code(number)
    words = f"验证码{code}，您正在确认联系方式，5分钟内有效。请勿告诉他人；如非本人操作，请忽略。"
    assert sms.text == f"【云课堂】{words}"
    assert confirm(learner, number, code)["code"] == 1000
    known = builders.a_contact(builders.a_user())
    assert ask(ClientAt(), "sign-in", known)["code"] == 1000
    assert sign_in(known, post.newest_code(known))["code"] == 1000
    assert ask(ClientAt(), "password", address)["code"] == 1000
    (mail,) = post.mails(address)
    assert mail.message["Subject"] == "验证码：您正在重新设置密码"
    assert set_password(address, post.newest_code(address))["code"] == 1000


# Lost answers


def test_an_answer_of_the_store_that_is_lost_changes_nothing(faulty_app: FaultyApp) -> None:
    learner = ClientAt(builders.a_user())
    number = builders.a_number()

    def lost() -> Any:
        return faulty_app.dynamodb.faults(Fault.on("TransactWriteItems", action=reset_after(), nth=1))

    with postbox() as box:
        with lost():
            assert ask(learner, "confirm", number)["code"] == 1000
        with lost():
            assert confirm(learner, number, box.code(number))["code"] == 1000
        address = builders.a_contact(owner(learner), MAIL)
        other = ClientAt(builders.a_user())
        to = builders.a_contact(owner(other))
        ask(ClientAt(), "sign-in", to)
        with lost():
            assert sign_in(to, box.code(to))["code"] == 1000
        with lost():
            assert learner.delete("/contacts/mail", {"password": PASSWORD})["code"] == 1000
        assert contact.find_owner(MAIL, address, settings().contact_keys) is None
    third = builders.a_user()
    to = builders.a_contact(third)
    with postbox() as box:
        ask(ClientAt(), "password", to)
        with lost():
            assert set_password(to, box.code(to))["code"] == 1000
