import { computed } from 'vue'

import { RefusalCode } from '@/api/codes'
import { Refused } from '@/api/errors'
import { useAction } from '@/composables/useAction'

const USED_UP: number[] = [RefusalCode.TooManyAttempts, RefusalCode.CodeTooSoon]

/** A form's work: `fieldOf` says of which field a refusal tells, by its code. */
export function useForm<F extends string, A extends unknown[], T>(work: (...args: A) => Promise<T>, fieldOf: ReadonlyMap<number, F>) {
  const { busy, problem, error, run } = useAction(work)

  const refusedField = computed(() => (error.value instanceof Refused ? fieldOf.get(error.value.code) : undefined))
  const refusalOf = (field: F) => (refusedField.value === field ? problem.value : '')
  /** What belongs to no field, and how many seconds to wait where attempts are used up. */
  const general = computed(() => (refusedField.value ? '' : problem.value))
  const wait = computed(() => {
    const refusal = error.value
    return refusal instanceof Refused && USED_UP.includes(refusal.code) ? refusal.retryAfter : undefined
  })
  function forgetRefusal(): void {
    error.value = undefined
    problem.value = ''
  }

  return { busy, general, wait, refusalOf, forgetRefusal, submit: run }
}
