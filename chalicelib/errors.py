"""Every refusal and failure of the shop, one class each.

The classes carry facts (keyword arguments), not texts or numbers: `web/codes.py` maps a class to the documented code of
an endpoint and to the text a learner reads.
"""

from __future__ import annotations


class ShopError(Exception):
    """Base of everything the shop raises on purpose.

    `facts` are named values for the text a learner reads (`web/codes.py`) and for the log. They hold ids, reasons and
    names of things on sale. Nothing personal; only ChangedMeanwhile, which no endpoint raises, names a user.
    """

    def __init__(self, **facts: object) -> None:
        super().__init__(", ".join(f"{name}={value!r}" for name, value in facts.items()))
        self.facts = facts


# Requests


class Unreadable(ShopError):
    """The body is not JSON that can be read: bad syntax, bad encoding, NaN, absurd numbers, deep nesting."""


class InvalidRequest(ShopError):
    """Readable JSON of another shape than documented, where no nearer refusal exists."""


class InvalidPage(ShopError):
    """`limit` or `cursor` of a list is not one that the list gave out."""


# People and sessions


class TokenRefused(ShopError):
    """No token, a forged one, one of another shape, or one whose session has ended."""


class TokenExpired(ShopError):
    """A genuine token after its `exp`."""


class UserGone(ShopError):
    """A genuine token of a user who was deleted or disabled."""


class UserNotFound(ShopError):
    """Nobody has this user name (or id)."""


class WrongPassword(ShopError):
    """The password is not this user's, or the user is disabled."""


class UserNameTaken(ShopError):
    """The user name, compared without regard to case and width, belongs to somebody already."""


class IdTaken(ShopError):
    """A stored item with this id exists already."""


class CaptchaFailed(ShopError):
    """The captcha was not solved, was solved for something else, or is too old."""


class TooManyAttempts(ShopError):
    """Too many attempts by this name or address; `seconds` until the next one."""


class InvalidUserName(ShopError):
    """Not a text that can be a user name."""


class WeakPassword(ShopError):
    """A new password that is too short, too long, only digits, too common, or holds the user name."""


class InvalidContact(ShopError):
    """Not a text that can be a mainland mobile number, or an e-mail address."""


class ContactTaken(ShopError):
    """Another user has confirmed this number or address."""


class ContactNotFound(ShopError):
    """There is no such kind of contact, or the user has confirmed none of it."""


class ChannelNotSetUp(ShopError):
    """The shop sends nothing by the channel that was asked for."""


class CodeRefused(ShopError):
    """A one-time code that is wrong, over, used, for something else, or has no tries left."""


class CodeNotSent(ShopError):
    """A one-time code could not be sent, or nobody knows whether it was."""


class InvalidProfile(ShopError):
    """A name or a picture (`field`) that nobody may show."""


class SessionNotFound(ShopError):
    """The user has no session with this id."""


# Catalogue


class CourseNotFound(ShopError):
    """No such course, or one that cannot be bought now."""


class CoursePageNotFound(ShopError):
    """No course has a detail page with this id."""


class TeacherNotFound(ShopError):
    """The shop has no such teacher."""


class PricePolicyNotFound(ShopError):
    """The course has no such price policy, or one course was asked for with two different ones."""


# Studying, questions and assignments


class SectionNotFound(ShopError):
    """The course has no such section."""


class NotEnrolled(ShopError):
    """The course was not bought (or given); `signed_in`: whether that is known of somebody."""


class AccessPaused(ShopError):
    """An application for a refund bars access to the course until it is decided."""


class AccessEnded(ShopError):
    """The time of study is over, or was taken back."""


class SectionOffline(ShopError):
    """The section has nothing to show, or not yet."""


class VideoNotReady(ShopError):
    """The video platform is still at work on the video."""


class PlaceTaken(ShopError):
    """Another player of the same learner has taken over."""


class TicketOver(ShopError):
    """The player's ticket is too old, was given for something else, or was never given out."""


class PlaceChanged(ShopError):
    """The learner's place is not as it was read. Nothing was changed."""


class TooManyQuestions(ShopError):
    """As many questions of the learner about the course wait for an answer as may (`most`)."""


class AssignmentNotFound(ShopError):
    """The section has no assignment, or the course no such section."""


class AssignmentOver(ShopError):
    """The time to hand in has passed."""


class HandInMarked(ShopError):
    """What was handed in is marked: it stays as it is."""


# Cart and account


class CartFull(ShopError):
    """The cart holds the most lines that a cart may."""


class CartLineNotFound(ShopError):
    """The course is not in the cart."""


class AccountNotFound(ShopError):
    """The user has no settlement account, or it has expired."""


# Coupons, beli, amounts


class CouponUnusable(ShopError):
    """The coupon record is not this user's, not this course's, used, reserved, chosen twice or out of date."""


class CouponNotFound(ShopError):
    """There is no such coupon, or it cannot be claimed by learners."""


class CouponNotOpen(ShopError):
    """The coupon's claim window has not begun or is over."""


class CouponSoldOut(ShopError):
    """All pieces of the coupon have been claimed."""


class CouponClaimed(ShopError):
    """The user has claimed this coupon already."""


class BelowMinimum(ShopError):
    """The price is below the minimum of the coupon chosen for it."""


class BeliTaken(ShopError):
    """Another order has spent the beli that this order counted on."""


class BeliInsufficient(ShopError):
    """A withdrawal would take the user's balance below zero."""


class AmountMismatch(ShopError):
    """The amount the client shows its user is not what is due."""


# Orders and payments


class OrderNotFound(ShopError):
    """The user has no order of this number."""


class FreeTermTaken(PricePolicyNotFound):
    """The user has had the free term of a course that has paid ones too, or has it in an open order."""


class TooManyOpenOrders(ShopError):
    """The user has as many unpaid orders as a user may have: `most`."""


class OrderNotPayable(ShopError):
    """The order is paid, closed, about to expire, or the amount named is not its amount."""


class OrderAlreadyPaid(ShopError):
    """The order was paid (perhaps just now), so it cannot be cancelled, nor paid again."""


class OrderClosed(ShopError):
    """The order was cancelled or has expired."""


class ProviderNotOffered(ShopError):
    """The shop takes no money by the payment provider that was asked for."""


class AuthorisationOver(ShopError):
    """The authorisation that tells who pays was used before, is too old, or is for another order or learner."""


class ProviderChanged(ShopError):
    """The order is to be paid by another provider by now."""


class TradesChanged(ShopError):
    """The order's trades have changed since it was read, or it is not open any more."""


class TooManyTrades(ShopError):
    """The order was begun to be paid as often as an order may be, or no number can be made for one more trade."""


class LeaseTaken(ShopError):
    """Another worker has this order or refund just now, or it is final."""


class IdempotencyKeyTaken(ShopError):
    """The same request is being answered at this very moment."""


class IdempotencyKeyUsed(ShopError):
    """The idempotency key was used for another order than this."""


class RefundNotAllowed(ShopError):
    """The order or line cannot be refunded: `reason` is not paid, window, line, open, channel
    or many (as many applications of the user wait as may)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason)
        self.reason = reason


class RefundNotFound(ShopError):
    """There is no refund with this request number."""


class RefundFinished(ShopError):
    """The refund's status does not allow this any more: mostly it is finished."""


class RefundedAtProvider(ShopError):
    """The provider told of refunds of the order that the shop did not make: approving may pay its lines again. Nothing
    was changed.
    """


class NotPermitted(ShopError):
    """The user's role does not permit this."""


class OwnRefund(NotPermitted):
    """An operator may not decide on the refund of an order of their own."""


class PaymentUnknown(ShopError):
    """The provider's answer about a payment or refund was unclear, `reason` says why. Nothing that depends on it was
    changed. `needs_person`: asking again will not help.
    """

    def __init__(self, order: str, reason: str, needs_person: bool) -> None:
        super().__init__(order=order, reason=reason, needs_person=needs_person)
        self.reason = reason


class NotificationRefused(ShopError):
    """A payment notification fails one of its checks; `check` says which."""

    def __init__(self, check: str) -> None:
        super().__init__(check=check)
        self.check = check


class OutcomeUnknown(ShopError):
    """A write was sent, and whether it took effect cannot be found out."""


# Stores and providers


class StoreUnavailable(ShopError):
    """DynamoDB or Redis does not answer, or answers that it cannot."""


class CartStoreUnavailable(StoreUnavailable):
    """Redis, which keeps carts and accounts, does not answer."""


class CartStoreRefused(CartStoreUnavailable):
    """Redis answers a command with an error that time does not cure, such as CROSSSLOT or MOVED; `reason` is its name.
    No limit lets anybody pass because of it.
    """


class CannotTakeBack(StoreUnavailable):
    """A provider's refund cannot be applied: the order's coupons, beli or enrollments are not in the state it records.
    Flagged for review.
    """


class GatewayUnavailable(ShopError):
    """A third party did not answer in time or in a form that can be trusted. The result is unknown."""


# Operators


class ChangedMeanwhile(ShopError):
    """The item that an operator acts on has changed since it was read; `what` names it. Nothing was changed."""


class AlreadyGiven(ShopError):
    """The user was given something under this word before."""


class NothingToResolve(ShopError):
    """The item that an operator would resolve is not flagged (any more)."""


class QuestionNotFound(ShopError):
    """There is no question with this number."""


class QuestionAnswered(ShopError):
    """The question has its answer already."""


class QuestionUnanswered(ShopError):
    """The question has no answer yet."""


class QuestionPublished(ShopError):
    """The question was published already."""


class HandInNotFound(ShopError):
    """Nothing with this number was handed in."""


class EnrollmentNotFound(ShopError):
    """The user has no days of study, not withdrawn yet, from this order or grant."""


# Set-up


class InvalidSetting(ShopError):
    """A setting is missing or malformed; `name` says which, `expected` what it should be."""


class FixedPreference(ShopError):
    """What concerns money and security cannot be switched off."""


class UnsubscribeRefused(ShopError):
    """The address is none that a mail of the shop carried."""


class PushRefused(ShopError):
    """The address of a push does not carry the key that was given to its sender."""
