import { flushPromises } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { done, fakeShop, later } from '@/testing/fakeShop'

import { useSession } from './session'
import { useUnread } from './unread'

const ASK = 'GET /messages/unread'
const signIn = (token: string) => useSession().begin({ token, expire_date: '2999-01-01 00:00:00', userinfo: { username: 'xiaoli', head_img: '' } })

beforeEach(() => {
  localStorage.clear()
  setActivePinia(createPinia())
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => vi.useRealTimers())

test('it is asked once when the page opens, and at most once a minute afterwards', async () => {
  const shop = fakeShop({ [ASK]: () => done({ unread: 3 }) })
  signIn('one')
  const unread = useUnread()
  await flushPromises()
  expect(unread.count).toBe(3)
  vi.advanceTimersByTime(59_000)
  unread.askNowAndThen()
  expect(shop.asked(ASK)).toHaveLength(1)
  vi.advanceTimersByTime(1_000)
  unread.askNowAndThen()
  unread.askNowAndThen()
  await flushPromises()
  expect(shop.asked(ASK)).toHaveLength(2)
})

test('nobody is asked about for a visitor, and the next learner begins with none', async () => {
  const answer = later()
  const shop = fakeShop({ [ASK]: () => answer.promise })
  const unread = useUnread()
  unread.askNowAndThen()
  expect(shop.asked(ASK)).toHaveLength(0)
  signIn('one')
  await flushPromises()
  shop.answers[ASK] = () => done({ unread: 1 })
  signIn('two')
  answer.answer(done({ unread: 7 }))
  await flushPromises()
  expect(unread.count).toBe(1)
  await useSession().signOut()
  await flushPromises()
  expect(unread.count).toBe(0)
})

test('what does not answer changes nothing', async () => {
  const shop = fakeShop({ [ASK]: () => done({ unread: 3 }) })
  signIn('one')
  const unread = useUnread()
  await flushPromises()
  shop.answers[ASK] = () => Promise.reject(new Error('down'))
  vi.advanceTimersByTime(60_000)
  unread.askNowAndThen()
  await flushPromises()
  expect(unread.count).toBe(3)
})
