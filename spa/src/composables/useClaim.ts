import { computed, ref, watch } from 'vue'
import { useRoute, useRouter } from 'vue-router'

import { claimCoupon } from '@/api/coupons'
import { Refused } from '@/api/errors'
import type { ClaimableCoupon } from '@/api/schema'
import { toast } from '@/composables/toast'
import { useAction } from '@/composables/useAction'
import { useCaptcha } from '@/composables/useCaptcha'
import { lastDayText } from '@/lib/time'
import { offerState } from '@/lib/coupons'
import { useSession } from '@/stores/session'

/** Claim an offer; a visitor signs in first and comes back. `changed` is called when the offer is no longer what the page
 * shows: claimed now, or refused because it was claimed elsewhere, is over or gone.
 */
export function useClaim(offer: () => ClaimableCoupon, changed: () => void) {
  const route = useRoute()
  const router = useRouter()
  const session = useSession()
  const { solve } = useCaptcha()
  const claimedNow = ref(false)
  watch(() => offer().id, () => (claimedNow.value = false))

  const state = computed(() => (claimedNow.value ? 'claimed' : offerState(offer())))

  const { busy, problem, run } = useAction(async () => {
    if (!session.isSignedIn) {
      await router.push({ name: 'sign-in', query: { next: route.fullPath } })
      return
    }
    try {
      const held = await claimCoupon(offer().id, await solve())
      claimedNow.value = true
      toast(`领取成功，有效期至 ${lastDayText(held.end_date)}`, 'success', { to: '/my/coupons', text: '我的优惠券' })
      changed()
      await session.refresh()
    } catch (error) {
      if (error instanceof Refused) changed()
      throw error
    }
  })

  return { state, busy, problem, claim: run }
}
