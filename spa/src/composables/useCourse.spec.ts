import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it } from 'vitest'
import { defineComponent } from 'vue'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'

import type { MyCourse } from '@/api/schema'
import { useCart } from '@/stores/cart'
import { useSession } from '@/stores/session'
import { done, fakeShop, refused } from '@/testing/fakeShop'

import { useCourse } from './useCourse'

const [MONTH, YEAR, EVER] = [31, 32, 33]
const COURSE = {
  name: '课程',
  status: '上线',
  prices: [
    { id: MONTH, valid_period: 30, valid_period_name: '1个月', price: 0 },
    { id: YEAR, valid_period: 360, valid_period_name: '12个月', price: 199 },
    { id: EVER, valid_period: 36000, valid_period_name: '永久', price: 299 },
  ],
}
const MINE: MyCourse = {
  enrolled: false,
  end_date: null,
  paused: false,
  ended: false,
  in_cart: false,
  cart_policy_id: null,
  free_term_had: false,
  open_order: null,
  coupons: [],
}

let router: Router

async function open(address: string) {
  const place = { template: '<div />' }
  router = createRouter({
    history: createMemoryHistory(),
    routes: [
      { path: '/course/:id', name: 'course', component: place },
      { path: '/settlement', name: 'settlement', component: place },
    ],
  })
  await router.push(address)
  let course!: ReturnType<typeof useCourse>
  mount(defineComponent({ setup: () => ((course = useCourse()), () => null) }), { global: { plugins: [router] } })
  await flushPromises()
  return course
}

const signIn = () =>
  useSession().begin({ token: 't', expire_date: '2999-01-01 00:00:00', userinfo: { username: 'demo', head_img: '' } })

beforeEach(() => {
  localStorage.clear()
  setActivePinia(createPinia())
})

describe('a course', () => {
  it('keeps the chosen validity in the address, and buys by it', async () => {
    fakeShop({ 'GET /course/7': () => done(COURSE) })
    const { chosen, choose, buy } = await open('/course/7')
    expect(chosen.value?.policy_id).toBe(MONTH)
    choose(YEAR)
    await flushPromises()
    expect(router.currentRoute.value.query.policy).toBe(String(YEAR))
    expect(chosen.value?.price).toBe(199)
    buy()
    await flushPromises()
    expect(router.currentRoute.value.fullPath).toBe(`/settlement?item=course-7-${YEAR}`)
    expect(chosen.value?.policy_id).toBe(YEAR)
  })

  it('passes over a validity that the address has and the course has not', async () => {
    fakeShop({ 'GET /course/7': () => done(COURSE) })
    expect((await open('/course/7?policy=999')).chosen.value?.policy_id).toBe(MONTH)
    expect((await open('/course/7?policy=x')).chosen.value?.policy_id).toBe(MONTH)
  })

  it('goes into a visitor’s cart, and begins with what is there', async () => {
    fakeShop({ 'GET /course/7': () => done(COURSE) })
    const { add, inCart } = await open(`/course/7?policy=${YEAR}`)
    await add()
    expect(useCart().kept).toEqual([{ course_id: 7, course_type: 'course', price_policy_id: YEAR }])
    expect(inCart.value).toBe(YEAR)
    expect((await open('/course/7')).chosen.value?.policy_id).toBe(YEAR)
    expect((await open('/course/7?type=degree_course')).inCart.value).toBeUndefined()
  })

  it('does not offer the free term again', async () => {
    fakeShop({ 'GET /course/7': () => done(COURSE), 'GET /course/7/mine': () => done({ ...MINE, free_term_had: true }) })
    signIn()
    const { tiles, chosen, canBuy } = await open(`/course/7?policy=${MONTH}`)
    expect(tiles.value[0]?.had).toBe(true)
    expect(chosen.value?.policy_id).toBe(YEAR)
    expect(canBuy.value).toBe(true)
  })

  it('has nothing to sell to whoever has it for ever', async () => {
    fakeShop({ 'GET /course/7': () => done(COURSE), 'GET /course/7/mine': () => done({ ...MINE, enrolled: true, end_date: '永久' }) })
    signIn()
    expect((await open('/course/7')).canBuy.value).toBe(false)
  })

  it('can be bought though it is not known what the learner has', async () => {
    fakeShop({ 'GET /course/7': () => done(COURSE), 'GET /course/7/mine': () => refused(1601, '课程不存在') })
    signIn()
    const { canBuy, isMineAwaited, mineProblem } = await open('/course/7')
    expect([canBuy.value, isMineAwaited.value, mineProblem.value]).toEqual([true, false, true])
  })
})
