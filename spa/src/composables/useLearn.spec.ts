import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { defineComponent } from 'vue'
import { createMemoryHistory, createRouter } from 'vue-router'

import { useSession } from '@/stores/session'
import { done, fakeShop } from '@/testing/fakeShop'

import { useLearn } from './useLearn'

const PROGRESS = 'GET /course/7/progress'
const sections = [1, 2, 3].map((id) => ({ id, name: `第 ${id} 节`, order: id, section_type: '视频', player: 'POLYV', video_time: '10:00', free_trail: id === 2, online: true }))
const progress = (more = {}) => done({ share: 10, done: false, last_section_id: null, sections: sections.map(({ id }) => ({ section_id: id, share: 0, done: false, resume_at: 0 })), ...more })

let page: ReturnType<typeof mount> | undefined

async function learn({ path = '/learn/7', enrolled = true, signedIn = true, answers = {} }: { path?: string; enrolled?: boolean; signedIn?: boolean; answers?: Record<string, () => unknown> } = {}) {
  const shop = fakeShop({
    'GET /course/7/chapters': () => done({ course_id: 7, course_type: 'course', course_name: '课程', enrolled, chapters: [{ id: 1, chapter: 1, name: '章', summary: '', sections }] }),
    'GET /course/7/mine': () => done({ enrolled, paused: false, ended: false }),
    [PROGRESS]: () => progress(),
    ...answers,
  })
  if (signedIn) useSession().begin({ token: 't', expire_date: '2999-01-01 00:00:00', userinfo: { username: 'u', head_img: '' } } as Parameters<ReturnType<typeof useSession>['begin']>[0])
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/learn/:id/:section?', name: 'learn', component: { render: () => null } }] })
  await router.push(path)
  let made!: ReturnType<typeof useLearn>
  page = mount(defineComponent({ setup: () => ((made = useLearn()), () => null) }), { global: { plugins: [router] } })
  await flushPromises()
  return { ...made, shop, router }
}

beforeEach(() => {
  localStorage.clear()
  setActivePinia(createPinia())
})
afterEach(() => {
  page?.unmount()
  vi.restoreAllMocks()
})

it('opens the section that was studied last, and that of the address before it', async () => {
  const answers = { [PROGRESS]: () => progress({ last_section_id: 3 }) }
  expect((await learn({ answers })).section.value?.id).toBe(3)
  page?.unmount()
  const { section, previous, next } = await learn({ answers, path: '/learn/7/2' })
  expect([previous, section, next].map((one) => one.value?.id)).toEqual([1, 2, 3])
})

it('opens the trial section to who has not bought the course, and asks of no visitor what they studied', async () => {
  const { section, lock, shop, marks } = await learn({ enrolled: false, signedIn: false })
  expect([section.value?.id, lock.value, shop.asked(PROGRESS).length, marks.value.size]).toEqual([2, undefined, 0, 0])
})

it('goes without the marks when they cannot be read', async () => {
  const { section, marks, read } = await learn({ answers: { [PROGRESS]: () => new Response('', { status: 500 }) } })
  expect([section.value?.id, marks.value.size, read.error.value]).toEqual([1, 0, undefined])
})

it('marks what reports were answered, and asks for all of the course when a section is done', async () => {
  const { counted, marks, progress: whole, shop } = await learn()
  counted(1, { counted_seconds: 240, share: 40, done: false, next_report: 12 })
  expect([marks.value.get(1)?.share, shop.asked(PROGRESS).length]).toEqual([40, 1])
  shop.answers[PROGRESS] = () => progress({ share: 33, sections: [{ section_id: 1, share: 92, done: true, resume_at: 552 }] })
  counted(1, { counted_seconds: 550, share: 92, done: true, next_report: 12 })
  counted(1, { counted_seconds: 550, share: 92, done: true, next_report: 12 })
  await flushPromises()
  expect([marks.value.get(1)?.done, whole.value?.share, shop.asked(PROGRESS).length]).toEqual([true, 33, 2])
})

it('asks for the marks again when another section is opened', async () => {
  const { router, shop, section } = await learn()
  await router.push('/learn/7/2')
  await flushPromises()
  expect([section.value?.id, shop.asked(PROGRESS).length, shop.asked('GET /course/7/chapters').length]).toEqual([2, 2, 1])
})
