import { vi } from 'vitest'

import { openApi } from '@/api/client'

export interface Asked {
  path: string
  query: URLSearchParams
  body: unknown
  key: string | null
}

type Answer = (asked: Asked) => unknown

/** The API as unit tests know it, at the border of `fetch`: an answer for each `GET /path`; what was asked is kept. An
 * answer that throws is a network that broke.
 */
export function fakeShop(answers: Record<string, Answer>) {
  const asked: Record<string, Asked[]> = {}
  vi.stubGlobal('fetch', async (request: Request) => {
    const url = new URL(request.url)
    const name = `${request.method} ${url.pathname}`
    const text = await request.text()
    const one: Asked = { path: url.pathname, query: url.searchParams, body: (text ? JSON.parse(text) : undefined) as unknown, key: request.headers.get('Idempotency-Key') }
    ;(asked[name] ??= []).push(one)
    const answer = answers[name]
    if (!answer) throw new Error(`nobody answers ${name}`)
    const body = await new Promise((resolve, reject) => {
      request.signal.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')))
      Promise.resolve().then(() => answer(one)).then(resolve, reject)
    })
    return body instanceof Response ? body : Response.json(body)
  })
  openApi('http://shop.test', { token: () => 'token', ended: () => {} })
  return { answers, asked: (name: string) => asked[name] ?? [] }
}

export const done = (data: unknown) => ({ code: 1000, msg: '', data })
export const refused = (code: number, msg: string) => ({ code, msg, data: null })

/** A promise to be settled by the test. */
export function later<T>() {
  let answer!: (value: T) => void
  let fail!: (error: unknown) => void
  const promise = new Promise<T>((resolve, reject) => {
    answer = resolve
    fail = reject
  })
  return { promise, answer, fail }
}
