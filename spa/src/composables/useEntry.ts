import { computed, watch } from 'vue'
import { useRoute, useRouter } from 'vue-router'

import { RefusalCode } from '@/api/codes'
import { Refused } from '@/api/errors'
import type { SignedIn } from '@/api/schema'
import { useAction } from '@/composables/useAction'
import { nextOf } from '@/router'
import { useSession } from '@/stores/session'

export type EntryField = 'username' | 'password'

/** What signing in and registering have in common: refusals beside their fields, and where they lead. */
export function useEntry(send: () => Promise<SignedIn>, fieldOf: ReadonlyMap<number, EntryField>) {
  const route = useRoute()
  const router = useRouter()
  const session = useSession()

  const { busy, problem, error, run } = useAction(async () => {
    session.begin(await send())
    await session.refresh()
    await leave()
  })
  /** Replaces this page, so that "back" does not return to it. */
  const leave = () => router.replace(nextOf(route))

  // Signed in elsewhere, in another tab.
  watch(() => session.isSignedIn, (isSignedIn) => isSignedIn && !busy.value && void leave())

  const refusedField = computed(() => (error.value instanceof Refused ? fieldOf.get(error.value.code) : undefined))
  const refusalOf = (field: EntryField) => (refusedField.value === field ? problem.value : '')
  /** What belongs to no field, and how many seconds to wait where attempts are used up. */
  const general = computed(() => (refusedField.value ? '' : problem.value))
  const wait = computed(() => {
    const refusal = error.value
    return refusal instanceof Refused && refusal.code === RefusalCode.TooManyAttempts ? refusal.retryAfter : undefined
  })
  function forgetRefusal(): void {
    error.value = undefined
    problem.value = ''
  }

  return { busy, general, wait, refusalOf, forgetRefusal, submit: run }
}
