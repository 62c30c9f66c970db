import { mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { expect, test } from 'vitest'

import type { Order, Refund } from '@/api/schema'

import RefundList from './RefundList.vue'

const REFUND = { request_no: '1_A', date: '2026-11-28 12:00:00', status: '已退款', lines: [0], amount: 59, beli: 0, reason: '', answer: '', can_withdraw: false }

function shown(refund: Partial<Refund>) {
  setActivePinia(createPinia())
  const order = { order_number: '1', orderdetail_list: [{ line: 0, course_name: 'SQL' }], refunds: [{ ...REFUND, ...refund }] }
  return mount(RefundList, { props: { order: order as unknown as Order }, global: { stubs: { ConfirmDialog: true } } }).get('dl').text()
}

test('a refund of courses names them', () => {
  expect(shown({})).toContain('课程《SQL》')
})

test('one of a payment that the order did not use says that the courses stay', () => {
  const text = shown({ lines: [], reason: '重复付款，款项退回' })
  expect(text).toContain('订单和课程不受影响')
  expect(text).not.toContain('课程《')
})
