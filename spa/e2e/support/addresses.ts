/** The addresses that `make front-e2e` tells: tests/browser/shop.py says what they are. */
export function address(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is missing: start the tests with \`make front-e2e\``)
  return value
}
