import { describe, expect, it } from 'vitest'

import { beliYuan, sumYuan, yuanText } from './money'

describe('money', () => {
  it('is exact to the fen where floats are not', () => {
    expect(sumYuan([0.1, 0.2])).toBe(0.3)
    expect(sumYuan([19.99, 99.9, 123.45])).toBe(243.34)
  })

  it('has one form', () => {
    expect(yuanText(69)).toBe('¥69.00')
    expect(yuanText(223.35)).toBe('¥223.35')
    expect(yuanText(-20)).toBe('−¥20.00')
    expect(yuanText(0)).toBe('¥0.00')
  })

  it('gives the worth of 贝里', () => {
    expect(beliYuan(1)).toBe(0.1)
    expect(beliYuan(300)).toBe(30)
  })
})
