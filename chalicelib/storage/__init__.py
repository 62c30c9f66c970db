"""The two stores: DynamoDB (catalogue, users, orders) and Redis (carts, settlement accounts)."""

import sys

# botocore takes the standard library's SSLContext by way of urllib3's adapter for pyOpenSSL, if that can be
# imported. It can, as a payment provider's SDK needs pyOpenSSL, and the detour loads that and cryptography: a fifth of
# the time a function takes to start. Where the adapter is marked as missing, botocore takes the class directly.
sys.modules.setdefault("urllib3.contrib.pyopenssl", None)  # type: ignore[arg-type]
