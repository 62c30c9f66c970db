"""What must hold before a stage is deployed, told together and before anything is done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from infra.preflight import git_status, problems
from infra.stacks import NotDeployed
from infra.stage import Stage, read_stage


class Account:
    """An AWS account that answers the preflight's questions: with so many VPCs and addresses in its region,
    each with these tags, of which Service Quotas allows five.
    """

    def __init__(
        self,
        number: str = "000000000000",
        at_once: int = 1000,
        vpcs: int = 1,
        addresses: int = 0,
        **tags: str,
    ) -> None:
        self._number, self._at_once = number, at_once
        self._vpcs, self._addresses = vpcs, addresses
        self._tags = [{"Key": key, "Value": value} for key, value in tags.items()]
        self.asked: list[str] = []

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": self._number}

    def get_account_settings(self) -> dict[str, Any]:
        return {"AccountLimit": {"ConcurrentExecutions": self._at_once}}

    def describe_vpcs(self) -> dict[str, Any]:
        return {"Vpcs": [{"Tags": self._tags}] * self._vpcs}

    def describe_addresses(self) -> dict[str, Any]:
        return {"Addresses": [{"Tags": self._tags} if self._tags else {}] * self._addresses}

    def get_service_quota(self, ServiceCode: str, QuotaCode: str) -> dict[str, Any]:  # noqa: N803
        self.asked.append(f"{ServiceCode} {QuotaCode}")
        return {"Quota": {"Value": 5.0}}


def with_parameters(of: Stage, stack: str, **given: str) -> Stage:
    """The stage with other parameters of a stack."""
    return replace(of, stacks={**of.stacks, stack: {**of.stacks[stack], **given}})


WITHOUT_WECHAT = {"AlipayAppId": "2021000000000000", "AlipaySellerId": "2088000000000000"}
WITH_WECHAT = WITHOUT_WECHAT | {
    "WechatAppId": "wx0000000000000001",
    "WechatMchId": "1900000001",
    "WechatMchSerial": "1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C",
    "WechatPublicKeyId": "PUB_KEY_ID_0119000000010001",
}


def stage(name: str = "production", **app: str) -> Stage:
    """A stage whose front somebody else serves."""
    example = read_stage("example")
    stacks = {key: one for key, one in example.stacks.items() if key not in ("front", "front-certificate")}
    return with_parameters(replace(example, name=name, stacks=stacks), "app", **app)


def told(
    of: Stage, account: Account | None = None, git_status: str = "", said: list[str] | None = None
) -> list[str]:
    asked = account or Account()
    return list(problems(of, lambda _: asked, git_status, ([] if said is None else said).append))


def test_nothing_stands_in_the_way() -> None:
    assert told(stage()) == []


@pytest.mark.parametrize(
    ("account", "said"),
    [
        (Account("111111111111"), "of account 111111111111"),
        (Account(at_once=10), "may run 10 functions at once"),
        (Account(at_once=110), "may run 110 functions at once"),
        (Account(vpcs=5), "has 5 VPCs, 5 are allowed, and production needs 1 more"),
        (Account(addresses=5), "has 5 Elastic IP addresses, 5 are allowed, and production needs 1 more"),
    ],
)
def test_what_stands_in_the_way_is_told(account: Account, said: str) -> None:
    [problem] = told(stage(), account)
    assert said in problem


def test_an_account_at_wechat_pay_does_not_stand_in_the_way() -> None:
    whole = with_parameters(stage(**WITH_WECHAT), "secrets", WechatPay="on")
    assert told(whole) == []


def test_a_tree_that_is_not_committed_stands_in_the_way() -> None:
    [problem] = told(stage(), git_status=" M app.py\n")
    assert "not committed" in problem


@pytest.mark.parametrize(
    ("stacks", "said"),
    [
        ({"network": {"Redis": "redis"}}, "'redis', and must be one of node"),
        ({"app": {"AlipayAppId": "2021-1", "AlipaySellerId": "2088"}}, "'2021-1', and must match"),
        ({"app": {"AlipayAppId": "2021"}}, "'app' lacks AlipaySellerId"),
        (
            {"app": WITH_WECHAT | {"WechatPublicKeyId": "1DDE"}, "secrets": {"WechatPay": "on"}},
            "'1DDE', and must match",
        ),
        ({"app": WITH_WECHAT}, "so 'secrets' needs WechatPay"),
        ({"secrets": {"WechatPay": "on"}}, "so 'app' needs WechatAppId, WechatMchId"),
        (
            {"app": WITH_WECHAT | {"WechatMchSerial": ""}, "secrets": {"WechatPay": "on"}},
            "'app' has WechatAppId, WechatMchId, WechatPublicKeyId, and lacks WechatMchSerial",
        ),
        (
            {"app": WITHOUT_WECHAT | {"SmsSignName": "云课堂"}, "secrets": {"Sms": "on"}},
            "'app' has SmsSignName, and lacks SmsAccessKeyId",
        ),
        ({"secrets": {"Mail": "on"}}, "so 'app' needs MailFrom"),
        ({"secrets": {"Polyv": "on"}}, "so 'app' needs PolyvUserId"),
        ({"app": WITHOUT_WECHAT | {"PolyvUserId": "e2e84a7383"}}, "so 'secrets' needs Polyv, on"),
        ({"app": WITHOUT_WECHAT | {"MailFrom": "a@school.example"}}, "so 'secrets' needs Mail, on"),
        ({"stores": {"Prefix": "x-"}}, "'stores' takes no Prefix"),
        ({"edge": {"ApiDomainName": "api.school.example", "ShopDomainName": ""}}, "must match"),
        ({"watch": {"SlowMilliseconds": "30000"}}, "must be from 100 to 29000"),
        ({"watch": {"SlowMilliseconds": "quick"}}, "must be a number"),
    ],
)
def test_what_the_stages_file_has_wrong_is_told_before_anything_is_made(
    stacks: dict[str, Any], said: str
) -> None:
    of = stage()
    wrong = Stage(**{**vars(of), "stacks": {**of.stacks, **stacks}})
    problems_told = told(wrong)
    assert [problem for problem in problems_told if said in problem], problems_told


def test_a_stack_that_others_read_from_is_missed_before_anything_is_made() -> None:
    of = stage()
    without = Stage(
        **{**vars(of), "stacks": {key: one for key, one in of.stacks.items() if key != "secrets"}}
    )
    [problem] = told(without)
    assert "'app' reads " in problem
    assert "/course-shop/production/jwt-key-arn" in problem


def test_without_credentials_all_else_is_told_too() -> None:
    class Nobody:
        def get_caller_identity(self) -> dict[str, str]:
            raise NoCredentialsError

    told_first, told_last = problems(stage(), lambda _: Nobody(), " M app.py\n", print)
    assert "not committed" in told_first
    assert "Unable to locate credentials. AWS_PROFILE names" in told_last


def test_a_question_that_aws_refuses_is_told() -> None:
    class Refusing(Account):
        def get_account_settings(self) -> dict[str, Any]:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetAccountSettings")

    [problem] = told(stage(), Refusing())
    assert "cannot be asked" in problem
    assert "GetAccountSettings" in problem


def test_outside_of_a_clone_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotDeployed, match="Deploy from a clone"):
        git_status(tmp_path)


def test_a_new_account_can_do_without_reserved_places() -> None:
    assert told(stage(NotificationConcurrency="0", TimerConcurrency="0"), Account(at_once=10)) == []


def test_all_that_an_account_has_no_room_for_is_told_at_once() -> None:
    assert len(told(stage(), Account(at_once=10, vpcs=5, addresses=5))) == 3


def test_all_places_that_functions_reserve_are_counted() -> None:
    notices, timers = 2, 4
    reserved = 10 * notices + 2 * timers
    enough = 100 + reserved
    assert told(stage(), Account(at_once=enough)) == []
    [problem] = told(stage(), Account(at_once=enough - 1))
    assert f"would reserve {reserved}" in problem
    assert told(stage(NotificationConcurrency="9"), Account(at_once=enough - 1)) == []


def test_a_wrong_file_is_told_before_quotas_are_asked() -> None:
    account = Account(at_once=10, vpcs=5)
    problems_told = told(with_parameters(stage(), "network", Colour="blue"), account)
    assert any("'network' takes no Colour" in problem for problem in problems_told)
    assert not account.asked


def test_a_second_way_out_needs_a_second_address() -> None:
    of = with_parameters(stage(), "network", NatGateways="2")
    [problem] = told(of, Account(addresses=4))
    assert "needs 2 more" in problem
    assert told(of, Account(addresses=3)) == []


def test_what_the_stage_has_already_is_not_needed_once_more() -> None:
    full = Account(vpcs=5, addresses=5, app="course-shop", stage="production")
    assert told(stage(), full) == []
    of_another_stage = Account(vpcs=5, addresses=5, app="course-shop", stage="dev")
    assert len(told(stage(), of_another_stage)) == 2


def test_a_stage_without_network_asks_for_none() -> None:
    account = Account(vpcs=5, addresses=5)
    assert told(with_parameters(stage(), "network", Redis="dynamodb"), account) == []
    assert not account.asked


@pytest.mark.parametrize(
    "refusal",
    [
        ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetServiceQuota"),
        EndpointConnectionError(endpoint_url="https://servicequotas.example"),
    ],
)
def test_a_quota_that_may_not_be_asked_is_said_and_hinders_nothing(refusal: Exception) -> None:
    class Silent(Account):
        def get_service_quota(self, ServiceCode: str, QuotaCode: str) -> dict[str, Any]:  # noqa: N803
            raise refusal

    said: list[str] = []
    assert told(stage(), Silent(vpcs=5, addresses=5), said=said) == []
    assert len(said) == 2
    assert "needs 1 more VPCs in ap-southeast-1, which has 5" in said[0]
    assert str(refusal) in said[0]


def test_an_account_without_a_value_of_its_own_has_the_common_one() -> None:
    class Fresh(Account):
        def get_service_quota(self, ServiceCode: str, QuotaCode: str) -> dict[str, Any]:  # noqa: N803
            raise ClientError({"Error": {"Code": "NoSuchResourceException"}}, "GetServiceQuota")

        def get_aws_default_service_quota(self, **asked: str) -> dict[str, Any]:
            return super().get_service_quota(**asked)

    account = Fresh(vpcs=5)
    [problem] = told(stage(), account)
    assert "5 VPCs, 5 are allowed" in problem
    assert account.asked == ["vpc L-F678F1CE", "ec2 L-0263D0A3"]


@pytest.mark.parametrize("region", ["ap-east-2", "ap-southeast-6", "cn-north-1", "xx-new-1"])
def test_a_region_without_snapshots_hinders_nothing(region: str) -> None:
    of, said = replace(stage(), region=region), list[str]()
    assert told(of, said=said) == []
    [note] = said
    assert f"{region} is not known to have SnapStart" in note


def test_nothing_is_said_of_snapshots_where_they_are_or_nobody_wants_them() -> None:
    said: list[str] = []
    assert (
        told(stage(), said=said) == told(replace(stage(SnapStart="off"), region="ap-east-2"), said=said) == []
    )
    assert not said


def test_a_stage_that_nothing_is_packaged_for_is_refused_before_aws_is_asked() -> None:
    [problem] = told(stage("elsewhere"), Account("111111111111"))
    assert ".chalice/config.json" in problem


def test_a_front_that_would_show_a_made_up_school_is_refused_where_people_come() -> None:
    mine = stage()
    with_front = Stage(**{**vars(mine), "stacks": {**mine.stacks, "front-certificate": {}, "front": {}}})
    [problem] = told(with_front)
    assert "production-front/config.json is missing" in problem
    assert told(Stage(**{**vars(with_front), "production": False})) == []
