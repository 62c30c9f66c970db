"""Unsubscribe: one click in a mail switches off mails of its group, without signing in."""

from __future__ import annotations

import hmac

from chalicelib.errors import UnsubscribeRefused
from chalicelib.settings import Settings
from chalicelib.shop import inbox
from chalicelib.shop.contact import keyed_hash
from chalicelib.shop.message_texts import FIXED_GROUPS, GROUP_NAMES

_LENGTH = 32


def unsubscribe_address(user_id: int, group: str, settings: Settings) -> str:
    """The address that a mail of a group carries for a program's one click."""
    return f"{settings.api_url}/unsubscribe?token={_token(user_id, group, settings)}"


def unsubscribe_page(user_id: int, group: str, settings: Settings) -> str:
    """The page of the shop front where a reader of the mail does the same."""
    return f"{settings.shop_url}/unsubscribe?token={_token(user_id, group, settings)}"


def _token(user_id: int, group: str, settings: Settings) -> str:
    return f"{user_id}.{group}.{_proof(user_id, group, settings.contact_keys[0])}"


def _proof(user_id: int, group: str, key: str) -> str:
    return keyed_hash(f"unsubscribe {user_id} {group}", key)[:_LENGTH]


def read_token(token: str, settings: Settings) -> tuple[int, str]:
    """The user and the group of a mail that carried this token. Raises UnsubscribeRefused for any other text."""
    user_id, _, rest = token.partition(".")
    group, _, proof = rest.partition(".")
    if not (user_id.isascii() and user_id.isdigit() and len(user_id) <= 15) or group not in GROUP_NAMES:
        raise UnsubscribeRefused()
    proofs = [_proof(int(user_id), group, key) for key in settings.contact_keys]
    if group in FIXED_GROUPS or not any(
        hmac.compare_digest(proof.encode(), right.encode()) for right in proofs
    ):
        raise UnsubscribeRefused()
    return int(user_id), group


def unsubscribe(token: str, settings: Settings) -> str:
    """Switch off mails of the group whose mail carried this token -> the group. One write. Raises
    UnsubscribeRefused.
    """
    user_id, group = read_token(token, settings)
    inbox.unsubscribe(user_id, group)
    return group
