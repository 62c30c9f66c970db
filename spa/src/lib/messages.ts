import type { Delivery, Message, MessageGroup } from '@/api/schema'

type Kind = MessageGroup | 'operation' | 'other'

/** What a message is of, in a word. */
export const KIND_NAMES: Record<Kind, string> = { orders: '订单', reminders: '提醒', study: '学习', security: '安全', operation: '运营', other: '通知' }

/** Of each event: its kind, and what the way to it is called. */
const EVENTS: Record<Message['event'], { kind: Kind; way: string }> = {
  'order-paid': { kind: 'orders', way: '查看订单' },
  'order-expiring': { kind: 'reminders', way: '查看订单' },
  'refund-approved': { kind: 'orders', way: '查看订单' },
  'refund-refused': { kind: 'orders', way: '查看订单' },
  'refund-done': { kind: 'orders', way: '查看订单' },
  'access-ends': { kind: 'reminders', way: '我的课程' },
  'coupon-ends': { kind: 'reminders', way: '我的优惠券' },
  'question-answered': { kind: 'study', way: '查看回复' },
  'assignment-marked': { kind: 'study', way: '查看批改' },
  'new-device': { kind: 'security', way: '查看登录设备' },
  'password-changed': { kind: 'security', way: '找回密码' },
  'needs-person': { kind: 'operation', way: '查看' },
  'bills-differ': { kind: 'operation', way: '查看' },
  digest: { kind: 'operation', way: '查看' },
}
/** Of an event that this front does not know yet. */
const OTHER = { kind: 'other', way: '查看' } as const

/** A message's kind, and the way to what it is about; no `to` where there is none. */
export function aboutOf({ event, link }: Pick<Message, 'event' | 'link'>): { kind: Kind; way: string; to?: string } {
  const isPage = link !== null && /^\/[^/\\]/.test(link)
  return { ...(event in EVENTS ? EVENTS[event] : OTHER), to: isPage ? link : undefined }
}

type Status = Delivery['status']

/** How a delivery stands, as a sign before its words. */
export const DELIVERY_KINDS: Record<Status, 'done' | 'waiting' | 'failed'> = {
  waiting: 'waiting',
  sent: 'done',
  delivered: 'done',
  failed: 'failed',
  skipped: 'waiting',
}

/** What a group of notices tells of, and why some cannot be switched off. */
export const GROUP_NOTES: Record<MessageGroup, string> = {
  orders: '支付、退费的结果。涉及付款和退费，不能关闭',
  security: '新设备登录、密码修改。涉及账号安全，不能关闭',
  study: '老师回复了提问、批改了作业',
  reminders: '订单即将关闭，课程、优惠券快要到期',
}
