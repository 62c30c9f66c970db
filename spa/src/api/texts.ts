import { Broken } from './errors'

/** A text of the school's, in Markdown, from beside the configuration. Throws Broken. */
export async function loadText(name: string, signal?: AbortSignal): Promise<string> {
  let answer: Response
  try {
    answer = await fetch(`/texts/${name}.md`, { cache: 'no-store', signal })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new Broken(navigator.onLine ? 'unreachable' : 'offline')
  }
  if (!answer.ok) throw new Broken('fault')
  return answer.text()
}
