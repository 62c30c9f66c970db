// Geetest v4: initGeetest4({captchaId, product, ...}, function (captchaObj) {...}).
// When Geetest cannot be reached, config.offlineCb is called if there is one, else a puzzle of the page's own is
// shown; what that one gives cannot be verified by anybody. `apiServers` names another host for the library.

class V4Source {
  constructor(server, config) {
    this.server = server;
    this.config = config;
    this.timeout = config.timeout || 30000;
  }

  async load() {
    const fields = { captcha_id: this.config.captchaId, referer: location.origin + location.pathname };
    this.offline = null;
    try {
      const picture = await ask(this.server, `/load?${new URLSearchParams(fields)}`, undefined, this.timeout);
      this.lot = picture.lot_number;
      return picture;
    } catch (trouble) {
      if (trouble.code !== 'network') throw trouble;
      if (typeof this.config.offlineCb === 'function') {
        this.config.offlineCb();
        throw trouble;
      }
      this.offline = new LocalPuzzle();
      return this.offline.load();
    }
  }

  async check(left) {
    if (this.offline) return await this.offline.check(left) && this.invented();
    const fields = { captcha_id: this.config.captchaId, lot_number: this.lot, left: left.toFixed(2) };
    return (await ask(this.server, '/verify', fields, this.timeout)).seccode || null;
  }

  invented() {
    return {
      captcha_id: this.config.captchaId,
      lot_number: randomHex(32),
      pass_token: randomHex(64),
      gen_time: String(Math.floor(Date.now() / 1000)),
      captcha_output: randomHex(64),
    };
  }
}

window.initGeetest4 = function (config, callback) {
  if (!config.captchaId) throw new Error('initGeetest4: captchaId is required');
  const server = config.apiServers ? `${config.protocol || `${location.protocol}//`}${config.apiServers[0]}` : HOME;
  const names = ['captcha_id', 'lot_number', 'pass_token', 'gen_time', 'captcha_output'];
  const fields = (proof) => Object.fromEntries(names.map((name) => [name, proof ? proof[name] : '']));
  const width = config.nativeButton && config.nativeButton.width || config.btnWidth || '260px';
  const settings = { product: 'float', width, ...config };
  const object = captcha(settings, new V4Source(server, config), fields);
  if (typeof config.onError === 'function') object.onError(config.onError);
  setTimeout(() => callback(object));
};
