import { describe, expect, it } from 'vitest'

import { amountLabel, deductionsOf, heldText, isPaid, refundText } from './orders'

const amounts = { original_amount: 327, course_coupon_amount: 0, general_coupon_amount: 0, beli: 0, beli_amount: 0 }

describe('the money of an order', () => {
  it('is due until it is paid, and never called paid when it was not', () => {
    expect(amountLabel({ status: '待支付' })).toBe('应付')
    for (const status of ['交易成功', '退费申请中', '已退费'] as const) expect(amountLabel({ status })).toBe('实付')
    for (const status of ['主动取消', '超时取消'] as const) {
      expect(amountLabel({ status })).toBe('订单金额')
      expect(isPaid({ status })).toBe(false)
    }
  })

  it('lists what was taken off, and nothing that was not', () => {
    expect(deductionsOf(amounts)).toEqual([])
    expect(deductionsOf({ ...amounts, course_coupon_amount: 50, beli: 300, beli_amount: 30 })).toEqual([
      { text: '课程优惠券', yuan: -50 },
      { text: '贝里 300', yuan: -30 },
    ])
  })
})

describe('what an order gives back when it closes', () => {
  it('is its coupons and its 贝里', () => {
    expect(heldText(amounts)).toBe('')
    expect(heldText({ ...amounts, general_coupon_amount: 20 })).toBe('优惠券')
    expect(heldText({ ...amounts, beli: 300, beli_amount: 30 })).toBe('300 贝里')
    expect(heldText({ ...amounts, course_coupon_amount: 50, beli: 300, beli_amount: 30 })).toBe('优惠券和 300 贝里')
  })
})

describe('when a refund can be applied for', () => {
  it('is said in days after paying, or never', () => {
    expect(refundText(7)).toBe('付款后 7 天内可以在订单里申请退费')
    expect(refundText(0)).toBe('课程开通后不支持退费')
  })
})
