"""Create the tables from their one definition, the CloudFormation template `infra/stores.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from chalicelib.errors import StoreUnavailable
from chalicelib.settings import table_prefix

TEMPLATE = Path(__file__).parents[2] / "infra" / "stores.json"


def table_definitions(prefix: str) -> list[dict[str, Any]]:
    """The `Properties` of each table in the template, with the table prefix filled in."""
    resources = json.loads(TEMPLATE.read_text(encoding="utf-8"))["Resources"]
    definitions = []
    for resource in resources.values():
        if resource["Type"] == "AWS::DynamoDB::Table":
            properties = dict(resource["Properties"])
            properties["TableName"] = properties["TableName"]["Fn::Sub"].replace("${TablePrefix}", prefix)
            definitions.append(properties)
    return definitions


def create_tables() -> list[str]:
    """Create the missing tables -> the names of all. Safe to repeat.

    Uses botocore's client, which waits until a table exists; the request path never does.
    """
    import botocore.session
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client = botocore.session.get_session().create_client("dynamodb")
        return [_create_table(client, definition) for definition in table_definitions(table_prefix())]
    except ClientError as error:
        reason = error.response["Error"]["Code"]
        raise StoreUnavailable(store="dynamodb", operation=error.operation_name, reason=reason) from error
    except BotoCoreError as error:
        reason = type(error).__name__
        raise StoreUnavailable(store="dynamodb", operation="CreateTable", reason=reason) from error


def _create_table(client: Any, definition: dict[str, Any]) -> str:
    name: str = definition["TableName"]
    creation = ("TableName", "BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    try:
        client.create_table(**{part: definition[part] for part in creation if part in definition})
    except client.exceptions.ResourceInUseException:
        return name
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    if "TimeToLiveSpecification" in definition:
        client.update_time_to_live(
            TableName=name, TimeToLiveSpecification=definition["TimeToLiveSpecification"]
        )
    return name
