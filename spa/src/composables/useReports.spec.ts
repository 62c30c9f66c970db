import { flushPromises, shallowMount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, expect, it, test } from 'vitest'
import type { Component } from 'vue'

import MyCourses from '@/pages/MyCourses.vue'
import MyStudy from '@/pages/MyStudy.vue'
import { done, fakeShop, later } from '@/testing/fakeShop'

import { sendUnsent } from './useReports'

const REPORT = 'POST /study/report'
const unsent = { ticket: 'T1', spans: [[0, 12]], at: 12 }
const counted = () => done({ counted_seconds: 10, share: 2, done: false, next_report: 12 })
const keep = () => localStorage.setItem('study-unsent', JSON.stringify(unsent))

beforeEach(() => {
  localStorage.clear()
  setActivePinia(createPinia())
})

test.each<[string, string, Component]>([
  ['学习记录', 'GET /study', MyStudy],
  ['我的课程', 'GET /mycourses', MyCourses],
])('%s is asked for when what was played last is told', async (_, asked, page) => {
  const answer = later()
  const shop = fakeShop({ [REPORT]: () => answer.promise, [asked]: () => done([]) })
  keep()
  const mounted = shallowMount(page, { global: { stubs: ['RouterLink'] } })
  await flushPromises()
  expect([shop.asked(REPORT).map((one) => one.body), shop.asked(asked).length]).toEqual([[unsent], 0])
  answer.answer(counted())
  await flushPromises()
  expect([shop.asked(asked).length, localStorage.getItem('study-unsent')]).toEqual([1, null])
  mounted.unmount()
})

it('asks nobody when all is told, and keeps what did not arrive', async () => {
  const shop = fakeShop({
    [REPORT]: () => {
      throw new TypeError('no network')
    },
  })
  await sendUnsent()
  expect(shop.asked(REPORT).length).toBe(0)
  keep()
  await sendUnsent()
  expect([shop.asked(REPORT).length, localStorage.getItem('study-unsent')]).toEqual([1, JSON.stringify(unsent)])
})
