import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { defineComponent, h, type Ref } from 'vue'
import { createRouter, createWebHistory } from 'vue-router'

import { useSession } from '@/stores/session'

import { useChangedLearner } from './useChangedLearner'

vi.mock('@/api/people', () => ({ loadUser: vi.fn(), signOut: () => Promise.resolve() }))

let shown: ReturnType<typeof mount> | undefined
const page = { render: () => null }

/** Another tab has signed this learner in, or signed out. */
async function elsewhere(username?: string) {
  if (username) localStorage.setItem('session', JSON.stringify({ token: `of ${username}`, expire_date: '2999-01-01 00:00:00', username, head_img: '' }))
  else localStorage.removeItem('session')
  window.dispatchEvent(new StorageEvent('storage', { key: 'session' }))
  await flushPromises()
}

async function open(path: string) {
  const router = createRouter({
    history: createWebHistory(),
    routes: [
      { path: '/', component: page },
      { path: '/settlement', component: page, meta: { private: true } },
      { path: '/sign-in', name: 'sign-in', component: page, meta: { visitors: true } },
    ],
  })
  await router.push(path)
  let learners!: Ref<number>
  shown = mount(defineComponent({ setup: () => ((learners = useChangedLearner()), () => h('div')) }), { global: { plugins: [router] } })
  return { router, learners }
}

beforeEach(async () => {
  localStorage.clear()
  setActivePinia(createPinia())
  useSession()
  await elsewhere('xiaoli')
})
afterEach(() => shown?.unmount())

test('a page is made anew for another learner, not for the same one', async () => {
  const { learners } = await open('/settlement?item=course-1-3')
  await elsewhere('xiaoli')
  expect(learners.value).toBe(0)
  await elsewhere('laowang')
  expect(learners.value).toBe(1)
})

test('a page for learners leads to sign-in and back when another tab signs out', async () => {
  const { router } = await open('/settlement?item=course-1-3')
  await elsewhere()
  expect(router.currentRoute.value.name).toBe('sign-in')
  expect(router.currentRoute.value.query.next).toBe('/settlement?item=course-1-3')
})

test('a page for everybody stays, and is made anew for the next learner', async () => {
  const { router, learners } = await open('/')
  await elsewhere()
  expect(router.currentRoute.value.path).toBe('/')
  await elsewhere('laowang')
  expect(learners.value).toBe(1)
})

test('sign-in leads on by itself', async () => {
  const { learners } = await open('/sign-in')
  await elsewhere('laowang')
  expect(learners.value).toBe(0)
})

test('signing out in this tab leads where this tab says', async () => {
  const { router } = await open('/settlement')
  await useSession().signOut()
  await flushPromises()
  expect(router.currentRoute.value.path).toBe('/settlement')
})
