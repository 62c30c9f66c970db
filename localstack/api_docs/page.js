// The page: where the API is, who is signed in, the walk, the reference.

import { showPeople } from './people.js';
import { change, learnFrom, shop, subscribe, takesProof, withProof } from './shop.js';
import { showSlider } from './slider.js';
import { showWalk } from './steps.js';

const byId = (id) => document.getElementById(id);

const settings = await (await fetch('settings.json')).json();
const description = await (await fetch('openapi.json')).json();
change({ api: settings.api, captchaScript: settings.captcha_script });
byId('api-address').textContent = shop.api;

// --- the reference -------------------------------------------------------------------------------------------

description.servers = [{ url: shop.api }];

const pathOf = (url) => new URL(url).pathname;

const ui = window.SwaggerUIBundle({
  spec: description,
  dom_id: '#swagger',
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: -1,
  tryItOutEnabled: true,
  validatorUrl: null,
  requestInterceptor: (request) => {
    if (request.body && takesProof(request.method, pathOf(request.url))) {
      try {
        request.body = JSON.stringify(withProof(JSON.parse(request.body)));
      } catch { /* sent as it was written */ }
    }
    return request;
  },
  responseInterceptor: (response) => {
    try {
      learnFrom(methodOf(response), pathOf(response.url), JSON.parse(response.text));
    } catch { /* no JSON: nothing to learn */ }
    return response;
  },
  onComplete: () => {
    let told = '';
    const authorize = () => {
      const token = shop.session ? shop.session.token : '';
      if (token && token !== told) ui.preauthorizeApiKey('token', token);
      if (!token && told) ui.authActions.logout(['token']);
      told = token;
    };
    subscribe(authorize);
    authorize();
    nameControls();
  },
});

// Swagger UI tells a response's address, not its method; a path that gives a token or takes a proof is a POST.
function methodOf(response) {
  return takesProof('POST', pathOf(response.url)) ? 'POST' : '';
}

// What Swagger UI leaves without a name for a screen reader; and its second `main` on this page.
function nameControls() {
  const name = () => {
    document.querySelector('#swagger [role="main"]')?.removeAttribute('role');
    document.querySelector('#swagger .servers select')?.setAttribute('aria-label', 'Server');
    for (const select of document.querySelectorAll('#swagger .content-type')) select.setAttribute('aria-label', 'Media type');
    for (const select of document.querySelectorAll('#swagger .examples-select-element')) select.setAttribute('aria-label', 'Example');
  };
  new MutationObserver(name).observe(byId('swagger'), { childList: true, subtree: true });
  name();
}

// The reference takes the slider's values too: it is solved here, where it covers nothing.
const referenceSlider = byId('reference-slider');
if (shop.captchaScript) {
  const wanting = Object.assign(document.createElement('button'), { type: 'button', textContent: '为下一个请求完成滑动验证' });
  wanting.onclick = () => showSlider(referenceSlider);
  referenceSlider.append(wanting);
}

showWalk();
change({});
await showPeople({ users: settings.demo_users, password: settings.demo_password });
