import { flushPromises, mount, RouterLinkStub } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'

import { useSession } from '@/stores/session'
import { done, fakeShop } from '@/testing/fakeShop'

import MessageBell from './MessageBell.vue'

const ASK = 'GET /messages/unread'

async function bell(unread: number) {
  const shop = fakeShop({ [ASK]: () => done({ unread }) })
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:page*', component: MessageBell }] })
  await router.push('/')
  const shown = mount(MessageBell, { global: { plugins: [router], stubs: { RouterLink: RouterLinkStub } } })
  await flushPromises()
  return { shop, router, shown, name: shown.attributes('aria-label'), text: shown.text() }
}

beforeEach(() => {
  localStorage.clear()
  setActivePinia(createPinia())
  vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] })
  useSession().begin({ token: 't', expire_date: '2999-01-01 00:00:00', userinfo: { username: 'xiaoli', head_img: '' } })
})
afterEach(() => vi.useRealTimers())

test.each([
  [0, '消息', ''],
  [3, '消息，3条未读', '3'],
  [99, '消息，99+条未读', '99+'],
])('%i new messages are said', async (unread, name, text) => {
  const { shown, ...said } = await bell(unread)
  expect([said.name, said.text]).toEqual([name, text])
  shown.unmount()
})

test('who comes back after a minute sees what is new; what is gone asks no more', async () => {
  const { shop, shown } = await bell(0)
  const comeBack = () => document.dispatchEvent(new Event('visibilitychange'))
  comeBack()
  expect(shop.asked(ASK)).toHaveLength(1)
  vi.advanceTimersByTime(59_000)
  shop.answers[ASK] = () => done({ unread: 2 })
  vi.advanceTimersByTime(1_000)
  comeBack()
  await flushPromises()
  expect(shown.text()).toBe('2')
  shown.unmount()
  vi.advanceTimersByTime(60_000)
  comeBack()
  expect(shop.asked(ASK)).toHaveLength(2)
})

test('a page that stays open asks once a minute, and so does going on to the next page', async () => {
  const { shop, router, shown } = await bell(0)
  await router.push('/courses')
  vi.advanceTimersByTime(59_000)
  expect(shop.asked(ASK)).toHaveLength(1)
  shop.answers[ASK] = () => done({ unread: 1 })
  vi.advanceTimersByTime(10_000)
  await flushPromises()
  expect(shown.text()).toBe('1')
  expect(shop.asked(ASK)).toHaveLength(2)
  shown.unmount()
  vi.advanceTimersByTime(120_000)
  expect(shop.asked(ASK)).toHaveLength(2)
})
