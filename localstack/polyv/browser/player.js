// polyvPlayer(...) as Polyv's own player.js offers it: the same options, methods and events, as far as a shop uses them.
// It plays one clip for every video. What it asks of the simulator (/play, /clip.webm) is our own.
(() => {
  const script = document.currentScript
  const home = new URL('.', script.src)
  const SPEEDS = [2, 1.5, 1.2, 0.5]
  const ASK_AGAIN_BEFORE = 20 // seconds before a token runs out

  const element = (name, style, parent, text = '') => {
    const made = document.createElement(name)
    Object.assign(made.style, style)
    made.textContent = text
    parent.append(made)
    return made
  }

  const size = (value, otherwise) =>
    value === undefined || value === '' ? otherwise : /^[0-9]+$/.test(`${value}`) ? `${value}px` : `${value}`

  const clock = (seconds) =>
    `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`

  class Player {
    constructor(options) {
      const wrap = typeof options.wrap === 'string' ? document.querySelector(options.wrap) : options.wrap
      if (!wrap) throw new Error('polyvPlayer: there is no wrap')
      this.wrap = wrap
      this.listeners = {}
      this.isSupportHTML5 = true
      this.HTML5 = {
        play: () => this.j2s_resumeVideo(),
        pause: () => this.j2s_pauseVideo(),
        on: (name, listener) => this.on(`HTML5.${name}`, listener),
      }
      this.build(options)
      this.changeVid(options)
    }

    // What it consists of

    build({ width, height, speed, volume }) {
      this.box = element('div', {
        position: 'relative', width: size(width, '100%'), height: size(height, 'auto'), background: '#000', color: '#fff',
        overflow: 'hidden', font: '14px/1.5 sans-serif', aspectRatio: height === undefined ? '16 / 9' : '',
      }, this.wrap)
      this.box.className = 'pv-player'
      this.video = element('video', { width: '100%', height: '100%', display: 'block' }, this.box)
      this.video.playsInline = true
      this.video.volume = volume ?? 0.75
      this.video.addEventListener('click', () => (this.video.paused ? this.j2s_resumeVideo() : this.j2s_pauseVideo()))
      this.mark = element('div', {
        position: 'absolute', display: 'none', pointerEvents: 'none', whiteSpace: 'nowrap', zIndex: 1,
      }, this.box)
      this.mark.className = 'pv-marquee'
      this.message = element('div', {
        position: 'absolute', inset: 0, display: 'none', placeContent: 'center', textAlign: 'center', background: '#000c',
        padding: '1em', zIndex: 2,
      }, this.box)
      this.message.setAttribute('role', 'alert')
      this.skin(speed)
      this.video.addEventListener('play', () => this.tell('s2j_onVideoPlay'))
      this.video.addEventListener('pause', () => this.tell('s2j_onVideoPause'))
      this.video.addEventListener('playing', () => this.started())
      this.video.addEventListener('ended', () => this.tell('s2j_onPlayOver'))
      this.video.addEventListener('timeupdate', () => this.tick())
      this.video.addEventListener('ratechange', () => this.rateChanged())
    }

    skin(speed) {
      const bar = element('div', {
        position: 'absolute', left: 0, right: 0, bottom: 0, display: 'flex', flexWrap: 'wrap', gap: '4px 8px', alignItems: 'center',
        padding: '6px 10px', background: 'linear-gradient(transparent, #000b)', zIndex: 1,
      }, this.box)
      const look = { background: 'transparent', color: 'inherit', border: '1px solid #fff8', borderRadius: '4px', font: 'inherit', minHeight: '32px' }
      this.button = element('button', { ...look, minWidth: '4em' }, bar, '播放')
      this.button.type = 'button'
      this.button.onclick = () => (this.video.paused ? this.j2s_resumeVideo() : this.j2s_pauseVideo())
      this.slider = element('input', { flex: '1 0 140px', height: '32px' }, bar)
      Object.assign(this.slider, { type: 'range', min: 0, max: 0, step: 0.1, value: 0 })
      this.slider.setAttribute('aria-label', '播放进度')
      this.slider.oninput = () => this.j2s_seekVideo(Number(this.slider.value))
      this.time = element('span', { fontVariantNumeric: 'tabular-nums' }, bar)
      if (speed !== false) {
        const rates = [...new Set([1, ...(Array.isArray(speed) ? speed.slice(0, 6) : SPEEDS)])]
        const choice = element('select', { ...look, background: '#000' }, bar)
        choice.setAttribute('aria-label', '倍速')
        for (const rate of rates.filter((one) => one > 0 && one <= 3).sort((a, b) => b - a)) {
          element('option', {}, choice, `${rate}x`).value = `${rate}`
        }
        choice.value = '1'
        choice.onchange = () => (this.video.playbackRate = Number(choice.value))
        this.choice = choice
      }
      const full = element('button', look, bar, '全屏')
      full.type = 'button'
      full.onclick = () => this.toggleFullscreen()
      this.onFullscreen = () =>
        this.tell(document.fullscreenElement === this.box ? 's2j_onFullScreen' : 's2j_onNormalScreen')
      document.addEventListener('fullscreenchange', this.onFullscreen)
    }

    // Tokens: without one there is no picture, and none after it has run out

    /** Play another video, or this one anew. */
    changeVid(options) {
      this.options = { ...this.options, ...(typeof options === 'string' ? { vid: options } : options) }
      this.stopTimers()
      this.hasStarted = false
      this.played = 0
      this.isStopped = false
      this.round = (this.round ?? 0) + 1
      this.say('')
      this.video.removeAttribute('src')
      this.askMarquee(this.round)
      this.renew(this.round, true)
    }

    token() {
      const { playsafe, vid } = this.options
      if (typeof playsafe !== 'function') return Promise.resolve(playsafe)
      return new Promise((next) => playsafe(vid, next))
    }

    async renew(round, isFirst) {
      const { vid } = this.options
      const token = await this.token()
      if (round !== this.round) return
      let told
      try {
        const answer = await fetch(new URL(`play?${new URLSearchParams({ vid, token: token ?? '' })}`, home))
        told = await answer.json()
      } catch {
        if (isFirst && round === this.round) this.fail('network', '视频加载失败，请稍后再试')
        return
      }
      if (round !== this.round) return
      if (told.status !== 'success') {
        // An old token may still be good: the picture ends when that has run out.
        if (isFirst) this.fail(told.status, told.message)
        return
      }
      clearTimeout(this.ending)
      clearTimeout(this.renewing)
      this.ending = setTimeout(() => this.fail('token_expired', '播放授权已失效'), told.seconds * 1000)
      const wait = Math.max(told.seconds - ASK_AGAIN_BEFORE, told.seconds / 2)
      if (typeof this.options.playsafe === 'function') {
        this.renewing = setTimeout(() => this.renew(round, false), wait * 1000)
      }
      if (isFirst) await this.load(round, token)
    }

    async load(round, token) {
      const answer = await fetch(new URL(`clip.webm?${new URLSearchParams({ vid: this.options.vid, token })}`, home))
      if (round !== this.round) return
      if (!answer.ok) return this.fail('token_expired', '播放授权已失效')
      const clip = await answer.blob()
      if (round !== this.round) return
      if (this.source) URL.revokeObjectURL(this.source)
      this.source = URL.createObjectURL(clip)
      this.video.src = this.source
      this.video.loop = this.options.loop === true
      this.video.addEventListener('loadedmetadata', () => {
        if (round !== this.round) return
        const start = Number(this.options.watchStartTime) || 0
        if (start > 0 && start < this.video.duration) this.video.currentTime = start
        this.slider.max = this.video.duration
        this.tick()
        this.tell('s2j_onPlayerInitOver', this.options.vid)
        this.tell('s2j_onReadyPlay')
        if (this.options.autoplay === true || this.options.autoplay === 'true') this.j2s_resumeVideo()
      }, { once: true })
    }

    fail(reason, text) {
      this.stopTimers()
      this.isStopped = true
      this.video.pause()
      this.video.removeAttribute('src')
      this.video.load()
      this.mark.style.display = 'none'
      this.say(text)
      this.tell('s2j_onPlayerError', reason, text)
    }

    say(text) {
      this.message.textContent = text
      this.message.style.display = text ? 'grid' : 'none'
    }

    stopTimers() {
      for (const timer of [this.ending, this.renewing, this.moving]) clearTimeout(timer)
    }

    // The marquee: whoever is no viewer of the shop's is not shown the picture

    async askMarquee(round) {
      const { vid, code = '' } = this.options
      const t = `${Date.now()}${Math.floor(Math.random() * 1e5)}`
      try {
        const asked = await fetch(new URL(`marquee?${new URLSearchParams({ vid, code, t })}`, home))
        const { url } = await asked.json()
        if (!url) return
        const answer = await fetch(url)
        const shown = await answer.json()
        const checked = await fetch(new URL('marquee', home), {
          method: 'POST', body: new URLSearchParams({ vid, code, t, answer: JSON.stringify(shown) }),
        })
        const { status } = await checked.json()
        if (round !== this.round) return
        if (status !== 'success') return this.fail('marquee', shown.msg || '播放授权验证失败')
        this.showMarquee(shown)
      } catch {
        if (round === this.round) this.fail('marquee', '播放授权验证失败')
      }
    }

    showMarquee({ username, fontSize, fontColor, alpha, lifeTime, interval, show }) {
      if (show !== 'on') return
      Object.assign(this.mark.style, {
        color: fontColor.replace('0x', '#'), fontSize: `${fontSize}px`, opacity: alpha, textShadow: '0 0 2px #000',
      })
      this.mark.textContent = username
      const blink = (isOn) => {
        this.mark.style.display = isOn ? 'block' : 'none'
        this.mark.style.left = `${Math.random() * Math.max(0, this.box.clientWidth - this.mark.offsetWidth)}px`
        this.mark.style.top = `${5 + Math.random() * 70}%`
        this.moving = setTimeout(() => blink(!isOn), 1000 * Number(isOn ? lifeTime : interval - lifeTime))
      }
      blink(true)
    }

    // What the page hears

    on(name, listener) {
      ;(this.listeners[name] ??= []).push(listener)
      return this
    }

    off(name, listener) {
      this.listeners[name] = (this.listeners[name] ?? []).filter((one) => one !== listener)
      return this
    }

    tell(name, ...facts) {
      if (this.isDestroyed) return
      this.button.textContent = this.video.paused ? '播放' : '暂停'
      for (const listener of this.listeners[name] ?? []) listener(...facts)
      if (typeof window[name] === 'function') window[name](...facts)
    }

    started() {
      if (this.hasStarted) return
      this.hasStarted = true
      this.tell('s2j_onPlayStart')
    }

    tick() {
      const now = this.video.currentTime
      const step = now - (this.last ?? now)
      if (!this.video.paused && step > 0 && step < 2) this.played += step / this.video.playbackRate
      this.last = now
      this.slider.value = now
      this.time.textContent = `${clock(now)} / ${clock(this.j2s_getDuration())}`
    }

    rateChanged() {
      const rate = this.video.playbackRate
      if (this.choice) this.choice.value = `${rate}`
      this.tell('HTML5.changeRate', rate, rate)
    }

    // What the page calls

    j2s_getCurrentTime() {
      return this.video.currentTime
    }

    j2s_getDuration() {
      return Number.isFinite(this.video.duration) ? this.video.duration : 0
    }

    j2s_realPlayVideoTime() {
      return Math.round(this.played)
    }

    j2s_pauseVideo() {
      this.video.pause()
    }

    j2s_resumeVideo() {
      if (!this.isStopped) this.video.play().catch(() => undefined) // a browser may want a click first
    }

    j2s_stopVideo() {
      this.video.pause()
      this.j2s_seekVideo(this.j2s_getDuration())
    }

    j2s_seekVideo(second) {
      const before = this.video.currentTime
      this.video.currentTime = Math.min(Math.max(0, second), this.j2s_getDuration())
      this.tell('s2j_onVideoSeek', before, this.video.currentTime)
    }

    toggleFullscreen() {
      if (document.fullscreenElement) document.exitFullscreen()
      else this.box.requestFullscreen()
    }

    j2s_setVolume(rate) {
      this.video.volume = Math.min(1, Math.max(0, rate))
    }

    destroy() {
      this.round += 1
      this.stopTimers()
      this.isDestroyed = true
      this.video.pause()
      this.video.removeAttribute('src')
      if (this.source) URL.revokeObjectURL(this.source)
      document.removeEventListener('fullscreenchange', this.onFullscreen)
      this.box.remove()
    }
  }

  window.polyvPlayer = (options) => new Player(options)
})()
