import { describe, expect, it } from 'vitest'

import { clockText, dayText, daysUntil, lastDayText, toDate, untilText } from './time'

describe('Beijing time', () => {
  it('is read as such wherever the learner is', () => {
    expect(toDate('2026-11-28 08:00:00').toISOString()).toBe('2026-11-28T00:00:00.000Z')
    expect(dayText('2026-01-05 23:59:59')).toBe('2026年1月5日')
  })

  it('names the last good day of an exclusive end', () => {
    expect(lastDayText('2027-01-01 00:00:00')).toBe('2026年12月31日')
    expect(lastDayText('2027-01-01 10:00:00')).toBe('2027年1月1日')
  })

  it('counts whole days', () => {
    const now = toDate('2026-11-28 12:00:00').getTime()
    expect(daysUntil('2026-12-01 12:00:00', now)).toBe(3)
    expect(daysUntil('2026-11-28 11:00:00', now)).toBe(-1)
  })

  it('says until when a course can be studied', () => {
    expect(untilText('永久')).toBe('永久有效')
    expect(untilText('2027-11-23 09:30:00')).toBe('学到 2027年11月23日')
  })

  it('shows seconds as a clock', () => {
    expect(clockText(1661)).toBe('27:41')
    expect(clockText(3661)).toBe('1:01:01')
    expect(clockText(-1)).toBe('00:00')
  })
})
