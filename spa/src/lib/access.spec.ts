import { describe, expect, it } from 'vitest'

import { accessState, accessText, sortByEnd } from './access'

const course = { end_date: '2026-12-05 00:00:00', paused: false, ended: false, days_left: 7 as number | null }

describe('a course that one has', () => {
  it('ends soon within seven days', () => {
    expect(accessState(course)).toBe('soon')
    expect(accessState({ ...course, days_left: 8 })).toBe('open')
    expect(accessState({ ...course, days_left: null })).toBe('open')
    expect(accessState({ ...course, days_left: null, paused: true })).toBe('paused')
    expect(accessState({ ...course, days_left: null, ended: true })).toBe('ended')
  })

  it('says until when', () => {
    expect(accessText(course)).toBe('2026年12月4日到期，还剩不到 8 天')
    expect(accessText({ ...course, days_left: 0 })).toBe('2026年12月4日到期，还剩不到 1 天')
    expect(accessText({ ...course, ended: true, days_left: null })).toBe('2026年12月4日已到期')
    expect(accessText({ ...course, paused: true, days_left: null })).toBe('2026年12月4日到期')
    expect(accessText({ ...course, end_date: '永久', days_left: null })).toBe('永久有效')
  })

  it('stands before those that end later', () => {
    const ends = ['永久', '2027-01-01 00:00:00', '2026-12-01 00:00:00'].map((end_date) => ({ end_date }))
    expect(sortByEnd(ends).map((one) => one.end_date)).toEqual(['2026-12-01 00:00:00', '2027-01-01 00:00:00', '永久'])
  })
})
