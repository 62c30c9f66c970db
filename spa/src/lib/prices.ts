import type { CoursePage, MyCourse } from '@/api/schema'
import { FOR_EVER } from '@/lib/time'
import { toFen, toYuan } from '@/lib/money'

/** A validity period of a course with its price, in yuan. */
export interface PriceTile {
  policy_id: number
  name: string
  price: number
  /** The price of a day; undefined where it says nothing: for ever, and for nothing. */
  perDay?: number
  /** Whether it is the free term that the learner has had, of a course with paid ones: it cannot be had again. */
  had: boolean
}

/** A course's validity periods, shortest first. */
export function tilesOf(prices: CoursePage['prices'], freeTermHad: boolean): PriceTile[] {
  const hasPaid = prices.some(({ price }) => price > 0)
  return [...prices]
    .sort((one, other) => one.valid_period - other.valid_period)
    .map(({ id, valid_period, valid_period_name, price }) => {
      const day = valid_period_name === FOR_EVER ? 0 : Math.round(toFen(price) / valid_period)
      return { policy_id: id, name: valid_period_name, price, perDay: day ? toYuan(day) : undefined, had: freeTermHad && hasPaid && price === 0 }
    })
}

/** The first of the wanted ones that can be had, else the shortest that can. */
export function chosenTile(tiles: PriceTile[], ...wanted: (number | null | undefined)[]): PriceTile | undefined {
  const free = tiles.filter(({ had }) => !had)
  for (const id of wanted) {
    const tile = free.find(({ policy_id }) => policy_id === id)
    if (tile) return tile
  }
  return free[0]
}

/** What can be done with a course: buy it; wait for it (announced, or without a price yet); nothing any more. */
export type Sale = 'open' | 'coming' | 'gone'

export function saleOf({ status, prices }: Pick<CoursePage, 'status' | 'prices'>): Sale {
  if (status === '下线') return 'gone'
  return status === '预上线' || !prices.length ? 'coming' : 'open'
}

/** Whether the learner has it for ever: then there is nothing more to buy. */
export const isForEver = (mine: MyCourse | undefined): boolean => mine?.enrolled === true && mine.end_date === FOR_EVER
