import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { api, dataOf, openApi, unwrap } from '@/api/client'
import { Broken, messageOf, Refused, SignedOut } from '@/api/errors'

const ended = vi.fn()
let token: string | undefined
let answer: (request: Request) => Promise<Response>

const json = (body: unknown, init?: ResponseInit) => async () => new Response(JSON.stringify(body), { headers: { 'Content-Type': 'application/json' }, ...init })

beforeEach(() => {
  ended.mockReset()
  token = undefined
  vi.stubGlobal('fetch', vi.fn((request: Request) => answer(request)))
  openApi('http://api.test', { token: () => token, ended })
})
afterEach(() => vi.unstubAllGlobals())

const home = () => unwrap(api().GET('/home'))
const failure = (asked: Promise<unknown>) => asked.then(() => expect.unreachable(), (error: unknown) => error)

test.each([
  { code: 1000, msg: '', data: 5 },
  { code: 0, data: [], total: 0, next: '' },
  { error_no: 0, data: {} },
])('%j is a success', async (body) => {
  answer = json(body)
  expect(await home()).toEqual(body)
  expect(await dataOf(api().GET('/home'))).toEqual(body.data)
})

test('a refusal has its code, its text and how long to wait', async () => {
  answer = json({ code: 1004, msg: '尝试次数过多，请840秒后再试', data: null }, { headers: { 'Content-Type': 'application/json', 'Retry-After': '840' } })
  expect(await failure(home())).toMatchObject({ name: 'Refused', code: 1004, message: '尝试次数过多，请840秒后再试', retryAfter: 840 })
  answer = json({ code: 1002, msg: '密码错误', data: null })
  const refused = await failure(home())
  expect(refused).toBeInstanceOf(Refused)
  expect(refused).toMatchObject({ code: 1002, retryAfter: undefined })
})

test('the token goes along, and is told when it no longer holds', async () => {
  token = 'abc'
  const asked = vi.fn()
  answer = async (request) => {
    asked(request.headers.get('Authorization'))
    return json({ code: 401, msg: '请先登录', data: null }, { status: 401 })()
  }
  expect(await failure(home())).toBeInstanceOf(SignedOut)
  expect(asked).toHaveBeenCalledWith('abc')
  expect(ended).toHaveBeenCalledExactlyOnceWith('abc')
})

test('a late answer ends the session that asked, not the one begun meanwhile', async () => {
  token = 'before'
  answer = async () => {
    token = 'now'
    return json({ code: 401, msg: '请先登录', data: null }, { status: 401 })()
  }
  expect(await failure(home())).toBeInstanceOf(SignedOut)
  expect(ended).toHaveBeenCalledExactlyOnceWith('before')
})

test('a visitor has no session to end', async () => {
  answer = json({ code: 401, msg: '请先登录', data: null }, { status: 401 })
  expect(await failure(home())).toBeInstanceOf(SignedOut)
  expect(ended).not.toHaveBeenCalled()
})

test.each([
  ['busy', json({ code: 503, msg: '服务暂时不可用', data: null }, { status: 503 })],
  ['fault', json({ message: 'Internal Server Error' }, { status: 500 })],
  ['fault', json({ message: 'Forbidden' }, { status: 403 })],
  ['fault', json(null)],
  ['fault', async () => new Response('<html>', { headers: { 'Content-Type': 'text/html' } })],
  ['fault', async () => new Response('', { status: 502, headers: { 'Content-Type': 'text/html' } })],
] as const)('what cannot be understood is %s', async (kind, given) => {
  answer = given as typeof answer
  expect(await failure(home())).toMatchObject({ name: 'Broken', kind })
})

test('the number to give to the school stands in the message', async () => {
  answer = json({ message: 'Internal Server Error' }, { status: 500, headers: { 'Content-Type': 'application/json', 'x-amzn-RequestId': 'r-1' } })
  const error = await failure(home())
  expect(messageOf(error)).toBe('我们这边出了点问题，请稍后重试（向学校反馈时，请附上编号 r-1）')
  answer = json({ message: 'Forbidden' }, { status: 403 })
  expect(messageOf(await failure(home()))).toBe('我们这边出了点问题，请稍后重试')
})

test.each([
  [true, 'unreachable'],
  [false, 'offline'],
])('nobody answers, online %s', async (onLine, kind) => {
  vi.spyOn(navigator, 'onLine', 'get').mockReturnValue(onLine)
  answer = () => Promise.reject(new TypeError('Failed to fetch'))
  const error = await failure(home())
  expect(error).toBeInstanceOf(Broken)
  expect(error).toMatchObject({ kind })
  expect(messageOf(error)).not.toBe('')
})

test('what the page gives up is no error to show', async () => {
  const leaving = new AbortController()
  answer = (request) => {
    leaving.abort()
    return Promise.reject(request.signal.reason)
  }
  expect(await failure(unwrap(api().GET('/home', { signal: leaving.signal })))).toMatchObject({ name: 'AbortError' })
})
