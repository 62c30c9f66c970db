"""However a genuine notice is changed, it is refused and changes nothing.

Chosen attacks (other app, other seller, another order's notice, re-cut fields) are in
tests/integration/test_notification.py; here they are generated.
"""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chalicelib.shop import payment
from chalicelib.web.notification import answer_notification
from tests import purchases
from tests.proof import invariants, pace
from tests.proof.counts import count
from tests.proof.hostile import forgeries, glued, misfits
from tests.proof.world import World

CHANGES = settings(
    max_examples=pace.rounds(80, round(15 * pace.MINUTES)),
    derandomize=not pace.SOAK,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_any_single_change_of_a_signed_notice_is_refused_and_changes_nothing(
    new_world: Callable[[], World],
) -> None:
    world = new_world()
    number = world.place(0, [4, 3], [0], use_beli=True, with_key=False)
    assert number, world.outcomes
    world.check()
    world.pay(number)
    paid = world.alipay.sign_notice(world.alipay.notice_fields(number))
    other = world.place(0, [2], [], use_beli=False, with_key=False)
    assert other
    world.check()
    before = everything(world)
    world.check()

    @CHANGES
    @given(st.data())
    def is_refused(data: st.DataObject) -> None:
        body = data.draw(forgeries(paid))
        answer = answer_notification(world.provider, purchases.event(body), world.clock())
        assert answer["body"] == "fail", body
        assert not world.written(), body
        assert everything(world) == before, body
        count("forgeries")

    is_refused()
    # The genuine one is taken, and its repetition changes nothing more.
    assert world.deliver(paid) == "success"
    world.check()
    after = everything(world)
    assert after != before
    assert world.deliver(paid) == "success"
    assert everything(world) == after
    world.quiesce()
    world.forget()


def test_a_genuinely_signed_notice_of_something_else_is_refused_and_changes_nothing(
    new_world: Callable[[], World],
) -> None:
    world = new_world()
    number = world.place(0, [4, 3], [0], use_beli=True, with_key=False)
    assert number, world.outcomes
    world.check()
    world.pay(number)
    paid = world.alipay.sign_notice(world.alipay.notice_fields(number))
    before = everything(world)

    @CHANGES
    @given(misfits(paid))
    def is_refused(fields: dict[str, str]) -> None:
        answer = world.deliver(world.alipay.sign_notice(fields))
        assert answer == "fail", fields
        assert everything(world) == before, fields
        count("forgeries")

    is_refused()
    assert world.deliver(paid) == "success"
    world.check()
    world.quiesce()
    world.forget()


def test_a_notice_with_two_fields_run_into_one_is_refused_or_says_the_same(
    new_world: Callable[[], World],
) -> None:
    world = new_world()
    number = world.place(0, [4], [], use_beli=True, with_key=False)
    assert number, world.outcomes
    world.check()
    world.pay(number)
    paid = world.alipay.sign_notice(world.alipay.notice_fields(number))
    before, refused = everything(world), 0
    for body in glued(paid):
        answer = answer_notification(world.provider, purchases.event(body), world.clock())
        if answer["body"] == "fail":
            assert everything(world) == before, body
            refused += 1
        else:
            (received,) = payment.list_payments(purchases.stored(number))
            assert (received.trade_no, received.use) == (paid["trade_no"], payment.APPLIED)
            before = everything(world)
        world.check()
        count("forgeries")
    assert refused > 10
    world.forget()


def everything(world: World) -> list[dict[str, object]]:
    """All that is stored of the world's users."""
    return [
        dict(item.serialize()) for user in world.users for item in invariants.belongings(user.user_id).items
    ]
