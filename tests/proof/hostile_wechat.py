"""Changes that somebody on the way could make to a genuine notice of WeChat Pay. Each strategy yields an event of API
Gateway, or what is to be encrypted and signed.
"""

from __future__ import annotations

import base64
import json
from typing import Any, TypeAlias

from hypothesis import strategies as st

Event: TypeAlias = dict[str, Any]

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_SIGNED = ("Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Serial", "Wechatpay-Signature")
_TIME, _NONCE, _SERIAL, _SIGNATURE = _SIGNED


def forgeries(genuine: Event, other: Event) -> st.SearchStrategy[Event]:
    """One change of a signed notice: of its bytes, a member, the resource, a header or the signature; some with a part
    of another genuine one.
    """
    body, headers = genuine["body"].encode(), genuine["headers"]
    names, at = st.sampled_from(_SIGNED), st.integers(0, len(body) - 1)
    told, other_told = json.loads(body), json.loads(other["body"])
    members = st.sampled_from(sorted(told))
    sealed = st.sampled_from(sorted(told["resource"]))

    def of_body(changed: bytes) -> Event:
        return _posted(headers, changed)

    def of_header(name: str, text: str | None) -> Event:
        kept = {one: each for one, each in headers.items() if one != name}
        return _posted(kept if text is None else kept | {name: text}, body)

    def of_resource(name: str, text: str) -> bytes:
        return _written(told | {"resource": told["resource"] | {name: text}})

    bodies: list[st.SearchStrategy[bytes]] = [
        st.builds(lambda where, bit: _flipped(body, where, bit), at, st.integers(0, 7)),
        st.builds(lambda where, more: body[:where] + more + body[where:], at, st.binary(min_size=1)),
        st.builds(lambda where, length: body[:where] + body[where + length :], at, st.integers(1, 40)),
        st.builds(lambda name, text: _written(told | {name: text}), members, _TEXT),
        st.builds(lambda name: _written({one: told[one] for one in told if one != name}), members),
        st.builds(of_resource, sealed, _TEXT),
        st.builds(lambda name: of_resource(name, other_told["resource"][name]), sealed),
        st.builds(lambda name: _written(told | {name: other_told[name]}), members),
        st.builds(lambda size: body + b" " * size, st.sampled_from([1, 1000, 40_000, 1 << 20])),
        st.sampled_from([b"", b"{}", b"[]", b"null", json.dumps(told, indent=1).encode()]),
    ]
    heads: list[st.SearchStrategy[Event]] = [
        st.builds(of_header, names, st.none() | _TEXT),
        st.builds(
            lambda name: of_header(name, other["headers"][name]), st.sampled_from([_NONCE, _SIGNATURE])
        ),
        st.builds(lambda name, more: of_header(name, headers[name] + more), names, _TEXT.filter(bool)),
        st.builds(
            lambda later: of_header(_TIME, str(int(headers[_TIME]) + later)),
            st.integers(-1000, 1000).filter(bool),
        ),
        st.builds(lambda where: of_header(_NONCE, f"{headers[_NONCE]}\n{body[:where].decode()}"), st.just(1)),
        st.sampled_from(["PUB_KEY_ID_0", "0" * 40, headers[_SERIAL].lower()]).map(
            lambda serial: of_header(_SERIAL, serial)
        ),
        st.builds(
            lambda where, bit: of_header(_SIGNATURE, _signature(headers[_SIGNATURE], where, bit)),
            st.integers(0, 255),
            st.integers(0, 7),
        ),
        st.just(of_header(_SIGNATURE, "WECHATPAY/SIGNTEST/" + headers[_SIGNATURE])),
        st.just(of_header("Wechatpay-Signature-Type", "WECHATPAY2-SM2-WITH-SM3")),
        st.just(_posted(other["headers"], body)),
    ]
    changed = st.one_of([*(one.map(of_body) for one in bodies), *heads])
    return changed.filter(lambda event: event != _posted(headers, body))


def misfits(genuine: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """What WeChat Pay could sign and this shop must not take for its payment: one member of what a notice tells says
    something else, or is missing. The event, to be encrypted and signed.
    """
    plain = genuine["plain"]
    digits = st.text("0123456789", min_size=8, max_size=8)
    junk: st.SearchStrategy[Any] = st.sampled_from([None, "", True, 1.0, [], {}])
    changes: dict[str, st.SearchStrategy[Any]] = {
        "mchid": digits.map(lambda text: "19" + text) | junk,
        "appid": digits.map(lambda text: "wx" + text * 2) | junk,
        "out_trade_no": st.text("0123456789ABCXYZ_", min_size=1, max_size=64) | junk,
        "transaction_id": st.sampled_from(["#", "交易", "a b", "1" * 65]) | junk,
        "trade_state": st.sampled_from(["success", "PAID", "SUCCESS ", "ACCEPT"]) | junk,
        "amount": _amounts(plain["amount"]) | junk,
    }
    told = [_other(plain, name, values) for name, values in changes.items()]
    without = st.sampled_from(sorted(changes)).map(
        lambda missing: {name: each for name, each in plain.items() if name != missing}
    )
    return st.one_of([*told, without]).map(lambda changed: genuine | {"plain": changed})


def _other(
    plain: dict[str, Any], name: str, values: st.SearchStrategy[Any]
) -> st.SearchStrategy[dict[str, Any]]:
    return values.filter(lambda value: value != plain[name]).map(lambda value: plain | {name: value})


def _amounts(genuine: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    totals: st.SearchStrategy[Any] = st.integers(-(10**8), 10**8) | st.sampled_from(
        ["1", "1.00", 1.5, True, None, 10**30]
    )
    currencies = st.sampled_from(["USD", "cny", "", None])
    return totals.map(lambda total: genuine | {"total": total}) | currencies.map(
        lambda currency: genuine | {"currency": currency}
    )


def _posted(headers: dict[str, str], body: bytes) -> Event:
    """The event of API Gateway that carries any bytes."""
    return {
        "httpMethod": "POST",
        "headers": headers,
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def _written(told: object) -> bytes:
    return json.dumps(told, ensure_ascii=False).encode()


def _flipped(text: bytes, at: int, bit: int) -> bytes:
    changed = bytearray(text)
    changed[at] ^= 1 << bit
    return bytes(changed)


def _signature(genuine: str, at: int, bit: int) -> str:
    raw = base64.b64decode(genuine)
    return base64.b64encode(_flipped(raw, at % len(raw), bit)).decode()
