import { useRoute, useRouter } from 'vue-router'

import { toast } from '@/composables/toast'
import { useSession } from '@/stores/session'

/** Sign out, and leave what is for learners only. */
export function useSignOut() {
  const route = useRoute()
  const router = useRouter()
  const session = useSession()

  return async function signOut(): Promise<void> {
    const leaving = session.signOut()
    if (route.meta.private) await router.push('/')
    toast('您已退出登录')
    await leaving
  }
}
