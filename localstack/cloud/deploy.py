"""`infra/deploy.py` against a LocalStack: the same program with the overlay's templates.

    AWS_ENDPOINT_URL=http://127.0.0.1:4566 API_URL=http://127.0.0.1:8001 SHOP_URL=http://127.0.0.1:8081 \\
        python -m localstack.cloud.deploy STAGE [deploy | rollback | status | destroy]

`API_URL` and `SHOP_URL` are what `edge.py` and the front's site listen on, in place of the stage's host names.
"""

from __future__ import annotations

import os
import sys

from infra import deploy
from localstack.cloud import server
from localstack.cloud.overlay import LocalCloud

if __name__ == "__main__":
    cloud = LocalCloud(server.install(), os.environ["API_URL"], os.environ["SHOP_URL"])
    sys.exit(deploy.main(cloud=cloud))
