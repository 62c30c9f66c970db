import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { done, fakeShop } from '@/testing/fakeShop'

import CodeFields from './CodeFields.vue'

vi.mock('@/composables/useCaptcha', () => ({
  useCaptcha: () => ({ proven: (send: (proof: object) => unknown) => send({}) }),
}))
const SEND = 'POST /codes'
let fields: ReturnType<typeof shown>

const shown = (props: object = {}) => mount(CodeFields, { props: { channel: 'sms', purpose: 'sign-in', isTried: false, to: '', code: '', ...props }, attachTo: document.body })
const errorOf = (name: string) => {
  const input = fields.get(`input[name=${name}]`)
  const note = input.attributes('aria-describedby')
  return { isWrong: input.attributes('aria-invalid') === 'true', note: note ? fields.get(`[id="${note}"]`).text() : '' }
}
beforeEach(() => setActivePinia(createPinia()))
afterEach(() => fields.unmount())

test('no code is asked for without a number, and the keyboard is led to it', async () => {
  const shop = fakeShop({})
  fields = shown({ to: '1380000' })
  expect(errorOf('to')).toEqual({ isWrong: false, note: '' })
  await fields.get('button').trigger('click')
  await flushPromises()
  expect(errorOf('to')).toEqual({ isWrong: true, note: '请填写 11 位的大陆手机号' })
  expect(document.activeElement).toBe(fields.get('input[name=to]').element)
  expect(shop.asked(SEND)).toHaveLength(0)
})

test('whether a number is anybody’s is not told, and the keyboard goes on to the code', async () => {
  fakeShop({ [SEND]: () => done({ wait_seconds: 60, expires_in: 300 }) })
  fields = shown({ to: ' 138 0000 0000 ' })
  await fields.get('button').trigger('click')
  await flushPromises()
  expect(errorOf('code')).toEqual({ isWrong: false, note: '如果这个手机号绑定了账号，验证码很快会送达，5 分钟内有效' })
  expect(document.activeElement).toBe(fields.get('input[name=code]').element)
  expect(fields.get('button').text()).toBe('60 秒后可重发')
  expect(fields.get('button').attributes('disabled')).toBeDefined()
})

test('of a pasted text the digits are taken, and the phone offers them by itself', async () => {
  fakeShop({})
  fields = shown({ to: '13800000000', isTried: true })
  expect(errorOf('code')).toEqual({ isWrong: true, note: '请填写验证码' })
  const code = fields.get('input[name=code]')
  expect([code.attributes('autocomplete'), code.attributes('inputmode')]).toEqual(['one-time-code', 'numeric'])
  await code.setValue('【明日学堂】验证码 123 456')
  expect(fields.emitted('update:code')).toEqual([['123456']])
})
