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

  const page = route.name
  const form = useForm(async () => {
    const next = nextOf(route)
    session.begin(await send())
    await session.refresh()
    await leave(next)
  }, fieldOf)
  /** Replaces this page, so that "back" does not return to it. Who has gone elsewhere meanwhile stays there. */
  const leave = async (next: string) => void (route.name === page && (await router.replace(next)))

  // Signed in elsewhere, in another tab.
  watch(() => session.isSignedIn, (isSignedIn) => isSignedIn && !form.busy.value && void leave(nextOf(route)))

  return form
}
