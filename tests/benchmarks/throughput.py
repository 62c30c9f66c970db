"""Many at once, on the packaged functions: journeys side by side, claims of a coupon, notices in a flood. Not a test.

    make bench-load
    .venv/bin/python -m tests.benchmarks.throughput [--journeys 600] [--picture docs/many-at-once.svg]

The functions are processes under AWS's runtime client, one invocation at a time each; DynamoDB Local, Redis and
Alipay's simulator serve all of them. Prints Markdown. Times are those of invocations, without the client's and API
Gateway's work, beside those of cold_start.py's bare function in the same minute. The exit status is 1 when an answer
was not to be expected, or when money, coupons or courses are not where they should be.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from localstack.stores import DynamoDBLocal, RedisServer
from tests import conftest
from tests.benchmarks.places import Sample, percentile
from tests.benchmarks.range_chart import Range, drawn
from tests.packages import python_here

if TYPE_CHECKING:
    from tests.benchmarks.journeys import Round
    from tests.benchmarks.notices import Told

STEPS = {
    "GET /courses": "browse",
    "GET /coursedetail/{detail_id}": "browse",
    "GET /course/{course_id}/chapters": "browse",
    "POST /shoppingcar": "cart",
    "GET /shoppingcar": "cart",
    "POST /account/quote": "settle",
    "POST /payment": "pay",
    "POST /trade/alipay": "notify",
}
"""The requests of a journey, in order."""


def main() -> int:
    """Start the stores, measure, print -> the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.throughput")
    parser.add_argument("--journeys", type=int, default=600)
    parser.add_argument("--picture", type=Path, help="an SVG that is written")
    options = parser.parse_args()
    if options.journeys < 10:
        parser.error("ten journeys are the least: those of the mix")
    with DynamoDBLocal() as dynamodb, RedisServer() as redis, tempfile.TemporaryDirectory() as scratch:
        conftest.run |= {"dynamodb_url": dynamodb.url, "redis_port": str(redis.port)}
        conftest.set_environment()
        del os.environ["STORE_PATIENCE"]  # the tests' own; the shop's is as on AWS
        with conftest.alipay_simulator() as alipay:
            from chalicelib.storage.tables import create_tables
            from tests.benchmarks import claims, crowd, journeys, notices
            from tests.benchmarks.cold_start import bare_function
            from tests.packaged_functions import unpack

            create_tables()
            unpacked = unpack(Path(scratch) / "shop")
            stores = {store.name: store.running_child().process.pid for store in (dynamodb, redis)}
            bare = bare_function(Path(scratch) / "bare", unpacked)
            shop, wrong = crowd.Shop(unpacked, bare, alipay, stores), crowd.Wrong()
            rounds = journeys.make_journeys(shop, options.journeys, wrong)
            print_journeys(rounds)
            print_claims(claims.claim_at_once(shop, wrong))
            told = notices.tell_in_a_flood(shop, wrong)
            print_notices(told)
    if options.picture:
        options.picture.write_text(picture(rounds, told), encoding="utf-8")
    for text in wrong.texts:
        print(f"WRONG: {text}")
    print(
        "Something is wrong." if wrong.texts else "All money, coupons and courses are where they should be."
    )
    return 1 if wrong.texts else 0


def ran(samples: Sequence[Sample], request: str) -> list[float]:
    """What the invocations for a request took."""
    return [one.ran for one in samples if one.request == request]


def print_journeys(rounds: Sequence[Round]) -> None:
    """A row for each request of a journey, and the rates."""
    samples = [one for part in rounds for one in part.samples]
    bare = [one for part in rounds for one in part.bare]
    bare50, bare99 = percentile(bare, 0.5), percentile(bare, 0.99)
    print(f"Python {python_here()}, milliseconds\n")
    print("| Step | Request | Number | p50 | p99 | p50 by bare | p99 by bare |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    print(f"| | bare function | {len(bare)} | {bare50:.1f} | {bare99:.0f} | 1.0 | 1.0 |")
    for request, step in STEPS.items():
        times = ran(samples, request)
        if not times:  # something is wrong, and told at the end
            continue
        p50, p99 = percentile(times, 0.5), percentile(times, 0.99)
        ratios = f"{p50 / bare50:.1f} | {p99 / bare99:.1f}"
        print(f"| {step} | `{request}` | {len(times)} | {p50:.1f} | {p99:.0f} | {ratios} |")
    rate = statistics.median(part.rate for part in rounds)
    bare_rate = statistics.median(part.bare_rate for part in rounds)
    ratio = statistics.median(part.rate / part.bare_rate for part in rounds)
    print(f"\nRequests a second: {rate:.0f}, bare {bare_rate:.0f}, ratio {ratio:.2f} (medians of the rounds)")
    for who in rounds[0].cpu_seconds:
        spent = sum(part.cpu_seconds[who] for part in rounds) / len(samples) * 1000
        print(f"Processor time of a request: {spent:.2f} ms of {who}")
    print_answers(samples)


def print_answers(samples: Sequence[Sample]) -> None:
    """Everything that was answered, by kind."""
    kinds = Counter(one.answer for one in samples)
    told = ", ".join(f"{times} x {answer}" for answer, times in kinds.most_common())
    print(f"Answers: {told}\n")


def print_claims(samples: Sequence[Sample]) -> None:
    """Who got a piece and who did not, with both times."""
    print("| Claims | Number | p50 | p99 | p50 with waiting | p99 with waiting |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for answer in sorted({one.answer for one in samples}):
        some = [one for one in samples if one.answer == answer]
        alone, whole = [one.ran for one in some], [one.waited + one.ran for one in some]
        cells = " | ".join(
            f"{percentile(times, share):.0f}" for times in (alone, whole) for share in (0.5, 0.99)
        )
        print(f"| {answer} | {len(some)} | {cells} |")
    print_answers(samples)


def print_notices(notices: dict[str, Told]) -> None:
    """Notices alone and in the floods."""
    heads = (
        "Notices",
        "Number",
        "p50",
        "p99",
        "Mean",
        "of it processor time",
        "waiting for a processor",
        "Flood",
    )
    print(f"| {' | '.join(heads)} |\n| --- {'| ---: ' * (len(heads) - 1)}|")
    for name, told in notices.items():
        if not told.ran:
            continue
        number = len(told.ran)
        parts = [sum(told.ran), told.cpu_seconds * 1000, told.queued_seconds * 1000]
        means = " | ".join(f"{part / number:.1f}" for part in parts)
        p50, p99 = percentile(told.ran, 0.5), percentile(told.ran, 0.99)
        seconds = sum(one.seconds for one in told.floods)
        flood = f"{sum(one.requests for one in told.floods) / seconds:.0f} a second" if seconds else ""
        print(f"| {name} | {number} | {p50:.1f} | {p99:.0f} | {means} | {flood} |")
    print()


def picture(rounds: Sequence[Round], notices: dict[str, Told]) -> str:
    """The times of the journeys and of the notices, as an SVG."""
    samples = [one for part in rounds for one in part.samples]
    rows = {"bare function": [one for part in rounds for one in part.bare]}
    rows |= {request: ran(samples, request) for request in STEPS}
    return drawn(
        "Milliseconds of an invocation: median (bar) and 99th percentile (line)",
        {
            "Journeys, four at a time": ranges(rows),
            "Payment notices, one at a time": ranges({name: told.ran for name, told in notices.items()}),
        },
    )


def ranges(rows: dict[str, list[float]]) -> list[Range]:
    """The rows of a chart."""
    return [
        Range(label, percentile(times, 0.5), percentile(times, 0.99))
        for label, times in rows.items()
        if times
    ]


if __name__ == "__main__":
    began = time.monotonic()
    status = main()
    print(f"{time.monotonic() - began:.0f} seconds")
    sys.exit(status)
