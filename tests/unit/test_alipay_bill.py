"""Reading Alipay's bills: as they are, and with all that can be wrong with one."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from chalicelib.gateways.alipay.bill import read_fund_bill, read_trade_bill
from chalicelib.gateways.bills import MAX_BILL_BYTES, BillLine, FundLine, WrongBill
from tests.alipay_bill_text import DAY, FUNDS, SELLER_ID, SUMMARY, TRADES, archive

TRADE_NO = "2019091622001458860515315453"


def read(packed: io.BytesIO) -> list[BillLine]:
    with read_trade_bill(packed, DAY, SELLER_ID) as bill:
        return list(bill.lines())


def read_funds(packed: io.BytesIO) -> list[FundLine]:
    with read_fund_bill(packed, DAY, SELLER_ID) as bill:
        return list(bill.lines())


def trouble(packed: io.BytesIO, read: Callable[[io.BytesIO], object] = read) -> WrongBill:
    with pytest.raises(WrongBill) as caught:
        read(packed)
    return caught.value


PAYMENT = BillLine(
    at=datetime(2019, 9, 16, 2, 55, 23, tzinfo=UTC),
    number="201909161055001",
    trade_no=TRADE_NO,
    request_no=None,
    amount=9800,
    fee=59,
    is_final=True,
    reference="201909161055001",
    moves=9741,
)
REFUND = BillLine(
    at=datetime(2019, 9, 16, 15, 59, 59, tzinfo=UTC),
    number="201909161055001",
    trade_no=TRADE_NO,
    request_no="r1568602607356",
    amount=4905,
    fee=-29,
    is_final=True,
    reference="201909161055001",
    moves=-4876,
)
DISCOUNTED = BillLine(
    at=datetime(2019, 9, 16, 8, 58, 58, tzinfo=UTC),
    number="201909161656592",
    trade_no="2019091622001465870515233238",
    request_no=None,
    amount=1000,
    fee=5,
    is_final=True,
    reference="201909161656592",
    moves=895,
)


def test_a_bill_of_trades_has_payments_and_refunds() -> None:
    assert read(archive(TRADES, SUMMARY)) == [PAYMENT, REFUND, DISCOUNTED]


def test_a_bill_of_funds_has_all_that_moved_the_balance() -> None:
    lines = read_funds(archive(FUNDS))
    assert [(line.kind, line.amount, line.balance) for line in lines] == [
        ("在线支付", 9800, 109800),
        ("收费", -59, 109741),
        ("交易退款", -4905, 104836),
        ("提现", -100000, 4836),
    ]
    assert lines[0] == FundLine(
        at=datetime(2019, 9, 16, 2, 55, 23, tzinfo=UTC),
        flow_no="54632446537371",
        kind="在线支付",
        amount=9800,
        balance=109800,
        provider_no=TRADE_NO,
        reference="201909161055001",
    )
    assert (lines[3].reference, lines[3].provider_no) == ("", "20190916222")


def test_a_refund_without_number_is_a_refund() -> None:
    (_, refund, _) = read(archive(TRADES.replace("r1568602607356", "")))
    assert refund.request_no == ""


def test_a_bill_is_read_as_often_as_one_likes_and_then_closed() -> None:
    packed = archive(TRADES)
    with read_trade_bill(packed, DAY, SELLER_ID) as bill:
        first, second = bill.lines(), bill.lines()
        assert next(first) == next(second) == PAYMENT
        assert list(first) == list(second) == list(bill.lines())[1:]
        assert not packed.closed
    assert packed.closed


@pytest.mark.parametrize("names", [("业务明细.csv", "业务明细(汇总).csv"), ("a/b.csv", "../c.csv")])
def test_names_in_the_archive_do_not_matter(names: tuple[str, str]) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as written:
        written.mkdir("folder")
        for name, text in zip(names, (SUMMARY, TRADES), strict=True):
            written.writestr(name, text.encode("gbk"))
    assert read(packed) == [PAYMENT, REFUND, DISCOUNTED]


def columns_moved(text: str) -> str:
    """The last needed column moved to the front, a new one behind it, narrow brackets in the heads."""
    lines = text.replace("（元）", "(元)").splitlines()
    for number, line in enumerate(lines):
        if not line.startswith("#"):
            cells = line.split(",")
            lines[number] = ",".join([cells[22], f"新列{number}", *cells[:22], *cells[23:]])
    return "\n".join(lines)


def test_columns_are_found_by_their_heads() -> None:
    moved = columns_moved(TRADES)
    assert "服务费(元),新列4,支付宝交易号" in moved
    assert read(archive(moved)) == [PAYMENT, REFUND, DISCOUNTED]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("前端开发", "前端, 开发, 2019-09-16 10:55:16"),
        lambda text: text.replace("0.00,\n", "0.00,a,b,c\n"),
        lambda text: text.replace("前端开发", '"前端'),
        lambda text: text.replace("前端开发", "前,端").replace("0.00,\n", "0.00,a,b,c\n"),
        lambda text: text.replace("#交易合计：2笔", "\n\n#交易合计：2笔"),
        lambda text: text + "\n\n",
    ],
)
def test_free_texts_and_line_ends_do_not_matter(change: Callable[[str], str]) -> None:
    assert read(archive(change(TRADES))) == [PAYMENT, REFUND, DISCOUNTED]


def test_a_broken_character_of_a_title_hurts_nothing() -> None:
    raw = TRADES.encode("gbk").replace("前端".encode("gbk"), b"\xc7\xff\x81")
    assert read(archive(raw)) == [PAYMENT, REFUND, DISCOUNTED]


def test_an_empty_bill_has_no_lines() -> None:
    rows = [line for line in TRADES.splitlines() if not line.startswith("2019")]
    empty = "\n".join(rows).replace("2笔，商家实收共107.00", "0笔，商家实收共0.00")
    assert read(archive(empty.replace("1笔，商家实收退款共-49.05", "0笔，商家实收退款共0.00"))) == []


def test_amounts_are_exact_to_the_fen() -> None:
    text = TRADES.replace("98.00,98.00", "9007199254740.93,9007199254740.93")
    text = text.replace("商家实收共107.00元", "商家实收共9007199254749.93元")
    assert read(archive(text))[0].amount == 900719925474093


# What is wrong with a bill


WRONG: list[tuple[str, str, str]] = [
    ("[20880211096256330156]", "[20880211096256340156]", "it is of another seller"),
    ("[20880211096256330156]", "[2088021109625633015]", "it is of another seller"),
    ("#账号：[20880211096256330156]", "#", "it is of another seller"),
    ("[2019年09月16日 00:00:00]", "[2019年09月15日 00:00:00]", "it is of another day"),
    ("终止日期：[2019年09月17日 00:00:00]", "终止日期：[2019年09月18日 00:00:00]", "it is of another day"),
    ("#起始日期", "#日期", "it is of another day"),
    ("订单金额（元）", "订单金额", "there is no column 订单金额（元）, or more than one"),
    ("商家实收（元）,", "订单金额（元）,", "there is no column 订单金额（元）, or more than one"),
    ("退款\t", "红包退回\t", "line 7: 业务类型 is unknown"),
    ("98.00,98.00", "98.001,98.00", "line 6: an amount cannot be read"),
    ("98.00,98.00", "1e2,98.00", "line 6: an amount cannot be read"),
    ("98.00,98.00", ",98.00", "line 6: an amount cannot be read"),
    ("98.00,98.00", "９８.00,98.00", "line 6: an amount cannot be read"),
    ("98.00,98.00", "-98.00,98.00", "line 6: 交易 has the wrong sign"),
    ("-49.05,-49.05", "-49.05,49.05", "line 7: 退款 has the wrong sign"),
    ("2019091622001465870515233238\t", "\t", "line 8: a number cannot be read"),
    ("201909161656592\t", "订单\t", "line 8: a number cannot be read"),
    ("201909161656592\t", f"{'1' * 65}\t", "line 8: a number cannot be read"),
    ("2019-09-16 10:55:23", "2019-09-31 10:55:23", "line 6: day is out of range for month"),
    ("2019-09-16 10:55:23", "2019-09-18 10:55:23", "line 6: it is of another day"),
    ("2019-09-16 10:55:23", "2019/09/16 10:55", "line 6: it has no times in the columns of times"),
    ("运维,", "", "line 8: columns are missing"),
    ("运维,", "运维,\n", "line 8: columns are missing"),
    (
        "#交易合计：2笔",
        "#交易合计：3笔",
        "its lines do not add up to its total (#交易合计:3笔，商家实收共107.00元)",
    ),
    ("共107.00元", "共107.01元", "its lines do not add up to its total (#交易合计:2笔，商家实收共107.01元)"),
    (
        "共-49.05元",
        "共-49.04元",
        "its lines do not add up to its total (#退款合计:1笔，商家实收退款共-49.04元)",
    ),
    ("共-49.05元", "共元", "the total 退款 is missing"),
    ("#退款合计", "#退款", "the total 退款 is missing"),
    ("#退款合计", "#交易合计：2笔，商家实收共107.00元\n#退款合计", "the total 交易 is missing"),
    ("业务明细列表结束", "", "the end is missing"),
    ("#导出时间", "2019\t,1\n#导出时间", "line 12 comes after the end"),
    ("运维", "运维" * 9000, "line 8 is too long"),
]


@pytest.mark.parametrize(("old", "new", "reason"), WRONG)
def test_a_bill_that_is_wrong_says_where(old: str, new: str, reason: str) -> None:
    assert old in TRADES
    found = trouble(archive(TRADES.replace(old, new, 1)))
    assert (str(found), found.is_damaged) == (reason, False)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("98.00,0.00", "98.00,-0.01", "line 6: money came and went"),
        ("98.00,0.00", "-98.00,0.00", "line 6: money came and went"),
        ("54632446537374\t", "\t", "line 9: a number cannot be read"),
        (
            "共-1049.64元",
            "共-1049.65元",
            "its lines do not add up to its total (#支出合计:3笔，共-1049.65元)",
        ),
        (
            "#收入合计：1笔",
            "#收入合计：2笔",
            "its lines do not add up to its total (#收入合计:2笔，共98.00元)",
        ),
        ("发生时间", "时间", "there is no column 发生时间, or more than one"),
    ],
)
def test_a_bill_of_funds_that_is_wrong_says_where(old: str, new: str, reason: str) -> None:
    assert old in FUNDS
    assert str(trouble(archive(FUNDS.replace(old, new, 1)), read_funds)) == reason


def test_what_was_spent_may_be_written_without_sign() -> None:
    text = FUNDS.replace("-0.59", "0.59").replace("共-1049.64元", "共1049.64元")
    assert read_funds(archive(text))[1].amount == -59


@pytest.mark.parametrize("lines", range(5, 11))
def test_a_bill_that_ends_too_early_is_noticed(lines: int) -> None:
    short = "\n".join(TRADES.splitlines()[:lines])
    assert str(trouble(archive(short))) in (
        "the end is missing",
        "the total 交易 is missing",
        "the total 退款 is missing",
    )


def test_another_kind_of_bill_is_noticed() -> None:
    assert str(trouble(archive(FUNDS))) == "0 files of the archive begin with #支付宝业务明细查询"
    assert str(trouble(archive(TRADES, TRADES))) == "2 files of the archive begin with #支付宝业务明细查询"
    assert str(trouble(archive(TRADES.splitlines()[0]))) == "the columns have no heads"
    assert str(trouble(archive())).startswith("0 files")


# What is wrong with an archive


def patched(packed: io.BytesIO, at: int, **fields: int) -> io.BytesIO:
    """The archive's first entry in its directory says something else: `at` its header's place of a field."""
    raw = bytearray(packed.getvalue())
    entry = raw.index(b"PK\x01\x02")
    struct.pack_into("<I", raw, entry + at, *fields.values())
    return io.BytesIO(bytes(raw))


def stored_with_another_byte(text: str) -> io.BytesIO:
    """An archive whose first amount is another one; its checksum stands far behind."""
    raw = archive(text, compression=zipfile.ZIP_STORED).getvalue()
    assert raw.count(b"98.00,98.00") == 1
    return io.BytesIO(raw.replace(b"98.00,98.00", b"9x.00,98.00"))


def with_comment(packed: io.BytesIO, comment: bytes) -> io.BytesIO:
    with zipfile.ZipFile(packed, "a") as written:
        written.comment = comment
    return io.BytesIO(packed.getvalue())


def as_zip64(packed: io.BytesIO) -> io.BytesIO:
    """The archive with a sign before its end that the list of its files is elsewhere."""
    raw = packed.getvalue()
    end = raw.rindex(b"PK\x05\x06")
    return io.BytesIO(raw[:end] + b"PK\x06\x07" + bytes(16) + raw[end:])


_FLAGS, _SIZE = 8, 24


@pytest.mark.parametrize(
    "packed",
    [
        io.BytesIO(b""),
        io.BytesIO(b"<html>" * 100),
        io.BytesIO(TRADES.encode("gbk")),
        io.BytesIO(archive(TRADES).getvalue()[:-30]),
        io.BytesIO(archive(TRADES).getvalue()[40:]),
        io.BytesIO(archive(TRADES).getvalue().replace(b"PK\x03\x04", b"PK\x03\x05")),
        io.BytesIO(archive(TRADES).getvalue()[:300] + bytes(50) + archive(TRADES).getvalue()[350:]),
        stored_with_another_byte(f"{TRADES}#{'x' * 100_000}"),
        io.BytesIO(b"PK\x05\x06" + bytes(8) + b"\x10\x00\x00\x00" + b"\xff" * 6),
    ],
)
def test_a_damaged_archive_may_be_fetched_again(packed: io.BytesIO) -> None:
    found = trouble(packed)
    assert found.is_damaged and str(found).startswith("the archive is damaged")


@pytest.mark.parametrize("text", ["#" * 1_000_000 + TRADES, TRADES + "#" * 1_000_000])
def test_no_more_is_unpacked_than_an_entry_claims(text: str) -> None:
    claimed = len(TRADES.encode("gbk"))
    assert trouble(patched(archive(text), _SIZE, size=claimed)).is_damaged


@pytest.mark.parametrize(
    ("packed", "reason"),
    [
        (patched(archive(TRADES), _SIZE, size=MAX_BILL_BYTES + 1), "too large"),
        (archive(*[TRADES] * 17), "too large"),
        (archive(*["#"] * 2000), "too large"),
        (with_comment(archive(*["#"] * 2000), b"PK\x05\x06" + bytes(100)), "too large"),
        (as_zip64(archive(TRADES)), "too large"),
        (archive(TRADES, compression=zipfile.ZIP_BZIP2), "the archive is of another kind"),
        (archive(TRADES, compression=zipfile.ZIP_LZMA), "the archive is of another kind"),
        (patched(archive(TRADES), _FLAGS, flags=1), "the archive is of another kind"),
    ],
)
def test_an_archive_that_is_not_bounded_is_not_unpacked(packed: io.BytesIO, reason: str) -> None:
    found = trouble(packed)
    assert (str(found), found.is_damaged) == (reason, False)


def test_what_is_printed_of_a_bill_names_no_learner() -> None:
    with read_trade_bill(archive(TRADES), DAY, SELLER_ID) as bill:
        assert repr(bill) == "Bill(...)"
    troubles = [trouble(archive(TRADES.replace(old, new, 1))) for old, new, _ in WRONG]
    assert not any("qq.com" in str(one) for one in troubles)
