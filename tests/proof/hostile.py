"""Changes that somebody on the way could make to a genuine notice. Each strategy yields a form body."""

from __future__ import annotations

import base64
from collections.abc import Callable
from itertools import pairwise
from typing import TypeAlias
from urllib.parse import quote_from_bytes, urlencode

from hypothesis import strategies as st

Fields: TypeAlias = dict[str, str]
Body: TypeAlias = str

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def forgeries(genuine: Fields) -> st.SearchStrategy[Body]:
    """One change of a signed notice: of a value, a name, the set of fields, the signature or the encoding."""
    names = st.sampled_from(sorted(genuine))
    changes: list[st.SearchStrategy[Body]] = [
        st.builds(lambda name, text: _with(genuine, name, text), names, _TEXT),
        st.builds(lambda name: _without(genuine, name), names.filter(lambda name: name != "sign_type")),
        st.builds(lambda name, text: _with(genuine, name, genuine[name] + text), names, _TEXT.filter(bool)),
        st.builds(lambda one, other: _swapped(genuine, one, other), names, names),
        st.builds(lambda name, text: _twice(genuine, name, text), names, st.none() | _TEXT),
        st.builds(lambda name, text: _with(genuine, name, text), _new_names(genuine), _TEXT),
        st.builds(lambda at, bit: _bit_flipped(genuine, at, bit), st.integers(0, 255), st.integers(0, 7)),
        st.builds(lambda amount: _with(genuine, "total_amount", amount), _amounts()),
        st.builds(lambda name: _renamed(genuine, name), names),
        st.builds(lambda coding: _coded(genuine, coding), st.sampled_from(["gbk", "utf-16", "latin-1"])),
        st.builds(
            lambda size: _with(genuine, "body", "x" * size), st.sampled_from([1, 1000, 40_000, 1 << 20])
        ),
    ]
    return st.one_of(changes).filter(lambda body: body != urlencode(genuine))


def misfits(genuine: Fields) -> st.SearchStrategy[Fields]:
    """What Alipay could sign and this shop must not take for its payment: one field of a notice says something else.

    The fields, to be signed.
    """
    digits = st.text("0123456789", min_size=16, max_size=16)
    changes = {
        "total_amount": _amounts(),
        "app_id": digits.map(lambda text: "2021" + text[4:]),
        "seller_id": digits.map(lambda text: "2088" + text[4:]),
        "out_trade_no": st.text("0123456789ABCXYZ_", min_size=1, max_size=64),
        "trade_status": st.sampled_from(["", "trade_success", "TRADE_PENDING", "PAID", "TRADE_SUCCESS "]),
        "charset": st.sampled_from(["gbk", "GBK", "utf-16", "latin-1", "", "utf8"]),
        "version": st.sampled_from(["", "1", "1.00", "2.0", "1.0 "]),
        "trade_no": st.sampled_from(["", "#", "交易", "a b", "1" * 65]),
    }
    unsigned = {name: text for name, text in genuine.items() if name not in ("sign", "sign_type")}
    return st.one_of([_other(unsigned, name, texts) for name, texts in changes.items()])


def _other(unsigned: Fields, name: str, texts: st.SearchStrategy[str]) -> st.SearchStrategy[Fields]:
    return texts.filter(lambda text: text != unsigned[name]).map(lambda text: unsigned | {name: text})


def _amounts() -> st.SearchStrategy[str]:
    return st.integers(0, 10**8).map(lambda fen: f"{fen / 100:.2f}") | st.sampled_from(
        ["NaN", "Infinity", "-1.00", "1e2", "２４０.00", "0x10", ""]
    )


def _new_names(genuine: Fields) -> st.SearchStrategy[str]:
    return st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8).filter(
        lambda name: name not in genuine
    )


def _with(genuine: Fields, name: str, text: str) -> Body:
    return urlencode(genuine | {name: text})


def _without(genuine: Fields, name: str) -> Body:
    return urlencode({other: text for other, text in genuine.items() if other != name})


def _swapped(genuine: Fields, one: str, other: str) -> Body:
    return urlencode(genuine | {one: genuine[other], other: genuine[one]})


def _twice(genuine: Fields, name: str, text: str | None) -> Body:
    return urlencode([*genuine.items(), (name, genuine[name] if text is None else text)])


def glued(genuine: Fields) -> list[Body]:
    """The notice with two fields that are signed next to each other sent as one, for each such pair.

    Its signature holds: `a=1&b=2` may be one field or two.
    """
    names = sorted(name for name in genuine if name not in ("sign", "sign_type"))
    bodies = []
    for name, following in pairwise(names):
        fields = genuine | {name: f"{genuine[name]}&{following}={genuine[following]}"}
        del fields[following]
        bodies.append(urlencode(fields))
    return bodies


def _bit_flipped(genuine: Fields, at: int, bit: int) -> Body:
    signature = bytearray(base64.b64decode(genuine["sign"]))
    signature[at % len(signature)] ^= 1 << bit
    return _with(genuine, "sign", base64.b64encode(bytes(signature)).decode())


def _renamed(genuine: Fields, name: str) -> Body:
    return urlencode({(other.upper() if other == name else other): text for other, text in genuine.items()})


def _coded(genuine: Fields, coding: str) -> Body:
    """The same text in another charset; where that makes no difference, the charset's name is changed."""
    parts: list[str] = []
    code: Callable[[str], str] = lambda text: quote_from_bytes(text.encode(coding, "replace"))  # noqa: E731
    for name, text in genuine.items():
        parts.append(f"{name}={code(coding if name == 'charset' else text)}")
    return "&".join(parts)
