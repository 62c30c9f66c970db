"""Bad days: everything that goes wrong between Alipay and a shop, each under a name, to be switched on.

``BAD_DAYS`` is the whole list. *When* a notice leaves is spoiled where the book puts it on its timetable, *what*
it says in ``spoiled_notice`` here; answers are spoiled in ``Gateway.answer``, bills in ``bills.py``. Nothing is on by
default.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlencode

from localstack.alipay import signing
from localstack.alipay.notices import Merchant
from localstack.provider.bad_days import LATE, LOST, REORDERED, REPEATED, BadDay

QUERY, CLOSE = "alipay.trade.query", "alipay.trade.close"
REFUND, REFUND_QUERY = "alipay.trade.refund", "alipay.trade.fastpay.refund.query"
EVERY_METHOD = (QUERY, CLOSE, REFUND, REFUND_QUERY)
"""Those about one order."""
BILL = "alipay.data.dataservice.bill.downloadurl.query"
TRADE_BILL, FUND_BILL = f"{BILL}/trade", f"{BILL}/signcustomer"
BILLS = (TRADE_BILL, FUND_BILL)
EVERYWHERE = EVERY_METHOD + BILLS

OTHER_APP_ID, OTHER_SELLER_ID = "2021009999999999", "2088999999999999"
OTHER_ORDER, OTHER_TRADE_NO = "20200101000000000SOMEBODYELSE", "2020010122001999999999999999"


BAD_DAYS = {
    day.name: day
    for day in (
        BadDay(LATE, "通知晚到：十分钟后才第一次发出"),
        BadDay(REPEATED, "通知重复：每次连发三遍，不管商户怎么回答"),
        BadDay(LOST, "通知丢失：这一次没有送到，之后按时间表重发"),
        BadDay(REORDERED, "通知乱序：等同一交易的下一条通知先到，最多等十分钟"),
        BadDay("notice_wrong_amount", "通知金额不对，签名有效"),
        BadDay("notice_wrong_signature", "通知由别人的私钥签名"),
        BadDay("notice_wrong_app", "通知属于别的应用（app_id），签名有效"),
        BadDay("notice_wrong_seller", "通知属于别的商家（seller_id），签名有效"),
        BadDay("notice_wrong_charset", "通知用 GBK 编码和签名"),
        BadDay("notice_duplicate_field", "通知里 total_amount 出现两次，第二个是 0.01"),
        BadDay("answer_slow", "应答迟迟不来：请求已处理，应答压住二十秒，关掉开关即放行", EVERYWHERE),
        BadDay("answer_cut", "应答传到一半断线：请求已处理", EVERYWHERE),
        BadDay("answer_unsigned", "应答没有签名：请求已处理", EVERYWHERE),
        BadDay("answer_wrongly_signed", "应答由别人的私钥签名：请求已处理", EVERYWHERE),
        BadDay("answer_for_another_order", "应答说的是别的订单，签名有效：请求已处理", EVERY_METHOD),
        BadDay("answer_system_error", "应答 ACQ.SYSTEM_ERROR：请求没有处理", EVERYWHERE),
        BadDay(
            "answer_trade_not_exist", "买家已扫码未付款，仍应答 ACQ.TRADE_NOT_EXIST", (QUERY, CLOSE), True
        ),
        BadDay("paid_before_close", "商户查询之后、关闭之前，买家付了款", (CLOSE,), True),
        BadDay("refund_without_fund_change", "退款成功，应答 10000 但没有 fund_change", (REFUND,)),
        BadDay("refund_left_undone", "退款没有执行，应答 10000 但没有 fund_change", (REFUND,)),
        BadDay("refund_query_too_early", "退款查询应答 10000，但什么也没说", (REFUND_QUERY,)),
        BadDay("bill_amount_off", "账单有一行多出一分钱，合计跟着变", BILLS),
        BadDay("bill_line_missing", "账单少一行，合计跟着变", BILLS),
        BadDay("bill_line_added", "账单多一行收款，合计跟着变", BILLS),
        BadDay("bill_money_drawn", "账务账单里有一笔提现，合计跟着变", (FUND_BILL,)),
        BadDay("bill_totals_wrong", "账单的合计比明细多一分钱", BILLS),
        BadDay("bill_missing", "有业务的一天没有账单：应答 isp.bill_not_exist", BILLS),
        BadDay("bill_empty", "账单是空的，应答说当天没有业务", BILLS),
        BadDay("bill_of_another_day", "账单是前一天的", BILLS),
        BadDay("bill_of_another_seller", "账单是别的商家的", BILLS),
        BadDay("bill_cut", "账单压缩包只有一半", BILLS),
        BadDay("bill_garbled", "账单压缩包里的数据坏了", BILLS),
        BadDay("bill_bomb", "账单压缩包解开以后大得离谱", BILLS),
        BadDay("bill_page", "下载地址给出的是一张网页", BILLS),
        BadDay("bill_expired", "下载地址一给出就已失效", BILLS),
        BadDay("bill_elsewhere", "下载地址在别的网站上", BILLS),
    )
}
BILL_CONTENT = frozenset(name for name in BAD_DAYS if name.startswith("bill_"))
NOTICE_CONTENT = frozenset(
    name for name, day in BAD_DAYS.items() if not day.methods and name not in (LATE, REORDERED)
)


def spoiled_notice(fields: Mapping[str, str], merchant: Merchant, struck: frozenset[str]) -> str:
    """The signed form body of a notice, with all that struck it."""
    told, charset = dict(fields), "utf-8"
    other_amount = "0.02" if told["total_amount"] == "0.01" else "0.01"
    if "notice_wrong_amount" in struck:
        told["total_amount"] = other_amount
    if "notice_wrong_app" in struck:
        told |= {"app_id": OTHER_APP_ID, "auth_app_id": OTHER_APP_ID}
    if "notice_wrong_seller" in struck:
        told |= {"seller_id": OTHER_SELLER_ID, "seller_email": "other@sandbox.example"}
    if "notice_wrong_charset" in struck:
        # Python's "gbk" knows only a part of what is sent under that name.
        told["charset"], charset = "GBK", "gb18030"
    signer = stranger(merchant) if "notice_wrong_signature" in struck else merchant
    pairs = list(signer.signed(told, charset).items())
    if "notice_duplicate_field" in struck:
        pairs.append(("total_amount", other_amount))
    return urlencode(pairs, encoding=charset)


def stranger(merchant: Merchant) -> Merchant:
    """The same merchant with a key that is not Alipay's: its signatures are wrong."""
    return replace(merchant, alipay_private_key=signing.load_private_key(_foreign_key()))


@functools.cache
def _foreign_key() -> str:
    return signing.generate_keys().private_pem
