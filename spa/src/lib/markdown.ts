/** A school's texts: headings, paragraphs, lists, **strong** and [links](https://...). Shown as text, never as HTML. */
export type Inline = { kind: 'text' | 'strong'; text: string } | { kind: 'link'; text: string; href: string }
export type Block = { kind: 'h1' | 'h2' | 'h3' | 'p'; inlines: Inline[] } | { kind: 'ul' | 'ol'; items: Inline[][] }

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
  const endParagraph = () => {
    if (paragraph.length) blocks.push({ kind: 'p', inlines: inlinesOf(paragraph.join('')) })
    paragraph = []
  }
  for (const line of text.split(/\r?\n/)) {
    const heading = /^(#{1,3})\s+(.*)$/.exec(line)
    const item = /^\s*(?:([-*])|\d+[.、])\s+(.*)$/.exec(line)
    if (heading) {
      endParagraph()
      blocks.push({ kind: `h${heading[1]?.length}` as 'h1' | 'h2' | 'h3', inlines: inlinesOf(heading[2] ?? '') })
    } else if (item) {
      endParagraph()
      const kind = item[1] ? 'ul' : 'ol'
      const last = blocks.at(-1)
      if (last && last.kind === kind) last.items.push(inlinesOf(item[2] ?? ''))
      else blocks.push({ kind, items: [inlinesOf(item[2] ?? '')] })
    } else if (line.trim() === '') endParagraph()
    else paragraph.push(line.trim())
  }
  endParagraph()
  return blocks
}
