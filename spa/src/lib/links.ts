import type { RouteLocationRaw } from 'vue-router'

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
