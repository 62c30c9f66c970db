"""What a browser calls itself, in a learner's words."""

from __future__ import annotations

import pytest

from chalicelib.shop.device import device_name

_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_IOS = "AppleWebKit/605.1.15 (KHTML, like Gecko)"

AGENTS = {
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/131.0.0.0 Safari/537.36": "Chrome · Windows",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/131.0.0.0 Safari/537.36 Edg/131.0.2903.51": (
        "Edge · Windows"
    ),
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_IOS} Version/18.1 Safari/605.1.15": "Safari · macOS",
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0": "Firefox · Linux",
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {_WEBKIT} Chrome/131.0.0.0 Safari/537.36": "Chrome · ChromeOS",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) {_IOS} Version/18.1 Mobile/15E148 Safari/604.1": (
        "Safari · iPhone"
    ),
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) {_IOS} CriOS/131.0.6778.73 Mobile Safari/604.1": (
        "Chrome · iPhone"
    ),
    f"Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) {_IOS} FxiOS/132.0 Mobile/15E148 Safari/605.1.15": (
        "Firefox · iPad"
    ),
    f"Mozilla/5.0 (Linux; Android 14; SM-S918B) {_WEBKIT} SamsungBrowser/26.0 Chrome/122.0.0.0 Safari/537.36": (
        "三星浏览器 · Android"
    ),
    (
        f"Mozilla/5.0 (Linux; Android 12; M2012K11AC Build/SKQ1.220303.001; wv) {_WEBKIT} Version/4.0 "
        "Chrome/116.0.0.0 Mobile Safari/537.36 XWEB/1160083 MMWEBSDK/20231105 MicroMessenger/8.0.44.2502"
    ): "微信 · Android",
    f"Mozilla/5.0 (Phone; OpenHarmony 5.0) {_WEBKIT} Chrome/114.0.0.0 ArkWeb/4.1.6.1 Mobile HuaweiBrowser/5.1": (
        "华为浏览器 · HarmonyOS"
    ),
    "Mozilla/5.0 (Windows NT 10.0; Trident/7.0; rv:11.0) like Gecko": "IE · Windows",
    "Dalvik/2.1.0 (Linux; U; Android 14)": "Android",
    "Firefox/1": "Firefox",
    "curl/8.5.0": "未知设备",
    "Phone 7": "未知设备",
    "": "未知设备",
}


@pytest.mark.parametrize(("agent", "name"), AGENTS.items(), ids=list(AGENTS.values()))
def test_a_browser_is_named_by_what_it_is(agent: str, name: str) -> None:
    assert device_name(agent) == name


def test_any_text_has_a_name() -> None:
    assert device_name("\x00💻" * 100_000) == "未知设备"
