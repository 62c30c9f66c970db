/** Amounts come from the API in yuan with at most two decimals; sums are made in fen, where they are exact. */
export const toFen = (yuan: number): number => Math.round(yuan * 100)
export const toYuan = (fen: number): number => fen / 100
/** The exact sum of amounts in yuan. */
export const sumYuan = (amounts: number[]): number => toYuan(amounts.reduce((sum, yuan) => sum + toFen(yuan), 0))
/** `¥69.00`; `−¥20.00` for a negative amount, with a true minus sign. */
export function yuanText(yuan: number): string {
  const fen = toFen(yuan)
  return `${fen < 0 ? '−' : ''}¥${(Math.abs(fen) / 100).toFixed(2)}`
}
/** How many yuan `beli` 贝里 are worth: ten are one yuan. */
export const beliYuan = (beli: number): number => beli / 10
