import { mount } from '@vue/test-utils'
import { beforeEach, expect, test, vi } from 'vitest'
import { nextTick, ref } from 'vue'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'

import { closeSheetsOnBack, useBackCloses } from './useBackCloses'

const page = { template: '<div />' }
let router: Router

beforeEach(async () => {
  router = createRouter({
    history: createMemoryHistory(),
    routes: ['/', '/courses', '/cart'].map((path) => ({ path, component: page })),
  })
  closeSheetsOnBack(router)
  mount({ template: '<RouterView />' }, { global: { plugins: [router] } })
  await router.push('/')
  await router.push('/courses')
})

function sheet() {
  const open = ref(true)
  const on = mount({ setup: () => useBackCloses(open), ...page })
  return { open, gone: () => on.unmount() }
}

test('going back closes the topmost sheet and stays, then the next, then leaves', async () => {
  const [lower, upper] = [sheet(), sheet()]
  const path = () => router.currentRoute.value.path

  router.back()
  await vi.waitFor(() => expect(upper.open.value).toBe(false))
  expect([lower.open.value, path()]).toEqual([true, '/courses'])
  await nextTick()
  router.back()
  await vi.waitFor(() => expect(lower.open.value).toBe(false))
  expect(path()).toBe('/courses')
  await nextTick()
  router.back()
  await vi.waitFor(() => expect(path()).toBe('/'))
})

test('a link leads on though a sheet is open', async () => {
  const { open, gone } = sheet()
  await router.push('/cart')
  expect([open.value, router.currentRoute.value.path]).toEqual([true, '/cart'])
  gone()
})

test('going back leaves the page when a sheet was closed or is gone', async () => {
  const closed = sheet()
  closed.open.value = false
  sheet().gone()
  await nextTick()
  router.back()
  await vi.waitFor(() => expect(router.currentRoute.value.path).toBe('/'))
})
