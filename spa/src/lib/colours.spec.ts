import { readFileSync } from 'node:fs'

import { expect, test } from 'vitest'

import { contrast, shadesOf } from './colours'

test('contrasts as WCAG has them', () => {
  expect(contrast([0, 0, 0], [255, 255, 255])).toBeCloseTo(21)
  expect(contrast([255, 255, 255], [255, 255, 255])).toBe(1)
  expect(contrast([118, 118, 118], [255, 255, 255])).toBeCloseTo(4.54, 2)
})

test("the usual colour's shades are those of the theme", () => {
  const theme = readFileSync('src/styles/theme.css', 'utf8')
  const shades = Object.entries(shadesOf('#24599c') ?? {})
  expect(shades).toHaveLength(7)
  for (const [name, value] of shades) expect(theme).toContain(`  ${name}: ${value};`)
})

test.each(['#ffd400', '#409eff', 'blue', '#fff', ''])('%j is no colour to read on', (colour) => {
  expect(shadesOf(colour)).toBeUndefined()
})
