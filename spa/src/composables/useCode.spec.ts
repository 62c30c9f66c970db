import { flushPromises } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { effectScope, ref, type EffectScope } from 'vue'

import { useSession } from '@/stores/session'
import { done, fakeShop, refused } from '@/testing/fakeShop'

import { announced } from './announce'
import { useCode } from './useCode'

vi.mock('@/composables/useCaptcha', () => ({
  useCaptcha: () => ({ proven: (send: (proof: object) => unknown) => send({ lot_number: '1' }) }),
}))
const SEND = 'POST /codes'
let scope: EffectScope

function asking(purpose: 'confirm' | 'sign-in' = 'confirm') {
  const to = ref('13800000000')
  const code = scope.run(() => useCode(() => ({ purpose, channel: 'sms', to: to.value })))
  if (!code) throw new Error('no scope')
  return { ...code, to }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] })
  scope = effectScope()
  setActivePinia(createPinia())
})
afterEach(() => {
  scope.stop()
  vi.useRealTimers()
})

test('a code is sent with the captcha, and the next one only after the time that the API gives', async () => {
  const shop = fakeShop({ [SEND]: () => done({ wait_seconds: 60, expires_in: 300 }) })
  const { send, left, goodFor } = asking()
  expect(await send()).toBe(true)
  expect(shop.asked(SEND)[0]?.body).toEqual({ purpose: 'confirm', channel: 'sms', to: '13800000000', lot_number: '1' })
  expect([left.value, goodFor.value]).toEqual([60, 300])
  await vi.advanceTimersByTimeAsync(59_000)
  expect(left.value).toBe(1)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(left.value).toBe(0)
  expect(announced.value).toContain('可以重新获取验证码了')
  await send()
  expect(left.value).toBe(60)
})

test('a refusal that says how long to wait is counted down', async () => {
  fakeShop({ [SEND]: () => Response.json(refused(2101, '请3000秒后再获取'), { headers: { 'Retry-After': '3000' } }) })
  const { send, left, problem } = asking()
  expect(await send()).toBeUndefined()
  expect([left.value, problem.value]).toEqual([3000, '请3000秒后再获取'])
})

test('a number that is none is told beside the number, what else is wrong beside the code', async () => {
  const shop = fakeShop({ [SEND]: () => refused(2102, '手机号不正确') })
  const { send, problem, receiverProblem } = asking()
  await send()
  expect([receiverProblem.value, problem.value]).toEqual(['手机号不正确', ''])
  shop.answers[SEND] = () => refused(2103, '暂不支持')
  await send()
  expect([receiverProblem.value, problem.value]).toEqual(['', '暂不支持'])
})

test('another number does not wait for the one before', async () => {
  fakeShop({ [SEND]: () => done({ wait_seconds: 60, expires_in: 300 }) })
  const { send, left, goodFor, to } = asking('sign-in')
  await send()
  to.value = '13900000000'
  await flushPromises()
  expect([left.value, goodFor.value]).toEqual([0, undefined])
})

test('the time to the next code holds for the other way, too, and for no other learner', async () => {
  fakeShop({ [SEND]: () => done({ wait_seconds: 60, expires_in: 300 }) })
  const first = asking()
  await first.send()
  await vi.advanceTimersByTimeAsync(20_000)
  expect(asking().left.value).toBe(40)
  first.to.value = '13900000000'
  await flushPromises()
  expect([first.left.value, first.goodFor.value]).toEqual([40, undefined])
  useSession().begin({ token: 'another', expire_date: '2999-01-01 00:00:00', userinfo: { username: 'xiaoli', head_img: '' } })
  expect(asking().left.value).toBe(0)
})
