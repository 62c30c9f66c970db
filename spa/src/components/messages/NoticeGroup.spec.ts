import { flushPromises, mount } from '@vue/test-utils'
import { beforeEach, expect, test } from 'vitest'

import type { PreferenceGroup } from '@/api/schema'
import { done, fakeShop, later, refused } from '@/testing/fakeShop'

import NoticeGroup from './NoticeGroup.vue'

const CHANGE = 'PUT /preferences'
let group: ReturnType<typeof shown>

function shown(fixed = false) {
  const channels = (['site', 'sms', 'mail'] as const).map((channel) => ({ channel, name: channel, on: true, fixed }))
  return mount(NoticeGroup, { props: { group: { group: fixed ? 'orders' : 'study', name: '学习互动', channels } as PreferenceGroup, confirmed: ['mail'] } })
}
const box = (channel: string) => group.get<HTMLInputElement>(`input[name$=${channel}]`)

beforeEach(() => void (group = shown()))

test('a way is switched off, one at a time', async () => {
  const answer = later()
  const shop = fakeShop({ [CHANGE]: () => answer.promise })
  await box('mail').setValue(false)
  expect(box('sms').element.disabled).toBe(true)
  answer.answer(done(null))
  await flushPromises()
  expect(shop.asked(CHANGE).map((one) => one.body)).toEqual([{ group: 'study', channel: 'mail', on: false }])
  expect([box('mail').element.checked, box('sms').element.disabled]).toEqual([false, false])
})

test('what could not be kept is shown as it holds, with why', async () => {
  fakeShop({ [CHANGE]: () => refused(2105, '不能关闭') })
  await box('mail').setValue(false)
  await flushPromises()
  expect(box('mail').element.checked).toBe(true)
  expect(group.get('[role=alert]').text()).toBe('不能关闭')
})

test('what is fixed says why, and what has nowhere to go says that', () => {
  group.unmount()
  group = shown(true)
  expect(group.text()).toContain('涉及付款和退费，不能关闭')
  const notes = group.findAll('label').map((one) => one.find('.note').text())
  expect(notes).toEqual(['始终发送', '还没有确认手机号，暂不发送', '始终发送'])
  expect(group.findAll('input').every((one) => one.element.disabled)).toBe(true)
})
