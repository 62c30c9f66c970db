import type { CourseType } from '@/api/schema'

export const TYPE_NAMES: Record<CourseType, string> = { course: '单门课程', degree_course: '学位课程' }
