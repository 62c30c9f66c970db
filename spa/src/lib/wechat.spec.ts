import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { payInWechat, wayOf, withReturn } from './wechat'

const AGENTS = {
  windows: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  mac: 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15',
  iphone: 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
  android: 'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36',
  tablet: 'Mozilla/5.0 (Linux; Android 15; SM-X910) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  ipad: 'Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1 Mobile/15E148 Safari/604.1',
  wechat: 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.50(0x1800322b) NetType/WIFI Language/zh_CN',
  wechatOnWindows: 'Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/86.0.4240.99 Safari/537.36 MicroMessenger/7.0.20.1781(0x6700143B) NetType/WIFI WindowsWechat',
}

describe('the way to pay by WeChat', () => {
  it.each([['windows', 'native'], ['mac', 'native'], ['tablet', 'native'], ['ipad', 'native'], ['iphone', 'h5'], ['android', 'h5'], ['wechat', 'jsapi'], ['wechatOnWindows', 'jsapi']] as const)('on %s is %s', (name, way) => {
    expect(wayOf(AGENTS[name])).toBe(way)
  })

  it('tells WeChat where to lead back to', () => {
    const address = new URL(withReturn('https://wx.tenpay.com/check?prepay_id=wx1&package=2', 'https://shop.test/payment/wechat?order_num=N1&back=1'))
    expect([...address.searchParams]).toEqual([['prepay_id', 'wx1'], ['package', '2'], ['redirect_url', 'https://shop.test/payment/wechat?order_num=N1&back=1']])
  })
})

describe('paying within WeChat', () => {
  const invoke = vi.fn()
  const says = (err_msg: string) => invoke.mockImplementation((_name, _members, done: (answer: unknown) => void) => done({ err_msg }))

  beforeEach(() => {
    vi.useFakeTimers()
    invoke.mockReset()
    delete window.WeixinJSBridge
  })
  afterEach(() => vi.useRealTimers())

  it.each([['get_brand_wcpay_request:ok', 'ok'], ['get_brand_wcpay_request:cancel', 'cancel'], ['get_brand_wcpay_request:fail', 'fail'], ['get_brand_wcpay_request:fail_invalid appid', 'fail'], ['', 'fail']])('takes %s for %s', async (word, answer) => {
    says(word)
    window.WeixinJSBridge = { invoke }
    await expect(payInWechat({ appId: 'wx1' }, undefined)).resolves.toBe(answer)
    expect(invoke.mock.calls[0]?.slice(0, 2)).toEqual(['getBrandWCPayRequest', { appId: 'wx1' }])
  })

  it('waits for the bridge', async () => {
    says('get_brand_wcpay_request:ok')
    const paying = payInWechat({}, undefined)
    await vi.advanceTimersByTimeAsync(3000)
    window.WeixinJSBridge = { invoke }
    document.dispatchEvent(new Event('WeixinJSBridgeReady'))
    await expect(paying).resolves.toBe('ok')
  })

  it('fails where no bridge comes', async () => {
    const paying = payInWechat({}, undefined)
    await vi.runAllTimersAsync()
    await expect(paying).resolves.toBe('fail')
  })
})
