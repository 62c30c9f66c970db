import { computed, onScopeDispose, ref, shallowRef } from 'vue'

import { RefusalCode } from '@/api/codes'
import { Refused, SignedOut } from '@/api/errors'
import { loadOrder } from '@/api/orders'
import type { Order } from '@/api/schema'

interface Polling {
  /** Seconds until the next question, after so many and so long (milliseconds since the learner last came here). */
  wait: (questions: number, passed: number, order: Order | undefined) => number
  /** An answer came. */
  answered: (order: Order, questions: number) => void
  /** The learner has no such order: nothing more is asked. */
  unknown: () => void
  /** Nothing more is asked. */
  isOver: () => boolean
}

/** Ask for an order at once and again and again, not while the page is hidden, and at once when it is seen or the network
 * is back. What is known stays while no answer comes.
 */
export function usePolledOrder(number: string, { wait, answered, unknown, isOver }: Polling) {
  const order = shallowRef<Order>()
  const error = ref<unknown>()
  const busy = ref(false)
  let began = performance.now()
  let questions = 0
  let isUnknown = false
  let timer: ReturnType<typeof setTimeout> | undefined
  let asking: AbortController | undefined

  const isDone = () => isUnknown || isOver()

  function plan(): void {
    clearTimeout(timer)
    if (isDone() || error.value instanceof SignedOut || document.hidden) return
    timer = setTimeout(() => void ask(), wait(questions, performance.now() - began, order.value) * 1000)
  }

  /** Ask now. */
  async function ask(): Promise<void> {
    clearTimeout(timer)
    asking?.abort()
    const mine = (asking = new AbortController())
    busy.value = true
    try {
      const found = await loadOrder(number, mine.signal)
      if (mine !== asking) return
      error.value = undefined
      order.value = found
      questions += 1
      answered(found, questions)
    } catch (failure) {
      if (mine !== asking) return
      questions += 1
      if (failure instanceof Refused && failure.code === RefusalCode.OrderNotFound) {
        isUnknown = true
        unknown()
      } else error.value = failure
    } finally {
      if (mine === asking) {
        busy.value = false
        plan()
      }
    }
  }

  const lookAgain = () => {
    if (document.hidden) return clearTimeout(timer)
    began = performance.now()
    if (!isDone()) void ask()
  }
  document.addEventListener('visibilitychange', lookAgain)
  window.addEventListener('online', lookAgain)
  onScopeDispose(() => {
    document.removeEventListener('visibilitychange', lookAgain)
    window.removeEventListener('online', lookAgain)
    clearTimeout(timer)
    asking?.abort()
    asking = undefined
  })
  void ask()

  return { order, error, busy: computed(() => busy.value), ask }
}
