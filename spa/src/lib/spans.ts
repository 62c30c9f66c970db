/** From and to, in seconds of a video. */
export type Span = [from: number, to: number]

/** How many spans one report takes, as the API has it. */
const MOST_SPANS = 60

/** The same seconds in as few spans as they need, in order. */
export function joined(spans: Span[]): Span[] {
  const found: Span[] = []
  for (const [from, to] of [...spans].sort(([one], [other]) => one - other)) {
    const last = found.at(-1)
    if (last && from <= last[1]) last[1] = Math.max(last[1], to)
    else found.push([from, to])
  }
  return found
}

/** Spans in whole seconds, each rounded to the nearest, so that what touches still does; those of no length are left out. */
export const inWholeSeconds = (spans: Span[]): Span[] =>
  joined(spans.map(([from, to]): Span => [Math.round(from), Math.round(to)])).filter(([from, to]) => from < to)

/** What the next report takes, and what is left for those after it. */
export const batchOf = (spans: Span[]): { batch: Span[]; rest: Span[] } => ({ batch: spans.slice(0, MOST_SPANS), rest: spans.slice(MOST_SPANS) })

/** Players go at twice the speed at most; a little more, for a page that is slow to look. */
const MOST_SPEED = 2
const SLACK = 0.5

/** The span that was played between two looks at a player, `passed` seconds apart; undefined when it stood still, or was
 * moved by somebody.
 */
export function playedBetween(before: number, now: number, passed: number): Span | undefined {
  const moved = now - before
  return moved > 0 && moved <= passed * MOST_SPEED + SLACK ? [before, now] : undefined
}
