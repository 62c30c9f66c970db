import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, nextTick, ref, type EffectScope } from 'vue'

import { announced } from '@/composables/announce'

import { useCountdown } from './useCountdown'

let scope: EffectScope
const over = vi.fn()
const count = (given: () => number | undefined) => scope.run(() => useCountdown(given, over, (minutes) => `${minutes} left`))!

beforeEach(() => {
  vi.useFakeTimers()
  announced.value = ''
  over.mockReset()
  scope = effectScope()
})
afterEach(() => {
  scope.stop()
  vi.useRealTimers()
})

describe('the countdown', () => {
  it('runs down by its own stopwatch, and is over once', async () => {
    const { text } = count(() => 62)
    expect(text.value).toBe('01:02')
    await vi.advanceTimersByTimeAsync(61_000)
    expect([text.value, over.mock.calls.length]).toEqual(['00:01', 0])
    await vi.advanceTimersByTimeAsync(60_000)
    expect([text.value, over.mock.calls.length]).toEqual(['00:00', 1])
  })

  it('reminds when a minute is left, whether it counted so far or was told', async () => {
    const given = ref(61)
    count(() => given.value)
    await vi.advanceTimersByTimeAsync(1000)
    expect(announced.value).toBe('1 left')
    announced.value = ''
    given.value = 301
    await nextTick()
    given.value = 299
    await nextTick()
    expect(announced.value).toBe('5 left')
  })

  it('says nothing of what is short from the beginning', async () => {
    count(() => 50)
    await vi.advanceTimersByTimeAsync(5000)
    expect(announced.value).toBe('')
  })
})
