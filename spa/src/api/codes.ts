/** The codes of the API's refusals by name, generated from its own table. Pages show a refusal's text and act on its name
 * only where they do something else than showing it.
 */
export { RefusalCode } from './schema'
