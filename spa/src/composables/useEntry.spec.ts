import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, expect, test, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'

import type { SignedIn } from '@/api/schema'
import { useSession } from '@/stores/session'
import { done, fakeShop, later } from '@/testing/fakeShop'

import { useEntry } from './useEntry'

const SIGNED_IN = { token: 't', expire_date: '2999-01-01 00:00:00', userinfo: { username: 'xiaoli', head_img: '' } } as SignedIn

/** The page to sign in at, and an answer that the test gives. */
async function opened() {
  fakeShop({ 'GET /userinfo': () => done(SIGNED_IN.userinfo) })
  const router = createRouter({
    history: createMemoryHistory(),
    routes: ['sign-in', 'orders', 'courses', ''].map((name) => ({ path: `/${name}`, name: name || 'home', component: { render: () => null } })),
  })
  await router.push('/sign-in?next=/orders')
  const answer = later<SignedIn>()
  let entry!: ReturnType<typeof useEntry>
  mount({ setup: () => void (entry = useEntry(() => answer.promise, new Map())), render: () => null }, { global: { plugins: [router] } })
  return { router, answer, entry }
}

beforeEach(() => {
  localStorage.clear()
  vi.restoreAllMocks()
  setActivePinia(createPinia())
})

test('signing in leads back, and leaves no page to go back to', async () => {
  const { router, answer, entry } = await opened()
  const replace = vi.spyOn(router, 'replace')
  const entered = entry.submit()
  answer.answer(SIGNED_IN)
  await entered
  expect(replace).toHaveBeenCalledOnce()
  expect(router.currentRoute.value.fullPath).toBe('/orders')
})

test('who goes elsewhere while it is under way stays there, signed in', async () => {
  const { router, answer, entry } = await opened()
  const entered = entry.submit()
  await router.push('/courses')
  answer.answer(SIGNED_IN)
  await entered
  await flushPromises()
  expect(useSession().isSignedIn).toBe(true)
  expect(router.currentRoute.value.fullPath).toBe('/courses')
})
