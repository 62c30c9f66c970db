import { api, dataOf, unwrap } from './client'
import type { CourseFacets, CourseRow, CourseType, Level } from './schema'

/** A course is named by its id and its type: the two types count their ids separately. */
export interface CourseKey {
  course_id: number
  course_type: CourseType
}

export interface CourseSearch {
  words: string
  category?: number
  level?: Level
  free?: boolean
  type: CourseType | 'all'
  sort: 'order' | 'price' | '-price' | 'newest'
  /** From 1. */
  page: number
}

export interface FoundCourses {
  rows: CourseRow[]
  total: number
  facets: CourseFacets
}

export const PAGE_ROWS = 24

export const loadHome = (signal?: AbortSignal) => dataOf(api().GET('/home', { signal }))

/** A page beyond the last has no rows. */
export async function searchCourses(asked: CourseSearch, signal?: AbortSignal): Promise<FoundCourses> {
  const { words, category, level, free, type, sort, page } = asked
  const query = {
    words: words || undefined,
    category_id: category,
    level,
    free: free === undefined ? undefined : String(free),
    course_type: type,
    sort,
    page,
    limit: PAGE_ROWS,
  }
  const found = await unwrap(api().GET('/courses/search', { params: { query }, signal }))
  return { rows: found.data, total: found.total, facets: found.facets }
}

const of = ({ course_id, course_type }: CourseKey) => ({ path: { course_id: String(course_id) }, query: { course_type } })

export const loadCourse = (key: CourseKey, signal?: AbortSignal) =>
  dataOf(api().GET('/course/{course_id}', { params: of(key), signal }))

/** The chapters with the links that the learner may open. */
export const loadChapters = (key: CourseKey, signal?: AbortSignal) =>
  dataOf(api().GET('/course/{course_id}/chapters', { params: of(key), signal }))

export const loadMine = (key: CourseKey, signal?: AbortSignal) =>
  dataOf(api().GET('/course/{course_id}/mine', { params: of(key), signal }))

export const loadTeachers = (signal?: AbortSignal) => dataOf(api().GET('/teachers', { signal }))

export const loadTeacher = (teacher_id: string, signal?: AbortSignal) =>
  dataOf(api().GET('/teachers/{teacher_id}', { params: { path: { teacher_id } }, signal }))
