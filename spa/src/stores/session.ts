import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

import { loadUser, signOut as endSession } from '@/api/people'
import type { SignedIn, UserInfo } from '@/api/schema'
import { readStored, store } from '@/lib/storage'
import { toDate } from '@/lib/time'

const KEY = 'session'

interface Stored {
  token: string
  expire_date: string
  username: string
  head_img: string
}

function isStored(value: unknown): value is Stored {
  const session = value as Partial<Stored> | null
  return typeof session?.token === 'string' && typeof session.expire_date === 'string' && typeof session.username === 'string'
}

/** Who is signed in, in this browser; the same in all its tabs. */
export const useSession = defineStore('session', () => {
  const stored = ref(readAlive())
  /** What the head of each page shows of the learner; undefined until it is read. */
  const user = ref<UserInfo>()
  /** Counts the sessions that the API ended: the application leads to sign-in at each. */
  const endings = ref(0)
  /** Counts how often another tab signed the learner out. */
  const leftElsewhere = ref(0)

  const isSignedIn = computed(() => stored.value !== undefined)
  const token = computed(() => stored.value?.token)

  function readAlive(): Stored | undefined {
    const session = readStored(KEY, isStored)
    return session && toDate(session.expire_date).getTime() > Date.now() ? session : undefined
  }

  function begin(signedIn: SignedIn): void {
    const { token: given, expire_date, userinfo } = signedIn
    stored.value = { token: given, expire_date, ...userinfo }
    store(KEY, stored.value)
    user.value = undefined
  }

  function forget(): void {
    stored.value = undefined
    user.value = undefined
    store(KEY, undefined)
  }

  /** The API says that `ended` holds no longer. */
  function endedByServer(ended: string): void {
    if (ended !== stored.value?.token) return // a late answer to a session before
    forget()
    endings.value += 1
  }

  /** Read what the head of the page shows anew, as after buying or claiming. */
  async function refresh(): Promise<void> {
    const asking = stored.value?.token
    if (!asking) return
    try {
      const found = await loadUser()
      if (asking === stored.value?.token) user.value = found
    } catch {
      // The head of the page does without; what the page itself asks tells what is wrong.
    }
  }

  /** Sign out here at once, and at the school as soon as it can be reached. */
  async function signOut(): Promise<void> {
    const ending = stored.value?.token
    forget()
    if (ending) await endSession(ending).catch(() => {})
  }

  window.addEventListener('storage', (event) => {
    if (event.key !== KEY) return
    const now = readAlive()
    if (now?.token === stored.value?.token) return
    if (!now) leftElsewhere.value += 1
    stored.value = now
    user.value = undefined
    void refresh()
  })

  return { stored, user, endings, leftElsewhere, isSignedIn, token, begin, endedByServer, refresh, signOut }
})
