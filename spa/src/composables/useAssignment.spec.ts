import { flushPromises } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it } from 'vitest'
import { effectScope, ref, type EffectScope } from 'vue'

import type { Assignment } from '@/api/schema'
import { done, fakeShop, refused } from '@/testing/fakeShop'

import { useAssignment } from './useAssignment'

const path = (section: number) => `/course/7/sections/${section}/assignment`
const handedIn = (text: string, mark: number | null = null) => ({
  text,
  handed_in_at: '2026-11-28 10:00:00',
  is_marked: mark !== null,
  mark,
  comment: null,
  marked_at: mark === null ? null : '2026-11-29 10:00:00',
})
const assignment = (change: Partial<Assignment> = {}): Assignment => ({ task: '写一段程序', until: null, is_over: false, hand_in: null, ...change })
let scope: EffectScope

async function doing(section = ref(3)) {
  const made = scope.run(() => useAssignment(() => ({ course_id: 7, course_type: 'course' }), () => section.value))
  await flushPromises()
  if (!made) throw new Error('the scope is over')
  return { ...made, section }
}

beforeEach(() => {
  scope?.stop()
  scope = effectScope()
  setActivePinia(createPinia())
})

describe('an assignment', () => {
  it('is handed in, and replaced while it has no mark', async () => {
    const shop = fakeShop({
      [`GET ${path(3)}`]: () => done(assignment()),
      [`PUT ${path(3)}`]: ({ body }) => done(assignment({ hand_in: handedIn((body as { text: string }).text.trim()) })),
    })
    const { text, handedIn: mine, canHandIn, isChanged, submit } = await doing()
    expect([mine.value, canHandIn.value]).toEqual([undefined, true])
    text.value = 'print(1)\n'
    await submit()
    expect([mine.value?.text, text.value, isChanged.value]).toEqual(['print(1)', 'print(1)', false])
    text.value = 'print(2)'
    expect(isChanged.value).toBe(true)
    await submit()
    expect(shop.asked(`PUT ${path(3)}`).map(({ body }) => body)).toEqual([{ text: 'print(1)\n' }, { text: 'print(2)' }])
  })

  it('begins with what was handed in', async () => {
    fakeShop({ [`GET ${path(3)}`]: () => done(assignment({ hand_in: handedIn('print(1)') })) })
    const { text, isChanged } = await doing()
    expect([text.value, isChanged.value]).toEqual(['print(1)', false])
  })

  it.each([
    ['marked', { hand_in: handedIn('print(1)', 90) }],
    ['over', { is_over: true }],
  ])('that is %s is not handed in any more', async (_, change) => {
    fakeShop({ [`GET ${path(3)}`]: () => done(assignment(change)) })
    expect((await doing()).canHandIn.value).toBe(false)
  })

  it('is not sent without words', async () => {
    const shop = fakeShop({ [`GET ${path(3)}`]: () => done(assignment()) })
    const { missing, submit } = await doing()
    await submit()
    expect(missing.value).toBe(true)
    expect(shop.asked(`PUT ${path(3)}`)).toHaveLength(0)
  })

  it('that was marked meanwhile is shown with its mark, and why it was refused', async () => {
    let stored = assignment({ hand_in: handedIn('print(1)') })
    fakeShop({ [`GET ${path(3)}`]: () => done(stored), [`PUT ${path(3)}`]: () => refused(2205, '作业已批改，不能再修改') })
    const { text, problem, handedIn: mine, canHandIn, unsent, submit } = await doing()
    stored = assignment({ hand_in: handedIn('print(1)', 80) })
    text.value = 'print(2)'
    await submit()
    await flushPromises()
    expect([problem.value, mine.value?.mark, canHandIn.value, unsent.value]).toEqual(['作业已批改，不能再修改', 80, false, 'print(2)'])
  })

  it('keeps what was written when nobody answers', async () => {
    fakeShop({
      [`GET ${path(3)}`]: () => done(assignment()),
      [`PUT ${path(3)}`]: () => {
        throw new TypeError('network')
      },
    })
    const { text, problem, submit } = await doing()
    text.value = 'print(1)'
    await submit()
    expect(problem.value).not.toBe('')
    expect(text.value).toBe('print(1)')
  })

  it('keeps what was written while one looks at another section, and forgets it when it is handed in', async () => {
    let stored = assignment()
    fakeShop({
      [`GET ${path(3)}`]: () => done(stored),
      [`GET ${path(4)}`]: () => done(assignment()),
      [`PUT ${path(3)}`]: () => done((stored = assignment({ hand_in: handedIn('print(1)') }))),
    })
    const { section, text, submit } = await doing()
    const go = async (to: number) => {
      section.value = to
      await flushPromises()
    }
    text.value = 'print(1)'
    await go(4)
    expect(text.value).toBe('')
    await go(3)
    expect(text.value).toBe('print(1)')
    await submit()
    stored = assignment({ hand_in: handedIn('handed in elsewhere') })
    await go(4)
    await go(3)
    expect(text.value).toBe('handed in elsewhere')
  })

  it('of another section begins anew', async () => {
    fakeShop({ [`GET ${path(3)}`]: () => done(assignment({ hand_in: handedIn('three') })), [`GET ${path(4)}`]: () => done(assignment({ task: '另一个' })) })
    const { section, text, shown } = await doing()
    section.value = 4
    await flushPromises()
    expect([shown.value?.task, text.value]).toEqual(['另一个', ''])
  })
})
