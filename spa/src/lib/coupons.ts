import type { RouteLocationRaw } from 'vue-router'

import type { ClaimableCoupon, Coupon, CourseType, HeldCoupon } from '@/api/schema'
import { courseLink } from '@/lib/links'
import { yuanText } from '@/lib/money'
import { dayText, daysUntil, lastDayText, toDate } from '@/lib/time'

export type CouponRules = Pick<Coupon, 'coupon_type' | 'money_equivalent_value' | 'off_percent' | 'minimum_consume'>

/** What a coupon is for: a course, or everything. */
export interface CouponScope {
  course_id?: number
  course_type?: CourseType
  /** Null for a general coupon, and where the catalogue has the course no longer. */
  course_name: string | null
}

/** Days from which on a coupon is said to end soon. */
const SOON = 3

/** What a coupon gives, in a word for its big print: `¥50.00` or `8.5 折`. */
export function valueText(coupon: CouponRules): string {
  if (coupon.coupon_type === '折扣券') return `${(coupon.off_percent ?? 100) / 10} 折`
  return yuanText(coupon.money_equivalent_value)
}

/** What a coupon asks for: `满 ¥200.00 可用`, or 无门槛. */
export const minimumText = (coupon: CouponRules): string =>
  coupon.minimum_consume > 0 ? `满 ${yuanText(coupon.minimum_consume)} 可用` : '无门槛'

const isGeneral = (coupon: CouponScope): boolean => coupon.course_id === undefined

/** What a coupon is for, in a learner's words. */
export function scopeText(coupon: CouponScope): string {
  if (isGeneral(coupon)) return '全场通用'
  return coupon.course_name ? `仅限《${coupon.course_name}》` : '仅限一门已下架的课程'
}

/** The page of the course that a coupon is for; undefined for a general one, and where the course is gone. */
export function scopeLink({ course_id, course_type = 'course', course_name }: CouponScope): RouteLocationRaw | undefined {
  return course_id === undefined || course_name === null ? undefined : courseLink({ course_id, course_type })
}

/** Where a coupon is used: its course, or all courses; undefined where its course is gone. */
export const placeOfUse = (coupon: CouponScope): RouteLocationRaw | undefined =>
  isGeneral(coupon) ? { name: 'courses' } : scopeLink(coupon)

/** How long an offered coupon is good: `领取后 30 天内有效`, or until when; and from when, where that is to come. */
export function validityText(offer: Pick<ClaimableCoupon, 'valid_days' | 'begin_date' | 'end_date'>, now = Date.now()): string {
  const { valid_days, begin_date, end_date } = offer
  if (valid_days !== null) return `领取后 ${valid_days} 天内有效`
  if (begin_date === null || end_date === null) return ''
  const end = lastDayText(end_date)
  return toDate(begin_date).getTime() > now ? `${dayText(begin_date)}起有效，至${end}` : `有效期至${end}`
}

export type OfferState = 'claimed' | 'coming' | 'sold-out' | 'open'

/** What a learner can do with an offer. */
export function offerState(offer: Pick<ClaimableCoupon, 'claimed' | 'remaining' | 'open_date'>, now = Date.now()): OfferState {
  if (offer.claimed) return 'claimed'
  if (toDate(offer.open_date).getTime() > now) return 'coming'
  return offer.remaining > 0 ? 'open' : 'sold-out'
}

const OFFER_ORDER: OfferState[] = ['open', 'claimed', 'coming', 'sold-out']

/** Offers in the order in which they are of use: to claim, claimed, coming, gone. */
export const sortOffers = (offers: ClaimableCoupon[], now = Date.now()): ClaimableCoupon[] =>
  [...offers].sort((one, other) => OFFER_ORDER.indexOf(offerState(one, now)) - OFFER_ORDER.indexOf(offerState(other, now)))

/** Whether a coupon that can be used ends within days. */
export const endsSoon = (coupon: Pick<HeldCoupon, 'end_date' | 'not_yet'>, now = Date.now()): boolean =>
  !coupon.not_yet && daysUntil(coupon.end_date, now) < SOON

/** Those that can be used now before those that cannot yet, each by their end. */
export const sortUsable = (coupons: HeldCoupon[]): HeldCoupon[] =>
  [...coupons].sort((one, other) => Number(one.not_yet) - Number(other.not_yet) || one.end_date.localeCompare(other.end_date))
