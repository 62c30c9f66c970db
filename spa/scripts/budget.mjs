// Fails when the first page ships more than its budget: the entry and the home page with all they import, as the
// build's manifest says, in kB (1000 bytes) of gzip. `/` needs them before it can show anything.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const BUDGET = { js: 110, css: 20 }
const dist = fileURLToPath(new URL('../dist', import.meta.url))
const manifest = JSON.parse(readFileSync(join(dist, '.vite/manifest.json'), 'utf8'))

const files = new Set()
const seen = new Set()
function collect(key) {
  if (seen.has(key)) return
  seen.add(key)
  const chunk = manifest[key]
  files.add(chunk.file)
  for (const css of chunk.css ?? []) files.add(css)
  for (const imported of chunk.imports ?? []) collect(imported)
}
collect('index.html')
if (manifest['src/pages/Home.vue']) collect('src/pages/Home.vue')

const kilobytes = { js: 0, css: 0 }
for (const file of files) {
  const kind = file.endsWith('.css') ? 'css' : 'js'
  kilobytes[kind] += gzipSync(readFileSync(join(dist, file)), { level: 9 }).length / 1000
}
let failed = false
for (const [kind, limit] of Object.entries(BUDGET)) {
  const size = kilobytes[kind]
  failed ||= size > limit
  console.warn(`first page, ${kind}: ${size.toFixed(1)} kB of ${limit} kB${size > limit ? ' - TOO MUCH' : ''}`)
}
process.exit(failed ? 1 : 0)
