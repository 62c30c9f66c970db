import type { CourseKey } from './catalogue'
import { api, dataOf, unwrap } from './client'
import type { CartLine, PriceOption } from './schema'

/** A course with the policy chosen for it. */
export interface Choice extends CourseKey {
  price_policy_id: number
}

export const loadCart = (signal?: AbortSignal) => dataOf(api().GET('/shoppingcar', { signal }))
/** What a visitor's choices are today. */
export const previewCart = (course_list: Choice[], signal?: AbortSignal) =>
  dataOf(api().POST('/shoppingcar/preview', { body: { course_list }, signal }))
/** Adding a course again replaces its policy. */
export const addToCart = (choice: Choice) => unwrap(api().POST('/shoppingcar', { body: choice }))
export const removeFromCart = (course_list: CourseKey[]) =>
  unwrap(api().DELETE('/shoppingcar', { body: { course_list } }))

/** A validity period that can be chosen, `price` in yuan. */
export interface Validity {
  policy_id: number
  days: number
  name: string
  price: number
  /** False for the free term that the learner has had. */
  sellable: boolean
}

/** The validity periods of a cart line, shortest first. */
export function validitiesOf(line: CartLine): Validity[] {
  const options = Object.entries(line.relate_price_policy as Record<string, PriceOption>)
  return options
    .map(([id, option]) => ({
      policy_id: Number(id),
      days: option.valid_period,
      name: option.valid_period_text,
      price: option.prcie,
      sellable: option.sellable !== false,
    }))
    .sort((one, other) => one.days - other.days)
}
