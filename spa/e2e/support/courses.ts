import type { Choice } from './school'

/** Courses of the demo, with one of their validities. */
interface DemoCourse extends Choice {
  name: string
  validity: string
  yuan: number
}
const course = (name: string, course_id: number, price_policy_id: number, validity: string, yuan: number): DemoCourse => ({
  name,
  course_id,
  course_type: 'course',
  price_policy_id,
  validity,
  yuan,
})

export const PYTHON = course('Python 编程：从零到能用', 900001, 900002, '3个月', 128)
export const PYTHON_YEAR = course('Python 编程：从零到能用', 900001, 900003, '12个月', 199)
export const VUE = course('JavaScript 与 Vue 3 实战', 900004, 900011, '3个月', 199)
export const SQL = course('SQL 与数据库设计', 900013, 900042, '3个月', 99)
export const SHEETS = course('电子表格：让公式替您加班', 900020, 900065, '2个月', 49.9)

/** Coupons of the demo. */
export const PYTHON_COUPON = { id: 900004, name: 'Python 课程立减 50 元', yuan: 50 }
export const NEWCOMER_COUPON = { id: 900001, name: '新学员立减 20 元', yuan: 20 }

/** Whose first section, a trial, is for the tests of a video that is not ready. */
export const ALGORITHMS = { course_id: 900002 }
export const PROCESSED = { id: 900013 }

/** Sections of the Python course: one that everybody may try, and one for who has it. */
export const INTRODUCTION = { id: 900001, name: '课程介绍：我们将做出什么' }
export const LOCKED = { id: 900005, name: '条件判断：如果下雨就带伞' }
