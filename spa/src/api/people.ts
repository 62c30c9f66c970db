import { api, dataOf, unwrap } from './client'
import type { Channel, Credentials, NewUser, ProfileRequest } from './schema'

export const register = (body: NewUser) => dataOf(api().POST('/register', { body }))
export const signIn = (body: Credentials) => dataOf(api().POST('/login', { body }))
export const signInByCode = (to: string, code: string) => dataOf(api().POST('/login/code', { body: { channel: 'sms', to, code } }))
/** Ends the session of `token`, which may be dead already. */
export const signOut = (token: string) => unwrap(api().DELETE('/logout', { headers: { Authorization: token } }))

export const startCaptcha = () => dataOf(api().GET('/api/captcha_check'))

export const loadUser = (signal?: AbortSignal) => dataOf(api().GET('/userinfo', { signal }))
export const changeProfile = (body: ProfileRequest) => dataOf(api().PUT('/userinfo', { body }))
/** -> the API's word for what it did. */
export const changePassword = async (old_password: string, new_password: string) =>
  (await unwrap(api().PUT('/password', { body: { old_password, new_password } }))).msg
/** Set a password anew by a code. */
export const resetPassword = (body: { channel: Channel; to: string; code: string; password: string }) => unwrap(api().PUT('/password/forgotten', { body }))

export const loadSessions = (signal?: AbortSignal) => dataOf(api().GET('/sessions', { signal }))
export const endSession = (session_id: string) =>
  unwrap(api().DELETE('/sessions/{session_id}', { params: { path: { session_id } } }))
export const endOtherSessions = () => unwrap(api().DELETE('/sessions'))

/** A page of the 贝里 ledger, newest first, with the cursor of the next. */
export async function loadBeli(cursor?: string, signal?: AbortSignal) {
  const { data, next } = await unwrap(api().GET('/beli', { params: { query: { limit: 20, cursor } }, signal }))
  return { ...data, next }
}
