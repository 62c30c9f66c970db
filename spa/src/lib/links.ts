import type { LocationQueryValue, RouteLocationRaw } from 'vue-router'

import type { Choice } from '@/api/cart'
import type { CourseKey } from '@/api/catalogue'
import type { CourseType } from '@/api/schema'

/** A course type as it stands in addresses: absent for the usual one. */
export const typeQuery = (type: CourseType) => (type === 'course' ? {} : { type })
export const typeFrom = (query: unknown): CourseType => (query === 'degree_course' ? 'degree_course' : 'course')

/** A course's page; with the validity that was chosen for it. */
export const courseLink = ({ course_id, course_type }: CourseKey, policy?: number): RouteLocationRaw => ({
  name: 'course',
  params: { id: String(course_id) },
  query: { ...typeQuery(course_type), ...(policy ? { policy: String(policy) } : {}) },
})

/** Where a course is studied. */
export const learnLink = ({ course_id, course_type }: CourseKey, section?: number): RouteLocationRaw => ({
  name: 'learn',
  params: { id: String(course_id), section: section ? String(section) : '' },
  query: typeQuery(course_type),
})

/** Where courses are bought, each with the validity chosen for it: `?item=course-900001-900003&item=…`. */
export const settlementLink = (choices: Choice[]): RouteLocationRaw => ({
  name: 'settlement',
  query: { item: choices.map((one) => `${one.course_type}-${one.course_id}-${one.price_policy_id}`) },
})

/** The choices in the `item` of an address. What is no choice is left out; of a course named twice the last counts. */
export function choicesFrom(item: LocationQueryValue | LocationQueryValue[] | undefined): Choice[] {
  const found = new Map<string, Choice>()
  for (const one of [item].flat()) {
    const [, type, course, policy] = /^(course|degree_course)-(\d{1,15})-(\d{1,15})$/.exec(one ?? '') ?? []
    if (type && course) found.set(`${type}-${course}`, { course_type: type as CourseType, course_id: Number(course), price_policy_id: Number(policy) })
  }
  return [...found.values()]
}

/** Where the courses of an order are bought again, with the validities of then; undefined for an order from before this
 * shop, whose policies are not known.
 */
export function buyAgainLink(lines: (CourseKey & { price_policy_id: number | null })[]): RouteLocationRaw | undefined {
  const choices = lines.flatMap(({ course_id, course_type, price_policy_id }) => (price_policy_id === null ? [] : { course_id, course_type, price_policy_id }))
  return choices.length && choices.length === lines.length ? settlementLink(choices) : undefined
}
