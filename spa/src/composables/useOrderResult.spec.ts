import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, type EffectScope } from 'vue'

import { announced } from '@/composables/announce'
import { done, fakeShop, refused } from '@/testing/fakeShop'

import { useOrderResult } from './useOrderResult'

const NAME = 'GET /order/N1'
const order = (status: string, more = {}) => done({ order_number: 'N1', status, actual_amount: 10, orderdetail_list: [], ask_again_seconds: 8, ...more })

let scope: EffectScope
let hidden = false
const paid = vi.fn()
const start = () => scope.run(() => useOrderResult('N1', paid))!
const pass = (seconds: number) => vi.advanceTimersByTimeAsync(seconds * 1000)

beforeEach(() => {
  vi.useFakeTimers()
  vi.spyOn(document, 'hidden', 'get').mockImplementation(() => hidden)
  hidden = false
  paid.mockReset()
  announced.value = ''
  scope = effectScope()
})
afterEach(() => {
  scope.stop()
  vi.useRealTimers()
})

describe('the result of an order', () => {
  it('is asked for at once, after 1, 2, 3, 5, 5 … seconds, and less often after two minutes', async () => {
    const shop = fakeShop({ [NAME]: () => order('待支付') })
    const { state } = start()
    const count = () => shop.asked(NAME).length
    await pass(0)
    expect([count(), state.value]).toEqual([1, 'confirming'])
    for (const [wait, questions] of [[1, 2], [2, 3], [3, 4], [5, 5], [5, 6]] as const) {
      await pass(wait - 0.1)
      expect(count()).toBe(questions - 1)
      await pass(0.1)
      expect(count()).toBe(questions)
    }
    expect(state.value).toBe('unpaid')
    await pass(110)
    const eager = count()
    await pass(60)
    expect(count() - eager).toBe(4)
  })

  it('says that it is paid, once, and asks no more', async () => {
    const shop = fakeShop({ [NAME]: () => order('待支付') })
    const { state } = start()
    await pass(1)
    const before = announced.value
    shop.answers[NAME] = () => order('交易成功')
    await pass(2)
    expect(state.value).toBe('paid')
    expect(announced.value).toBe('支付成功')
    expect(announced.value).not.toBe(before)
    expect(paid).toHaveBeenCalledTimes(1)
    const questions = shop.asked(NAME).length
    await pass(300)
    expect(shop.asked(NAME)).toHaveLength(questions)
  })

  it('says 领取成功 of an order of nothing', async () => {
    fakeShop({ [NAME]: () => order('交易成功', { actual_amount: 0 }) })
    start()
    await pass(0)
    expect(announced.value).toBe('领取成功')
  })

  it('says nothing again while nothing changes', async () => {
    fakeShop({ [NAME]: () => order('待支付') })
    start()
    await pass(0)
    announced.value = 'something else'
    await pass(5)
    expect(announced.value).toBe('something else')
  })

  it.each([['主动取消', 'closed'], ['超时取消', 'closed'], ['退费申请中', 'paid'], ['已退费', 'paid']])('takes %s for %s', async (status, expected) => {
    fakeShop({ [NAME]: () => order(status) })
    const { state } = start()
    await pass(0)
    expect(state.value).toBe(expected)
  })

  it('knows that there is no such order', async () => {
    const shop = fakeShop({ [NAME]: () => refused(1501, '订单不存在') })
    const { state, error } = start()
    await pass(60)
    expect([state.value, error.value]).toEqual(['unknown', undefined])
    expect(shop.asked(NAME)).toHaveLength(1)
  })

  it('keeps what it knows while no answer comes, and goes on asking', async () => {
    const shop = fakeShop({ [NAME]: () => order('待支付') })
    const { state, order: shown, error } = start()
    await pass(0)
    shop.answers[NAME] = () => {
      throw new TypeError('network')
    }
    await pass(1)
    expect(error.value).toBeDefined()
    expect([state.value, shown.value?.status]).toEqual(['confirming', '待支付'])
    shop.answers[NAME] = () => order('交易成功')
    await pass(2)
    expect([state.value, error.value]).toEqual(['paid', undefined])
  })

  it('does not ask while the page is hidden, and asks at once when it is seen', async () => {
    const shop = fakeShop({ [NAME]: () => order('待支付') })
    start()
    await pass(0)
    hidden = true
    document.dispatchEvent(new Event('visibilitychange'))
    await pass(600)
    expect(shop.asked(NAME)).toHaveLength(1)
    hidden = false
    document.dispatchEvent(new Event('visibilitychange'))
    await pass(0)
    expect(shop.asked(NAME)).toHaveLength(2)
  })
})
