import { loadScript } from '@/lib/script'
import { beginAt } from '@/lib/study'

/** The player of Polyv's script, as far as it is used: https://dev.polyv.net, 点播 Web 播放器, 属性和接口说明. Its methods
 * may be called after `s2j_onPlayerInitOver`.
 */
interface PolyvPlayer {
  on(event: string, listener: (...facts: unknown[]) => void): void
  j2s_getCurrentTime(): number | undefined
  j2s_getDuration(): number | undefined
  j2s_pauseVideo(): void
  j2s_resumeVideo(): void
  j2s_seekVideo(second: number): void
  /** From 0 to 1. */
  j2s_setVolume(volume: number): void
  toggleFullscreen(): void
  destroy(): void
}

declare global {
  interface Window {
    polyvPlayer?: (options: Record<string, unknown>) => PolyvPlayer
  }
}

/** What the API gives a player of one video. */
export interface Signed {
  vid: string
  ts: string
  sign: string
  code: string
}

/** What a player tells. `failed`: it cannot go on. */
export interface Heard {
  ready(): void
  played(): void
  paused(): void
  /** Somebody moved it to another second. */
  moved(): void
  over(): void
  failed(): void
  /** From 0 to 1. */
  volume(is: number): void
}

export interface Player {
  /** Seconds; 0 while they are not known. */
  position(): number
  duration(): number
  play(): void
  pause(): void
  seek(second: number): void
  /** From 0 to 1. */
  setVolume(volume: number): void
  toggleFullscreen(): void
  destroy(): void
}

/** Offered besides the usual speed; more than twice of it is not counted. */
const SPEEDS = [2, 1.5, 1.25, 0.75]

/** Load what opens players, once for all pages. Rejects when it does not come. */
export async function loadPolyv(address: string): Promise<void> {
  await loadScript(address)
  if (!window.polyvPlayer) throw new Error(`no player: ${address}`)
}

/** Open Polyv's player in `wrap` at `from` seconds, after `loadPolyv`; it plays by itself where the browser lets it.
 * `token` is asked for a play token whenever the player wants one.
 */
export function openPolyv(wrap: HTMLElement, signed: Signed, from: number, token: () => Promise<string | undefined>, heard: Heard): Player {
  const vendor = window.polyvPlayer!({
    ...signed,
    wrap,
    width: '100%',
    height: '100%',
    autoplay: true,
    speed: SPEEDS,
    ban_history_time: 'on', // the school knows where one stopped, on any device
    hideSwitchPlayer: true,
    playsafe: (_vid: string, next: (token: string) => void) => void token().then((found) => found && next(found)),
  })
  const position = () => vendor.j2s_getCurrentTime() || 0
  const goThere = () => {
    const there = beginAt(from, vendor.j2s_getDuration()) // the video may be shorter than the catalogue says
    if (there > 0 && position() < there - 1) vendor.j2s_seekVideo(there)
  }
  vendor.on('s2j_onPlayerInitOver', () => {
    goThere()
    heard.ready()
  })
  // Where the video was not there yet, it is now.
  vendor.on('s2j_onPlayStart', goThere)
  vendor.on('s2j_onVideoPlay', heard.played)
  vendor.on('s2j_onVideoPause', heard.paused)
  vendor.on('s2j_onVideoSeek', heard.moved)
  vendor.on('s2j_onPlayOver', heard.over)
  vendor.on('s2j_onPlayerError', heard.failed)
  vendor.on('serverError', heard.failed)
  vendor.on('s2j_volumeChange', (volume) => heard.volume(Number(volume)))
  return {
    position,
    duration: () => vendor.j2s_getDuration() || 0,
    play: () => vendor.j2s_resumeVideo(),
    pause: () => vendor.j2s_pauseVideo(),
    seek: (second) => vendor.j2s_seekVideo(second),
    setVolume: (volume) => vendor.j2s_setVolume(volume),
    toggleFullscreen: () => vendor.toggleFullscreen(),
    destroy: () => vendor.destroy(),
  }
}
