import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { effectScope, type EffectScope } from 'vue'

import { Broken, Cancelled } from '@/api/errors'
import type { StartedCaptcha } from '@/api/schema'
import { useConfig } from '@/stores/config'

const started = vi.hoisted(() => vi.fn())
vi.mock('@/api/people', () => ({ startCaptcha: started }))

const PROOF = { geetest_challenge: 'c', geetest_validate: 'v', geetest_seccode: 's' }
const UP: StartedCaptcha = { success: 1, gt: 'id', challenge: 'c', captcha: 'on', geetest_version: '3' }

/** A widget that a test drives by the names of its listeners. */
function fakeWidget() {
  const heard: Record<string, () => void> = {}
  const listen = (name: string) => (listener: () => void) => (heard[name] = listener)
  const widget = {
    onReady: (listener: () => void) => listener(),
    onSuccess: listen('success'),
    onError: listen('error'),
    onClose: listen('close'),
    getValidate: vi.fn((): Record<string, string> | false => PROOF),
    destroy: vi.fn(),
    verify: vi.fn(),
  }
  return { widget, heard }
}

let scope: EffectScope
let scripts: HTMLScriptElement[]

async function open(state: 'on' | 'off' = 'on', version: '3' | '4' = '3') {
  Object.assign(useConfig().config, { captcha: { state, version, script: 'http://geetest.test/gt.js' } })
  vi.resetModules() // the script is loaded once for all: each test begins without it
  const { useCaptcha } = await import('./useCaptcha')
  const captcha = scope.run(() => useCaptcha())
  if (!captcha) throw new Error('no scope')
  return captcha
}

beforeEach(() => {
  setActivePinia(createPinia())
  scope = effectScope()
  started.mockReset().mockResolvedValue(UP)
  scripts = []
  vi.spyOn(document.head, 'append').mockImplementation((script) => void scripts.push(script as HTMLScriptElement))
})
afterEach(() => {
  scope.stop()
  vi.restoreAllMocks()
  vi.useRealTimers()
  delete window.initGeetest
  delete window.initGeetest4
})

const loaded = async () => {
  await vi.waitFor(() => expect(scripts).toHaveLength(1))
  scripts[0]?.onload?.(new Event('load'))
}

test('where the captcha is off nothing is asked', async () => {
  expect(await (await open('off')).solve()).toEqual({})
  expect(started).not.toHaveBeenCalled()
})

test('what the API says of it is believed too', async () => {
  started.mockResolvedValue({ ...UP, captcha: 'off' })
  expect(await (await open()).solve()).toEqual({})
  expect(scripts).toHaveLength(0)
})

test('version 3 gives its three fields, and takes its widget away', async () => {
  const { widget, heard } = fakeWidget()
  const make = (window.initGeetest = vi.fn((_options, ready) => ready(widget)))
  const solved = (await open()).solve()
  await loaded()
  await vi.waitFor(() => expect(widget.verify).toHaveBeenCalled())
  heard.success?.()
  expect(await solved).toEqual(PROOF)
  expect(make.mock.calls[0]?.[0]).toMatchObject({ gt: 'id', challenge: 'c', offline: false, product: 'bind' })
  expect(widget.destroy).toHaveBeenCalledOnce()
})

test('version 3 runs its own puzzle while Geetest is down', async () => {
  started.mockResolvedValue({ ...UP, success: 0 })
  const { widget } = fakeWidget()
  const make = (window.initGeetest = vi.fn((_options, ready) => ready(widget)))
  void (await open()).solve().catch(() => {})
  await loaded()
  await vi.waitFor(() => expect(make.mock.calls[0]?.[0]).toMatchObject({ offline: true }))
})

test('version 4 gives its four fields and nothing else', async () => {
  const { widget, heard } = fakeWidget()
  const proof = { lot_number: 'l', captcha_output: 'o', pass_token: 'p', gen_time: '1' }
  widget.getValidate.mockReturnValue({ captcha_id: 'id', ...proof })
  window.initGeetest4 = (_options, ready) => ready(widget)
  const solved = (await open('on', '4')).solve()
  await loaded()
  await vi.waitFor(() => expect(widget.verify).toHaveBeenCalled())
  heard.success?.()
  expect(await solved).toEqual(proof)
})

test('version 4 sends the challenge back while Geetest is down', async () => {
  started.mockResolvedValue({ ...UP, success: 0 })
  expect(await (await open('on', '4')).solve()).toMatchObject({ lot_number: 'c' })
})

test('closing the slider is nothing to tell, and the next time there is a new one', async () => {
  const widgets = [fakeWidget(), fakeWidget()]
  let made = 0
  window.initGeetest = (_options, ready) => ready(widgets[made++]!.widget)
  const captcha = await open()
  const first = captcha.solve()
  await loaded()
  await vi.waitFor(() => expect(widgets[0]!.widget.verify).toHaveBeenCalled())
  widgets[0]!.heard.close?.()
  await expect(first).rejects.toThrow(expect.objectContaining({ name: new Cancelled().name }))
  const second = captcha.solve()
  await vi.waitFor(() => expect(widgets[1]!.widget.verify).toHaveBeenCalled())
  widgets[1]!.heard.success?.()
  expect(await second).toEqual(PROOF)
  expect(started).toHaveBeenCalledTimes(2)
  expect(scripts).toHaveLength(1)
})

test('leaving the page takes the slider away', async () => {
  const { widget } = fakeWidget()
  window.initGeetest = (_options, ready) => ready(widget)
  const solved = (await open()).solve()
  await loaded()
  await vi.waitFor(() => expect(widget.verify).toHaveBeenCalled())
  scope.stop()
  await expect(solved).rejects.toThrow(expect.objectContaining({ name: new Cancelled().name }))
  expect(widget.destroy).toHaveBeenCalled()
})

test.each(['refused', 'silent'])('a script that does not come (%s) is said, and loaded anew the next time', async (how) => {
  vi.useFakeTimers()
  const captcha = await open()
  const failing = expect(captcha.solve()).rejects.toThrow(new Broken('captcha').message)
  await vi.waitFor(() => expect(scripts).toHaveLength(1))
  if (how === 'refused') scripts[0]?.onerror?.(new Event('error'))
  else await vi.advanceTimersByTimeAsync(15_000)
  await failing
  void captcha.solve().catch(() => {})
  await vi.waitFor(() => expect(scripts).toHaveLength(2))
})

/** A captcha whose sliders are solved as soon as they are shown, and refusals of the API as it knows them. */
async function solvedAtOnce() {
  window.initGeetest = (_options, ready) => {
    const { widget, heard } = fakeWidget()
    ready({ ...widget, verify: vi.fn(() => heard.success?.()) })
  }
  const { proven } = await open()
  const { Refused } = await import('@/api/errors')
  return { proven, wrongPassword: new Refused(1002, '密码错误'), stale: new Refused(1001, '滑动验证失败') }
}

test('a proof serves until what it was for is done', async () => {
  const { proven, wrongPassword } = await solvedAtOnce()
  const send = vi.fn().mockRejectedValueOnce(wrongPassword).mockResolvedValue('in')
  const first = expect(proven(send)).rejects.toThrow('密码错误')
  await loaded()
  await first
  expect(await proven(send)).toBe('in')
  expect(started).toHaveBeenCalledTimes(1)
  expect(await proven(send)).toBe('in')
  expect(started).toHaveBeenCalledTimes(2)
})

test('a proof that is over is made anew, once', async () => {
  const { proven, wrongPassword, stale } = await solvedAtOnce()
  const send = vi.fn().mockRejectedValueOnce(wrongPassword).mockRejectedValue(stale)
  const first = expect(proven(send)).rejects.toThrow('密码错误')
  await loaded()
  await first
  await expect(proven(send)).rejects.toThrow('滑动验证失败')
  expect([started.mock.calls.length, send.mock.calls.length]).toEqual([2, 3])
})
