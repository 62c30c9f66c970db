import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import type { Contact } from '@/api/schema'
import { done, fakeShop, refused } from '@/testing/fakeShop'

import ContactRow from './ContactRow.vue'

vi.mock('@/composables/useCaptcha', () => ({
  useCaptcha: () => ({ proven: (send: (proof: object) => unknown) => send({}) }),
}))
const CONFIRM = 'PUT /contacts/sms'
let row: ReturnType<typeof shown>

const shown = (contact: Contact | null, isSetUp = true) => mount(ContactRow, { props: { channel: 'sms', contact, isSetUp }, attachTo: document.body })
const buttons = () => row.findAll('button').map((one) => one.attributes('aria-label') ?? one.text())
const press = async (text: string) => {
  await row.findAll('button').find((one) => one.text() === text)?.trigger('click')
  await flushPromises()
}
async function fill(to: string, code: string) {
  await row.get('input[name=to]').setValue(to)
  await row.get('input[name=code]').setValue(code)
  await row.get('form').trigger('submit')
  await flushPromises()
}
beforeEach(() => setActivePinia(createPinia()))
afterEach(() => row.unmount())

test.each([
  [null, ['添加手机号'], '未添加'],
  [{ masked: '138****0000', is_confirmed: false }, ['确认手机号'], '未确认'],
  [{ masked: '138****0000', is_confirmed: true }, ['更换手机号', '移除手机号'], '已确认'],
])('of %j one can %j', (contact, can, says) => {
  row = shown(contact)
  expect(buttons()).toEqual(can)
  expect(row.text()).toContain(says)
})

test('where the school sends no SMS there is nothing to confirm', () => {
  row = shown(null, false)
  expect(buttons()).toEqual([])
  expect(row.text()).toContain('学校暂时不能向手机号发送验证码')
})

test('a number is confirmed by its code', async () => {
  const shop = fakeShop({ [CONFIRM]: () => done(null) })
  row = shown({ masked: '138****0000', is_confirmed: false })
  await press('确认')
  expect(row.text()).toContain('请填写完整的手机号（138****0000）')
  expect(document.activeElement).toBe(row.get('input[name=to]').element)
  await fill('138 0000 0000', '123456')
  expect(shop.asked(CONFIRM)[0]?.body).toEqual({ to: '138 0000 0000', code: '123456' })
  expect(row.emitted('changed')).toHaveLength(1)
  expect(row.find('form').exists()).toBe(false)
  expect(document.activeElement).toBe(row.element)
})

test('another number takes the place of a confirmed one only with the password', async () => {
  const shop = fakeShop({ [CONFIRM]: () => refused(1002, '密码错误') })
  row = shown({ masked: '138****0000', is_confirmed: true })
  await press('更换')
  await fill('13900000000', '123456')
  expect(shop.asked(CONFIRM)).toHaveLength(0)
  const password = row.get('input[name=current-password]')
  expect(document.activeElement).toBe(password.element)
  await password.setValue('secret')
  await row.get('form').trigger('submit')
  await flushPromises()
  expect(shop.asked(CONFIRM)[0]?.body).toEqual({ to: '13900000000', code: '123456', password: 'secret' })
  expect(row.text()).toContain('密码错误')
})

test.each([
  [2104, 'code', '验证码不正确或已过期'],
  [2107, 'to', '这个手机号已被其他账号使用'],
])('refusal %i is told beside the field %s', async (code, field, text) => {
  fakeShop({ [CONFIRM]: () => refused(code, text) })
  row = shown(null)
  await press('添加')
  await fill('13800000000', '123456')
  const input = row.get(`input[name=${field}]`)
  expect(row.get(`[id="${input.attributes('aria-describedby')}"]`).text()).toBe(text)
  expect(document.activeElement).toBe(input.element)
  expect(row.emitted('changed')).toBeUndefined()
})
