"""The numeric codes of the API, one table per endpoint, and the texts learners read.

Codes up to 1402 and 5000 are the document's, but for 1004 to 1008; those, 1309, 15xx to 20xx belong to the endpoints it
does not list. A refusal outside its endpoint's table gets the answer of `EVERYWHERE`, whose code is the HTTP status.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from msgspec import Struct

from chalicelib import errors
from chalicelib.errors import ShopError
from chalicelib.money import yuan_text
from chalicelib.shop.texts import MAX_HAND_IN, MAX_QUESTION

OK = 1000
CATALOG_OK = 0


class Answer(Struct, frozen=True):
    """The answer to a refusal: its code, the text (or a function that makes it of the refusal's facts), the HTTP
    status.
    """

    code: int
    text: str | Callable[[Mapping[str, object]], str]
    status: int = 200

    def message(self, error: ShopError) -> str:
        """The text for a learner."""
        return self.text if isinstance(self.text, str) else self.text(error.facts)


Codes = Mapping[type[ShopError], Answer]


def _coupon_text(facts: Mapping[str, object]) -> str:
    reasons = {
        "used": "已被使用或已被其他订单占用",
        "date": "不在有效期内",
        "course": "不适用于所选课程",
        "twice": "不能重复选择",
        "unknown": "不存在",
    }
    name = f"优惠券「{facts['coupon']}」" if facts.get("coupon") else "所选优惠券"
    return name + reasons.get(str(facts.get("reason")), "不可用") + "，请重新选择"


def _minimum_text(facts: Mapping[str, object]) -> str:
    minimum = yuan_text(cast(int, facts["minimum"]))
    return f"优惠券「{facts['coupon']}」需消费满{minimum}元才能使用"


def _amount_text(facts: Mapping[str, object]) -> str:
    return f"应付金额为{yuan_text(cast(int, facts['due']))}元，请刷新页面后重试"


def _open_orders_text(facts: Mapping[str, object]) -> str:
    return f"您已有{facts['most']}个未支付的订单，请先支付或取消其中一些，再提交新订单"


_TRY_LATER = "服务暂时不可用，请稍后再试"
_COURSE_GONE = "课程不存在或暂时不能购买"
_POLICY_WRONG = "价格策略异常，请重新选择课程有效期"
_FREE_TERM_TAKEN = "课程的免费学习期限每人只能领取一次，您已领取过，请选择其他有效期"
_UNREADABLE_CART = "购物车内容有误，请刷新页面后重试"
_UNREADABLE_REQUEST = "请求内容有误，请刷新页面后重试"
_PROVIDER_CHANGED = "订单的支付方式已更改，请刷新页面"
_TOO_MANY_TRADES = "该订单更换支付方式的次数过多，请取消后重新下单"

EVERYWHERE: Codes = {
    errors.TokenRefused: Answer(401, "认证失败!", 401),
    errors.TokenExpired: Answer(401, "JWT已过期!", 401),
    errors.UserGone: Answer(401, "用户不存在!", 401),
    errors.Unreadable: Answer(400, "请求内容不是可读的JSON", 400),
    errors.InvalidPage: Answer(400, "分页参数有误，请从第一页重新开始", 400),
    errors.CoursePageNotFound: Answer(404, "课程不存在", 404),
    errors.StoreUnavailable: Answer(503, _TRY_LATER, 503),
    errors.OutcomeUnknown: Answer(503, _TRY_LATER, 503),
    errors.GatewayUnavailable: Answer(503, _TRY_LATER, 503),
}

NONE: Codes = {}
"""For endpoints that refuse nothing of their own."""


def _wait_text(facts: Mapping[str, object]) -> str:
    seconds = cast(int, facts["seconds"])
    return f"尝试次数过多，请{seconds}秒后再试"


def _weak_text(facts: Mapping[str, object]) -> str:
    rules = {
        "length": "密码长度应为8到128个字符",
        "digits": "密码不能全是数字",
        "name": "密码不能包含用户名",
        "common": "密码过于常见，请换一个",
    }
    return rules[str(facts["rule"])]


def _refund_text(facts: Mapping[str, object]) -> str:
    reasons = {
        "not paid": "订单未支付或已退费，不能申请退费",
        "open": "该订单已有退费申请在处理中",
        "window": "已超过可申请退费的期限",
        "line": "所选课程不存在或已退费",
        "channel": "该订单不能在线退费，请联系客服",
        "many": "您已有5个退费申请等待审核，请等待处理后再申请",
        "withdrawn": "该订单的退费申请已撤回5次，不能再在线申请，请联系客服",
    }
    return reasons[str(facts["reason"])]


def _profile_text(facts: Mapping[str, object]) -> str:
    rules = {
        "name": "名称应为1到32个可见字符，首尾不能是空格，也不能混用外形相似的文字",
        "head_img": "请从提供的头像中选择一个",
    }
    return rules[str(facts["field"])]


_CAPTCHA_FAILED = Answer(1001, "滑动验证失败，请重新完成滑动验证")
_TOO_MANY = Answer(1004, _wait_text)
_NOT_OFFERED = Answer(5000, "暂不支持这种支付方式，请选择其他支付方式")

CAPTCHA: Codes = {
    errors.TooManyAttempts: _TOO_MANY,
}
LOGIN: Codes = {
    errors.CaptchaFailed: _CAPTCHA_FAILED,
    errors.TooManyAttempts: _TOO_MANY,
    errors.WrongPassword: Answer(1002, "密码错误"),
    errors.UserNotFound: Answer(1003, "用户不存在"),
}

REGISTER: Codes = {
    errors.CaptchaFailed: _CAPTCHA_FAILED,
    errors.TooManyAttempts: _TOO_MANY,
    errors.InvalidUserName: Answer(
        1005, "用户名应为1到64个可见字符，首尾不能是空格，也不能混用外形相似的文字"
    ),
    errors.UserNameTaken: Answer(1006, "用户名已被注册，请换一个"),
    errors.WeakPassword: Answer(1007, _weak_text),
}
PASSWORD: Codes = {
    errors.WrongPassword: Answer(1002, "原密码错误"),
    errors.TooManyAttempts: _TOO_MANY,
    errors.WeakPassword: Answer(1007, _weak_text),
}
SESSIONS: Codes = {
    errors.SessionNotFound: Answer(1008, "登录会话不存在或已结束"),
}

PROFILE: Codes = {
    errors.InvalidProfile: Answer(1009, _profile_text),
    errors.InvalidRequest: Answer(1009, _UNREADABLE_REQUEST),
}

_CODE_REFUSED = Answer(2104, "验证码错误或已失效，请核对或重新获取")
_TOO_SOON = Answer(2101, lambda facts: f"操作过于频繁，请{facts['seconds']}秒后再试")
_INVALID_CONTACT = Answer(2102, "手机号或邮箱格式有误，请检查后重试")
_NOT_SET_UP = Answer(2103, "学校暂未开通这种联系方式")
_UNREADABLE = Answer(5000, _UNREADABLE_REQUEST)

CODES: Codes = {
    errors.CaptchaFailed: _CAPTCHA_FAILED,
    errors.TooManyAttempts: _TOO_SOON,
    errors.InvalidContact: _INVALID_CONTACT,
    errors.ChannelNotSetUp: _NOT_SET_UP,
    errors.CodeNotSent: Answer(2108, "验证码可能没有发出，如未收到，请一分钟后重新获取"),
    errors.InvalidRequest: _UNREADABLE,
}
CONTACT_CONFIRM: Codes = {
    errors.WrongPassword: Answer(1002, "更换前请输入登录密码，密码错误"),
    errors.TooManyAttempts: _TOO_SOON,
    errors.InvalidContact: _INVALID_CONTACT,
    errors.ChannelNotSetUp: _NOT_SET_UP,
    errors.CodeRefused: _CODE_REFUSED,
    errors.ContactTaken: Answer(2107, "该手机号或邮箱已用于另一个账号，如属于您，请联系学校"),
    errors.InvalidRequest: _UNREADABLE,
}
CONTACT_REMOVE: Codes = {
    errors.WrongPassword: Answer(1002, "密码错误"),
    errors.TooManyAttempts: _TOO_SOON,
    errors.ChannelNotSetUp: _NOT_SET_UP,
}
LOGIN_BY_CODE: Codes = {
    errors.TooManyAttempts: _TOO_SOON,
    errors.InvalidContact: _INVALID_CONTACT,
    errors.ChannelNotSetUp: _NOT_SET_UP,
    errors.CodeRefused: _CODE_REFUSED,
    errors.InvalidRequest: _UNREADABLE,
}
FORGOTTEN_PASSWORD: Codes = {**LOGIN_BY_CODE, errors.WeakPassword: Answer(1007, _weak_text)}

CONTENTS: Codes = {
    errors.CourseNotFound: Answer(1601, "课程不存在"),
}
_NO_ASSIGNMENT = "这一小节没有作业"
_NOT_ENROLLED = "您还没有这门课程的学习权限"


def _questions_text(facts: Mapping[str, object]) -> str:
    return f"您在这门课程中已有{facts['most']}个问题等待回复，请等老师回复后再提问"


ASK: Codes = {
    **CONTENTS,
    errors.SectionNotFound: Answer(1601, "课程中没有这一小节，请刷新页面"),
    errors.NotEnrolled: Answer(2201, _NOT_ENROLLED),
    errors.TooManyQuestions: Answer(2202, _questions_text),
    errors.InvalidRequest: Answer(5000, f"请填写您的问题（{MAX_QUESTION}字以内）"),
}
ASSIGNMENT: Codes = {
    **CONTENTS,
    errors.NotEnrolled: Answer(2201, _NOT_ENROLLED),
    errors.AssignmentNotFound: Answer(2203, _NO_ASSIGNMENT),
    errors.SectionNotFound: Answer(2203, _NO_ASSIGNMENT),
}
HAND_IN: Codes = {
    **ASSIGNMENT,
    errors.AssignmentOver: Answer(2204, "作业的提交时间已过"),
    errors.HandInMarked: Answer(2205, "作业已批改，不能再修改"),
    errors.InvalidRequest: Answer(5000, f"请填写作业内容（{MAX_HAND_IN}字以内）"),
}
TEACHER: Codes = {
    errors.TeacherNotFound: Answer(1602, "没有这位老师"),
}

CART_ADD: Codes = {
    errors.PricePolicyNotFound: Answer(1201, _POLICY_WRONG),
    errors.FreeTermTaken: Answer(1201, _FREE_TERM_TAKEN),
    errors.CourseNotFound: Answer(1202, f"加入购物车失败：{_COURSE_GONE}"),
    errors.InvalidRequest: Answer(1202, f"加入购物车失败：{_UNREADABLE_REQUEST}"),
    errors.CartFull: Answer(1202, "加入购物车失败：购物车最多放40门课程，请先结算或删除一些"),
    errors.StoreUnavailable: Answer(1202, "加入购物车失败，请稍后再试"),
}
CART_SHOW: Codes = {
    errors.StoreUnavailable: Answer(1233, "获取购物车失败，请稍后再试"),
}
CART_PREVIEW: Codes = {
    errors.CourseNotFound: Answer(1202, _UNREADABLE_CART),
    errors.PricePolicyNotFound: Answer(1202, _UNREADABLE_CART),
    errors.InvalidRequest: Answer(1202, _UNREADABLE_CART),
    errors.StoreUnavailable: Answer(1233, "获取购物车失败，请稍后再试"),
}
CART_REMOVE: Codes = {
    errors.CourseNotFound: Answer(1203, "删除的课程不存在"),
    errors.CartLineNotFound: Answer(1203, "删除的课程不在购物车中"),
    errors.InvalidRequest: Answer(1204, f"删除失败：{_UNREADABLE_REQUEST}"),
    errors.StoreUnavailable: Answer(1204, "删除失败，请稍后再试"),
}

ACCOUNT_OPEN: Codes = {
    errors.PricePolicyNotFound: Answer(1102, _POLICY_WRONG),
    errors.FreeTermTaken: Answer(1102, _FREE_TERM_TAKEN),
    errors.CourseNotFound: Answer(1103, _COURSE_GONE),
    errors.InvalidRequest: Answer(1103, f"没有可结算的课程：{_UNREADABLE_REQUEST}"),
    errors.StoreUnavailable: Answer(5000, _TRY_LATER),
}
ACCOUNT_SHOW: Codes = {
    errors.AccountNotFound: Answer(1101, "获取购物车失败：没有待结算的课程，请从购物车重新结算"),
    errors.StoreUnavailable: Answer(1101, "获取购物车失败，请稍后再试"),
}
ACCOUNT_PRICE: Codes = {
    errors.AccountNotFound: Answer(1101, "没有待结算的课程，请从购物车重新结算"),
    errors.BelowMinimum: Answer(1104, _minimum_text),
    errors.CouponUnusable: Answer(5000, _coupon_text),
    errors.InvalidRequest: Answer(5000, _UNREADABLE_REQUEST),
    errors.StoreUnavailable: Answer(5000, _TRY_LATER),
}

COUPON_CLAIM: Codes = {
    errors.CaptchaFailed: _CAPTCHA_FAILED,
    errors.TooManyAttempts: _TOO_MANY,
    errors.CouponNotFound: Answer(1701, "优惠券不存在"),
    errors.CouponNotOpen: Answer(1702, "不在优惠券的领取时间内"),
    errors.CouponClaimed: Answer(1703, "您已领取过这张优惠券，或正在领取中，请在我的优惠券中查看"),
    errors.CouponSoldOut: Answer(1704, "优惠券已被领完"),
}

PAYMENT: Codes = {
    errors.CourseNotFound: Answer(1301, _COURSE_GONE),
    errors.PricePolicyNotFound: Answer(1302, _POLICY_WRONG),
    errors.FreeTermTaken: Answer(1302, _FREE_TERM_TAKEN),
    errors.BeliTaken: Answer(1305, "贝里余额已变动，请刷新页面后重试"),
    errors.CouponUnusable: Answer(1306, _coupon_text),
    errors.BelowMinimum: Answer(1307, _minimum_text),
    errors.AmountMismatch: Answer(1308, _amount_text),
    errors.IdempotencyKeyUsed: Answer(1309, "该请求编号已用于另一个订单，请刷新页面后重试"),
    errors.TooManyOpenOrders: Answer(5000, _open_orders_text),
    errors.ProviderNotOffered: _NOT_OFFERED,
    errors.InvalidRequest: Answer(5000, _UNREADABLE_REQUEST),
    errors.StoreUnavailable: Answer(5000, _TRY_LATER),
    errors.GatewayUnavailable: Answer(5000, _TRY_LATER),
    errors.OutcomeUnknown: Answer(5000, "下单结果未知，请先在我的订单中查看，再决定是否重新下单"),
}
_ONLY_WHEN_ORDERING = (
    errors.BeliTaken,
    errors.AmountMismatch,
    errors.IdempotencyKeyUsed,
    errors.TooManyOpenOrders,
    errors.ProviderNotOffered,
    errors.GatewayUnavailable,
    errors.OutcomeUnknown,
)
QUOTE: Codes = {refusal: answer for refusal, answer in PAYMENT.items() if refusal not in _ONLY_WHEN_ORDERING}
REFUND_APPLY: Codes = {
    errors.OrderNotFound: Answer(1501, "订单不存在"),
    errors.RefundNotAllowed: Answer(1505, _refund_text),
    errors.InvalidRequest: Answer(1506, "请填写退费原因（200字以内），并选择要退费的课程"),
}
REFUND_PREVIEW: Codes = {
    errors.OrderNotFound: Answer(1501, "订单不存在"),
    errors.RefundNotAllowed: Answer(1505, _refund_text),
    errors.InvalidRequest: Answer(1506, "所选课程有误，请刷新页面后重试"),
}
REFUND_WITHDRAW: Codes = {
    errors.OrderNotFound: Answer(1501, "订单不存在"),
    errors.RefundNotFound: Answer(1507, "退费申请不存在"),
    errors.RefundFinished: Answer(1508, "退费申请已处理，不能撤回，请刷新页面查看结果"),
}
BACK_OFFICE: Codes = {
    errors.NotPermitted: Answer(1801, "没有权限，只有管理员可以操作"),
}
_REFUND_DECISION: Codes = {
    **BACK_OFFICE,
    errors.OwnRefund: Answer(1801, "不能处理自己的退费申请，请由其他管理员处理"),
    errors.RefundNotFound: Answer(1802, "退费申请不存在"),
    errors.RefundFinished: Answer(1803, "退费申请已处理，请刷新列表"),
}
REFUND_APPROVE: Codes = {
    **_REFUND_DECISION,
    errors.RefundedAtProvider: Answer(
        1806, "支付平台上有商城之外的退款，通过后可能重复退款；请先核对，确认仍需退款再提交"
    ),
    errors.InvalidRequest: _UNREADABLE,
}
REFUND_REFUSE: Codes = {
    **_REFUND_DECISION,
    errors.InvalidRequest: Answer(1804, "请填写处理说明（200字以内）"),
    errors.PaymentUnknown: Answer(1805, "暂时无法确认退款状态，申请未处理，请稍后再试"),
}
_NOT_PAYABLE = "订单不存在或已不能支付，请刷新订单列表"
PAY_ADDRESS: Codes = {
    errors.OrderNotFound: Answer(1402, "订单不存在"),
    errors.OrderNotPayable: Answer(1402, _NOT_PAYABLE),
    errors.OrderClosed: Answer(1402, _NOT_PAYABLE),
    errors.ProviderChanged: Answer(1402, _PROVIDER_CHANGED),
    errors.TradesChanged: Answer(1402, _PROVIDER_CHANGED),
    errors.TooManyTrades: Answer(1402, _TOO_MANY_TRADES),
}

ORDER: Codes = {
    errors.OrderNotFound: Answer(1501, "订单不存在"),
    errors.InvalidRequest: Answer(1506, "所选课程有误，请刷新页面后重试"),
}
ORDER_CANCEL: Codes = {
    errors.OrderNotFound: Answer(1501, "订单不存在"),
    errors.OrderAlreadyPaid: Answer(1502, "订单已支付，不能取消"),
    errors.OrderClosed: Answer(1503, "订单已超时关闭，无需取消"),
    errors.PaymentUnknown: Answer(1504, "暂时无法确认支付状态，订单未取消，请稍后再试"),
}
CHANGE_PROVIDER: Codes = {
    errors.OrderNotFound: Answer(1501, "订单不存在"),
    errors.OrderAlreadyPaid: Answer(1502, "订单已支付，无需再次支付"),
    errors.OrderClosed: Answer(1503, "订单已关闭，请重新下单"),
    errors.OrderNotPayable: Answer(1503, "订单的支付时间已不足，请重新下单"),
    errors.TooManyTrades: Answer(1503, _TOO_MANY_TRADES),
    errors.PaymentUnknown: Answer(1504, "暂时无法确认支付状态，请稍后再试"),
    errors.TradesChanged: Answer(1504, "暂时无法确认支付状态，请稍后再试"),
    errors.ProviderChanged: Answer(1504, "暂时无法确认支付状态，请稍后再试"),
    errors.TooManyAttempts: _TOO_MANY,
    errors.ProviderNotOffered: _NOT_OFFERED,
    errors.InvalidRequest: Answer(5000, _UNREADABLE_REQUEST),
}
BEGIN_PAYMENT: Codes = {
    **CHANGE_PROVIDER,
    errors.GatewayUnavailable: Answer(1509, "微信支付暂时不可用，请稍后再试，或改用其他支付方式"),
    errors.AuthorisationOver: Answer(1510, "微信授权已失效，请重新打开支付页面"),
    errors.ProviderChanged: Answer(1511, _PROVIDER_CHANGED),
}

VIDEO_CALLBACK: Codes = {
    errors.NotificationRefused: Answer(2010, "回调的签名或内容有误"),
    errors.ChangedMeanwhile: Answer(503, _TRY_LATER, 503),
}
MARQUEE: Codes = {
    errors.NotificationRefused: Answer(2010, "本站未启用视频播放"),
    errors.InvalidRequest: Answer(5000, _UNREADABLE_REQUEST),
}


def _not_enrolled_text(facts: Mapping[str, object]) -> str:
    return (
        "您尚未购买该课程，购买后即可学习" if facts["signed_in"] else "请登录后学习；尚未购买的课程请先购买"
    )


_STUDYING: Codes = {
    errors.NotEnrolled: Answer(2002, _not_enrolled_text),
    errors.AccessPaused: Answer(2003, "该课程正在申请退费，学习已暂停；撤回申请后可继续学习"),
    errors.AccessEnded: Answer(2004, "该课程的学习期限已结束"),
    errors.PlaceTaken: Answer(2008, "您已在其他页面或设备上播放，此处已停止"),
    errors.TicketOver: Answer(2009, "播放已过期，请重新播放"),
    errors.InvalidRequest: Answer(5000, _UNREADABLE_REQUEST),
}
PLAY: Codes = {
    errors.SectionNotFound: Answer(2001, "该小节不存在"),
    errors.CourseNotFound: Answer(2001, "课程不存在"),
    **_STUDYING,
    errors.SectionOffline: Answer(2005, "该小节尚未上线，请稍后再来"),
    errors.VideoNotReady: Answer(2006, "视频正在处理中，请稍后再试"),
    errors.GatewayUnavailable: Answer(2007, "视频暂时无法播放，请稍后再试"),
}
STUDY_REPORT: Codes = _STUDYING
PROGRESS: Codes = {errors.CourseNotFound: Answer(2001, "课程不存在")}

PUSHES: Codes = {errors.PushRefused: Answer(403, "请求地址中的密钥不正确", 403)}
MESSAGES: Codes = {errors.InvalidRequest: Answer(5000, _UNREADABLE_REQUEST)}
PREFERENCES: Codes = {
    errors.FixedPreference: Answer(2105, "该类通知不能关闭"),
    errors.InvalidRequest: Answer(5000, _UNREADABLE_REQUEST),
}
UNSUBSCRIBE: Codes = {errors.UnsubscribeRefused: Answer(2106, "退订链接无效，请登录后在消息设置中关闭")}

NAMES = {
    401: "NotSignedIn",
    1102: "AccountPolicyNotFound",
    1103: "AccountCourseNotFound",
    1104: "AccountBelowMinimum",
    1201: "CartPolicyNotFound",
    1202: "CartRefused",
    1203: "CartLineNotFound",
    1204: "CartRemovalRefused",
    1233: "CartUnavailable",
    1301: "PaymentCourseNotFound",
    1302: "PaymentPolicyNotFound",
    1307: "PaymentBelowMinimum",
    1402: "OrderNotPayable",
    1506: "RefundRequestInvalid",
    1507: "ApplicationNotFound",
    1508: "ApplicationDecided",
    2101: "CodeTooSoon",
    1804: "RefundAnswerInvalid",
    1805: "RefundPaymentUnknown",
    2007: "VideoUnavailable",
    2201: "NotStudying",
    5000: "NotPossible",
}
"""The names, for clients, of codes that do not have the name of their first refusal: it is another code's, or says too
little of the others.
"""


def find_answer(codes: Codes, error: ShopError) -> Answer | None:
    """The answer to a refusal: of its class or the nearest base, in the endpoint's table, then in
    `EVERYWHERE`.
    """
    for table in (codes, EVERYWHERE):
        for base in type(error).__mro__:
            if base in table:
                return table[base]
    return None
