import { describe, expect, it } from 'vitest'

import type { MyCourse, Section } from '@/api/schema'

import { lockOf, openSection, webAddress } from './study'

const section = (id: number, change: Partial<Section> = {}): Section => ({
  id,
  name: `${id}`,
  order: id,
  section_type: '视频',
  player: 'ALI',
  video_time: '',
  free_trail: false,
  online: true,
  ...change,
})
const MINE: MyCourse = {
  enrolled: false,
  end_date: null,
  paused: false,
  ended: false,
  in_cart: false,
  cart_policy_id: null,
  free_term_had: false,
  open_order: null,
  coupons: [],
}

describe('the section that is open', () => {
  const sections = [section(1), section(2, { section_link: 'a' }), section(3)]

  it('is the one asked for, though it is locked', () => expect(openSection(sections, 3)?.id).toBe(3))
  it('is else the first that can be opened', () => expect(openSection(sections, 9)?.id).toBe(2))
  it('is else the first', () => expect(openSection([section(7)], undefined)?.id).toBe(7))
  it('is none of a course without sections', () => expect(openSection([], 1)).toBeUndefined())
})

describe('a section is locked', () => {
  it('for nobody who owns the course', () => expect(lockOf(section(1), true, MINE, true)).toBeUndefined())
  it('for nobody when it is a trial', () => expect(lockOf(section(1, { free_trail: true }), false, undefined, false)).toBeUndefined())
  it('for visitors', () => expect(lockOf(section(1), false, undefined, false)).toBe('visitor'))
  it('for who has not bought it', () => expect(lockOf(section(1), false, MINE, true)).toBe('not-bought'))
  it('after the end', () => expect(lockOf(section(1), false, { ...MINE, ended: true }, true)).toBe('ended'))
  it('while a refund is decided on', () => expect(lockOf(section(1), false, { ...MINE, paused: true }, true)).toBe('paused'))
})

it.each([
  ['https://docs.python.org/zh-cn/3/', true],
  ['http://a.example/b', true],
  ['javascript:alert(1)', false],
  ['demo-video-900001', false],
  ['', false],
  [undefined, false],
])('%s is an address of the web: %s', (link, is) => expect(webAddress(link)).toBe(is ? link : undefined))
