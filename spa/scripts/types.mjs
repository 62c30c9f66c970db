// Writes src/api/schema.ts (types) and src/api/codes.ts (the refusals' codes by name) from the API's description; with
// --check, fails when they are stale.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const isCheck = process.argv.includes('--check')
const front = fileURLToPath(new URL('..', import.meta.url))
const codesFile = `${front}/src/api/codes.ts`

function codesText() {
  const { RefusalCode } = JSON.parse(readFileSync(`${front}/../openapi.json`, 'utf8')).components.schemas
  const lines = RefusalCode.enum.map((code, i) => `  ${RefusalCode['x-enum-varnames'][i]}: ${code},`)
  return [
    '// Written by `npm run types` from the API’s description.',
    '/** The codes of the API’s refusals, by name. Pages show a refusal’s text; they act on its name where they do more. */',
    'export const RefusalCode = {',
    ...lines,
    '} as const',
    '',
  ].join('\n')
}

function writeSchema() {
  const options = ['--root-types', '--root-types-no-schema-prefix', ...(isCheck ? ['--check'] : [])]
  execFileSync('npx', ['openapi-typescript', '../openapi.json', '-o', 'src/api/schema.ts', ...options], { cwd: front, stdio: 'inherit' })
}

try {
  writeSchema()
  if (!isCheck) writeFileSync(codesFile, codesText())
  else if (readFileSync(codesFile, 'utf8') !== codesText()) throw new Error('codes')
} catch {
  console.error('src/api/ does not follow from openapi.json: run `npm run types` in spa/, and mend what no longer compiles.')
  process.exit(1)
}
