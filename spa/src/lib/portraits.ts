/** The pictures that learners choose from: `public/images/heads/`. */
export const PORTRAITS = [
  { name: 'bamboo', text: '竹' },
  { name: 'camellia', text: '山茶' },
  { name: 'ginkgo', text: '银杏' },
  { name: 'lotus', text: '荷' },
  { name: 'maple', text: '枫' },
  { name: 'orchid', text: '兰' },
  { name: 'peach', text: '桃' },
  { name: 'pine', text: '松' },
  { name: 'plum', text: '梅' },
  { name: 'reed', text: '苇' },
  { name: 'tea', text: '茶' },
  { name: 'willow', text: '柳' },
].map(({ name, text }) => ({ text, path: `images/heads/${name}.svg` }))

/** Which of them a picture's address is: its path, empty for the usual picture, undefined for one from elsewhere. */
export function portraitOf(address: string): string | undefined {
  if (!address || address.endsWith('/images/head.svg')) return ''
  return PORTRAITS.find(({ path }) => address.endsWith(`/${path}`))?.path
}
