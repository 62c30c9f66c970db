import { watch } from 'vue'
import { useRoute, useRouter } from 'vue-router'

import type { SignedIn } from '@/api/schema'
import { useForm } from '@/composables/useForm'
import { nextOf } from '@/router'
import { useSession } from '@/stores/session'

/** What all ways to sign in have in common, registering too: where they lead. */
export function useEntry<F extends string>(send: () => Promise<SignedIn>, fieldOf: ReadonlyMap<number, F>) {
  const route = useRoute()
  const router = useRouter()
  const session = useSession()

  const form = useForm(async () => {
    session.begin(await send())
    await session.refresh()
    await leave()
  }, fieldOf)
  /** Replaces this page, so that "back" does not return to it. */
  const leave = () => router.replace(nextOf(route))

  // Signed in elsewhere, in another tab.
  watch(() => session.isSignedIn, (isSignedIn) => isSignedIn && !form.busy.value && void leave())

  return form
}
