import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { defineComponent } from 'vue'
import { createMemoryHistory, createRouter } from 'vue-router'

import { claimCoupon } from '@/api/coupons'
import { Refused } from '@/api/errors'
import type { ClaimableCoupon, HeldCoupon } from '@/api/schema'
import { useSession } from '@/stores/session'

import { useClaim } from './useClaim'

vi.mock('@/api/coupons', () => ({ claimCoupon: vi.fn() }))
vi.mock('@/composables/useCaptcha', () => ({ useCaptcha: () => ({ solve: async () => ({ lot_number: '1' }) }) }))
vi.mock('@/api/people', () => ({ loadUser: vi.fn(() => new Promise(() => {})), signOut: vi.fn() }))

const offer = { id: 7, claimed: false, remaining: 3, open_date: '2026-11-22 00:00:00' } as ClaimableCoupon

async function claiming() {
  const router = createRouter({
    history: createMemoryHistory(),
    routes: ['/coupons', '/sign-in'].map((path) => ({ path, name: path.slice(1), component: { render: () => null } })),
  })
  await router.push('/coupons')
  const changed = vi.fn()
  let made!: ReturnType<typeof useClaim>
  const page = defineComponent({
    setup() {
      made = useClaim(() => offer, changed)
      return () => null
    },
  })
  mount(page, { global: { plugins: [router] } })
  return { ...made, changed, router }
}

function signIn(): void {
  useSession().begin({ token: 't', expire_date: '2099-01-01 00:00:00', userinfo: { username: 'demo', head_img: '' } } as never)
}

beforeEach(() => {
  localStorage.clear()
  setActivePinia(createPinia())
  vi.mocked(claimCoupon).mockReset()
})

describe('claiming', () => {
  it('leads a visitor to sign-in and back', async () => {
    const { claim, router } = await claiming()
    await claim()
    expect(router.currentRoute.value.fullPath).toBe('/sign-in?next=/coupons')
    expect(claimCoupon).not.toHaveBeenCalled()
  })

  it('claims once, however often the button is pressed', async () => {
    signIn()
    let answer!: (held: HeldCoupon) => void
    vi.mocked(claimCoupon).mockReturnValue(new Promise((resolve) => (answer = resolve)))
    const { claim, state, changed } = await claiming()
    void claim()
    void claim()
    await flushPromises()
    answer({ end_date: '2027-01-01 00:00:00' } as HeldCoupon)
    await flushPromises()
    expect(vi.mocked(claimCoupon).mock.calls).toEqual([[7, { lot_number: '1' }]])
    expect(state.value).toBe('claimed')
    expect(changed).toHaveBeenCalledOnce()
  })

  it("shows a refusal in the API's words and has the offer read anew", async () => {
    signIn()
    vi.mocked(claimCoupon).mockRejectedValue(new Refused(1704, '优惠券已被领完'))
    const { claim, state, problem, changed } = await claiming()
    await claim()
    expect(problem.value).toBe('优惠券已被领完')
    expect(state.value).toBe('open')
    expect(changed).toHaveBeenCalledOnce()
  })
})
