import { describe, expect, it } from 'vitest'

import type { ClaimableCoupon, HeldCoupon } from '@/api/schema'

import { endsSoon, minimumText, offerState, placeOfUse, scopeText, sortOffers, sortUsable, validityText, valueText } from './coupons'
import { toDate } from './time'

const NOW = toDate('2026-11-28 12:00:00').getTime()

const offer = (given: Partial<ClaimableCoupon>): ClaimableCoupon => ({
  id: 1,
  name: '新学员立减 20 元',
  coupon_type: '立减券',
  money_equivalent_value: 20,
  off_percent: null,
  minimum_consume: 0,
  brief: '',
  quantity: 10,
  remaining: 5,
  open_date: '2026-11-22 00:00:00',
  close_date: '2027-11-22 00:00:00',
  claimed: false,
  course_name: null,
  coursedetail_id: null,
  valid_days: 30,
  begin_date: null,
  end_date: null,
  ...given,
})

describe('what a coupon gives and asks for', () => {
  it('names the amount, or the part of the price that stays', () => {
    expect(valueText(offer({}))).toBe('¥20.00')
    expect(valueText(offer({ coupon_type: '折扣券', off_percent: 85 }))).toBe('8.5 折')
  })

  it('names the minimum', () => {
    expect(minimumText(offer({}))).toBe('无门槛')
    expect(minimumText(offer({ minimum_consume: 300 }))).toBe('满 ¥300.00 可用')
  })
})

describe('what a coupon is for', () => {
  it('is everything, a course, or a course that is gone', () => {
    expect(scopeText({ course_name: null })).toBe('全场通用')
    expect(scopeText({ course_id: 7, course_name: 'Vue' })).toBe('仅限《Vue》')
    expect(scopeText({ course_id: 7, course_name: null })).toBe('仅限一门已下架的课程')
  })

  it('leads to where it is used', () => {
    expect(placeOfUse({ course_name: null })).toEqual({ name: 'courses' })
    expect(placeOfUse({ course_id: 7, course_type: 'degree_course', course_name: '学位' })).toMatchObject({
      params: { id: '7' },
      query: { type: 'degree_course' },
    })
    expect(placeOfUse({ course_id: 7, course_name: null })).toBeUndefined()
  })
})

describe('an offer', () => {
  it('is good for days from the claim, or between days', () => {
    expect(validityText(offer({}))).toBe('领取后 30 天内有效')
    const dated = offer({ valid_days: null, begin_date: '2026-11-28 00:00:00', end_date: '2027-05-21 00:00:00' })
    expect(validityText(dated, NOW)).toBe('有效期至2027年5月20日')
    expect(validityText({ ...dated, begin_date: '2026-12-01 00:00:00' }, NOW)).toBe('2026年12月1日起有效，至2027年5月20日')
  })

  it('is claimed, coming, gone or open', () => {
    expect(offerState(offer({ claimed: true, remaining: 0 }), NOW)).toBe('claimed')
    expect(offerState(offer({ open_date: '2026-12-01 00:00:00' }), NOW)).toBe('coming')
    expect(offerState(offer({ remaining: 0 }), NOW)).toBe('sold-out')
    expect(offerState(offer({}), NOW)).toBe('open')
  })

  it('that is sold out comes last', () => {
    const offers = [
      offer({ id: 1, remaining: 0 }),
      offer({ id: 2, open_date: '2026-12-01 00:00:00' }),
      offer({ id: 3, claimed: true }),
      offer({ id: 4 }),
    ]
    expect(sortOffers(offers, NOW).map((one) => one.id)).toEqual([4, 3, 2, 1])
  })
})

describe('coupons one has', () => {
  it('end soon within three days', () => {
    expect(endsSoon({ end_date: '2026-12-01 00:00:00', not_yet: false }, NOW)).toBe(true)
    expect(endsSoon({ end_date: '2026-12-03 00:00:00', not_yet: false }, NOW)).toBe(false)
    expect(endsSoon({ end_date: '2026-11-30 00:00:00', not_yet: true }, NOW)).toBe(false)
  })

  it('are sorted by their end, those not yet good last', () => {
    const held = (pk: number, end_date: string, not_yet = false) => ({ pk, end_date, not_yet }) as HeldCoupon
    const coupons = [held(1, '2027-01-01 00:00:00'), held(2, '2026-12-01 00:00:00', true), held(3, '2026-12-05 00:00:00')]
    expect(sortUsable(coupons).map((one) => one.pk)).toEqual([3, 1, 2])
  })
})
