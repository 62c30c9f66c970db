/** A school's own colour: the shades that Element Plus wants, if texts stay readable on them. */
type Rgb = [number, number, number]

function parse(colour: string): Rgb | undefined {
  const match = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour)
  return match ? (match.slice(1).map((hex) => parseInt(hex, 16)) as Rgb) : undefined
}

const text = (rgb: Rgb) => `#${rgb.map((part) => Math.round(part).toString(16).padStart(2, '0')).join('')}`
const mix = (colour: Rgb, other: Rgb, share: number) => colour.map((part, i) => part * (1 - share) + (other[i] ?? 0) * share) as Rgb

function luminance(rgb: Rgb): number {
  const [r, g, b] = rgb.map((part) => {
    const share = part / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  }) as Rgb
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

/** The contrast of two colours as WCAG 2 defines it, 1 to 21. */
export function contrast(one: Rgb, other: Rgb): number {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number]
  return (light + 0.05) / (dark + 0.05)
}

const WHITE: Rgb = [255, 255, 255]
const BLACK: Rgb = [0, 0, 0]
const PAGE: Rgb = [246, 247, 249]
const ENOUGH = 4.5

/** CSS variables for a school's colour `#rrggbb`; undefined when white on it, or it on the page, is hard to read. */
export function shadesOf(colour: string): Record<string, string> | undefined {
  const rgb = parse(colour)
  if (!rgb) return undefined
  const [hover, wash] = [mix(rgb, WHITE, 0.1), mix(rgb, WHITE, 0.92)]
  const pairs: [Rgb, Rgb][] = [[WHITE, rgb], [WHITE, hover], [rgb, PAGE], [rgb, wash]]
  if (pairs.some(([one, other]) => contrast(one, other) < ENOUGH)) return undefined
  const shades: [string, Rgb][] = [
    ['', rgb],
    ['-light-3', hover],
    ['-light-5', mix(rgb, WHITE, 0.5)],
    ['-light-7', mix(rgb, WHITE, 0.7)],
    ['-light-8', mix(rgb, WHITE, 0.8)],
    ['-light-9', wash],
    ['-dark-2', mix(rgb, BLACK, 0.2)],
  ]
  return Object.fromEntries(shades.map(([name, shade]) => [`--el-color-primary${name}`, text(shade)]))
}
