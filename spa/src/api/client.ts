import createClient, { type Client, type Middleware } from 'openapi-fetch'

import { Broken, Refused, SignedOut } from './errors'
import type { paths } from './schema'

const TIMEOUT = 15_000

/** What the client needs of the session, without knowing the store. */
export interface Credentials {
  token: () => string | undefined
  /** Called when the API says that the token no longer holds. */
  ended: (token: string) => void
}

let client: Client<paths> | undefined
let credentials: Credentials = { token: () => undefined, ended: () => {} }

/** The typed client of the API. Throws before `openApi`. */
export function api(): Client<paths> {
  if (!client) throw new Error('the API is used before it was opened')
  return client
}

/** Open the API at `baseUrl`, an address or a path of this site. */
export function openApi(baseUrl: string, given: Credentials): void {
  credentials = given
  client = createClient<paths>({ baseUrl, fetch: fetchInTime })
  client.use(authorize)
}

const authorize: Middleware = {
  onRequest({ request }) {
    const token = credentials.token()
    if (token && !request.headers.has('Authorization')) request.headers.set('Authorization', token)
    return request
  },
  // The token is the request's own: meanwhile somebody may have signed in anew.
  onResponse({ request, response }) {
    const token = request.headers.get('Authorization')
    if (response.status === 401 && token) credentials.ended(token)
  },
}

async function fetchInTime(request: Request): Promise<Response> {
  const limit = AbortSignal.timeout(TIMEOUT)
  try {
    return await fetch(new Request(request, { signal: AbortSignal.any([request.signal, limit]) }))
  } catch (error) {
    if (request.signal.aborted) throw error
    throw new Broken(navigator.onLine ? 'unreachable' : 'offline')
  }
}

interface Answer {
  data?: unknown
  error?: unknown
  response: Response
}
type Body<A extends Answer> = NonNullable<A['data']>
/** The successes among an operation's answers. */
export type Success<A extends Answer> = Extract<Body<A>, { code: 1000 } | { code: 0 } | { error_no: 0 }>

/** The body of a success. Throws Refused, SignedOut, Broken; what is aborted throws the browser's AbortError. */
export async function unwrap<A extends Answer>(asked: Promise<A>): Promise<Success<A>> {
  let answer: A
  try {
    answer = await asked
  } catch (error) {
    if (error instanceof Broken || (error instanceof DOMException && error.name === 'AbortError')) throw error
    throw new Broken('fault') // no JSON
  }
  const { response } = answer
  const body = (answer.data ?? answer.error) as { code?: unknown; error_no?: unknown; msg?: unknown } | undefined
  if (response.status === 401) throw new SignedOut()
  const requestId = response.headers.get('x-amzn-RequestId') ?? undefined
  if (response.status >= 500) throw new Broken(response.status === 503 ? 'busy' : 'fault', requestId)
  if (typeof body !== 'object' || body === null) throw new Broken('fault', requestId)
  if (body.code === 1000 || body.code === 0 || body.error_no === 0) return body as Success<A>
  if (typeof body.code !== 'number') throw new Broken('fault', requestId)
  const wait = Number(response.headers.get('Retry-After'))
  throw new Refused(body.code, typeof body.msg === 'string' ? body.msg : '', wait > 0 ? wait : undefined)
}

/** The `data` of a success. Throws as `unwrap`. */
export async function dataOf<A extends Answer>(asked: Promise<A>): Promise<Success<A> extends { data: infer D } ? D : never> {
  const body: unknown = await unwrap(asked)
  return (body as { data: unknown }).data as Success<A> extends { data: infer D } ? D : never
}
