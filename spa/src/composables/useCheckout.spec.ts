import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { defineComponent } from 'vue'
import { createRouter, createWebHistory } from 'vue-router'

import { done, fakeShop, refused } from '@/testing/fakeShop'

import { useCheckout } from './useCheckout'

const choices = [{ course_id: 1, course_type: 'course' as const, price_policy_id: 3 }]
const assign = vi.fn<(address: string) => void>()
let page: ReturnType<typeof mount> | undefined

const quote = (due: number) =>
  done({ total_price: due, best_saves: 0, coupons: [], best: { course_list: [], global_coupon_id: '' } })
const placed = (address: string) => ({ code: 1000, msg: '', data: address, order_number: 'N1', expire_date: '2026-11-28 13:00:00' })

async function checkout(due: number, payment: () => unknown) {
  const shop = fakeShop({ 'POST /account/quote': () => quote(due), 'POST /payment': payment })
  const router = createRouter({
    history: createWebHistory(),
    routes: [
      { path: '/settlement', name: 'settlement', component: { render: () => null } },
      { path: '/payment/result', name: 'result', component: { render: () => null } },
    ],
  })
  await router.push('/settlement?item=course-1-3')
  let made!: ReturnType<typeof useCheckout>
  page = mount(defineComponent({ setup: () => ((made = useCheckout(choices)), () => null) }), { global: { plugins: [router] } })
  await flushPromises()
  return { ...made, router, shop }
}

beforeEach(() => {
  sessionStorage.clear()
  setActivePinia(createPinia())
  assign.mockReset()
  vi.spyOn(window.location, 'assign').mockImplementation(assign as never)
})
afterEach(() => page?.unmount())

describe('the checkout', () => {
  it('leaves for the cashier with the order behind it, not this page', async () => {
    const { pay, state } = await checkout(129, () => placed('https://alipay.test/pay?x=1'))
    expect(state.value).toBe('ready')
    const position = history.length
    await pay()
    expect(assign.mock.calls).toEqual([['https://alipay.test/pay?x=1']])
    expect(location.pathname + location.search).toBe('/payment/result?order_num=N1')
    expect(history.length).toBe(position)
    expect(state.value).toBe('leaving')
  })

  it('shows the order when the browser brings this page back', async () => {
    const { pay, router } = await checkout(129, () => placed('https://alipay.test/pay'))
    await pay()
    window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }))
    await flushPromises()
    expect(router.currentRoute.value.fullPath).toBe('/payment/result?order_num=N1')
  })

  it('goes on to the result where nothing is due', async () => {
    const { pay, router } = await checkout(0, () => placed(`${location.origin}/payment/result?order_num=N1`))
    await pay()
    await flushPromises()
    expect(router.currentRoute.value.fullPath).toBe('/payment/result?order_num=N1')
    expect(assign).not.toHaveBeenCalled()
  })

  it.each([1305, 1306, 1307, 1308])('asks for the price again after %i, and orders nothing by itself', async (code) => {
    const { pay, state, settlement, shop } = await checkout(129, () => refused(code, '请核对'))
    shop.answers['POST /account/quote'] = () => quote(149)
    await pay()
    expect(settlement.notice.value).toContain('¥129.00 变为 ¥149.00')
    expect(state.value).toBe('ready')
    expect(shop.asked('POST /payment')).toHaveLength(1)
  })

  it.each([1301, 1302])('says after %i that something cannot be bought', async (code) => {
    const { pay, unavailable } = await checkout(129, () => refused(code, '课程不存在或暂时不能购买'))
    await pay()
    expect(unavailable.value).toBe('课程不存在或暂时不能购买')
  })

  it('says so of a choice that has no price', async () => {
    const { shop, settlement, unavailable, state } = await checkout(129, () => placed(''))
    shop.answers['POST /account/quote'] = () => refused(1302, '价格策略异常')
    await settlement.ask()
    expect([unavailable.value, state.value]).toEqual(['价格策略异常', 'off'])
  })

  it('asks for a lost answer with what was sent, not with what is picked', async () => {
    const { pay, payAgain, state, shop } = await checkout(129, () => {
      throw new TypeError('network')
    })
    await pay()
    expect(state.value).toBe('unknown')
    shop.answers['POST /payment'] = () => placed('https://alipay.test/pay')
    await payAgain()
    const [first, second] = shop.asked('POST /payment')
    expect(second).toEqual(first)
    expect(second?.body).toMatchObject({ pay_money: 129 })
    expect(state.value).toBe('leaving')
  })
})
