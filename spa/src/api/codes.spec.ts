import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { RefusalCode } from '@/api/codes'

const description = JSON.parse(readFileSync('../openapi.json', 'utf8'))

test("the codes have the names of the API's table", () => {
  const { enum: numbers, 'x-enum-varnames': names } = description.components.schemas.RefusalCode
  expect(RefusalCode).toEqual(Object.fromEntries(names.map((name: string, i: number) => [name, numbers[i]])))
})

test('no page compares a code with a bare number', () => {
  const files = readdirSync('src', { recursive: true }).map(String)
  const bare = files
    .filter((name) => /\.(vue|ts)$/.test(name) && !/schema\.ts|\.spec\.ts|api\/client\.ts/.test(name))
    .filter((name) => /\bcode\s*[!=]==?\s*\d|case\s+1\d{3}\b/.test(readFileSync(join('src', name), 'utf8')))
  expect(bare).toEqual([])
})
