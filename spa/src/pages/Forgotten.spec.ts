import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, expect, test, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'

import { useSession } from '@/stores/session'
import { done, fakeShop, refused } from '@/testing/fakeShop'

import Forgotten from './Forgotten.vue'

vi.mock('@/composables/useCaptcha', () => ({
  useCaptcha: () => ({ proven: (send: (proof: object) => unknown) => send({}) }),
}))
const RESET = 'PUT /password/forgotten'
const NEW = 'learn-every-day-8'

async function opened() {
  const router = createRouter({
    history: createMemoryHistory(),
    routes: ['forgotten', 'sign-in'].map((name) => ({ path: `/${name}`, name, component: { render: () => null } })),
  })
  await router.push('/forgotten?next=/orders')
  const page = mount(Forgotten, { global: { plugins: [router] }, attachTo: document.body })
  const send = async (to: string, code: string, password: string) => {
    await page.get('input[name=to]').setValue(to)
    await page.get('input[name=code]').setValue(code)
    await page.get('input[name=new-password]').setValue(password)
    await page.get('form').trigger('submit')
    await flushPromises()
  }
  const errorOf = (name: string) => page.get(`input[name=${name}]`).attributes('aria-invalid')
  return { page, router, send, errorOf }
}

beforeEach(() => {
  localStorage.clear()
  setActivePinia(createPinia())
})

test('a password is set anew, by mail; who was signed in is so no longer, and signs in', async () => {
  useSession().begin({ token: 't', expire_date: '2999-01-01 00:00:00', userinfo: { username: 'xiaoli', head_img: '' } })
  const shop = fakeShop({ [RESET]: () => done(null), 'DELETE /logout': () => done(null) })
  const { page, router, send } = await opened()
  await page.get('input[value=mail]').setValue()
  await send(' li@example.com ', '123456', NEW)
  expect(shop.asked(RESET).map((one) => one.body)).toEqual([{ channel: 'mail', to: 'li@example.com', code: '123456', password: NEW }])
  expect(useSession().isSignedIn).toBe(false)
  expect(router.currentRoute.value.fullPath).toBe('/sign-in?next=/orders')
  page.unmount()
})

test('nothing is sent while something is missing, and the first of it has the focus', async () => {
  const shop = fakeShop({})
  const { page, send, errorOf } = await opened()
  await send('13800000000', '12', '123')
  expect([errorOf('to'), errorOf('code'), errorOf('new-password')]).toEqual([undefined, 'true', 'true'])
  expect(document.activeElement).toBe(page.get('input[name=code]').element)
  expect(shop.asked(RESET)).toHaveLength(0)
  page.unmount()
})

test('a code that is refused is told beside it, and the password stays', async () => {
  fakeShop({ [RESET]: () => refused(2104, '验证码不正确或已过期') })
  const { page, router, send, errorOf } = await opened()
  await send('13800000000', '123456', NEW)
  expect(errorOf('code')).toBe('true')
  expect(page.get<HTMLInputElement>('input[name=new-password]').element.value).toBe(NEW)
  expect(router.currentRoute.value.name).toBe('forgotten')
  page.unmount()
})

test('who has tried too often waits', async () => {
  fakeShop({ [RESET]: () => Response.json(refused(2101, '操作过于频繁，请42秒后再试'), { headers: { 'Retry-After': '42' } }) })
  const { page, send } = await opened()
  await send('13800000000', '123456', NEW)
  expect(page.get('[role=timer]').text()).toBe('00:42')
  expect(page.get('button[type=submit]').attributes('disabled')).toBeDefined()
  page.unmount()
})
