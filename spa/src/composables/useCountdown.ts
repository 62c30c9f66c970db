import { computed, onScopeDispose, ref, watch } from 'vue'

import { announce } from '@/composables/announce'
import { clockText } from '@/lib/time'

/** Count down from the seconds that the API gave, by the page's own stopwatch: the device's clock may be wrong.
 * `over` is called once when they have run out; what that means is the API's to say. `remind` is what a screen reader
 * says when five minutes and one are left.
 */
export function useCountdown(given: () => number | undefined, over: () => void, remind?: (minutes: number) => string) {
  const left = ref(0)
  let ends = 0
  let timer: ReturnType<typeof setInterval> | undefined

  function stop(): void {
    clearInterval(timer)
    timer = undefined
  }
  function show(seconds: number): void {
    const before = left.value
    left.value = seconds
    for (const minutes of [5, 1]) {
      if (remind && before > minutes * 60 && seconds <= minutes * 60 && seconds > 0) announce(remind(minutes))
    }
  }
  function tick(): void {
    show(Math.max(0, (ends - performance.now()) / 1000))
    if (left.value === 0 && timer) {
      stop()
      over()
    }
  }
  watch(
    given,
    (seconds) => {
      stop()
      show(seconds ?? 0)
      if (!seconds) return
      ends = performance.now() + seconds * 1000
      timer = setInterval(tick, 1000)
    },
    { immediate: true },
  )
  onScopeDispose(stop)
  return { left, text: computed(() => clockText(left.value)) }
}
