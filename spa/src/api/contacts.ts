import { api, dataOf, unwrap } from './client'
import type { Channel, CodeRequest } from './schema'

const of = (channel: Channel) => ({ path: { channel } })

/** Have a code sent; -> after how many seconds another can be, and for how many this one is good. */
export const sendCode = (body: CodeRequest) => dataOf(api().POST('/codes', { body }))

export const loadContacts = (signal?: AbortSignal) => dataOf(api().GET('/contacts', { signal }))
/** `password` is the learner's, where another contact is replaced. */
export const confirmContact = (channel: Channel, body: { to: string; code: string; password?: string }) =>
  unwrap(api().PUT('/contacts/{channel}', { params: of(channel), body }))
export const removeContact = (channel: Channel, password: string) =>
  unwrap(api().DELETE('/contacts/{channel}', { params: of(channel), body: { password } }))
