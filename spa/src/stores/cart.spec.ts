import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it } from 'vitest'

import type { Choice } from '@/api/cart'
import { done, fakeShop, refused } from '@/testing/fakeShop'

import { mergedText, useCart } from './cart'
import { useSession } from './session'

const choice = (course_id: number, price_policy_id: number): Choice => ({ course_id, course_type: 'course', price_policy_id })
const line = (course_id: number, policy: number, more = {}) => ({
  id: course_id,
  course_type: 'course',
  name: `Course ${course_id}`,
  default_price: 10,
  default_price_policy_id: policy,
  relate_price_policy: {},
  owned_until: null,
  ...more,
})

/** A shop with a learner's cart, of which `owned` are had already and `gone` cannot be bought. */
function cartShop(given: Choice[], { owned = [] as number[], gone = [] as number[] } = {}) {
  const held = new Map(given.map((one) => [one.course_id, one.price_policy_id]))
  const cart = () => done({ shopping_car_list: [...held].map(([id, policy]) => line(id, policy, owned.includes(id) ? { owned_until: '2027-01-01 00:00:00' } : {})), total: 0, total_price: 0 })
  const shop = fakeShop({
    'GET /shoppingcar': cart,
    'POST /shoppingcar/preview': ({ body }) => {
      const { course_list } = body as { course_list: Choice[] }
      return done({ shopping_car_list: course_list.map((one) => line(one.course_id, one.price_policy_id, gone.includes(one.course_id) ? { sellable: false, why_not: '课程已下架' } : {})), total: 0, total_price: 0 })
    },
    'POST /shoppingcar': ({ body }) => {
      const { course_id, price_policy_id } = body as Choice
      if (gone.includes(course_id)) return refused(1202, '加入购物车失败')
      held.set(course_id, price_policy_id)
      return done(null)
    },
    'GET /userinfo': () => done({ username: 'demo', cart_count: held.size }),
  })
  return { ...shop, held }
}

const signIn = () => useSession().begin({ token: 'token', expire_date: '2099-01-01 00:00:00', userinfo: { username: 'demo', name: 'demo', head_img: '' } } as never)

beforeEach(() => {
  localStorage.clear()
  sessionStorage.clear()
  setActivePinia(createPinia())
})

describe("a visitor's cart", () => {
  it('is kept in the browser, one line a course, without prices', async () => {
    const cart = useCart()
    await cart.put(choice(1, 10))
    await cart.put(choice(2, 20))
    await cart.put(choice(1, 11))
    expect(JSON.parse(localStorage.getItem('cart')!)).toEqual([choice(1, 11), choice(2, 20)])
    expect(cart.count).toBe(2)
    await cart.remove([choice(1, 11), choice(2, 20)])
    expect([cart.count, localStorage.getItem('cart')]).toEqual([0, null])
  })

  it('takes 40 courses', async () => {
    const cart = useCart()
    for (let id = 1; id <= 40; id += 1) await cart.put(choice(id, id))
    await expect(cart.put(choice(41, 41))).rejects.toThrow('40')
    await cart.put(choice(40, 1))
    expect(cart.count).toBe(40)
  })

  it('follows what another tab does', () => {
    const cart = useCart()
    localStorage.setItem('cart', JSON.stringify([choice(3, 30)]))
    window.dispatchEvent(Object.assign(new Event('storage'), { key: 'cart' }))
    expect(cart.kept).toEqual([choice(3, 30)])
  })
})

describe('merging at sign-in', () => {
  it('takes every choice over, the one made last winning, and says what became of each', async () => {
    const { held, asked } = cartShop([choice(2, 20), choice(5, 50)], { owned: [3], gone: [4] })
    const cart = useCart()
    for (const one of [choice(1, 10), choice(2, 21), choice(3, 30), choice(4, 40)]) await cart.put(one)
    signIn()
    await Promise.all([cart.merge(), cart.merge()])
    expect(Object.fromEntries(held)).toEqual({ 1: 10, 2: 21, 3: 30, 5: 50 })
    expect(asked('POST /shoppingcar')).toHaveLength(4)
    expect(cart.merged).toEqual({
      added: 2,
      replaced: 1,
      owned: ['Course 3'],
      left: [{ course: choice(4, 40), name: 'Course 4', why: '课程已下架' }],
    })
    expect(mergedText(cart.merged!)).toBe('登录前选的课程：2 门已加入，1 门改为您刚选的有效期，1 门您已拥有，未勾选，1 门未能加入')
    expect(cart.unselected).toEqual(['course-3'])
    expect([cart.kept, localStorage.getItem('cart'), cart.count]).toEqual([[], null, 4])
  })

  it('forgets a choice only after the school has it', async () => {
    const shop = cartShop([])
    const cart = useCart()
    await cart.put(choice(1, 10))
    await cart.put(choice(2, 20))
    signIn()
    const add = shop.answers['POST /shoppingcar']!
    shop.answers['POST /shoppingcar'] = (asked) => {
      if ((asked.body as Choice).course_id === 2) throw new TypeError('network')
      return add(asked)
    }
    await expect(cart.merge()).rejects.toThrow()
    expect(cart.kept).toEqual([choice(2, 20)])
    shop.answers['POST /shoppingcar'] = add
    const shown = await cart.load()
    expect(shown.shopping_car_list.map((one) => one.id)).toEqual([1, 2])
    expect(cart.kept).toEqual([])
  })

  it('takes over no choice that the learner has changed or removed since', async () => {
    const { held, answers } = cartShop([])
    const cart = useCart()
    for (const one of [choice(1, 10), choice(2, 20), choice(3, 30)]) await cart.put(one)
    signIn()
    const preview = answers['POST /shoppingcar/preview']!
    answers['POST /shoppingcar/preview'] = () => {
      throw new TypeError('network')
    }
    answers['DELETE /shoppingcar'] = () => done(null)
    await expect(cart.merge()).rejects.toThrow()
    await cart.put(choice(1, 11))
    await cart.remove([choice(2, 20)])
    answers['POST /shoppingcar/preview'] = preview
    await cart.merge()
    expect(Object.fromEntries(held)).toEqual({ 1: 11, 3: 30 })
    expect(cart.kept).toEqual([])
  })

  it('asks nothing without a choice', async () => {
    const { asked } = cartShop([])
    signIn()
    await useCart().merge()
    expect(asked('GET /shoppingcar')).toHaveLength(0)
  })
})
