import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { effectScope, type EffectScope } from 'vue'

import type { Choice } from '@/api/cart'
import type { Quote, QuoteRequest } from '@/api/schema'
import { done, fakeShop, later, refused, type Asked } from '@/testing/fakeShop'

import { useSettlement } from './useSettlement'

const choices: Choice[] = [{ course_id: 1, course_type: 'course', price_policy_id: 3 }]
const COURSE = 'course-1'
const [CHEAP, DEAR, GENERAL] = [11, 12, 21]
/** What each piece takes off 100 yuan, in yuan; 贝里 take off 5. */
const OFF: Record<number, number> = { [CHEAP]: 10, [DEAR]: 30, [GENERAL]: 20 }

/** The shop's quote of a choice; `gone` are pieces that can no longer be used. */
function quoteOf(asked: Asked, price = 100, gone: number[] = []) {
  const body = asked.body as QuoteRequest
  const used = [body.course_list[0]?.coupon_record_id, body.global_coupon_id].filter((one): one is number => typeof one === 'number')
  const refusedPiece = used.find((one) => gone.includes(one))
  if (refusedPiece) return refused(1306, `优惠券「${refusedPiece}」已被使用`)
  const beli = body.is_beli ? 5 : 0
  const total = price - beli - used.reduce((sum, one) => sum + OFF[one]!, 0)
  const bestTotal = price - beli - [DEAR, GENERAL].filter((one) => !gone.includes(one)).reduce((sum, one) => sum + OFF[one]!, 0)
  const quote: Partial<Quote> = {
    total_price: total,
    providers: ['alipay', 'wechat'],
    best_saves: total - bestTotal,
    best: {
      is_beli: Boolean(body.is_beli),
      course_list: [{ course_id: 1, course_type: 'course', default_price_policy_id: 3, ...(gone.includes(DEAR) ? {} : { coupon_record_id: DEAR }) }],
      global_coupon_id: gone.includes(GENERAL) ? '' : GENERAL,
      pay_money: bestTotal,
    },
    coupons: [CHEAP, DEAR, GENERAL].map((pk) => ({ pk, usable: !gone.includes(pk) })) as Quote['coupons'],
  }
  return done(quote)
}

let scope: EffectScope
const settle = () => scope.run(() => useSettlement(choices, 'demo'))!

beforeEach(() => {
  sessionStorage.clear()
  scope = effectScope()
})
afterEach(() => scope.stop())

describe('the settlement', () => {
  it('picks the best combination at first, and orders what it shows', async () => {
    fakeShop({ 'POST /account/quote': (asked) => quoteOf(asked) })
    const { quote, picks, body, loading } = settle()
    expect(body.value).toBeUndefined()
    await flushPromises()
    expect(picks.value).toEqual({ coupons: { [COURSE]: DEAR }, general: GENERAL, beli: true, own: false })
    expect(quote.value?.best_saves).toBe(0)
    expect(loading.value).toBe(false)
    expect(body.value).toEqual({
      is_beli: true,
      course_list: [{ course_id: 1, course_type: 'course', default_price_policy_id: 3, coupon_record_id: DEAR }],
      global_coupon_id: GENERAL,
      pay_money: 45,
      payment_type: 'alipay',
    })
  })

  it('keeps the choice of the learner, also after a reload, and offers the best one', async () => {
    fakeShop({ 'POST /account/quote': (asked) => quoteOf(asked) })
    const { pickCoupon } = settle()
    await flushPromises()
    pickCoupon(COURSE, CHEAP)
    await flushPromises()
    const { picks, quote, takeBest, spendBeli } = settle()
    await flushPromises()
    expect(picks.value.coupons).toEqual({ [COURSE]: CHEAP })
    expect(quote.value?.best_saves).toBe(20)
    spendBeli(false)
    await flushPromises()
    expect(quote.value?.total_price).toBe(70)
    takeBest()
    await flushPromises()
    expect(picks.value).toMatchObject({ coupons: { [COURSE]: DEAR }, general: GENERAL, beli: false })
    expect(quote.value?.total_price).toBe(50)
  })

  it('takes the answer to the latest question only, and lets nobody order meanwhile', async () => {
    const first = later<unknown>()
    const second = later<unknown>()
    const shop = fakeShop({ 'POST /account/quote': (asked) => quoteOf(asked) })
    const { pickCoupon, pickGeneral, quote, body, picks } = settle()
    await flushPromises()
    shop.answers['POST /account/quote'] = (asked) => ((asked.body as QuoteRequest).global_coupon_id ? first.promise : second.promise)
    pickCoupon(COURSE, CHEAP)
    pickGeneral(undefined)
    await flushPromises()
    expect(body.value).toBeUndefined()
    second.answer(quoteOf(shop.asked('POST /account/quote').at(-1)!))
    await flushPromises()
    expect(quote.value?.total_price).toBe(85)
    first.answer(quoteOf(shop.asked('POST /account/quote').at(-2)!))
    await flushPromises()
    expect(quote.value?.total_price).toBe(85)
    expect(picks.value.general).toBeUndefined()
    expect(body.value?.pay_money).toBe(85)
  })

  it('lets nobody order when the price of the choice is not known', async () => {
    const shop = fakeShop({ 'POST /account/quote': (asked) => quoteOf(asked) })
    const { pickCoupon, quote, body, error, ask } = settle()
    await flushPromises()
    shop.answers['POST /account/quote'] = () => {
      throw new TypeError('network')
    }
    pickCoupon(COURSE, CHEAP)
    await flushPromises()
    expect(error.value).toBeDefined()
    expect(quote.value?.total_price).toBe(45)
    expect(body.value).toBeUndefined()
    shop.answers['POST /account/quote'] = (asked) => quoteOf(asked)
    await ask()
    expect(body.value?.pay_money).toBe(65)
  })

  it('lets go of a coupon that is gone, keeps the others, and says so', async () => {
    const shop = fakeShop({ 'POST /account/quote': (asked) => quoteOf(asked) })
    const { pickCoupon, picks, notice, askAgain, quote } = settle()
    await flushPromises()
    pickCoupon(COURSE, CHEAP)
    await flushPromises()
    shop.answers['POST /account/quote'] = (asked) => quoteOf(asked, 100, [GENERAL])
    await askAgain('优惠券已被使用')
    expect(picks.value.coupons).toEqual({ [COURSE]: CHEAP })
    expect(picks.value.general).toBeUndefined()
    expect(quote.value?.total_price).toBe(85)
    expect(notice.value).toContain('已被使用')
  })

  it('says what is due when the amount changed', async () => {
    const shop = fakeShop({ 'POST /account/quote': (asked) => quoteOf(asked) })
    const { notice, askAgain, body, spendBeli } = settle()
    await flushPromises()
    shop.answers['POST /account/quote'] = (asked) => quoteOf(asked, 110.55)
    await askAgain('应付金额有变')
    expect(notice.value).toContain('¥45.00 变为 ¥55.55')
    expect(body.value?.pay_money).toBeCloseTo(55.55)
    spendBeli(false)
    expect(notice.value).toBe('')
  })
})
