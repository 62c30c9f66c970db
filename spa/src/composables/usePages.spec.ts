import { flushPromises } from '@vue/test-utils'
import { describe, expect, it, vi } from 'vitest'
import { effectScope, ref } from 'vue'

import { usePages } from './usePages'

const pages: Record<string, { rows: number[]; next?: string }> = {
  a: { rows: [1, 2], next: 'a2' },
  a2: { rows: [3] },
  b: { rows: [9] },
}

function reading() {
  const source = ref('a')
  const read = vi.fn(async (given: string, cursor?: string) => pages[cursor ?? given] ?? { rows: [] })
  const scope = effectScope()
  const made = scope.run(() => usePages(() => source.value, read))
  if (!made) throw new Error('the scope is over')
  return { source, read, ...made }
}

describe('a list page by page', () => {
  it('grows by each further page until the last', async () => {
    const { rows, hasMore, more } = reading()
    await flushPromises()
    expect(rows.value).toEqual([1, 2])
    expect(hasMore.value).toBe(true)
    await more.run()
    expect(rows.value).toEqual([1, 2, 3])
    expect(hasMore.value).toBe(false)
  })

  it('begins anew with another source, and drops what was read for the one before', async () => {
    const { source, rows, more } = reading()
    await flushPromises()
    const late = more.run()
    source.value = 'b'
    await flushPromises()
    await late
    expect(rows.value).toEqual([9])
  })

  it('keeps what is there when the next page cannot be read', async () => {
    const { rows, more, read } = reading()
    await flushPromises()
    read.mockRejectedValueOnce(new Error())
    await more.run()
    expect(rows.value).toEqual([1, 2])
    expect(more.problem.value).not.toBe('')
    await more.run()
    expect(rows.value).toEqual([1, 2, 3])
  })
})
