import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, type EffectScope } from 'vue'

import { openApi } from '@/api/client'

import { usePayOrder } from './usePayOrder'

const answers = vi.fn<(request: Request) => Promise<Response>>()
const assign = vi.fn<(address: string) => void>()
let scope: EffectScope

const order = { order_number: '202611281234567890ABCDEFGHJ', actual_amount: 12.5 }

beforeEach(() => {
  setActivePinia(createPinia())
  answers.mockReset()
  assign.mockReset()
  vi.stubGlobal('fetch', answers)
  vi.spyOn(window.location, 'assign').mockImplementation(assign as never)
  openApi('http://shop.test', { token: () => 'token', ended: () => {} })
  scope = effectScope()
})
afterEach(() => {
  scope.stop()
  vi.unstubAllGlobals()
})

const start = (reload = vi.fn()) => ({ ...scope.run(() => usePayOrder(reload))!, reload })

describe('paying for an order that waits', () => {
  it('leaves once, for the address that the shop gives, with the amount of the order', async () => {
    answers.mockResolvedValue(Response.json({ code: 1000, msg: '', data: 'https://alipay.test/pay?x=1', order_number: order.order_number, expire_date: '' }))
    const { pay, busy } = start()
    await Promise.all([pay(order), pay(order)])
    expect(answers).toHaveBeenCalledTimes(1)
    expect(new URL(answers.mock.calls[0]![0].url).searchParams.get('final_price')).toBe('12.5')
    expect(assign.mock.calls).toEqual([['https://alipay.test/pay?x=1']])
    expect(busy.value).toBe(true)
  })

  it('leaves once for another provider', async () => {
    answers.mockResolvedValue(Response.json({ code: 1000, msg: '', data: 'https://shop.test/payment/wechat?order_num=1', order_number: order.order_number, expire_date: '' }))
    const { change, pay } = start()
    await Promise.all([change(order, 'wechat'), change(order, 'wechat'), pay(order)])
    expect(answers).toHaveBeenCalledTimes(1)
    const request = answers.mock.calls[0]![0]
    expect([request.method, new URL(request.url).pathname]).toEqual(['POST', `/order/${order.order_number}/provider`])
    expect(assign.mock.calls).toEqual([['https://shop.test/payment/wechat?order_num=1']])
  })

  it('shows a refusal and has the order read anew', async () => {
    answers.mockResolvedValue(Response.json({ code: 1402, msg: '订单不存在', data: null }))
    const { pay, busy, problem, reload } = start()
    await pay(order)
    expect(problem.value).toBe('订单不存在')
    expect(reload).toHaveBeenCalledTimes(1)
    expect(assign).not.toHaveBeenCalled()
    expect(busy.value).toBe(false)
  })

  it('can be asked again when the browser brings the page back', async () => {
    answers.mockResolvedValue(Response.json({ code: 1000, msg: '', data: 'https://alipay.test/pay', order_number: order.order_number, expire_date: '' }))
    const { pay, busy, reload } = start()
    await pay(order)
    window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }))
    expect(busy.value).toBe(false)
    expect(reload).toHaveBeenCalledTimes(1)
  })
})
