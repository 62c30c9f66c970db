import type { CourseKey } from '@/api/catalogue'
import type { Quote, QuotedCoupon } from '@/api/schema'
import { sumYuan } from '@/lib/money'
import { toDate } from '@/lib/time'

export interface CouponSlot {
  /** Those that can be used here, the one that saves most first; of equal pieces one. */
  usable: QuotedCoupon[]
  /** Those that cannot now, and might another time. */
  unusable: QuotedCoupon[]
}

const isSpent = (one: QuotedCoupon, now: number) =>
  one.reason === '已使用' || (one.reason === '不在有效期内' && toDate(one.end_date).getTime() <= now)

const kindOf = (one: QuotedCoupon) =>
  [one.name, one.coupon_type, one.money_equivalent_value, one.off_percent, one.minimum_consume, one.end_date].join('\n')

/** One of equal pieces: the chosen one, or else the one that the best combination has. */
function unique(coupons: QuotedCoupon[], best: ReadonlySet<number>): QuotedCoupon[] {
  const shown = new Map<string, QuotedCoupon>()
  const rank = (one: QuotedCoupon) => (one.chosen ? 2 : best.has(one.pk) ? 1 : 0)
  for (const one of coupons) {
    const other = shown.get(kindOf(one))
    if (!other || rank(one) > rank(other)) shown.set(kindOf(one), one)
  }
  return [...shown.values()]
}

/** The pieces that the best combination uses. */
export function bestPieces({ best }: Quote): Set<number> {
  const pieces = best.course_list.flatMap((line) => line.coupon_record_id ?? [])
  return new Set(best.global_coupon_id === '' ? pieces : [...pieces, best.global_coupon_id])
}

function slot(coupons: QuotedCoupon[], quote: Quote, now: number): CouponSlot {
  const shown = unique(coupons, bestPieces(quote)).filter((one) => !isSpent(one, now))
  return {
    usable: shown.filter((one) => one.usable).sort((one, other) => other.saves - one.saves || (one.end_date < other.end_date ? -1 : 1)),
    unusable: shown.filter((one) => !one.usable),
  }
}

/** The coupons for one course of the quote. */
export const couponsOf = (quote: Quote, course: CourseKey, now = Date.now()): CouponSlot =>
  slot(quote.coupons.filter((one) => one.course_id === course.course_id && (one.course_type ?? 'course') === course.course_type), quote, now)

/** The general coupons; with those for courses that are not bought here, which are unusable. */
export function generalCoupons(quote: Quote, now = Date.now()): CouponSlot {
  const isHere = (one: QuotedCoupon) =>
    quote.lines.some((line) => line.course_id === one.course_id && line.course_type === (one.course_type ?? 'course'))
  return slot(quote.coupons.filter((one) => one.course_id === undefined || !isHere(one)), quote, now)
}

/** How many yuan coupons and 贝里 take off. */
export const savedOf = (quote: Quote): number => sumYuan([quote.original_amount, -quote.total_price])
