import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { defineComponent } from 'vue'
import { createRouter, createWebHistory } from 'vue-router'

import { done, fakeShop, later, refused } from '@/testing/fakeShop'

import { useWechatPayment } from './useWechatPayment'

const ASK = 'GET /order/N1'
const START = 'POST /order/N1/wechat'
const PHONE = 'Mozilla/5.0 (Linux; Android 15) Mobile Safari/537.36'
const WECHAT = `${PHONE} MicroMessenger/8.0.50`

const order = (more = {}) => done({ order_number: 'N1', status: '待支付', payment_code: 'wechat', providers: ['alipay', 'wechat'], actual_amount: 99, can_pay: true, seconds_left: 1700, orderdetail_list: [], ...more })
const qr = () => done({ kind: 'qr', text: 'weixin://wxpay/bizpayurl?pr=abc', members: null, seconds_left: 1700 })
const h5 = () => done({ kind: 'redirect', text: 'https://wx.test/check?prepay_id=1', members: null, seconds_left: 1700 })
const authorise = () => done({ kind: 'redirect', text: 'https://open.test/authorize?appid=1', members: null, seconds_left: 1700 })
const bridge = () => done({ kind: 'bridge', text: null, members: { appId: 'wx1', paySign: 's' }, seconds_left: 1700 })

const assign = vi.fn<(address: string) => void>()
const replace = vi.fn<(address: string) => void>()
let page: ReturnType<typeof mount> | undefined
let hidden = false

async function pay({ agent = '', query = '', answers = {} }: { agent?: string; query?: string; answers?: Record<string, () => unknown> } = {}) {
  vi.spyOn(navigator, 'userAgent', 'get').mockReturnValue(agent)
  const shop = fakeShop({ [ASK]: () => order(), [START]: qr, ...answers })
  const router = createRouter({
    history: createWebHistory(),
    routes: [
      { path: '/payment/wechat', name: 'pay-wechat', component: { render: () => null } },
      { path: '/payment/result', name: 'result', component: { render: () => null } },
    ],
  })
  await router.push(`/payment/wechat?order_num=N1${query}`)
  let made!: ReturnType<typeof useWechatPayment>
  page = mount(defineComponent({ setup: () => ((made = useWechatPayment('N1')), () => null) }), { global: { plugins: [router] } })
  await flushPromises()
  const asked = () => shop.asked(START).map((one) => one.body)
  return { ...made, router, shop, asked, at: () => router.currentRoute.value.fullPath }
}
const pass = async (seconds: number) => {
  await vi.advanceTimersByTimeAsync(seconds * 1000)
  await flushPromises()
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  setActivePinia(createPinia())
  hidden = false
  assign.mockReset()
  replace.mockReset()
  vi.spyOn(window.location, 'assign').mockImplementation(assign as never)
  vi.spyOn(window.location, 'replace').mockImplementation(replace as never)
  vi.spyOn(document, 'hidden', 'get').mockImplementation(() => hidden)
})
afterEach(() => {
  page?.unmount()
  delete window.WeixinJSBridge
  vi.useRealTimers()
})

describe('paying by WeChat', () => {
  it('shows the code to scan, and leads to the result when it is paid', async () => {
    const { stage, code, shop, asked, at } = await pay()
    expect([stage.value, code.value]).toEqual(['qr', 'weixin://wxpay/bizpayurl?pr=abc'])
    expect(asked()).toEqual([{ way: 'native' }])
    shop.answers[ASK] = () => order({ status: '交易成功' })
    await pass(3)
    expect(at()).toBe('/payment/result?order_num=N1')
    const questions = shop.asked(ASK).length
    await pass(60)
    expect(shop.asked(ASK)).toHaveLength(questions)
    expect(asked()).toHaveLength(1)
  })

  it('asks every three seconds, every ten after five minutes, and not while it is hidden', async () => {
    const { shop } = await pay()
    const count = () => shop.asked(ASK).length
    await pass(30)
    expect(count()).toBe(11)
    await pass(270)
    const eager = count()
    await pass(60)
    expect(count() - eager).toBe(6)
    hidden = true
    document.dispatchEvent(new Event('visibilitychange'))
    const before = count()
    await pass(600)
    expect(count()).toBe(before)
    hidden = false
    document.dispatchEvent(new Event('visibilitychange'))
    await pass(3)
    expect(count()).toBe(before + 2)
  })

  it.each(['主动取消', '超时取消', '交易成功'])('leaves an order that is %s to the result', async (status) => {
    const { at, asked } = await pay({ answers: { [ASK]: () => order({ status, can_pay: false }) } })
    expect(at()).toBe('/payment/result?order_num=N1')
    expect(asked()).toEqual([])
  })

  it('leaves an order of nobody to the result', async () => {
    const { at } = await pay({ answers: { [ASK]: () => refused(1501, '订单不存在') } })
    expect(at()).toBe('/payment/result?order_num=N1')
  })

  it('begins nothing for an order that is paid by Alipay, and takes the code away when it comes to be', async () => {
    const { stage, code, shop, asked } = await pay()
    shop.answers[ASK] = () => order({ payment_code: 'alipay', payment_type: '支付宝' })
    await pass(3)
    expect([stage.value, code.value]).toEqual(['elsewhere', ''])
    shop.answers[ASK] = () => order()
    await pass(3)
    expect(stage.value).toBe('qr')
    expect(asked()).toHaveLength(2)
  })

  it('says that it is too late, also of a code that was shown', async () => {
    const { stage, shop, asked } = await pay({ answers: { [ASK]: () => order({ can_pay: false, seconds_left: 40 }) } })
    expect([stage.value, asked().length]).toEqual(['late', 0])
    shop.answers[ASK] = () => order()
    await pass(3)
    expect(stage.value).toBe('qr')
    shop.answers[ASK] = () => order({ can_pay: false, seconds_left: 40 })
    await pass(3)
    expect(stage.value).toBe('qr') // it can still be scanned
    shop.answers[ASK] = () => order({ can_pay: false, seconds_left: 0 })
    await pass(3)
    expect(stage.value).toBe('late')
  })

  it('waits for one answer, whatever is pressed', async () => {
    const answer = later<unknown>()
    const { stage, begin, asked } = await pay({ answers: { [START]: () => answer.promise } })
    begin()
    begin()
    await pass(6)
    expect([stage.value, asked().length]).toEqual(['starting', 1])
    answer.answer(qr())
    await flushPromises()
    expect([stage.value, asked().length]).toEqual(['qr', 1])
  })

  it.each([[1504, '暂时无法确认'], [1509, '微信支付暂时不可用'], [5000, '请求内容有误']])('shows %i, and tries again when it is told to', async (code, text) => {
    const { stage, problem, refusal, shop, begin, asked } = await pay({ answers: { [START]: () => refused(code, text) } })
    expect([stage.value, problem.value, refusal.value]).toEqual(['trouble', text, code])
    await pass(60)
    expect(asked()).toHaveLength(1)
    shop.answers[START] = qr
    begin()
    await flushPromises()
    expect(stage.value).toBe('qr')
  })

  it.each([[1502, { status: '交易成功' }, '/payment/result?order_num=N1'], [1503, { can_pay: false, seconds_left: 30 }, 'late'], [1511, { payment_code: 'alipay' }, 'elsewhere']])('asks after %i how it stands', async (code, now, becomes) => {
    const answer = later<unknown>()
    const { stage, at, shop } = await pay({ answers: { [START]: () => answer.promise } })
    shop.answers[ASK] = () => order(now)
    answer.answer(refused(code, '订单已变化'))
    await flushPromises()
    expect([stage.value, at()]).toContain(becomes)
  })
})

describe('paying by WeChat on a phone', () => {
  const back = '/payment/wechat?order_num=N1&back=1'

  it('goes on to WeChat by itself, with the way back', async () => {
    const { stage, forward, at } = await pay({ agent: PHONE, answers: { [START]: h5 } })
    const address = assign.mock.calls[0]![0]
    expect(new URL(address).searchParams.get('redirect_url')).toBe(`${location.origin}${back}`)
    expect([stage.value, forward.value, at()]).toEqual(['starting', address, back])
  })

  it('asks who comes back, and begins again when told to', async () => {
    const { stage, asked, begin } = await pay({ agent: PHONE, query: '&back=1', answers: { [START]: h5 } })
    await pass(30)
    expect([stage.value, asked().length, assign.mock.calls.length]).toEqual(['question', 0, 0])
    begin()
    await flushPromises()
    expect(asked()).toEqual([{ way: 'h5' }])
    expect(assign).toHaveBeenCalledTimes(1)
  })

  it('asks when the browser brings the page back as it was', async () => {
    const { stage, asked } = await pay({ agent: PHONE, answers: { [START]: h5 } })
    window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }))
    await pass(10)
    expect([stage.value, asked().length]).toEqual(['question', 1])
  })
})

describe('paying within WeChat', () => {
  const invoke = vi.fn()
  const says = (word: string) => invoke.mockImplementation((_name, _members, tell: (answer: unknown) => void) => tell({ err_msg: `get_brand_wcpay_request:${word}` }))
  const answers = { [START]: bridge }
  const query = '&code=c1&state=s1'

  beforeEach(() => {
    invoke.mockReset()
    window.WeixinJSBridge = { invoke }
  })

  it('asks WeChat first who the learner is there', async () => {
    const { asked } = await pay({ agent: WECHAT, answers: { [START]: authorise } })
    expect(asked()).toEqual([{ way: 'jsapi' }])
    expect(replace.mock.calls).toEqual([['https://open.test/authorize?appid=1']])
    await pass(30)
    expect(asked()).toHaveLength(1)
  })

  it('uses the answer once, out of the address bar, and leads to the result', async () => {
    says('ok')
    const { router, asked, at } = await pay({ agent: WECHAT, query, answers })
    expect(asked()).toEqual([{ way: 'jsapi', code: 'c1', state: 's1' }])
    expect(invoke.mock.calls[0]?.[1]).toEqual({ appId: 'wx1', paySign: 's' })
    expect(at()).toBe('/payment/result?order_num=N1')
    expect(JSON.stringify(history.state)).not.toContain('c1')
    expect(router.currentRoute.value.query.code).toBeUndefined()
  })

  it('has the address bar without it before WeChat’s answer is used', async () => {
    const answer = later<unknown>()
    const { at } = await pay({ agent: WECHAT, query, answers: { [START]: () => answer.promise } })
    expect(at()).toBe('/payment/wechat?order_num=N1')
  })

  it('asks who cancels, and pays with the same words again', async () => {
    says('cancel')
    const { stage, note, begin, asked, at } = await pay({ agent: WECHAT, query, answers })
    expect([stage.value, note.value]).toEqual(['question', '您在微信里取消了付款。'])
    says('ok')
    begin()
    await flushPromises()
    expect(asked()).toHaveLength(1)
    expect(at()).toBe('/payment/result?order_num=N1')
  })

  it('begins anew after WeChat failed', async () => {
    says('fail')
    const { stage, begin, shop, asked } = await pay({ agent: WECHAT, query, answers })
    expect(stage.value).toBe('question')
    shop.answers[START] = authorise
    begin()
    await flushPromises()
    expect(asked()).toEqual([{ way: 'jsapi', code: 'c1', state: 's1' }, { way: 'jsapi' }])
    expect(replace).toHaveBeenCalledTimes(1)
  })

  it('begins anew when the answer holds no longer, and keeps it when no word came', async () => {
    const { stage, begin, shop, asked, refusal } = await pay({ agent: WECHAT, query, answers: { [START]: () => { throw new TypeError('network') } } })
    expect(stage.value).toBe('trouble')
    shop.answers[START] = () => refused(1510, '微信授权已失效')
    begin()
    await flushPromises()
    expect([stage.value, refusal.value]).toEqual(['trouble', 1510])
    shop.answers[START] = authorise
    begin()
    await flushPromises()
    expect(asked()).toEqual([{ way: 'jsapi', code: 'c1', state: 's1' }, { way: 'jsapi', code: 'c1', state: 's1' }, { way: 'jsapi' }])
  })
})
