import { randomInt, randomUUID } from 'node:crypto'

/** Nobody else's, in any test. */
export const newNumber = () => `13${String(randomInt(1_000_000_000)).padStart(9, '0')}`
export const newAddress = () => `e2e-${randomUUID()}@example.com`
