import { describe, expect, it } from 'vitest'

import { courseQueryOf, NOTHING_CHOSEN, parseCourseQuery } from './useCourseQuery'

describe('the search in the address', () => {
  it('is everything when the address says nothing', () => {
    expect(parseCourseQuery({})).toEqual({ ...NOTHING_CHOSEN, category: undefined, level: undefined, free: undefined })
    expect(courseQueryOf(NOTHING_CHOSEN)).toEqual({})
  })

  it('comes back as it was written', () => {
    const asked = { words: 'vue 实战', category: 900001, level: '中级', free: false, type: 'degree_course', sort: '-price', page: 3 } as const
    const query = courseQueryOf(asked)
    expect(query).toEqual({ words: 'vue 实战', category: '900001', level: '中级', free: '0', type: 'degree_course', sort: '-price', page: '3' })
    expect(parseCourseQuery(query as Record<string, string>)).toEqual(asked)
  })

  it.each([
    [{ category: 'x' }],
    [{ category: '-1' }],
    [{ category: '1234567890123456' }],
    [{ category: ['1', '2'] }],
    [{ level: '专家' }],
    [{ level: null }],
    [{ free: 'true' }],
    [{ type: 'book' }],
    [{ sort: 'name' }],
    [{ page: '0' }],
    [{ page: '1.5' }],
    [{ page: '10001' }],
    [{ words: '   ' }],
  ])('passes over %j', (query) => {
    expect(courseQueryOf(parseCourseQuery(query))).toEqual({})
  })

  it('reads a hundred characters of words', () => {
    expect(parseCourseQuery({ words: ` ${'长'.repeat(200)} ` }).words).toHaveLength(100)
  })
})
