"""Bad days: everything that goes wrong between WeChat Pay and a shop, each under a name, to be switched on."""

from __future__ import annotations

from localstack.provider.bad_days import LATE, LOST, REORDERED, REPEATED, BadDay

ORDER, QUERY, CLOSE = "order", "query", "close"
REFUND, REFUND_QUERY = "refund", "refund.query"
TRADE_BILL, FUND_BILL = "tradebill", "fundflowbill"
BILLS = (TRADE_BILL, FUND_BILL)
EVERY_METHOD = (ORDER, QUERY, CLOSE, REFUND, REFUND_QUERY, *BILLS)

OTHER_APP_ID, OTHER_MERCHANT_ID = "wx9999999999999999", "1999999999"
OTHER_ORDER, OTHER_TRADE = "20200101SOMEBODYELSEN", "4299999999202001019999999999"

BAD_DAYS = {
    day.name: day
    for day in (
        BadDay(LATE, "通知晚到：十分钟后才第一次发出"),
        BadDay(REPEATED, "通知重复：每次连发三遍，不管商户怎么回答"),
        BadDay(LOST, "通知丢失：这一次没有送到，之后按时间表重发"),
        BadDay(REORDERED, "通知乱序：等同一交易的下一条通知先到，最多等十分钟"),
        BadDay("notice_wrong_amount", "通知金额不对，签名有效"),
        BadDay("notice_wrong_currency", "通知币种不是人民币，签名有效"),
        BadDay("notice_wrong_signature", "通知由别人的私钥签名"),
        BadDay("notice_signtest", "微信支付的探测通知：签名以 WECHATPAY/SIGNTEST/ 开头，应当拒绝"),
        BadDay("notice_wrong_serial", "通知声称用没听说过的证书签名"),
        BadDay("notice_stale", "通知的签名是五分钟以前的"),
        BadDay("notice_wrong_app", "通知属于别的应用（appid），签名有效"),
        BadDay("notice_wrong_merchant", "通知属于别的商户（mchid），签名有效"),
        BadDay("notice_wrong_key", "通知用别的 APIv3 密钥加密，签名有效"),
        BadDay("answer_slow", "应答迟迟不来：请求已处理，应答压住二十秒，关掉开关即放行", EVERY_METHOD),
        BadDay("answer_cut", "应答传到一半断线：请求已处理", EVERY_METHOD),
        BadDay("answer_unsigned", "应答没有签名：请求已处理", EVERY_METHOD),
        BadDay("answer_wrongly_signed", "应答由别人的私钥签名：请求已处理", EVERY_METHOD),
        BadDay("answer_stale", "应答的签名是五分钟以前的：请求已处理", EVERY_METHOD),
        BadDay(
            "answer_for_another_order",
            "应答说的是别的订单，签名有效：请求已处理",
            (QUERY, REFUND, REFUND_QUERY),
        ),
        BadDay("answer_system_error", "应答 500 SYSTEM_ERROR：请求没有处理", EVERY_METHOD),
        BadDay("answer_busy", "应答 429 FREQUENCY_LIMITED：请求没有处理", EVERY_METHOD),
        BadDay("answer_order_not_exist", "订单还没付款，却应答 404 ORDER_NOT_EXIST", (QUERY, CLOSE), True),
        BadDay("paid_before_close", "商户查询之后、关闭之前，买家付了款", (CLOSE,), True),
        BadDay("refund_not_enough", "退款时余额不足：403 NOT_ENOUGH", (REFUND,)),
        BadDay("refund_abnormal", "退款变成异常 ABNORMAL：买家的卡已注销", (REFUND,)),
        BadDay("refund_closed", "退款变成关闭 CLOSED：七天没有资金", (REFUND,)),
        BadDay("refund_stays", "退款一直停在 PROCESSING，不会自己成功", (REFUND,)),
        BadDay("bill_one_fen", "账单里第一笔交易多一分钱，汇总与哈希相符", BILLS),
        BadDay("bill_line_missing", "账单里少了第一笔交易，汇总与哈希相符", BILLS),
        BadDay("bill_line_too_many", "账单里多了一笔商户不认识的交易，汇总与哈希相符", BILLS),
        BadDay("bill_money_drawn", "资金账单里多了一笔提现，汇总与哈希相符", (FUND_BILL,)),
        BadDay("bill_wrong_hash", "账单的哈希不对", BILLS),
        BadDay("bill_late", "账单还没生成：400 STATEMENT_CREATING", BILLS),
    )
}
NOTICE_CONTENT = frozenset(
    name for name, day in BAD_DAYS.items() if not day.methods and name not in (LATE, REORDERED)
)
