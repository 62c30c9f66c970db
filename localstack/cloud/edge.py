"""The API's host name: what a custom domain with its base path mapping is on AWS, and a port is here.

API Gateway's own addresses hold the API's id and the stage, which nobody knows before the API exists; the functions'
settings and Alipay want one address that stays. LocalStack's free edition has no custom domains. As CloudFront does, it
tells the functions the client's address, and proves itself by the key EDGE_KEY.

    python -m localstack.cloud.edge --port 8000 --localstack-port 4566 --api ID/STAGE
"""

from __future__ import annotations

import argparse
import http.client
import logging
import os
import sys

from localstack import forwarding
from localstack.api_gateway import Answer, GatewayServer, Request, own_answer
from localstack.cloud.overlay import gateway_response_type
from localstack.gateway_responses import gateway_responses
from localstack.processes import hold_end, wait_for_end

PROOF, VIEWER = "x-shop-edge", "x-shop-viewer"
"""The headers of `infra/edge.json`, which nobody but the edge may send."""

log = logging.getLogger("edge")


class Edge:
    """Passes requests on to an API of LocalStack's API Gateway; `api` is its id and stage, with a slash between."""

    def __init__(self, localstack_port: int, api: str, key: str, allowed_origins: str = "*") -> None:
        self._port, self._base, self._key = localstack_port, f"/_aws/execute-api/{api}", key
        self._responses = gateway_responses(allowed_origins)

    def answer(self, request: Request) -> Answer:
        """What API Gateway answers; 503 when it cannot be asked."""
        target = self._base + request.target
        headers = [header for header in request.headers if header[0].lower() not in (PROOF, VIEWER)]
        headers += [(PROOF, self._key), (VIEWER, request.source_ip)]
        try:
            answer = forwarding.ask(self._port, request.method, target, headers, request.body)
        except (OSError, http.client.HTTPException):
            log.exception("LocalStack did not answer")
            return self.refusal("DEFAULT_5XX")
        error_type = dict(answer.headers).get("x-amzn-ErrorType")
        if error_type is not None:
            return self.refusal(gateway_response_type(error_type, answer.status))
        return Answer(answer.status, tuple(answer.headers), answer.body)

    def refusal(self, response_type: str) -> Answer:
        """What API Gateway answers by itself."""
        return own_answer(self._responses[response_type])


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m localstack.cloud.edge", description=main.__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--localstack-port", type=int, required=True)
    parser.add_argument("--api", required=True, help="its id and stage: ID/STAGE")
    parser.add_argument("--own-url", action="append", default=[], help="what else it is known under")
    options = parser.parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stdout
    )
    hold_end()
    edge = Edge(options.localstack_port, options.api, os.environ["EDGE_KEY"])
    try:
        prepared = GatewayServer(edge, options.port, options.own_url)
    except OSError as error:
        print(f"Port {options.port} cannot be used: {error.strerror}.", flush=True)
        return 1
    with prepared:
        wait_for_end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
