import { expect, test } from 'vitest'

import type { Message } from '@/api/schema'

import { aboutOf } from './messages'

test.each([
  ['order-paid', '/orders/2026', { kind: 'orders', way: '查看订单', to: '/orders/2026' }],
  ['access-ends', '/my/courses', { kind: 'reminders', way: '我的课程', to: '/my/courses' }],
  ['of-tomorrow', '/somewhere', { kind: 'other', way: '查看', to: '/somewhere' }],
])('%s leads to %s', (event, link, about) => {
  expect(aboutOf({ event: event as Message['event'], link })).toEqual(about)
})

test.each([null, '/', '//elsewhere.example/', '/\\elsewhere.example', 'https://elsewhere.example/', 'javascript:alert(1)'])('%s is no way on', (link) => {
  expect(aboutOf({ event: 'order-paid', link }).to).toBeUndefined()
})
