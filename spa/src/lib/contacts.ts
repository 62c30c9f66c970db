/** Numbers and addresses, for while somebody types. The API decides what is one. */
import type { Channel } from '@/api/schema'

export const CONTACT_NAMES: Record<Channel, string> = { sms: '手机号', mail: '邮箱' }

export const CODE_LENGTH = 6

/** What is wrong with a number or an address, in words; an empty text when nothing is. */
export function contactProblem(channel: Channel, text: string): string {
  if (!text.trim()) return `请填写${CONTACT_NAMES[channel]}`
  if (channel === 'sms') return /^(?:\+?86|0086)?1[3-9]\d{9}$/.test(text.trim().replace(/[ -]/g, '')) ? '' : '请填写 11 位的大陆手机号'
  return /^[^\s@]+@[^\s@]+\.[^\s@.]{2,}$/.test(text.trim()) ? '' : '请填写完整的邮箱地址，例如 name@example.com'
}

/** The digits of a code, however it was typed or pasted. */
export const codeDigits = (text: string): string => text.normalize('NFKC').replace(/\D/g, '').slice(0, CODE_LENGTH)

/** What is wrong with a code, in words; an empty text when nothing is. */
export function codeProblem(code: string): string {
  if (!code) return '请填写验证码'
  return code.length < CODE_LENGTH ? `验证码是 ${CODE_LENGTH} 位数字` : ''
}
