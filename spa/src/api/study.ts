import type { Span } from '@/lib/spans'

import type { CourseKey } from './catalogue'
import { api, dataOf } from './client'

const of = ({ course_id, course_type }: CourseKey) => ({ path: { course_id: String(course_id) }, query: { course_type } })

/** What the player of a section needs. Without a `ticket` it is a new player, which takes the learner's place over. */
export const playSection = ({ course_id, course_type }: CourseKey, section_id: number, ticket?: string | null, signal?: AbortSignal) =>
  dataOf(
    api().POST('/course/{course_id}/sections/{section_id}/play', {
      params: { path: { course_id: String(course_id), section_id: String(section_id) }, query: { course_type } },
      body: ticket ? { ticket } : {},
      signal,
    }),
  )

export type Playing = Awaited<ReturnType<typeof playSection>>

/** Seconds that were played under a ticket, and where the player is. */
export interface StudyReport {
  ticket: string
  spans: Span[]
  at: number
}

/** Report what was played; when the page is left (`keepalive`) it is sent nevertheless. */
export const reportStudy = (body: StudyReport, keepalive = false) => dataOf(api().POST('/study/report', { body, keepalive }))

/** What a section has come to. */
export type Reported = Awaited<ReturnType<typeof reportStudy>>

/** What the learner has watched of a course. */
export const loadProgress = (key: CourseKey, signal?: AbortSignal) =>
  dataOf(api().GET('/course/{course_id}/progress', { params: of(key), signal }))

export type Progress = Awaited<ReturnType<typeof loadProgress>>

/** What the learner has studied in all. */
export const loadStudy = (signal?: AbortSignal) => dataOf(api().GET('/study', { signal }))

export type Study = Awaited<ReturnType<typeof loadStudy>>
