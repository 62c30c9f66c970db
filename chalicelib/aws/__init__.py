"""AWS's services as they are spoken to over HTTP. Knows nothing of the shop."""

from __future__ import annotations

from chalicelib.confidential import Confidential


class AwsSettings(Confidential, frozen=True):
    """A service's address and the credentials, by the variables of AWS's own clients. None: botocore's files and
    chain know.
    """

    region: str | None
    endpoint_url: str | None
    ca_bundle: str | None
    """A file of certificate authorities to trust instead of the usual ones."""
    access_key_id: str | None
    secret_access_key: str | None
    session_token: str | None
