import { flushPromises, mount, RouterLinkStub } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { expect, test } from 'vitest'

import type { Refund } from '@/api/schema'
import { done, fakeShop } from '@/testing/fakeShop'

import OrderResult from './OrderResult.vue'

const SECOND: Partial<Refund> = { request_no: '1_A', status: '退款中', lines: [], amount: 59 }

async function shown(...refunds: Partial<Refund>[]) {
  setActivePinia(createPinia())
  const order = { order_number: '1', status: '交易成功', actual_amount: 59, orderdetail_list: [], refunds }
  fakeShop({ 'GET /order/1': () => done(order), 'GET /myorder': () => done([]), 'GET /messages/unread': () => done({ unread: 0 }) })
  const page = mount(OrderResult, { props: { number: '1' }, global: { stubs: { RouterLink: RouterLinkStub, CancelDialog: true } } })
  await flushPromises()
  return page.text()
}

test('who paid twice reads that the second payment goes back by itself', async () => {
  expect(await shown(SECOND)).toContain('多付的 ¥59.00 会自动原路退回')
  expect(await shown({ ...SECOND, status: '已退款' })).toContain('多付的 ¥59.00 已原路退回')
})

test('who paid once, or gave a course back, reads nothing of it', async () => {
  expect(await shown()).not.toContain('多付')
  expect(await shown({ ...SECOND, lines: [0], status: '待审核' })).not.toContain('多付')
})
