import { describe, expect, it } from 'vitest'

import type { MyCourse, Section } from '@/api/schema'

import { beginAt, isPlayedHere, lockOf, markText, minutesText, openSection, webAddress } from './study'

const section = (id: number, change: Partial<Section> = {}): Section => ({
  id,
  name: `${id}`,
  order: id,
  section_type: '视频',
  player: 'ALI',
  video_time: '',
  free_trail: false,
  has_assignment: false,
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
  const sections = [section(1), section(2, { free_trail: true }), section(3)]

  it('is the one asked for, though it is locked', () => expect(openSection(sections, 3, 1, false)?.id).toBe(3))
  it('is else the one studied last', () => expect(openSection(sections, 9, 3, true)?.id).toBe(3))
  it('is else the first that may be opened', () => expect([false, true].map((enrolled) => openSection(sections, undefined, null, enrolled)?.id)).toEqual([2, 1]))
  it('is else the first', () => expect(openSection([section(7)], undefined, 9, false)?.id).toBe(7))
  it('is none of a course without sections', () => expect(openSection([], 1, 1, true)).toBeUndefined())
})

it('only videos of Polyv are played here', () => {
  const played = [section(1), section(1, { player: 'POLYV' }), section(1, { player: 'POLYV', section_type: '文档' })].map(isPlayedHere)
  expect(played).toEqual([false, true, false])
})

it.each([
  [40, 600, 40],
  [594, 600, 594],
  [595, 600, 0],
  [999, null, 999],
])('left at %i of %s seconds it goes on at %i', (left, seconds, at) => expect(beginAt(left, seconds)).toBe(at))

it.each([
  [undefined, ''],
  [{ share: 0, done: false }, ''],
  [{ share: 42, done: false }, '已学 42%'],
  [{ share: 93, done: true }, '已学完'],
  [{ share: null, done: false }, ''],
])('%j reads as %s', (mark, text) => expect(markText(mark)).toBe(text))

it.each([
  [0, '0 分钟'],
  [40, '40 分钟'],
  [60, '1 小时'],
  [125, '2 小时 5 分钟'],
])('%i minutes read as %s', (minutes, text) => expect(minutesText(minutes)).toBe(text))

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
