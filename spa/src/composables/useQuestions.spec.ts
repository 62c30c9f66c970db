import { flushPromises } from '@vue/test-utils'
import { beforeEach, describe, expect, it } from 'vitest'
import { effectScope, type EffectScope } from 'vue'

import { done, fakeShop, refused } from '@/testing/fakeShop'

import { useQuestions } from './useQuestions'

const PATH = '/course/7/asked'
const question = (id: string) => ({ id, section_id: null, section_name: null, text: id, asked_at: '2026-11-28 10:00:00', answer: null, answered_at: null })
let scope: EffectScope

function asking(about?: number) {
  const made = scope.run(() => useQuestions(() => ({ course_id: 7, course_type: 'course' }), () => about))
  if (!made) throw new Error('the scope is over')
  return made
}

beforeEach(() => {
  scope?.stop()
  scope = effectScope()
})

describe('questions about a course', () => {
  it('are listed page by page', async () => {
    const shop = fakeShop({ [`GET ${PATH}`]: ({ query }) => (query.get('cursor') ? done([question('b')]) : { ...done([question('a')]), next: 'n' }) })
    const { asked } = asking()
    await flushPromises()
    await asked.more.run()
    expect(asked.rows.value.map(({ id }) => id)).toEqual(['a', 'b'])
    expect(asked.hasMore.value).toBe(false)
    expect(shop.asked(`GET ${PATH}`)).toHaveLength(2)
  })

  it('are asked about a section, and seen then', async () => {
    const rows = [question('a')]
    const shop = fakeShop({ [`GET ${PATH}`]: () => done([...rows]), [`POST ${PATH}`]: () => (rows.unshift(question('new')), done(rows[0])) })
    const { asked, text, ask } = asking(3)
    await flushPromises()
    text.value = '为什么？\n怎么办？'
    await ask()
    await flushPromises()
    expect(shop.asked(`POST ${PATH}`).map(({ body }) => body)).toEqual([{ text: '为什么？\n怎么办？', section_id: 3 }])
    expect(asked.rows.value.map(({ id }) => id)).toEqual(['new', 'a'])
    expect(text.value).toBe('')
  })

  it('are not sent without words', async () => {
    const shop = fakeShop({ [`GET ${PATH}`]: () => done([]) })
    const { text, missing, ask } = asking()
    text.value = ' \n'
    await ask()
    expect(missing.value).toBe(true)
    expect(shop.asked(`POST ${PATH}`)).toHaveLength(0)
  })

  it('keep their words when they are refused', async () => {
    fakeShop({ [`GET ${PATH}`]: () => done([]), [`POST ${PATH}`]: () => refused(2202, '您在这门课程中已有5个问题等待回复') })
    const { text, problem, ask } = asking()
    text.value = '为什么？'
    await ask()
    expect(problem.value).toBe('您在这门课程中已有5个问题等待回复')
    expect(text.value).toBe('为什么？')
  })
})
