import { describe, expect, it } from 'vitest'

import type { Quote, QuotedCoupon } from '@/api/schema'

import { bestPieces, couponsOf, generalCoupons, savedOf } from './quotedCoupons'

const coupon = (pk: number, more: Partial<QuotedCoupon> = {}): QuotedCoupon => ({
  pk,
  name: `Coupon ${pk}`,
  coupon_type: '立减券',
  money_equivalent_value: 10,
  off_percent: null,
  minimum_consume: 0,
  begin_date: '2026-11-01 00:00:00',
  end_date: '2026-12-01 00:00:00',
  usable: true,
  saves: 10,
  reason: '',
  course_name: null,
  missing: 0,
  saves_beside: 10,
  chosen: false,
  ...more,
})
const course = { course_id: 1, course_type: 'course' as const }
const now = Date.parse('2026-11-28T00:00:00+08:00')

const quote = (coupons: QuotedCoupon[], general: number | '' = '', ofLine?: number): Quote =>
  ({ coupons, lines: [course], best: { course_list: [{ ...course, coupon_record_id: ofLine }], global_coupon_id: general } }) as unknown as Quote

const keys = (coupons: QuotedCoupon[]) => coupons.map((one) => one.pk)

describe('the coupons of a quote', () => {
  it('stand with their course, or with the general ones', () => {
    const found = quote([
      coupon(1, course),
      coupon(2),
      coupon(3, { course_id: 2, course_type: 'course', usable: false, reason: '不适用于所选课程' }),
      coupon(4, { course_id: 1, course_type: 'degree_course', usable: false, reason: '不适用于所选课程' }),
    ])
    expect(keys(couponsOf(found, course, now).usable)).toEqual([1])
    expect(keys(generalCoupons(found, now).usable)).toEqual([2])
    expect(keys(generalCoupons(found, now).unusable)).toEqual([3, 4])
  })

  it('come by what they save, then by what ends first', () => {
    const found = quote([coupon(1, { saves: 5 }), coupon(2, { saves: 9, end_date: '2027-01-01 00:00:00' }), coupon(3, { saves: 9 })])
    expect(keys(generalCoupons(found, now).usable)).toEqual([3, 2, 1])
  })

  it('are shown once for equal pieces: the chosen one, or the one that is best', () => {
    const same = { name: 'Equal' }
    expect(keys(generalCoupons(quote([coupon(1, same), coupon(2, same)], 2), now).usable)).toEqual([2])
    expect(keys(generalCoupons(quote([coupon(1, { ...same, chosen: true }), coupon(2, same)], 2), now).usable)).toEqual([1])
  })

  it('leave out what is used or over, not what begins later', () => {
    const unusable = (pk: number, more: Partial<QuotedCoupon>) => coupon(pk, { usable: false, ...more })
    const found = quote([
      unusable(1, { reason: '已使用' }),
      unusable(2, { reason: '不在有效期内', end_date: '2026-11-27 00:00:00' }),
      unusable(3, { reason: '不在有效期内', begin_date: '2026-11-29 00:00:00' }),
      unusable(4, { reason: '未达到最低消费', missing: 31 }),
    ])
    expect(keys(generalCoupons(found, now).unusable)).toEqual([3, 4])
  })

  it('are known for the best combination', () => {
    expect(bestPieces(quote([], '', undefined))).toEqual(new Set())
    expect(bestPieces(quote([], 7, 8))).toEqual(new Set([7, 8]))
  })

  it('take off, with the 贝里, the difference to the fen', () => {
    expect(savedOf({ ...quote([]), original_amount: 199.1, total_price: 198.8 })).toBe(0.3)
    expect(savedOf({ ...quote([]), original_amount: 69, total_price: 69 })).toBe(0)
  })
})
