"""Stacked bars as SVG: one row for each sum, coloured by what it is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

_COLOURS = (
    "#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f", "#edc948", "#b07aa1", "#9c755f", "#ff9da7", "#7f7f7f"
)  # fmt: skip
_WIDTH, _LABELS, _SUMS, _ROW, _LEGEND = 900, 290, 80, 30, 28
_LEGEND_COLUMNS = 4


@dataclass(frozen=True)
class Bar:
    """A sum, its label, and its parts by name."""

    label: str
    parts: Mapping[str, float]


def picture(bars: Sequence[Bar], unit: str) -> str:
    """The bars below one another to one scale, and what the colours mean. All have the same parts in the same order."""
    names = [name for name in bars[0].parts if any(bar.parts[name] for bar in bars)]
    colours = {name: _COLOURS[index % len(_COLOURS)] for index, name in enumerate(names)}
    scale = (_WIDTH - _LABELS - _SUMS) / max(sum(bar.parts.values()) for bar in bars)
    lines = -(-len(names) // _LEGEND_COLUMNS)
    height = _ROW * len(bars) + _LEGEND * lines + 16
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"',
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
    ]
    for row, bar in enumerate(bars):
        top, left = 8 + row * _ROW, float(_LABELS)
        drawn.append(f'<text x="{_LABELS - 10}" y="{top + 16}" text-anchor="end">{escape(bar.label)}</text>')
        for name in (name for name in names if bar.parts[name]):
            width = bar.parts[name] * scale
            title = f"<title>{escape(name)}: {bar.parts[name]:.2f} {escape(unit)}</title>"
            place = f'x="{left:.1f}" y="{top}" width="{width:.1f}" height="22" fill="{colours[name]}"'
            drawn.append(f"<rect {place}>{title}</rect>")
            left += width
        drawn.append(
            f'<text x="{left + 6:.1f}" y="{top + 16}">{sum(bar.parts.values()):.0f} {escape(unit)}</text>'
        )
    for index, name in enumerate(names):
        line, column = divmod(index, _LEGEND_COLUMNS)
        x, y = 20 + column * (_WIDTH // _LEGEND_COLUMNS), 16 + _ROW * len(bars) + line * _LEGEND
        drawn.append(f'<rect x="{x}" y="{y}" width="14" height="14" fill="{colours[name]}"/>')
        drawn.append(f'<text x="{x + 20}" y="{y + 12}">{escape(name)}</text>')
    return "\n".join([*drawn, "</svg>", ""])
