import { afterEach, expect, test, vi } from 'vitest'

import { readConfig } from '@/stores/config'

const LEAST = { api: { address: '/shop-api' }, captcha: { state: 'off' }, school: { name: '学堂' } }
const given = (body: unknown, status = 200) => vi.stubGlobal('fetch', async () => Response.json(body, { status }))

afterEach(() => vi.unstubAllGlobals())

test('a school may leave out all but its name, the API and the captcha', async () => {
  given(LEAST)
  expect(await readConfig()).toEqual(LEAST)
})

test.each([
  ['no school', { ...LEAST, school: undefined }],
  ['no address of the API', { ...LEAST, api: {} }],
  ['nothing of the captcha', { ...LEAST, captcha: undefined }],
])('%s is told at once', async (_, body) => {
  given(body)
  await expect(readConfig()).rejects.toThrow('/config.json has no')
})

test('a file that is not there is told', async () => {
  given({}, 404)
  await expect(readConfig()).rejects.toThrow('404')
})
