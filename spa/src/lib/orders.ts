import type { OrderRow, OrderStatus } from '@/api/schema'
import { sumYuan } from '@/lib/money'

/** The groups of orders as they stand in addresses. */
export const ORDER_FILTERS: { key: string; text: string; status?: OrderStatus }[] = [
  { key: '', text: '全部' },
  { key: 'unpaid', text: '待支付', status: '待支付' },
  { key: 'paid', text: '交易成功', status: '交易成功' },
  { key: 'refunding', text: '退费申请中', status: '退费申请中' },
  { key: 'refunded', text: '已退费', status: '已退费' },
  { key: 'cancelled', text: '主动取消', status: '主动取消' },
  { key: 'timeout', text: '超时取消', status: '超时取消' },
]

type Amounts = Pick<OrderRow, 'original_amount' | 'course_coupon_amount' | 'general_coupon_amount' | 'beli' | 'beli_amount'>

const PAID: OrderStatus[] = ['交易成功', '退费申请中', '已退费']

export const isPaid = ({ status }: { status: OrderStatus }): boolean => PAID.includes(status)

/** What the money of an order is called: 应付 until it is paid, 实付 after; on one that closed neither holds. */
export function amountLabel({ status }: { status: OrderStatus }): string {
  if (status === '待支付') return '应付'
  return isPaid({ status }) ? '实付' : '订单金额'
}

/** What was taken off the courses' prices, in yuan below 0. */
export function deductionsOf(order: Amounts): { text: string; yuan: number }[] {
  return [
    { text: '课程优惠券', yuan: -order.course_coupon_amount },
    { text: '通用优惠券', yuan: -order.general_coupon_amount },
    { text: `贝里 ${order.beli}`, yuan: -order.beli_amount },
  ].filter(({ yuan }) => yuan < 0)
}

/** What beside money pays an order, and comes back when it closes unpaid: `优惠券和 300 贝里`; empty for nothing. */
export function heldText(order: Amounts): string {
  const coupons = sumYuan([order.course_coupon_amount, order.general_coupon_amount]) > 0 ? '优惠券' : ''
  const beli = order.beli > 0 ? `${order.beli} 贝里` : ''
  return coupons && beli ? `${coupons}和 ${beli}` : coupons || beli
}

/** Until when a refund can be applied for, given the days after paying in which it can; 0 for never. */
export const refundText = (days: number): string => (days > 0 ? `付款后 ${days} 天内可以在订单里申请退费` : '课程开通后不支持退费')
