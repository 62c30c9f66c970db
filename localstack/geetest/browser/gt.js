// Geetest v3: initGeetest({gt, challenge, offline, new_captcha, product, width, ...}, function (captchaObj) {...}).
// With `api_server` (host and port, no protocol) the library may be served from anywhere.

class V3Source {
  constructor(server, config) {
    this.server = server;
    this.config = config;
    this.timeout = config.timeout || 30000;
  }

  async load() {
    const { gt, challenge } = this.config;
    const picture = await ask(this.server, `/get.php?${new URLSearchParams({ gt, challenge })}`, undefined, this.timeout);
    this.challenge = picture.challenge;
    return picture;
  }

  async check(left) {
    const fields = { gt: this.config.gt, challenge: this.challenge, left: left.toFixed(2) };
    const { validate } = await ask(this.server, '/ajax.php', fields, this.timeout);
    return validate ? { challenge: this.challenge, validate } : null;
  }
}

window.initGeetest = function (config, callback) {
  if (!config.gt || !config.challenge) throw new Error('initGeetest: gt and challenge are required');
  const server = config.api_server ? `${location.protocol}//${config.api_server}` : HOME;
  const source = config.offline ? new LocalPuzzle() : new V3Source(server, config);
  const fields = (proof) => ({
    // Without Geetest the challenge goes back as it came.
    geetest_challenge: proof ? proof.challenge || config.challenge : '',
    geetest_validate: proof ? proof.validate : '',
    geetest_seccode: proof ? `${proof.validate}|jordan` : '',
  });
  setTimeout(() => callback(captcha({ width: '300px', ...config }, source, fields)));
};
