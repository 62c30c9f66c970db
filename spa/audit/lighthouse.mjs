// What Lighthouse says of the pages where most visits begin, on a running shop (SHOP_URL): after a warm-up the median of
// RUNS runs each, as desktop and as mid-tier phone. Writes report/lighthouse.{json,md}; fails below the figures of FLOOR.
//
// Nothing else should run meanwhile: what other programs take of the processor counts as blocking time.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { launch } from 'chrome-launcher'
import lighthouse, { desktopConfig } from 'lighthouse'
import { computeMedianRun } from 'lighthouse/core/lib/median-run.js'

const RUNS = Number(process.env.AUDIT_RUNS ?? 5)
const FLOOR = { accessibility: 100, 'best-practices': 100, seo: 100, performance: { desktop: 95, mobile: 90 } }
// Lighthouse's table (docs/throttling.md): the slowdown to a mid-tier phone, 4 from a machine of 1500 on, 2 below.
const slowdownFor = (benchmarkIndex) => (benchmarkIndex >= 1500 ? 4 : 2)

const shop = process.env.SHOP_URL
if (!shop) throw new Error('SHOP_URL should name a running shop; `make audit` starts one')
const PAGES = { home: '/', courses: '/courses', course: `/course/${process.env.AUDIT_COURSE ?? 900001}` }
const SYSTEM_CHROMIUM = '/usr/bin/chromium'
const report = fileURLToPath(new URL('report', import.meta.url))

const chrome = await launch({
  chromePath: process.env.CHROME_PATH ?? (existsSync(SYSTEM_CHROMIUM) ? SYSTEM_CHROMIUM : undefined),
  chromeFlags: ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})

async function run(path, form, slowdown) {
  const settings = { port: chrome.port, output: 'json', logLevel: 'error', locale: 'zh' }
  const mobile = { extends: 'lighthouse:default', settings: { throttling: { rttMs: 150, throughputKbps: 1638.4, requestLatencyMs: 562.5, downloadThroughputKbps: 1474.56, uploadThroughputKbps: 675, cpuSlowdownMultiplier: slowdown } } }
  const result = await lighthouse(`${shop}${path}`, settings, form === 'desktop' ? desktopConfig : mobile)
  if (!result || result.lhr.runtimeError) throw new Error(`${path}: ${result?.lhr.runtimeError?.message ?? 'no result'}`)
  return result.lhr
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]
const rows = []
let failed = false
try {
  const warm = await run(PAGES.home, 'desktop', 1)
  const slowdown = slowdownFor(warm.environment.benchmarkIndex)
  for (const form of ['desktop', 'mobile']) {
    for (const [page, path] of Object.entries(PAGES)) {
      const lhrs = []
      for (let i = 0; i < RUNS; i += 1) {
        lhrs.push(await run(path, form, slowdown))
        console.warn(`${form} ${page} ${i + 1}/${RUNS}: performance ${Math.round(lhrs.at(-1).categories.performance.score * 100)}`)
      }
      const scores = Object.fromEntries(Object.keys(FLOOR).map((name) => [name, median(lhrs.map((lhr) => Math.round(lhr.categories[name].score * 100)))]))
      const middle = computeMedianRun(lhrs)
      const figures = Object.fromEntries(
        ['first-contentful-paint', 'largest-contentful-paint', 'total-blocking-time', 'speed-index', 'cumulative-layout-shift'].map((name) => [name, middle.audits[name].numericValue]),
      )
      const below = Object.entries(scores).filter(([name, score]) => score < (FLOOR[name][form] ?? FLOOR[name])).map(([name]) => name)
      const faults = Object.values(middle.audits).filter((audit) => audit.score !== null && audit.score < 1 && audit.scoreDisplayMode === 'binary').map((audit) => audit.id)
      failed ||= below.length > 0
      rows.push({ form, page, scores, figures, below, faults, benchmarkIndex: median(lhrs.map((lhr) => lhr.environment.benchmarkIndex)), slowdown: form === 'mobile' ? slowdown : 1 })
    }
  }
} finally {
  await chrome.kill()
}

mkdirSync(report, { recursive: true })
writeFileSync(`${report}/lighthouse.json`, JSON.stringify(rows, null, 2))
const table = [
  `Lighthouse ${(await import('lighthouse/package.json', { with: { type: 'json' } })).default.version}, median of ${RUNS} runs, ${execFileSync('date', ['-u', '+%Y-%m-%d']).toString().trim()}`,
  '',
  '| Profile | Page | Performance | Accessibility | Best practices | SEO | FCP, LCP, TBT, SI in ms, CLS | benchmarkIndex | CPU multiplier |',
  '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
  ...rows.map(({ form, page, scores, figures, benchmarkIndex, slowdown }) => {
    const shown = Object.entries(figures).map(([name, value]) => (name === 'cumulative-layout-shift' ? value.toFixed(3) : Math.round(value)))
    return `| ${form} | ${page} | ${scores.performance} | ${scores.accessibility} | ${scores['best-practices']} | ${scores.seo} | ${shown.join(', ')} | ${Math.round(benchmarkIndex)} | ${slowdown} |`
  }),
  '',
].join('\n')
writeFileSync(`${report}/lighthouse.md`, table)
console.warn(table)
for (const { form, page, below, faults } of rows) {
  if (below.length) console.error(`${form} ${page} is below its figures: ${below.join(', ')} (${faults.join(', ') || 'no single fault'})`)
}
process.exit(failed ? 1 : 0)
