import type { Coupon } from '@/api/schema'
import { yuanText } from '@/lib/money'

type Rules = Pick<Coupon, 'coupon_type' | 'money_equivalent_value' | 'off_percent' | 'minimum_consume'>

/** What a coupon gives, in a word for its big print: `¥50.00` or `8.5 折`. */
export function valueText(coupon: Rules): string {
  if (coupon.coupon_type === '折扣券') return `${(coupon.off_percent ?? 100) / 10} 折`
  return yuanText(coupon.money_equivalent_value)
}

/** What a coupon asks for: `满 ¥200.00 可用`, or 无门槛. */
export const minimumText = (coupon: Rules): string =>
  coupon.minimum_consume > 0 ? `满 ${yuanText(coupon.minimum_consume)} 可用` : '无门槛'

/** What a coupon is for, in a learner's words. */
export function scopeText(coupon: { course_id?: number; course_name: string | null }): string {
  if (coupon.course_id === undefined) return '全场通用'
  return coupon.course_name ? `仅限《${coupon.course_name}》` : '仅限一门已下架的课程'
}
