"""WeChat's authorisation: who (by openid) has opened a page within WeChat."""

from __future__ import annotations

import json
import re
from urllib.parse import urlencode

from chalicelib.confidential import Confidential
from chalicelib.deadline import Deadline
from chalicelib.errors import GatewayUnavailable
from chalicelib.gateways.http import fetch
from chalicelib.gateways.wechat.client import CALL_SECONDS, NAME

_REFUSED = (40029, 40163, 41008)
"""WeChat's numbers for a code that is invalid, was used before, or is missing."""
_STATE = re.compile(r"[0-9A-Za-z]{1,128}", re.ASCII)
_OPENID = re.compile(r"[0-9A-Za-z_-]{1,128}", re.ASCII)


class WechatLogin(Confidential, frozen=True):
    """The official account `app_id`, to which payments within WeChat belong; the addresses are WeChat's."""

    app_id: str
    secret: str
    page_url: str = "https://open.weixin.qq.com"
    api_url: str = "https://api.weixin.qq.com"

    def address(self, back_to: str, state: str) -> str:
        """Where WeChat asks nothing and sends the browser `back_to` with a `code` and this `state`, by which the caller
        knows that it was he who sent it: 1 to 128 letters and digits. Raises ValueError for another one.
        """
        if not _STATE.fullmatch(state):
            raise ValueError("state")
        # WeChat reads them in this order only.
        query = urlencode(
            {
                "appid": self.app_id,
                "redirect_uri": back_to,
                "response_type": "code",
                "scope": "snsapi_base",
                "state": state,
            }
        )
        return f"{self.page_url}/connect/oauth2/authorize?{query}#wechat_redirect"

    def openid(self, code: str, deadline: Deadline) -> str | None:
        """The openid behind a `code`, which is good once and for five minutes; None for one that is not (any more).
        One call. Raises GatewayUnavailable.
        """
        query = urlencode(
            {
                "appid": self.app_id,
                "secret": self.secret,
                "code": code,
                "grant_type": "authorization_code",
            }
        )
        url = f"{self.api_url}/sns/oauth2/access_token?{query}"
        try:
            answer = json.loads(fetch(NAME, url, deadline, CALL_SECONDS))
            if answer.get("errcode") in _REFUSED:
                return None
            openid = answer["openid"]
        except (ValueError, KeyError, AttributeError, RecursionError) as error:
            raise GatewayUnavailable(gateway=NAME, reason="unreadable answer") from error
        if not isinstance(openid, str) or not _OPENID.fullmatch(openid):
            raise GatewayUnavailable(gateway=NAME, reason="no openid")
        return openid
