// After `vite build`: puts a `.br` and a `.gz` beside each text file that is worth it, for the server to choose from.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const dist = fileURLToPath(new URL('../dist', import.meta.url))
const WORTH_IT = /\.(js|css|html|svg)$/
const SMALLEST = 600

for (const name of readdirSync(dist, { recursive: true })) {
  const path = join(dist, String(name))
  if (!WORTH_IT.test(path) || statSync(path).size < SMALLEST) continue
  const plain = readFileSync(path)
  writeFileSync(`${path}.gz`, gzipSync(plain, { level: 9 }))
  writeFileSync(`${path}.br`, brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }))
}
