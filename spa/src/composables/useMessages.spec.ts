import { flushPromises } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { effectScope, type EffectScope } from 'vue'

import { useUnread } from '@/stores/unread'
import { done, fakeShop, type Asked } from '@/testing/fakeShop'

import { useMessages } from './useMessages'

const [LIST, READ] = ['GET /messages', 'PUT /messages/read'] as const
const message = (id: string, is_read = false) => ({ id, event: 'order-paid', title: id, text: '', link: null, created_at: '2026-11-28 09:00:00', is_read, deliveries: [] })
const pageOf = (unread: number, ...messages: object[]) => ({ unread, messages, cursor: null as string | null })
let scope: EffectScope
let visibility: ReturnType<typeof vi.spyOn>

async function opened() {
  const page = scope.run(() => useMessages())
  if (!page) throw new Error('no scope')
  await flushPromises()
  return page
}

beforeEach(() => {
  localStorage.clear()
  setActivePinia(createPinia())
  scope = effectScope()
  visibility = vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('visible')
})
afterEach(() => {
  scope.stop()
  vi.restoreAllMocks()
})

test('what is shown is read from then on, and stays marked until the page is opened anew', async () => {
  const shop = fakeShop({ [LIST]: () => done(pageOf(2, message('c'), message('b'), message('a', true))), [READ]: () => done(null) })
  const { rows } = await opened()
  expect(shop.asked(READ).map((one) => one.body)).toEqual([{ until: 'c' }])
  expect(useUnread().count).toBe(0)
  expect(rows.value.map((one) => one.is_read)).toEqual([false, false, true])
})

test('nothing is marked when nothing is new', async () => {
  const shop = fakeShop({ [LIST]: () => done(pageOf(0, message('a', true))) })
  await opened()
  expect(shop.asked(READ)).toHaveLength(0)
})

test('what a hidden tab has read stays unread until it is seen', async () => {
  visibility.mockReturnValue('hidden')
  const shop = fakeShop({ [LIST]: () => done(pageOf(1, message('a'))), [READ]: () => done(null) })
  await opened()
  expect([shop.asked(READ).length, useUnread().count]).toEqual([0, 1])
  visibility.mockReturnValue('visible')
  for (let times = 0; times < 2; times += 1) {
    document.dispatchEvent(new Event('visibilitychange'))
    await flushPromises()
  }
  expect([shop.asked(READ).length, useUnread().count]).toEqual([1, 0])
})

test('without an answer they stay unread, and the page says nothing of it', async () => {
  fakeShop({ [LIST]: () => done(pageOf(1, message('a'))), [READ]: () => Promise.reject(new Error('down')) })
  const { load, rows } = await opened()
  expect([useUnread().count, rows.value.length, load.error.value]).toEqual([1, 1, undefined])
})

test('further pages follow below', async () => {
  const answer = ({ query }: Asked) => done(query.get('cursor') ? pageOf(0, message('a', true)) : { ...pageOf(0, message('b', true)), cursor: 'b' })
  fakeShop({ [LIST]: answer })
  const { rows, hasMore, more } = await opened()
  await more.run()
  expect(rows.value.map((one) => one.id)).toEqual(['b', 'a'])
  expect(hasMore.value).toBe(false)
})
