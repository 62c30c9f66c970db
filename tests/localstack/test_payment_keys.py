"""The keys by which the shop and providers of payments know each other are changed as infra/README.md says."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from localstack.keys import Keys
from localstack.provider.keys import generate_keys, load_private_key, public_half
from tests.client import Client
from tests.e2e.local_run import SECONDS, until
from tests.e2e.shop import (
    PAID,
    Ordered,
    Shop,
    claimed_and_ordered,
    control,
    owned,
    paid,
    registered,
    status,
)
from tests.localstack.cloud_run import CloudRun
from tests.localstack.rotation import Rotation, change_keys, get

pytestmark = pytest.mark.timeout(1500)

UNPAID = "待支付"
NOT_AVAILABLE = 1509


class AlipayAppPrivateKey(Rotation):
    """Alipay's console knows one key of the app at a time: pay pages signed by another one do not open."""

    secret = "alipay-app-private-key"

    def __init__(self, run: CloudRun, shop: Shop) -> None:
        super().__init__(run, shop)
        self.old, self.new = Keys(run.data / "keys").app_private.read_text(), generate_keys()
        self.texts = (self.old, self.new.private_pem)

    def before(self) -> None:
        self.learner, self.course, self.order = an_order(self.shop)
        assert get(self.order.pay_url).url.startswith(f"{self.shop.alipay}/cashier/")

    def change(self) -> None:
        control(f"{self.shop.alipay}/control/keys", {"app_public_key": self.new.public_pem})

    def between(self) -> None:
        for address in (self.order.pay_url, self.address_of_now()):
            assert "isv.invalid-signature" in get(address).text
        assert status(self.learner, self.order) == UNPAID

    def after(self) -> None:
        assert "isv.invalid-signature" in get(self.order.pay_url).text
        last = paid(self.order._replace(pay_url=self.address_of_now()))
        assert last.url.startswith(f"{self.shop.shop_front}/payment/result")

    def end(self) -> None:
        control(f"{self.shop.alipay}/control/keys", {"app_public_key": public_half(self.old)})

    def address_of_now(self) -> str:
        """Where the learner is sent who goes on with the order."""
        asked = f"order_number={self.order.number}&final_price={self.order.pay_money}"
        return str(self.learner.get(f"/get_pay_url/?{asked}")["data"])


class AlipayPublicKey(Rotation):
    """Alipay signs by another key: notices fail until the functions know it, and none is lost."""

    secret = "alipay-public-key"

    def __init__(self, run: CloudRun, shop: Shop) -> None:
        super().__init__(run, shop)
        self.old, self.new = Keys(run.data / "keys").alipay_private.read_text(), generate_keys()
        self.texts = (public_half(self.old), self.new.public_pem)
        self.untold = an_order(shop)  # at once: the timer looks at an order a minute after it was placed

    def before(self) -> None:
        self.told = an_order(self.shop)
        for _, _, order in (self.told, self.untold):
            assert get(order.pay_url).status_code == 200

    def change(self) -> None:
        control(f"{self.shop.alipay}/control/keys", {"alipay_private_key": self.new.private_pem})

    def between(self) -> None:
        learner, _, order = self.told
        self.pay(order)
        until(lambda: bool(self.answers(order)), "no notice was sent")
        assert set(self.answers(order)) == {"fail"}
        assert status(learner, order) == UNPAID
        self.shop.switch_notices(False)
        self.pay(self.untold[2])

    def after(self) -> None:
        learner, course, order = self.told
        lost = {"on": True, "out_trade_no": self.untold[2].number}
        control(f"{self.shop.alipay}/control/bad-days/notice_lost", lost)
        self.shop.switch_notices(True)
        control(f"{self.shop.alipay}/control/notices/deliver", {"early": True})
        assert self.answers(order)[-1] == "success"
        assert status(learner, order) == PAID
        given = learner.get("/mycourses")["data"]
        assert [mine["course_id"] for mine in given] == [course]
        notice = self.shop.trade(order.number)["notices"][0]["notify_id"]
        times = len(self.answers(order))
        control(f"{self.shop.alipay}/control/notices/{notice}/resend", {})
        until(lambda: len(self.answers(order)) > times, "the notice was not repeated")
        assert self.answers(order)[-1] == "success"
        assert learner.get("/mycourses")["data"] == given

    def rolled_back(self) -> None:
        """Meanwhile the timer, which is not rolled back, finds what nobody was told of."""
        learner, course, order = self.untold
        # On a slow computer the timer has asked before, under the key of before, and asks again two minutes later.
        until(lambda: self.timer_has_found(learner, order), "the timer did not find the money", 3 * SECONDS)
        assert owned(learner) == [course]
        assert not self.shop.notice_accepted(order.number)

    def end(self) -> None:
        control(f"{self.shop.alipay}/control/bad-days", {"on": False})
        self.shop.switch_notices(True)
        control(f"{self.shop.alipay}/control/keys", {"alipay_private_key": self.old})

    def timer_has_found(self, learner: Client, order: Ordered) -> bool:
        """Whether the order is paid, once the timer has run. Its page, which asks Alipay itself, is not opened."""
        self.run.run_timer("work_off_orders")
        orders = {one["order_number"]: one["status"] for one in learner.get("/myorder/")["data"]}
        return bool(orders[order.number] == PAID)

    def pay(self, order: Ordered) -> None:
        control(f"{self.shop.alipay}/control/trades/{order.number}/pay", {})

    def answers(self, order: Ordered) -> list[str]:
        """What the shop answered to the notices of an order."""
        notices = self.shop.trade(order.number)["notices"]
        return [delivery["answer"] for notice in notices for delivery in notice["deliveries"]]


class WechatRotation(Rotation):
    """A key of WeChat Pay's or of WeChat's: orders are paid there on a page of the shop's own."""

    def __init__(self, run: CloudRun, shop: Shop) -> None:
        super().__init__(run, shop)
        self.wechat = run.run_env()["WECHAT_GATEWAY_URL"]
        self.parameters_of_now = run.wanted().parameters

    def an_order(self) -> tuple[Client, int, Ordered]:
        """A learner, the course that they have ordered, and the order, which is to be paid by WeChat Pay."""
        learner, _ = registered(self.shop)
        choice, order = claimed_and_ordered(self.shop, learner, payment_type="wechat")
        return learner, choice.course_id, order

    def begun(self, learner: Client, order: Ordered, way: str = "native", **members: str) -> Any:
        """The answer to who begins to pay."""
        return learner.post(f"/order/{order.number}/wechat", {"way": way, **members})

    def trade(self, code: str) -> Any:
        """What WeChat Pay knows of the trade behind a QR code."""
        trades = requests.get(f"{self.wechat}/control/trades", timeout=SECONDS).json()["trades"]
        return next(trade for trade in trades if trade["code_url"] == code)

    def pay(self, code: str) -> None:
        control(f"{self.wechat}/control/trades/{self.trade(code)['out_trade_no']}/pay", {})

    def is_told(self, code: str) -> list[bool]:
        """Of each notice that was sent about the trade, whether the shop has taken it."""
        notices = self.trade(code)["notices"]
        return [delivery["accepted"] for notice in notices for delivery in notice["deliveries"]]

    def is_paid_and_refused(self, code: str) -> None:
        self.pay(code)
        until(lambda: bool(self.is_told(code)), "no notice was sent")
        assert not any(self.is_told(code))

    def is_told_and_delivered(self, learner: Client, course: int, order: Ordered, code: str) -> None:
        control(f"{self.wechat}/control/notices/deliver", {"early": True})
        assert self.is_told(code)[-1]
        assert status(learner, order) == PAID
        assert owned(learner) == [course]


class WechatAppSecret(WechatRotation):
    """The official account has one secret: with another one, nobody pays within WeChat."""

    secret = "wechat-app-secret"

    def __init__(self, run: CloudRun, shop: Shop) -> None:
        super().__init__(run, shop)
        self.texts = (run.keys()[self.secret], secrets.token_hex(16))

    def before(self) -> None:
        self.learner, _, self.order = self.an_order()

    def change(self) -> None:
        control(f"{self.wechat}/control/app-secret", {"secret": self.texts[1]})
        assert self.authorised()["code"] == NOT_AVAILABLE

    def after(self) -> None:
        answer = self.authorised()
        assert (answer["code"], answer["data"]["kind"]) == (1000, "bridge")

    def end(self) -> None:
        control(f"{self.wechat}/control/app-secret", {"secret": self.texts[0]})

    def authorised(self) -> Any:
        """The answer to who comes back from WeChat."""
        page = self.begun(self.learner, self.order, "jsapi")["data"]["text"]
        back = requests.get(page, timeout=SECONDS, allow_redirects=False).headers["Location"]
        given = {name: texts[0] for name, texts in parse_qs(urlsplit(back).query).items()}
        return self.begun(self.learner, self.order, "jsapi", code=given["code"], state=given["state"])


class WechatApiV3Key(WechatRotation):
    """What WeChat Pay encrypts by another key fails until the functions know it, and no notice is lost."""

    secret = "wechat-api-v3-key"

    def __init__(self, run: CloudRun, shop: Shop) -> None:
        super().__init__(run, shop)
        self.texts = (run.keys()[self.secret], secrets.token_hex(16))

    def before(self) -> None:
        self.learner, self.course, self.order = self.an_order()
        self.code = self.begun(self.learner, self.order)["data"]["text"]

    def change(self) -> None:
        control(f"{self.wechat}/control/api-v3-key", {"key": self.texts[1]})
        self.is_paid_and_refused(self.code)

    def after(self) -> None:
        self.is_told_and_delivered(self.learner, self.course, self.order, self.code)

    def end(self) -> None:
        control(f"{self.wechat}/control/api-v3-key", {"key": self.texts[0]})


class WechatMchPrivateKey(WechatRotation):
    """Each certificate of the merchant has a number: with the key of one that is over, nobody begins to pay."""

    secret = "wechat-mch-private-key"

    def __init__(self, run: CloudRun, shop: Shop) -> None:
        super().__init__(run, shop)
        self.new = generate_keys()
        self.texts = (Keys(run.data / "keys").mch_private.read_text(), self.new.private_pem)
        self.parameters = {"WechatMchSerial": "2" * 40}

    def before(self) -> None:
        self.learner, self.course, self.order = self.an_order()

    def change(self) -> None:
        self.certificate(self.new.public_pem, self.parameters["WechatMchSerial"])
        assert self.begun(self.learner, self.order)["code"] == NOT_AVAILABLE

    def after(self) -> None:
        code = self.begun(self.learner, self.order)["data"]["text"]
        self.pay(code)
        until(lambda: any(self.is_told(code)), "the notice was not taken")
        assert owned(self.learner) == [self.course]

    def rolled_back(self) -> None:
        """The certificate before must still be valid."""
        self.of_old()

    def forward_again(self) -> None:
        self.certificate(self.new.public_pem, self.parameters["WechatMchSerial"])

    def end(self) -> None:
        self.of_old()

    def of_old(self) -> None:
        self.certificate(public_half(self.texts[0]), self.parameters_of_now["WechatMchSerial"])

    def certificate(self, public_key: str, serial: str) -> None:
        control(f"{self.wechat}/control/certificate", {"public_key": public_key, "serial": serial})


class WechatPlatformCertificate(WechatRotation):
    """While the certificate is there, what its key signs is believed beside the public key; then the latter alone."""

    secret = "wechat-platform-certificate"
    SERIAL = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"

    def __init__(self, run: CloudRun, shop: Shop) -> None:
        super().__init__(run, shop)
        self.key = generate_keys().private_pem
        self.texts = (certificate_of(self.key, self.SERIAL), "none")

    def before(self) -> None:
        self.learner, _, self.order = self.an_order()
        self.other = self.an_order()
        for is_by_certificate in (True, False):
            assert self.is_believed(*self.other[::2], is_by_certificate)
        self.code = self.begun(self.learner, self.order)["data"]["text"]
        self.sign_by_certificate(True)
        self.pay(self.code)
        until(lambda: any(self.is_told(self.code)), "the notice was not taken")
        self.sign_by_certificate(False)

    def after(self) -> None:
        for is_by_certificate in (True, False):
            assert self.is_believed(*self.other[::2], is_by_certificate) != is_by_certificate

    def end(self) -> None:
        self.sign_by_certificate(False)

    def is_believed(self, learner: Client, order: Ordered, is_by_certificate: bool) -> bool:
        self.sign_by_certificate(is_by_certificate)
        code = self.begun(learner, order)["code"]
        self.sign_by_certificate(False)
        assert code in (1000, NOT_AVAILABLE)
        return bool(code == 1000)

    def sign_by_certificate(self, on: bool) -> None:
        key = {"private_key": self.key, "serial": self.SERIAL}
        control(f"{self.wechat}/control/platform-key", key if on else {})


class WechatPublicKey(WechatRotation):
    """WeChat Pay signs by another key: what it says is not believed until the functions know it, and nothing lost."""

    secret = "wechat-public-key"

    def __init__(self, run: CloudRun, shop: Shop) -> None:
        super().__init__(run, shop)
        self.old, self.new = Keys(run.data / "keys").wechat_private.read_text(), generate_keys()
        self.texts = (public_half(self.old), self.new.public_pem)
        self.parameters = {"WechatPublicKeyId": "PUB_KEY_ID_0119000000010002"}

    def before(self) -> None:
        self.learner, self.course, self.order = self.an_order()
        self.code = self.begun(self.learner, self.order)["data"]["text"]

    def change(self) -> None:
        self.sign_by(self.new.private_pem, self.parameters["WechatPublicKeyId"])
        self.is_paid_and_refused(self.code)

    def after(self) -> None:
        self.is_told_and_delivered(self.learner, self.course, self.order, self.code)

    def rolled_back(self) -> None:
        """The API of before believes the key of before alone."""
        learner, _, order = self.an_order()
        assert self.begun(learner, order)["code"] == NOT_AVAILABLE
        self.sign_by(self.old, self.parameters_of_now["WechatPublicKeyId"])
        assert self.begun(learner, order)["code"] == 1000

    def forward_again(self) -> None:
        self.sign_by(self.new.private_pem, self.parameters["WechatPublicKeyId"])
        learner, _, order = self.an_order()
        assert self.begun(learner, order)["code"] == 1000

    def end(self) -> None:
        self.sign_by(self.old, self.parameters_of_now["WechatPublicKeyId"])

    def sign_by(self, private_key: str, key_id: str) -> None:
        control(f"{self.wechat}/control/public-key", {"private_key": private_key, "id": key_id})


def certificate_of(private_key: str, serial: str) -> str:
    """A certificate with this number, which the key has signed itself, as PEM text."""
    key, now = load_private_key(private_key), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tenpay.com Root CA")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(int(serial, 16)).not_valid_before(now - timedelta(days=1))
    made = made.not_valid_after(now + timedelta(days=1))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def an_order(shop: Shop) -> tuple[Client, int, Ordered]:
    """A learner, the course that they have ordered, and the order."""
    learner, _ = registered(shop)
    choice, order = claimed_and_ordered(shop, learner)
    return learner, choice.course_id, order


ROTATIONS = (
    AlipayAppPrivateKey,
    AlipayPublicKey,
    WechatAppSecret,
    WechatApiV3Key,
    WechatMchPrivateKey,
    WechatPlatformCertificate,
    WechatPublicKey,
)


def test_keys_of_payments_are_changed_in_one_deployment_and_no_payment_is_lost(
    run: CloudRun, shop: Shop
) -> None:
    change_keys(run, shop, ROTATIONS)
