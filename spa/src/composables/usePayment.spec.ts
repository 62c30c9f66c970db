import { beforeEach, describe, expect, it } from 'vitest'

import { Refused, SignedOut } from '@/api/errors'
import type { PaymentRequest } from '@/api/schema'
import { fakeShop, later, refused } from '@/testing/fakeShop'

import { usePayment } from './usePayment'

const body = (pay_money: number): PaymentRequest => ({
  is_beli: true,
  course_list: [{ course_id: 1, course_type: 'course', default_price_policy_id: 3, coupon_record_id: null }],
  global_coupon_id: null,
  pay_money,
})
const placed = { code: 1000, msg: '', data: 'https://alipay.test/pay', order_number: 'N1', expire_date: '2026-11-28 13:00:00' }
const broken = () => {
  throw new TypeError('network')
}

beforeEach(() => sessionStorage.clear())

describe('placing an order', () => {
  it('orders once for a double click', async () => {
    const answer = later<unknown>()
    const shop = fakeShop({ 'POST /payment': () => answer.promise })
    const { pay, placing } = usePayment('a')
    const both = [pay(body(10)), pay(body(10))]
    expect(placing.value).toBe(true)
    answer.answer(placed)
    expect(await Promise.all(both)).toEqual([{ address: placed.data, order_number: 'N1', warning: '' }, undefined])
    expect(shop.asked('POST /payment')).toHaveLength(1)
  })

  it('orders nothing more once it is placed', async () => {
    const shop = fakeShop({ 'POST /payment': () => placed })
    const { pay } = usePayment('a')
    await pay(body(10))
    expect(await pay(body(10))).toBeUndefined()
    expect(shop.asked('POST /payment')).toHaveLength(1)
  })

  it('sends the same order with the same key after a lost answer, whatever is picked by then', async () => {
    const shop = fakeShop({ 'POST /payment': broken })
    const { pay, unanswered, problem } = usePayment('a')
    expect(await pay(body(10))).toBeUndefined()
    expect(unanswered.value).toEqual(body(10))
    expect(problem.value).not.toBe('')
    shop.answers['POST /payment'] = () => placed
    expect((await pay(body(99)))?.order_number).toBe('N1')
    const [first, second] = shop.asked('POST /payment')
    expect(second?.key).toBe(first?.key)
    expect(first?.key).toMatch(/^[!-~]{16,255}$/)
    expect(second?.body).toEqual(body(10))
    expect(unanswered.value).toBeUndefined()
  })

  it('knows after a reload that an answer is missing, and keeps the key', async () => {
    const shop = fakeShop({ 'POST /payment': broken })
    await usePayment('a').pay(body(10))
    shop.answers['POST /payment'] = () => placed
    expect(usePayment('another choice').unanswered.value).toBeUndefined()
    const again = usePayment('a')
    expect(again.unanswered.value).toEqual(body(10))
    await again.pay(again.unanswered.value!)
    const [first, second] = shop.asked('POST /payment')
    expect(second?.key).toBe(first?.key)
    expect(usePayment('a').unanswered.value).toBeUndefined()
  })

  it('takes 5000 and 503 for no answer', async () => {
    for (const answer of [refused(5000, '下单结果未知'), Response.json({ code: 503, msg: '', data: null }, { status: 503 })]) {
      sessionStorage.clear()
      fakeShop({ 'POST /payment': () => answer })
      const { pay, unanswered } = usePayment('a')
      await pay(body(10))
      expect(unanswered.value).toEqual(body(10))
    }
  })

  it('takes a new key for the next choice after a refusal', async () => {
    const shop = fakeShop({ 'POST /payment': () => refused(1308, '应付金额为12.0元') })
    const { pay, unanswered } = usePayment('a')
    await expect(pay(body(10))).rejects.toThrow(Refused)
    expect(unanswered.value).toBeUndefined()
    shop.answers['POST /payment'] = () => placed
    await pay(body(12))
    const [first, second] = shop.asked('POST /payment')
    expect(second?.key).not.toBe(first?.key)
    expect(second?.body).toEqual(body(12))
  })

  it('takes a new key at once when the key stands for another order', async () => {
    const shop = fakeShop({ 'POST /payment': () => (shop.asked('POST /payment').length === 1 ? refused(1309, '该请求编号已用于另一个订单') : placed) })
    expect((await usePayment('a').pay(body(10)))?.order_number).toBe('N1')
    const [first, second] = shop.asked('POST /payment')
    expect(second?.key).not.toBe(first?.key)
  })

  it('keeps what was sent before when the session ended, and nothing that was not', async () => {
    const signedOut = () => Response.json({ code: 401, msg: '', data: null }, { status: 401 })
    const shop = fakeShop({ 'POST /payment': signedOut })
    const { pay, unanswered } = usePayment('a')
    await expect(pay(body(10))).rejects.toThrow(SignedOut)
    expect(unanswered.value).toBeUndefined()
    shop.answers['POST /payment'] = broken
    await pay(body(10))
    shop.answers['POST /payment'] = signedOut
    await expect(pay(body(10))).rejects.toThrow(SignedOut)
    expect(unanswered.value).toEqual(body(10))
  })

  it('lets the learner choose anew', async () => {
    const shop = fakeShop({ 'POST /payment': broken })
    const { pay, unanswered, forget } = usePayment('a')
    await pay(body(10))
    forget()
    expect(unanswered.value).toBeUndefined()
    shop.answers['POST /payment'] = () => placed
    await pay(body(12))
    const [first, second] = shop.asked('POST /payment')
    expect(second?.key).not.toBe(first?.key)
  })
})
