import { api, dataOf, unwrap } from './client'
import type { PreferenceRequest } from './schema'

/** A page of one's messages, newest first, with the cursor of the next; those about one order only, when it is named. */
export async function loadMessages({ cursor, order_num }: { cursor?: string; order_num?: string }, signal?: AbortSignal) {
  const { messages, unread, cursor: next } = await dataOf(api().GET('/messages', { params: { query: { limit: 20, cursor, order_num } }, signal }))
  return { rows: messages, unread, next: next ?? undefined }
}
export const countUnread = async () => (await dataOf(api().GET('/messages/unread'))).unread
/** All up to the message of this id are read. */
export const markRead = (until: string) => unwrap(api().PUT('/messages/read', { body: { until } }))

export const loadPreferences = (signal?: AbortSignal) => dataOf(api().GET('/preferences', { signal }))
export const changePreference = (body: PreferenceRequest) => unwrap(api().PUT('/preferences', { body }))

/** What the link of a mail would end. */
export const loadUnsubscribe = (token: string, signal?: AbortSignal) => dataOf(api().GET('/unsubscribe', { params: { query: { token } }, signal }))
export const unsubscribe = (token: string) => unwrap(api().POST('/unsubscribe', { params: { query: { token } } }))
