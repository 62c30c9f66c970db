import { describe, expect, it } from 'vitest'
import type { LocationQuery } from 'vue-router'

import type { Choice } from '@/api/cart'

import { buyAgainLink, choicesFrom, settlementLink } from './links'

const python: Choice = { course_type: 'course', course_id: 900001, price_policy_id: 900003 }
const degree: Choice = { course_type: 'degree_course', course_id: 1, price_policy_id: 5 }

const itemOf = (choices: Choice[]) => (settlementLink(choices) as { query: LocationQuery }).query.item

describe('the address of the settlement', () => {
  it('carries the choices', () => {
    expect(itemOf([python, degree])).toEqual(['course-900001-900003', 'degree_course-1-5'])
    expect(choicesFrom(itemOf([python, degree]))).toEqual([python, degree])
    expect(choicesFrom('course-900001-900003')).toEqual([python])
  })

  it('is read whatever stands in it', () => {
    expect(choicesFrom(undefined)).toEqual([])
    expect(choicesFrom(['', null, 'course-1', 'course-x-1', 'lesson-1-1', 'course-1-2-3', '__proto__-1-1'])).toEqual([])
    expect(choicesFrom(['course-900001-1', 'course-900001-900003'])).toEqual([python])
  })
})

it('leads to buying an order again, if its policies are known', () => {
  expect(buyAgainLink([{ ...python, price_policy_id: 900003 }, degree])).toEqual(settlementLink([python, degree]))
  expect(buyAgainLink([python, { ...degree, price_policy_id: null }])).toBeUndefined()
  expect(buyAgainLink([])).toBeUndefined()
})
