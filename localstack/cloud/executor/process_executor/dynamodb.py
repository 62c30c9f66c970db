"""Lets LocalStack ask DynamoDB Local under its own name: the shop's runner answers to no other."""

from localstack.runtime import hooks  # type: ignore[import-not-found]


@hooks.on_infra_start()
def ask_under_its_own_name() -> None:
    """By itself LocalStack hands on the host that it was asked for."""
    from localstack.services.dynamodb.server import (  # type: ignore[import-not-found]
        DynamodbServer,
    )

    DynamodbServer.get().proxy.proxy.preserve_host = False
