import { describe, expect, it } from 'vitest'

import { batchOf, inWholeSeconds, joined, playedBetween, type Span } from './spans'

describe('spans are joined', () => {
  it('when they touch or overlap, in whatever order', () => expect(joined([[8, 12], [0, 4], [4, 6], [5, 7]])).toEqual([[0, 7], [8, 12]]))
  it('when one lies in another', () => expect(joined([[0, 10], [2, 3]])).toEqual([[0, 10]]))
  it('without changing those given', () => {
    const given: Span[] = [[0, 2], [1, 5]]
    joined(given)
    expect(given).toEqual([[0, 2], [1, 5]])
  })
})

describe('whole seconds', () => {
  it('go on where the span before ended', () => expect([inWholeSeconds([[0, 12.4]]), inWholeSeconds([[12.4, 24.6]])]).toEqual([[[0, 12]], [[12, 25]]]))
  it('have nothing of what is too short', () => expect(inWholeSeconds([[3.1, 3.3]])).toEqual([]))
})

it('a report takes sixty spans, and leaves the others', () => {
  const spans = Array.from({ length: 61 }, (_, i): Span => [i * 2, i * 2 + 1])
  const { batch, rest } = batchOf(spans)
  expect([batch.length, rest]).toEqual([60, [[120, 121]]])
})

describe('between two looks a player', () => {
  it.each([[1, 1], [2, 1], [120, 60]])('has played %i seconds in %i', (moved, passed) => expect(playedBetween(10, 10 + moved, passed)).toEqual([10, 10 + moved]))
  it.each([[-5, 1], [0, 1], [5, 1], [300, 60]])('was moved by %i seconds in %i', (moved, passed) => expect(playedBetween(10, 10 + moved, passed)).toBeUndefined())
})
