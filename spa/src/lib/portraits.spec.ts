import { readdirSync } from 'node:fs'

import { expect, test } from 'vitest'

import { PORTRAITS, portraitOf } from './portraits'

test('each shipped portrait can be chosen, and no other', () => {
  const shipped = readdirSync('public/images/heads').map((name) => `images/heads/${name}`)
  expect(PORTRAITS.map(({ path }) => path).sort()).toEqual(shipped.sort())
})

test.each([
  ['', ''],
  ['https://shop.example/images/head.svg', ''],
  ['https://shop.example/images/heads/lotus.svg', 'images/heads/lotus.svg'],
  ['https://elsewhere.example/me.png', undefined],
])('%j is the portrait %j', (address, path) => {
  expect(portraitOf(address)).toBe(path)
})
