"""A browser's name for itself -> browser and system in a learner's words.

A user agent names many browsers that it is not, so that old pages serve it: of the words that are found, the first of
the table tells.
"""

from __future__ import annotations

from collections.abc import Sequence

UNKNOWN = "未知设备"

_BROWSERS = (
    ("wxwork", "企业微信"),
    ("micromessenger", "微信"),
    ("aliapp(ap/", "支付宝"),
    ("dingtalk", "钉钉"),
    ("baiduboxapp", "百度"),
    ("qqbrowser", "QQ浏览器"),
    (" qq/", "QQ"),
    ("ucbrowser", "UC浏览器"),
    ("quark", "夸克"),
    ("huaweibrowser", "华为浏览器"),
    ("miuibrowser", "小米浏览器"),
    ("vivobrowser", "vivo浏览器"),
    ("heytapbrowser", "OPPO浏览器"),
    ("samsungbrowser", "三星浏览器"),
    ("metasr", "搜狗浏览器"),
    ("360se", "360浏览器"),
    ("360ee", "360浏览器"),
    ("qihu", "360浏览器"),
    ("edg/", "Edge"),
    ("edga/", "Edge"),
    ("edgios/", "Edge"),
    ("edge/", "Edge"),
    ("opr/", "Opera"),
    ("fxios/", "Firefox"),
    ("firefox/", "Firefox"),
    ("crios/", "Chrome"),
    ("chrome/", "Chrome"),
    ("safari/", "Safari"),
    ("trident/", "IE"),
    ("msie ", "IE"),
)

_SYSTEMS = (
    ("openharmony", "HarmonyOS"),
    ("harmonyos", "HarmonyOS"),
    ("ipad", "iPad"),
    ("iphone", "iPhone"),
    ("android", "Android"),
    ("windows", "Windows"),
    ("macintosh", "macOS"),
    ("cros ", "ChromeOS"),
    ("linux", "Linux"),
)


def device_name(user_agent: str) -> str:
    """`Chrome · Windows` for a user agent, or one of the two where the other cannot be told; 未知设备 for neither."""
    agent = user_agent.lower()
    known = [name for name in (_first(_BROWSERS, agent), _first(_SYSTEMS, agent)) if name]
    return " · ".join(known) or UNKNOWN


def _first(names: Sequence[tuple[str, str]], agent: str) -> str | None:
    return next((name for word, name in names if word in agent), None)
