import { api, dataOf, unwrap } from './client'
import type { CourseKey } from './catalogue'

/** The most characters of a question, and of what is handed in. */
export const MAX_QUESTION = 1000
export const MAX_HAND_IN = 10_000

const of = ({ course_id, course_type }: CourseKey) => ({ path: { course_id: String(course_id) }, query: { course_type } })
const at = (key: CourseKey, section_id: number) => {
  const { path, query } = of(key)
  return { path: { ...path, section_id: String(section_id) }, query }
}

/** A page of one's questions about a course, newest first, with the cursor of the next. */
export async function loadAsked(key: CourseKey, cursor?: string, signal?: AbortSignal) {
  const { path, query } = of(key)
  const found = await unwrap(api().GET('/course/{course_id}/asked', { params: { path, query: { ...query, cursor, limit: 10 } }, signal }))
  return { rows: found.data, next: found.next }
}

/** Ask about a course, or about a section of it. What waits already is not asked twice. */
export const askQuestion = (key: CourseKey, text: string, section_id?: number) =>
  dataOf(api().POST('/course/{course_id}/asked', { params: of(key), body: { text, section_id } }))

export const loadAssignment = (key: CourseKey, section_id: number, signal?: AbortSignal) =>
  dataOf(api().GET('/course/{course_id}/sections/{section_id}/assignment', { params: at(key, section_id), signal }))

/** Hand in a text, in place of an earlier one that is not marked. */
export const handIn = (key: CourseKey, section_id: number, text: string) =>
  dataOf(api().PUT('/course/{course_id}/sections/{section_id}/assignment', { params: at(key, section_id), body: { text } }))
