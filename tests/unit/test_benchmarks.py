"""What the benchmarks make of what they measure."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest

from tests.benchmarks.places import answer_of, percentile
from tests.benchmarks.range_chart import LABELS, Range, drawn

SVG = "{http://www.w3.org/2000/svg}"


def test_a_percentile_is_one_of_the_values() -> None:
    values = list(range(100, 0, -1))
    assert [percentile(values, share) for share in (0, 0.005, 0.5, 0.99, 1)] == [1, 1, 50, 99, 100]
    assert percentile([7.5], 0.5) == percentile([7.5], 0.99) == 7.5
    with pytest.raises(ValueError):
        percentile([], 0.5)


def test_an_answer_is_told_in_a_word() -> None:
    def result(status: int, body: object) -> dict[str, object]:
        return {"statusCode": status, "body": body if isinstance(body, str) else json.dumps(body)}

    assert answer_of(None) == "crashed"
    assert answer_of(result(200, {"code": 1704})) == "1704"
    assert answer_of(result(200, {"error_no": 0})) == "0"
    assert answer_of(result(200, {"id": 1})) == "200"
    assert answer_of(result(200, "fail")) == "fail"
    assert answer_of(result(503, {"code": 503})) == "503"


def test_bars_and_lines_are_drawn_to_one_scale() -> None:
    picture = ElementTree.fromstring(
        drawn("Times <ms>", {"One": [Range("a & b", 10, 40)], "Two": [Range("c", 20, 80)]})
    )
    (short, long) = (
        float(bar.attrib["width"]) for bar in picture.iter(f"{SVG}rect") if bar.attrib.get("x") == str(LABELS)
    )
    assert long == pytest.approx(2 * short, abs=0.2)
    lines = [re.match(r"M([\d.]+) [\d.]+H([\d.]+)M", line.attrib["d"]) for line in picture.iter(f"{SVG}path")]
    starts, ends = zip(*((float(line[1]), float(line[2])) for line in lines if line), strict=True)
    assert [start - LABELS for start in starts] == pytest.approx([short, long], abs=0.2)
    assert [end - LABELS for end in ends] == pytest.approx([4 * short, 4 * long], abs=0.4)
    texts = [text.text for text in picture.iter(f"{SVG}text")]
    assert {"Times <ms>", "One", "a & b", "10 / 40", "Two", "c", "20 / 80"} <= set(texts)
    assert max(ends) <= float(picture.attrib["width"])
