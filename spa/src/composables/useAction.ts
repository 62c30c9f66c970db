import { ref, shallowRef } from 'vue'

import { messageOf } from '@/api/errors'
import { announce } from '@/composables/announce'

/** A button's work: one at a time, with its refusal to show. `run` answers undefined when it failed. */
export function useAction<A extends unknown[], T>(work: (...args: A) => Promise<T>) {
  const busy = ref(false)
  const problem = ref('')
  const error = shallowRef<unknown>()

  async function run(...args: A): Promise<T | undefined> {
    if (busy.value) return undefined
    busy.value = true
    problem.value = ''
    error.value = undefined
    try {
      return await work(...args)
    } catch (failure) {
      error.value = failure
      problem.value = messageOf(failure)
      if (problem.value) announce(problem.value)
      return undefined
    } finally {
      busy.value = false
    }
  }

  return { busy, problem, error, run }
}
