"""Draws times as bars: a bar to the median, and a line from there to the 99th percentile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

WIDTH, LABELS, NUMBERS = 760, 240, 90
"""Of the picture; of what stands left and right of the bars."""
ROW, BAR, TOP, HEADING = 22, 12, 46, 34
FONT = "font-family='system-ui, sans-serif'"
INK, FAINT, BAR_COLOUR = "#24292f", "#6e7781", "#4c78a8"
STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


class Range(NamedTuple):
    """One row: milliseconds."""

    label: str
    median: float
    p99: float


def drawn(title: str, groups: Mapping[str, Sequence[Range]]) -> str:
    """An SVG with a heading and rows for each group, all to one scale. ValueError without any row."""
    most = max(row.p99 for rows in groups.values() for row in rows)
    step = next((one for one in STEPS if most / one <= 8), most / 8)
    end = -(-most // step) * step
    scale = (WIDTH - LABELS - NUMBERS) / end
    parts, y = [_text(16, 26, title, size=15, weight="600")], TOP
    parts.append(_text(WIDTH - 12, TOP + 22, "p50 / p99", anchor="end", colour=FAINT))
    ticks = [number * step for number in range(round(end / step) + 1)]
    height = TOP + sum(HEADING + ROW * len(rows) for rows in groups.values()) + 30
    for tick in ticks:
        x = LABELS + tick * scale
        parts.append(f"<line x1='{x:.1f}' x2='{x:.1f}' y1='{TOP}' y2='{height - 28}' stroke='#e4e7eb'/>")
        unit = " ms" if tick == ticks[-1] else ""
        parts.append(_text(x, height - 12, f"{tick:g}{unit}", anchor="middle", colour=FAINT))
    for heading, rows in groups.items():
        parts.append(_text(16, y + 22, heading, weight="600"))
        y += HEADING
        for row in rows:
            parts += _row(row, y, scale)
            y += ROW
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' width='{WIDTH}' height='{height}'"
        f" role='img' {FONT}>\n<title>{escape(title)}</title>\n"
        f"<rect width='{WIDTH}' height='{height}' fill='#ffffff'/>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _row(row: Range, y: float, scale: float) -> list[str]:
    middle, median, p99 = y + ROW / 2, LABELS + row.median * scale, LABELS + row.p99 * scale
    return [
        _text(LABELS - 10, middle + 4, row.label, anchor="end"),
        f"<rect x='{LABELS}' y='{middle - BAR / 2:.1f}' width='{median - LABELS:.1f}' height='{BAR}'"
        f" fill='{BAR_COLOUR}'/>",
        f"<path d='M{median:.1f} {middle:.1f}H{p99:.1f}M{p99:.1f} {middle - 4:.1f}v8' stroke='{BAR_COLOUR}'"
        " stroke-width='1.5' fill='none'/>",
        _text(WIDTH - 12, middle + 4, f"{row.median:.0f} / {row.p99:.0f}", anchor="end", colour=FAINT),
    ]


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int = 12,
    weight: str = "400",
    anchor: str = "start",
    colour: str = INK,
) -> str:
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' font-weight='{weight}' text-anchor='{anchor}'"
        f" fill='{colour}'>{escape(text)}</text>"
    )
