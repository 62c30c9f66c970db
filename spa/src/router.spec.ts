import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, expect, test, vi } from 'vitest'
import type { Router } from 'vue-router'

import type { SignedIn } from '@/api/schema'
import { makeRouter, nextOf } from '@/router'
import { useSession } from '@/stores/session'

vi.mock('@/api/people', () => ({ loadUser: vi.fn(), signOut: vi.fn() }))
const page = vi.hoisted(() => () => Promise.resolve({ default: { template: '<div />' } }))
vi.mock('@/pages/Home.vue', page)
vi.mock('@/pages/SignIn.vue', page)
vi.mock('@/pages/Register.vue', page)
vi.mock('@/pages/Orders.vue', page)
vi.mock('@/pages/Courses.vue', page)
vi.mock('@/pages/NotFound.vue', page)

const SIGNED_IN: SignedIn = { token: 't', expire_date: '2999-01-01 00:00:00', userinfo: { username: 'xiaoli', head_img: '' } }
let router: Router

beforeEach(() => {
  localStorage.clear()
  setActivePinia(createPinia())
  router = makeRouter('明日学堂')
})

test('a visitor signs in before a page for learners, and comes back to it', async () => {
  await router.push('/orders?status=待支付')
  expect(router.currentRoute.value.name).toBe('sign-in')
  expect(nextOf(router.currentRoute.value)).toBe(router.resolve('/orders?status=待支付').fullPath)
})

test('a learner sees them at once', async () => {
  useSession().begin(SIGNED_IN)
  await router.push('/orders')
  expect(router.currentRoute.value.name).toBe('orders')
})

test('a message about one’s own question leads a visitor to signing in, and from there to it', async () => {
  await router.push('/course/7#asked')
  expect(router.currentRoute.value.name).toBe('sign-in')
  expect(nextOf(router.currentRoute.value)).toBe('/course/7#asked')
})

test.each(['/sign-in', '/register'])('a learner is sent on from %s', async (path) => {
  useSession().begin(SIGNED_IN)
  await router.push(`${path}?next=/orders`)
  expect(router.currentRoute.value.fullPath).toBe('/orders')
})

test.each([
  ['/orders?status=1#top', '/orders?status=1#top'],
  ['', '/'],
  ['https://elsewhere.example/', '/'],
  ['//elsewhere.example/', '/'],
  ['/\\elsewhere.example/', '/'],
  ['javascript:alert(1)', '/'],
  ['orders', '/'],
])('after %j sign-in leads to %j', (next, to) => {
  expect(nextOf(router.resolve({ name: 'sign-in', query: { next } }))).toBe(to)
})

test('what came twice in the address is nowhere to lead to', () => {
  expect(nextOf(router.resolve({ name: 'sign-in', query: { next: ['/orders', '/cart'] } }))).toBe('/')
})

test('each page has its title', async () => {
  await router.push('/courses')
  expect(document.title).toBe('全部课程 · 明日学堂')
  await router.push('/nothing/here')
  expect(document.title).toBe('没有这个页面 · 明日学堂')
})
