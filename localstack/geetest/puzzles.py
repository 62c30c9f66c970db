"""The pictures of the slider: a drawn landscape with a gap, and the piece that belongs into it.

Pixels by hand, because the standard library draws nothing. Where the gap is stands in the picture only.
"""

from __future__ import annotations

import math
import random
import secrets
import struct
import zlib
from functools import cache
from typing import NamedTuple

WIDTH, HEIGHT = 600, 320
"""The picture in pixels; pages show it at half this size, which keeps it sharp on most screens."""

PIECE = 112
"""The width of the piece's picture; the piece's shape fills it nearly."""

_NEAREST_GAP = 200  # a gap farther left would be under the piece from the beginning
_MARGIN = 8

Colour = tuple[int, int, int]


class Puzzle(NamedTuple):
    """Two PNG pictures of the same height. ``gap`` is the piece's left edge, in pixels, where it fits."""

    background: bytes
    piece: bytes
    gap: int


class _Hills(NamedTuple):
    height: float
    roughness: float
    top: Colour
    bottom: Colour
    pines: int = 0


class _Scene(NamedTuple):
    sky: tuple[Colour, Colour]
    sun: tuple[int, int, int, Colour]  # x, y, radius
    clouds: Colour
    stars: int
    hills: tuple[_Hills, ...]


_SCENES = (
    _Scene(
        ((112, 176, 232), (222, 238, 246)),
        (470, 74, 34, (255, 244, 200)),
        (255, 255, 255),
        0,
        (
            _Hills(150, 34, (122, 160, 190), (160, 190, 206)),
            _Hills(104, 26, (78, 138, 112), (120, 170, 122)),
            _Hills(54, 14, (44, 104, 72), (86, 148, 84), 16),
        ),
    ),
    _Scene(
        ((78, 60, 120), (250, 168, 118)),
        (300, 176, 44, (255, 222, 150)),
        (246, 178, 160),
        0,
        (
            _Hills(132, 30, (150, 92, 128), (196, 120, 124)),
            _Hills(92, 30, (100, 62, 104), (140, 82, 106)),
            _Hills(44, 12, (50, 36, 70), (78, 50, 82), 12),
        ),
    ),
    _Scene(
        ((16, 26, 62), (58, 86, 136)),
        (140, 66, 26, (240, 240, 222)),
        (74, 96, 140),
        70,
        (
            _Hills(140, 38, (44, 64, 108), (56, 78, 120)),
            _Hills(84, 24, (30, 48, 84), (42, 64, 98)),
            _Hills(46, 16, (16, 30, 54), (28, 46, 72), 20),
        ),
    ),
    _Scene(
        ((150, 196, 214), (240, 246, 246)),
        (110, 84, 28, (255, 250, 232)),
        (252, 253, 254),
        0,
        (
            _Hills(164, 44, (176, 200, 216), (214, 228, 236)),
            _Hills(104, 22, (208, 222, 232), (232, 240, 245)),
            _Hills(48, 12, (66, 110, 118), (226, 236, 240), 18),
        ),
    ),
    _Scene(
        ((232, 196, 140), (250, 236, 206)),
        (500, 92, 40, (255, 252, 232)),
        (250, 240, 216),
        0,
        (
            _Hills(142, 24, (214, 166, 108), (228, 188, 130)),
            _Hills(96, 34, (196, 130, 78), (214, 156, 98)),
            _Hills(50, 20, (152, 88, 54), (184, 118, 72), 8),
        ),
    ),
)


def draw() -> Puzzle:
    """A new puzzle: one of a few landscapes, with the gap somewhere in its right two thirds."""
    gap = _NEAREST_GAP + secrets.randbelow(WIDTH - PIECE - _MARGIN - _NEAREST_GAP)
    top = _MARGIN + secrets.randbelow(HEIGHT - PIECE - 2 * _MARGIN)
    pixels = bytearray(_landscape(secrets.randbelow(len(_SCENES))))
    piece = bytearray(PIECE * HEIGHT * 4)
    for y, row in enumerate(_shape()):
        at = ((top + y) * WIDTH + gap) * 3
        to = (top + y) * PIECE * 4
        for cover, rim, shadow in row:
            if cover or shadow:
                for channel in range(3):
                    seen = pixels[at + channel]
                    pixels[at + channel] = int(_mix(seen * (1 - 0.58 * cover), 255, 0.7 * rim))
                    piece[to + channel] = int(
                        _mix(seen, 255, 0.85 * rim) * min(1, cover / max(cover, shadow))
                    )
                piece[to + 3] = int(255 * max(cover, shadow))
            at += 3
            to += 4
    return Puzzle(_png(bytes(pixels), WIDTH, colour_type=2), _png(bytes(piece), PIECE, colour_type=6), gap)


@cache
def _shape() -> list[list[tuple[float, float, float]]]:
    """A jigsaw piece, pixel by pixel: how much of it is piece, how much rim, and the shadow around it."""

    def distance(x: float, y: float) -> float:  # from the shape's outline, negative inside
        across, down = abs(x - 48) - 38, abs(y - 64) - 38
        body = math.hypot(max(across, 0), max(down, 0)) + min(max(across, down), 0)
        knobs = min(math.hypot(x - 92, y - 64), math.hypot(x - 48, y - 21)) - 15
        notch = math.hypot(x - 12, y - 64) - 14
        return max(min(body, knobs), -notch)

    def pixel(x: int, y: int) -> tuple[float, float, float]:
        far = distance(x + 0.5, y + 0.5)
        cover = _within_one(0.5 - far)
        rim = cover * _within_one(3.5 + far)
        shadow = 0.4 * _within_one(1 - far / 5) if far > 0 else 0.0
        return cover, rim, shadow

    return [[pixel(x, y) for x in range(PIECE)] for y in range(PIECE)]


@cache
def _landscape(number: int) -> bytes:
    """RGB pixels. Drawing takes a moment, so each landscape is drawn once."""
    scene, chance = _SCENES[number], random.Random(number)
    pixels = bytearray()
    for y in range(HEIGHT):
        pixels += bytes(_between(scene.sky[0], scene.sky[1], y / HEIGHT)) * WIDTH
    for _ in range(scene.stars):
        x, y = chance.randrange(4, WIDTH - 4), chance.randrange(4, HEIGHT // 2)
        _disc(pixels, x, y, chance.uniform(0.8, 1.8), (255, 255, 240), chance.uniform(0.4, 1))
    x, y, radius, colour = scene.sun
    _disc(pixels, x, y, radius * 2.2, colour, 0.25, soft=radius * 1.4)
    _disc(pixels, x, y, radius, colour, 1)
    for _ in range(4):
        x, y = chance.randrange(WIDTH), chance.randrange(24, 110)
        for puff in range(5):
            size = chance.uniform(12, 24)
            _disc(pixels, x + puff * 20, y + chance.randrange(-5, 6), size, scene.clouds, 0.9, soft=7)
    for hills in scene.hills:
        _fill_below(pixels, _ridge(hills, chance), hills.top, hills.bottom)
    return bytes(pixels)


def _ridge(hills: _Hills, chance: random.Random) -> list[float]:
    """The height of the hills' upper edge, column by column, pines included."""
    waves = [(hills.roughness / n, n * chance.uniform(0.9, 1.6), chance.uniform(0, 7)) for n in (1, 2, 4, 9)]
    edge = [
        HEIGHT
        - hills.height
        + sum(high * math.sin(x / WIDTH * 6.3 * often + at) for high, often, at in waves)
        for x in range(WIDTH)
    ]
    ground = list(edge)
    for _ in range(hills.pines):
        middle, high = chance.randrange(WIDTH), chance.uniform(26, 58)
        for x in range(max(0, middle - 16), min(WIDTH, middle + 17)):
            up = high * (1 - abs(x - middle) * 3.2 / high)
            # Three tiers of branches: each is a little wider at its foot.
            up -= up % (high / 3) * 0.35 if up > 0 else 0
            edge[x] = min(edge[x], ground[middle] + 4 - up) if up > 0 else edge[x]
    return edge


def _fill_below(pixels: bytearray, edge: list[float], top: Colour, bottom: Colour) -> None:
    for y in range(max(0, int(min(edge))), HEIGHT):
        colour = _between(top, bottom, (y - min(edge)) / (HEIGHT - min(edge)))
        for x, height in enumerate(edge):
            if y >= height:
                at = (y * WIDTH + x) * 3
                pixels[at : at + 3] = bytes(colour)
            elif y + 1 > height:
                _blend(pixels, x, y, colour, y + 1 - height)


def _disc(
    pixels: bytearray, x: float, y: float, radius: float, colour: Colour, opacity: float, soft: float = 1
) -> None:
    for row in range(max(0, int(y - radius - 1)), min(HEIGHT, int(y + radius + 2))):
        for column in range(max(0, int(x - radius - 1)), min(WIDTH, int(x + radius + 2))):
            inside = (radius - math.hypot(column - x, row - y)) / soft
            if inside > 0:
                _blend(pixels, column, row, colour, opacity * min(1, inside))


def _blend(pixels: bytearray, x: int, y: int, colour: Colour, opacity: float) -> None:
    at = (y * WIDTH + x) * 3
    for channel in range(3):
        pixels[at + channel] = int(_mix(pixels[at + channel], colour[channel], opacity))


def _mix(one: float, other: float, share: float) -> float:
    return one + (other - one) * share


def _between(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (int(_mix(one[channel], other[channel], share)) for channel in range(3))
    return red, green, blue


def _within_one(value: float) -> float:
    return max(0.0, min(1.0, value))


def _png(pixels: bytes, width: int, colour_type: int) -> bytes:
    """PNG with 8 bits a channel; colour type 2 is RGB, 6 is RGBA."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    stride = len(pixels) // HEIGHT
    rows = b"".join(b"\0" + pixels[start : start + stride] for start in range(0, len(pixels), stride))
    header = struct.pack(">IIBBBBB", width, HEIGHT, 8, colour_type, 0, 0, 0)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"IDAT", zlib.compress(rows, 6)),
            chunk(b"IEND", b""),
        ]
    )
