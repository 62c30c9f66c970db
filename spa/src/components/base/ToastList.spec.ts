import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, expect, test } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'

import { toast, toasts } from '@/composables/toast'

import ToastList from './ToastList.vue'

afterEach(() => toasts.splice(0))

test('a notice whose way on has been gone is no longer shown, the others are', async () => {
  const component = { template: '<div />' }
  const router = createRouter({ history: createMemoryHistory(), routes: ['/', '/cart', '/orders'].map((path) => ({ path, component })) })
  await router.push('/')
  const list = mount(ToastList, { global: { plugins: [router] } })
  toast('已加入购物车', 'success', { to: '/cart', text: '去购物车' })
  toast('订单号已复制')
  await router.push('/orders')
  await flushPromises()
  expect(list.findAll('li')).toHaveLength(2)
  await router.push('/cart')
  await flushPromises()
  expect(list.findAll('li').map((one) => one.get('span').text())).toEqual(['订单号已复制'])
})
