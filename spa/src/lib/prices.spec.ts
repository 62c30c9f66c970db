import { describe, expect, it } from 'vitest'

import { chosenTile, saleOf, tilesOf } from './prices'

const price = (id: number, valid_period: number, valid_period_name: string, yuan: number) => ({ id, valid_period, valid_period_name, price: yuan })
const FOR_EVER = price(4, 36000, '永久', 299)
const YEAR = price(3, 360, '12个月', 199)
const WEEK = price(1, 7, '1周', 0)

describe('a course’s price tiles', () => {
  it('stand in the order of their periods, with the price of a day to the fen', () => {
    const tiles = tilesOf([FOR_EVER, WEEK, YEAR], false)
    expect(tiles.map(({ name }) => name)).toEqual(['1周', '12个月', '永久'])
    expect(tiles.map(({ perDay }) => perDay)).toEqual([undefined, 0.55, undefined])
  })

  it('tell the free term that was had, beside paid ones only', () => {
    expect(tilesOf([WEEK, YEAR], true).map(({ had }) => had)).toEqual([true, false])
    expect(tilesOf([WEEK], true).map(({ had }) => had)).toEqual([false])
    expect(tilesOf([WEEK, YEAR], false).map(({ had }) => had)).toEqual([false, false])
  })

  it('are chosen by what is wanted first and can be had', () => {
    const tiles = tilesOf([WEEK, YEAR, FOR_EVER], true)
    expect(chosenTile(tiles, 4, 3)?.policy_id).toBe(4)
    expect(chosenTile(tiles, 99, null, 3)?.policy_id).toBe(3)
    expect(chosenTile(tiles, 1)?.policy_id).toBe(3)
    expect(chosenTile(tiles)?.policy_id).toBe(3)
    expect(chosenTile([], 1)).toBeUndefined()
  })
})

describe('what can be done with a course', () => {
  it.each([
    ['上线', [YEAR], 'open'],
    ['上线', [], 'coming'],
    ['预上线', [YEAR], 'coming'],
    ['下线', [YEAR], 'gone'],
  ] as const)('%s with prices %j: %s', (status, prices, sale) => {
    expect(saleOf({ status, prices: [...prices] })).toBe(sale)
  })
})
