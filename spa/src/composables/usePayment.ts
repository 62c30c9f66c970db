import { computed, ref } from 'vue'

import { RefusalCode } from '@/api/codes'
import { messageOf, Refused, SignedOut } from '@/api/errors'
import { placeOrder, type Placed } from '@/api/orders'
import type { PaymentRequest } from '@/api/schema'
import { announce } from '@/composables/announce'
import { readStored, store } from '@/lib/storage'

/** An order that was sent and whose answer is not known: it may have been placed. */
interface Sent {
  body: PaymentRequest
  key: string
}

const isSent = (value: unknown): value is Sent => {
  const sent = value as Partial<Sent> | null
  return typeof sent?.key === 'string' && Array.isArray(sent.body?.course_list)
}

/** Refusals after which it is not known whether the order was placed, or that say nothing of this choice. */
const tellsNothing = (error: unknown) => !(error instanceof Refused) || error.code === RefusalCode.NotPossible

/** Anything new for each purchase. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Place an order, once: while no answer is known, whatever happens (a double click, a lost answer, a reload), the same
 * order is sent again with the same key, and the shop places it once. It is kept in this tab under `name` until then.
 */
export function usePayment(name: string) {
  const storageKey = `payment ${name}`
  const sent = ref(readStored(storageKey, isSent, 'sessionStorage'))
  const placing = ref(false)
  /** The order is placed and the browser is leaving. */
  const placed = ref<Placed>()
  const problem = ref('')

  function remember(one: Sent | undefined): void {
    sent.value = one
    store(storageKey, one, 'sessionStorage')
  }

  async function send(one: Sent): Promise<Placed> {
    try {
      return await placeOrder(one.body, one.key)
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== RefusalCode.IdempotencyKeyUsed) throw error
      // The key stands for another order, so this one is not placed.
      const again = { body: one.body, key: newKey() }
      remember(again)
      return await placeOrder(again.body, again.key)
    }
  }

  /** Order `body`, or what was sent before and is not answered. Answers the order, or undefined when it is not known
   * whether there is one, or when one is being placed already. Throws Refused when it was refused, SignedOut.
   */
  async function pay(body: PaymentRequest): Promise<Placed | undefined> {
    if (placing.value || placed.value) return undefined
    placing.value = true
    problem.value = ''
    const before = sent.value
    const one: Sent = before ?? { body, key: newKey() }
    remember(one)
    try {
      const answer = await send(one)
      remember(undefined)
      placed.value = answer
      return answer
    } catch (error) {
      if (tellsNothing(error) && !(error instanceof SignedOut)) {
        problem.value = messageOf(error)
        announce(problem.value)
        return undefined
      }
      // Signed out: this one was not placed, but one sent before may have been.
      if (!(error instanceof SignedOut && before)) remember(undefined)
      throw error
    } finally {
      placing.value = false
    }
  }

  return {
    /** An order was sent, and its answer is not known. */
    unanswered: computed(() => (sent.value && !placing.value ? sent.value.body : undefined)),
    placing,
    placed,
    problem,
    pay,
    /** The learner has looked, and wants to choose anew. */
    forget: () => remember(undefined),
  }
}
