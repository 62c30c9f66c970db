import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, expect, test, vi } from 'vitest'

import type { SignedIn, UserInfo } from '@/api/schema'
import { useSession } from '@/stores/session'

const { loadUser, signOut } = vi.hoisted(() => ({ loadUser: vi.fn(), signOut: vi.fn() }))
vi.mock('@/api/people', () => ({ loadUser, signOut }))

const signedIn = (token: string, expire_date = '2999-01-01 00:00:00'): SignedIn => ({ token, expire_date, userinfo: { username: 'xiaoli', head_img: '' } })
const USER: UserInfo = { username: 'xiaoli', name: '小李', head_img: '', beli: 5, role: '学员', cart_count: 0, open_orders: 0, usable_coupons: 0 }

beforeEach(() => {
  localStorage.clear()
  setActivePinia(createPinia())
  loadUser.mockReset().mockResolvedValue(USER)
  signOut.mockReset().mockResolvedValue(undefined)
})

/** The page opened anew, in the same browser. */
function reopened() {
  setActivePinia(createPinia())
  return useSession()
}

test('a session outlives the page, until it ends or is over', () => {
  useSession().begin(signedIn('one'))
  expect(reopened().token).toBe('one')
  useSession().begin(signedIn('two', '2026-01-01 00:00:00'))
  expect(reopened().isSignedIn).toBe(false)
})

test.each(['not json', '"text"', '{"token": 5}', '{"token": "t", "username": "x"}'])('%s in the storage is no session', (stored) => {
  localStorage.setItem('session', stored)
  expect(useSession().isSignedIn).toBe(false)
})

test('the API ends the session that it means, once', () => {
  const session = useSession()
  session.begin(signedIn('one'))
  session.begin(signedIn('two'))
  session.endedByServer('one') // a late answer to the session before
  expect([session.token, session.endings]).toEqual(['two', 0])
  session.endedByServer('two')
  session.endedByServer('two') // of another request that was under way
  expect([session.token, session.endings]).toEqual([undefined, 1])
  expect(reopened().isSignedIn).toBe(false)
})

test('what was asked for one session is not shown in the next', async () => {
  const session = useSession()
  session.begin(signedIn('one'))
  let resolve: ((user: UserInfo) => void) | undefined
  loadUser.mockReturnValue(new Promise((given) => (resolve = given)))
  const refreshed = session.refresh()
  session.begin(signedIn('two'))
  resolve?.(USER)
  await refreshed
  expect(session.user).toBeUndefined()
})

test('signing out works here, whatever the school says', async () => {
  const session = useSession()
  session.begin(signedIn('one'))
  signOut.mockRejectedValue(new Error('down'))
  await session.signOut()
  expect(session.isSignedIn).toBe(false)
  expect(signOut).toHaveBeenCalledWith('one')
  await session.signOut()
  expect(signOut).toHaveBeenCalledOnce()
})

test('another tab signs in and out', async () => {
  const session = useSession()
  localStorage.setItem('session', JSON.stringify({ token: 'elsewhere', expire_date: '2999-01-01 00:00:00', username: 'xiaoli', head_img: '' }))
  window.dispatchEvent(new StorageEvent('storage', { key: 'session' }))
  expect(session.token).toBe('elsewhere')
  await vi.waitFor(() => expect(session.user).toEqual(USER))
  localStorage.removeItem('session')
  window.dispatchEvent(new StorageEvent('storage', { key: 'session' }))
  expect([session.isSignedIn, session.user]).toEqual([false, undefined])
})
