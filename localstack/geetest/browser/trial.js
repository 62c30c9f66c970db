// The page for people: both libraries used as a shop's page uses them. GEETEST_ID comes from the page.

async function json(path, value) {
  const reply = await fetch(path, { method: 'POST', body: JSON.stringify(value || {}) });
  return reply.json();
}

function trial(version, start) {
  const box = document.getElementById(version);
  const [slot, said, product, again, verify] =
    ['.slot', '.said', 'select', '.again', '.verify'].map((selector) => box.querySelector(selector));
  let captchaObj = null;

  const say = (text, kind) => { said.textContent = text; said.className = `said ${kind || ''}`; };

  async function begin() {
    if (captchaObj) captchaObj.destroy();
    captchaObj = null;
    say('');
    verify.hidden = product.value !== 'bind';
    const offline = await start(product.value, (object) => {
      captchaObj = object;
      object.appendTo(slot);
      object.onSuccess(async () => {
        const fields = object.getValidate();
        if (offline.now) return say('离线验证完成：没有服务器可以核对', 'wait');
        const { accepted, reason } = await json(`/try/${version}`, fields);
        if (accepted === null) say('滑动完成，但极验没有应答，无法核对', 'wait');
        else if (accepted) say('服务器二次验证：通过', 'good');
        else say(`服务器二次验证：拒绝（${reason}）`, 'bad');
        renew();
      });
      object.onError((error) => say(`出错：${error.msg}`, 'bad'));
      object.onClose(() => say('验证已关闭'));
    });
  }

  again.addEventListener('click', begin);
  product.addEventListener('change', begin);
  verify.addEventListener('click', () => captchaObj && (captchaObj.getValidate() ? captchaObj.reset() : captchaObj).verify());
  begin();
}

trial('v3', async (product, ready) => {
  const data = await json('/try/start');
  const { gt, challenge, success, new_captcha } = data;
  initGeetest({ gt, challenge, offline: !success, new_captcha, product, width: '100%' }, ready);
  return { now: !success };
});
trial('v4', async (product, ready) => {
  initGeetest4({ captchaId: GEETEST_ID, product, nativeButton: { width: '100%' } }, ready);
  return { now: false };
});

async function renew() {
  const page = await fetch('/').then((reply) => reply.text()).catch(() => '');
  const list = new DOMParser().parseFromString(page, 'text/html').getElementById('challenges');
  const shown = document.getElementById('challenges');
  if (list && list.innerHTML !== shown.innerHTML) shown.innerHTML = list.innerHTML;
}
setInterval(() => { if (!document.hidden) renew(); }, 3000);
