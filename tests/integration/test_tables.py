"""The tables: what `infra/stores.json` defines, what the models expect and what is created are one and the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import botocore.session
import pytest
from pynamodb.attributes import Attribute, DiscriminatorAttribute
from pynamodb.indexes import Index

# All kinds of items are known once the modules of all nouns are imported.
from chalicelib.shop import (
    account,
    cart,
    catalog,
    coupon,
    enrollment,
    ledger,
    order,
    payment,
    session,
    user,
    work,
)
from chalicelib.shop.payment_type import ALIPAY
from chalicelib.storage.dynamodb import CatalogItem, StoredItem, UserItem, find
from chalicelib.storage.tables import TEMPLATE, create_tables, table_definitions
from tests import builders
from tests.conftest import Stores

NOUNS = (account, cart, catalog, coupon, enrollment, ledger, order, payment, session, user)
TABLES: dict[str, type[StoredItem]] = {"catalog": CatalogItem, "users": UserItem}
Keys = dict[str, str]
"""What a key consists of: HASH and RANGE -> the attribute's name."""


def definitions() -> dict[str, dict[str, Any]]:
    return {definition["TableName"]: definition for definition in table_definitions(prefix="")}


def kinds(base: type[StoredItem]) -> Iterator[type[StoredItem]]:
    """A model and all that inherit from it."""
    yield base
    for model in base.__subclasses__():
        yield from kinds(model)


def attribute_types(definition: dict[str, Any]) -> dict[str, str]:
    return {part["AttributeName"]: part["AttributeType"] for part in definition["AttributeDefinitions"]}


def key_of(definition: dict[str, Any]) -> Keys:
    return {part["KeyType"]: part["AttributeName"] for part in definition["KeySchema"]}


def key_among(attributes: dict[str, Attribute[Any]]) -> Keys:
    found = {"HASH": [a for a in attributes.values() if a.is_hash_key]}
    found["RANGE"] = [a for a in attributes.values() if a.is_range_key]
    return {kind: attribute.attr_name for kind, (attribute,) in found.items()}


def indexes_of(definition: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {index["IndexName"]: index for index in definition["GlobalSecondaryIndexes"]}


def model_indexes(model: type[StoredItem]) -> dict[str, Index[Any]]:
    return {index.Meta.index_name: index for index in model._indexes.values()}


def test_the_template_defines_the_tables_of_the_models_and_no_others() -> None:
    resources = json.loads(TEMPLATE.read_text(encoding="utf-8"))["Resources"]
    assert {resource["Type"] for resource in resources.values()} == {"AWS::DynamoDB::Table"}
    assert set(definitions()) == set(TABLES)


def test_the_prefix_stands_before_every_name() -> None:
    assert [definition["TableName"] for definition in table_definitions("shop-1_")] == [
        f"shop-1_{name}" for name in definitions()
    ]


@pytest.mark.parametrize("table", TABLES)
def test_a_models_table_name_is_the_tables_with_the_prefix_that_is_set(table: str, stores: Stores) -> None:
    assert {model.Meta.table_name for model in kinds(TABLES[table])} == {stores.table_prefix + table}


@pytest.mark.parametrize("table", TABLES)
def test_a_models_key_is_the_tables(table: str) -> None:
    definition = definitions()[table]
    for model in kinds(TABLES[table]):
        assert key_among(model.get_attributes()) == key_of(definition), model


@pytest.mark.parametrize("table", TABLES)
def test_the_template_types_exactly_the_attributes_that_are_keys(table: str) -> None:
    definition = definitions()[table]
    keys = [key_of(definition), *map(key_of, indexes_of(definition).values())]
    assert set(attribute_types(definition)) == {name for key in keys for name in key.values()}


@pytest.mark.parametrize("table", TABLES)
def test_whatever_kind_of_item_has_a_key_attribute_has_it_in_the_keys_type(table: str) -> None:
    types = attribute_types(definitions()[table])
    seen = set()
    for model in kinds(TABLES[table]):
        for attribute in model.get_attributes().values():
            if attribute.attr_name in types:
                seen.add(attribute.attr_name)
                assert attribute.attr_type == types[attribute.attr_name], (model, attribute.attr_name)
    assert seen == set(types), "a key that no kind of item has"


@pytest.mark.parametrize("table", TABLES)
def test_the_models_know_every_index_of_the_table_and_no_other(table: str) -> None:
    expected = set(indexes_of(definitions()[table]))
    for model in kinds(TABLES[table]):
        assert set(model_indexes(model)) == expected, model


@pytest.mark.parametrize("table", TABLES)
def test_an_indexs_key_types_and_projection_are_the_templates(table: str) -> None:
    definition = definitions()[table]
    types = attribute_types(definition)
    for name, index in model_indexes(TABLES[table]).items():
        expected = indexes_of(definition)[name]
        attributes = index.Meta.attributes
        assert key_among(attributes) == key_of(expected), name
        for attribute in attributes.values():
            assert attribute.attr_type == types[attribute.attr_name], (name, attribute.attr_name)
        projection = index.Meta.projection
        assert projection.projection_type == expected["Projection"]["ProjectionType"], name
        assert projection.non_key_attributes == expected["Projection"].get("NonKeyAttributes"), name


def test_the_attribute_by_which_items_are_forgotten_is_a_number_of_some_kind_of_item() -> None:
    with_expiry = 0
    for table, base in TABLES.items():
        expiry = definitions()[table].get("TimeToLiveSpecification")
        if expiry is not None:
            with_expiry += 1
            assert expiry["Enabled"] is True
            found = [
                model.get_attributes()[expiry["AttributeName"]]
                for model in kinds(base)
                if expiry["AttributeName"] in model.get_attributes()
            ]
            assert found, f"no kind of item in {table} has {expiry['AttributeName']}"
            assert {attribute.attr_type for attribute in found} == {"N"}
    assert with_expiry


def test_every_kind_of_item_is_told_apart_by_its_own_word() -> None:
    for base in TABLES.values():
        kind = base.get_attributes()["kind"]
        assert isinstance(kind, DiscriminatorAttribute)
        models = {model for model in kinds(base) if model is not base and kind.get_discriminator(model)}
        assert models
        words = {kind.get_discriminator(model) for model in models}
        assert len(words) == len(models)


@pytest.mark.parametrize("table", TABLES)
def test_tables_cost_by_use_and_are_not_lost_by_accident(table: str) -> None:
    resources = json.loads(TEMPLATE.read_text(encoding="utf-8"))["Resources"].values()
    (resource,) = [r for r in resources if r["Properties"]["TableName"]["Fn::Sub"].endswith("}" + table)]
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"
    properties = resource["Properties"]
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["DeletionProtectionEnabled"] is True
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


@pytest.mark.parametrize("table", TABLES)
def test_the_created_table_is_the_templates(table: str, stores: Stores) -> None:
    definition = definitions()[table]
    client = botocore.session.get_session().create_client("dynamodb")
    name = stores.table_prefix + table
    created = client.describe_table(TableName=name)["Table"]
    assert created["TableStatus"] == "ACTIVE"
    assert created["BillingModeSummary"]["BillingMode"] == definition["BillingMode"]
    assert key_of(created) == key_of(definition)
    assert attribute_types(created) == attribute_types(definition)
    assert set(indexes_of(created)) == set(indexes_of(definition))
    for index, expected in indexes_of(definition).items():
        assert key_of(indexes_of(created)[index]) == key_of(expected)
        assert indexes_of(created)[index]["Projection"] == expected["Projection"]
        assert indexes_of(created)[index]["IndexStatus"] == "ACTIVE"
    assert "LocalSecondaryIndexes" not in created
    expiry = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    expected_expiry = definition.get("TimeToLiveSpecification", {})
    assert expiry.get("AttributeName") == expected_expiry.get("AttributeName")
    assert (expiry["TimeToLiveStatus"] == "ENABLED") is expected_expiry.get("Enabled", False)


def test_creating_the_tables_again_changes_nothing(stores: Stores) -> None:
    category = catalog.category_item(builders.new_id(), "kept")
    category.save()
    names = create_tables()
    assert names == [stores.table_prefix + table for table in TABLES]
    assert find(catalog.Category, category.course_key, category.sort) is not None


def test_the_work_index_holds_what_the_timer_reads_of_it_and_no_more() -> None:
    definition = definitions()["users"]
    index = indexes_of(definition)["by_work"]
    held = {*key_of(definition).values(), *key_of(index).values(), *index["Projection"]["NonKeyAttributes"]}
    assert set(work.LISTED) == held


def test_a_write_that_leaves_the_work_list_as_it_is_costs_nothing_there(stores: Stores) -> None:
    now = builders.now()
    placed = order.order_item(
        order.new_number(now),
        builders.new_id(),
        now,
        status=order.PLACED,
        payment_type=ALIPAY,
        amount=100,
        lines=[],
        title="课程",
        expires_at=now + timedelta(minutes=30),
    )
    placed.set_due(now + timedelta(days=1))
    placed.save()
    client = botocore.session.get_session().create_client("dynamodb")

    def written_to(expression: str, value: dict[str, str]) -> set[str]:
        answer = client.update_item(
            TableName=stores.table_prefix + "users",
            Key={"owner": {"S": placed.owner}, "sort": {"S": placed.sort}},
            UpdateExpression=expression,
            ExpressionAttributeValues={":value": value},
            ReturnConsumedCapacity="INDEXES",
        )
        return set(answer["ConsumedCapacity"].get("GlobalSecondaryIndexes", {}))

    assert written_to("SET next_look_at = :value", {"N": str(placed.due_at - 1)}) == {"by_work"}
    assert written_to("SET problem = :value", {"S": "made up"}) == set()
