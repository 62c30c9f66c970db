"""A simulator of Alipay's open gateway and cashier: the real protocol, throwaway keys, no money.

``python -m localstack.alipay`` runs it on its own; tests start it in their own process::

    app, alipay = generate_keys(), generate_keys()
    with AlipaySimulator(app_id="2021...", seller_id="2088...", app_public_key=app.public_pem,
                         alipay_private_key=alipay.private_pem) as simulator:
        simulator.gateway_url    # what the shop takes for Alipay's gateway

It shares no code with the shop nor with the SDK that the shop uses, so each of them checks the other.
"""

from localstack.alipay.signing import KeyPair, generate_keys, public_half
from localstack.alipay.simulator import AlipaySimulator
from localstack.alipay.trades import Refund, Refused, Trade
from localstack.provider.book import Delivery, Notice

__all__ = [
    "AlipaySimulator",
    "Delivery",
    "KeyPair",
    "Notice",
    "Refund",
    "Refused",
    "Trade",
    "generate_keys",
    "public_half",
]
