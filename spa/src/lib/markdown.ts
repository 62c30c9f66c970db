/** A school's texts: headings, paragraphs, lists, notes (`> `), **strong** and [links](https://...). Shown as text, never as HTML. */
export type Inline = { kind: 'text' | 'strong'; text: string } | { kind: 'link'; text: string; href: string }
export type Block = { kind: 'h1' | 'h2' | 'h3' | 'p' | 'note'; inlines: Inline[] } | { kind: 'ul' | 'ol'; items: Inline[][] }

const INLINE = /\*\*(.+?)\*\*|\[([^\]]+)\]\(((?:https?:\/\/|mailto:|tel:|\/)[^\s)]*)\)/g

function inlinesOf(text: string): Inline[] {
  const inlines: Inline[] = []
  let end = 0
  for (const match of text.matchAll(INLINE)) {
    if (match.index > end) inlines.push({ kind: 'text', text: text.slice(end, match.index) })
    const [all, strong, label, href] = match
    if (strong !== undefined) inlines.push({ kind: 'strong', text: strong })
    else if (label !== undefined && href !== undefined) inlines.push({ kind: 'link', text: label, href })
    end = match.index + all.length
  }
  if (end < text.length) inlines.push({ kind: 'text', text: text.slice(end) })
  return inlines
}

/** The blocks of a text, one blank line between paragraphs. */
export function parseMarkdown(text: string): Block[] {
  const blocks: Block[] = []
  let paragraph: string[] = []
  let kind: 'p' | 'note' = 'p'
  const endParagraph = () => {
    if (paragraph.length) blocks.push({ kind, inlines: inlinesOf(paragraph.join('')) })
    paragraph = []
  }
  const goOn = (its: 'p' | 'note', line: string) => {
    if (its !== kind) endParagraph()
    kind = its
    if (line) paragraph.push(line)
    else endParagraph()
  }
  for (const line of text.split(/\r?\n/)) {
    const heading = /^(#{1,3})\s+(.*)$/.exec(line)
    const note = /^>\s?(.*)$/.exec(line)
    const item = /^\s*(?:([-*])|\d+[.、])\s+(.*)$/.exec(line)
    if (heading) {
      endParagraph()
      blocks.push({ kind: `h${heading[1]?.length}` as 'h1' | 'h2' | 'h3', inlines: inlinesOf(heading[2] ?? '') })
    } else if (item) {
      endParagraph()
      const list = item[1] ? 'ul' : 'ol'
      const last = blocks.at(-1)
      if (last && last.kind === list) last.items.push(inlinesOf(item[2] ?? ''))
      else blocks.push({ kind: list, items: [inlinesOf(item[2] ?? '')] })
    } else if (note) goOn('note', (note[1] ?? '').trim())
    else goOn('p', line.trim())
  }
  endParagraph()
  return blocks
}

/** The words of a block or item, without what marks them. */
export const textOf = (inlines: Inline[]): string => inlines.map((inline) => inline.text).join('')
