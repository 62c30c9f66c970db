import { vi } from 'vitest'

/** Polyv's player as unit tests know it: it does nothing by itself; a test moves it and has it tell. */
export function fakePolyv() {
  const players: FakePlayer[] = []
  window.polyvPlayer = (options) => {
    const player = makePlayer(options)
    players.push(player)
    return player as unknown as ReturnType<NonNullable<typeof window.polyvPlayer>>
  }
  return { players, last: () => players.at(-1)! }
}

type FakePlayer = ReturnType<typeof makePlayer>

function makePlayer(options: Record<string, unknown>) {
  const heard: Record<string, ((...facts: unknown[]) => void)[]> = {}
  const player = {
    options,
    at: 0,
    length: 600,
    isDestroyed: false,
    tell: (event: string, ...facts: unknown[]) => heard[event]?.forEach((listener) => listener(...facts)),
    on: (event: string, listener: (...facts: unknown[]) => void) => void (heard[event] ??= []).push(listener),
    j2s_getCurrentTime: () => player.at,
    j2s_getDuration: () => player.length,
    j2s_pauseVideo: vi.fn(),
    j2s_resumeVideo: vi.fn(),
    j2s_seekVideo: vi.fn((second: number) => {
      player.at = second
      player.tell('s2j_onVideoSeek')
    }),
    j2s_setVolume: vi.fn(),
    toggleFullscreen: vi.fn(),
    destroy: vi.fn(() => (player.isDestroyed = true)),
    /** Ask the page for a play token, as the vendor's player does. */
    token: () => new Promise<string>((next) => (options.playsafe as (vid: string, next: (token: string) => void) => void)('v', next)),
    begin: () => {
      player.tell('s2j_onPlayerInitOver')
      player.tell('s2j_onPlayStart')
      player.tell('s2j_onVideoPlay')
    },
    pause: () => player.tell('s2j_onVideoPause'),
  }
  return player
}
