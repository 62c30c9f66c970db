// Writes src/api/schema.ts from the API's description; with --check, fails when the file is stale.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const front = fileURLToPath(new URL('..', import.meta.url))
const options = ['--root-types', '--root-types-no-schema-prefix', '--enum', '--conditional-enums', ...process.argv.slice(2)]
try {
  execFileSync('npx', ['openapi-typescript', '../openapi.json', '-o', 'src/api/schema.ts', ...options], {
    cwd: front,
    stdio: 'inherit',
  })
} catch {
  console.error('src/api/schema.ts does not follow from openapi.json: run `npm run types` in spa/, and mend what no longer compiles.')
  process.exit(1)
}
