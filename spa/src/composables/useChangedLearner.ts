import { ref, watch } from 'vue'
import { useRoute, useRouter } from 'vue-router'

import { useSession } from '@/stores/session'

/** Let no page of one learner be used by another who signed in meanwhile, as in another tab: what it shows, and what it
 * would order, is the first one's. Answers a key that changes when the page has to be made anew. When another tab signs
 * out, a page for learners leads to sign-in.
 */
export function useChangedLearner() {
  const route = useRoute()
  const router = useRouter()
  const session = useSession()
  const learners = ref(0)
  let owner = session.stored?.username

  watch(
    () => session.stored?.username,
    (now) => {
      if (!now) return
      if (owner && owner !== now && !route.meta.visitors) learners.value += 1 // those lead on by themselves
      owner = now
    },
  )
  watch(
    () => session.leftElsewhere,
    () => {
      if (route.meta.private && !session.isSignedIn) void router.push({ name: 'sign-in', query: { next: route.fullPath } })
    },
  )
  return learners
}
