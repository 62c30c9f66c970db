// The page: where the API is, who is signed in, the walk, the reference.

import { change, learnFrom, shop, subscribe, takesProof, withProof } from './shop.js';
import { startSlider } from './slider.js';
import { showWalk } from './steps.js';

const byId = (id) => document.getElementById(id);

const settings = await (await fetch('settings.json')).json();
const description = await (await fetch('openapi.json')).json();
change({ api: settings.api, captchaScript: settings.captcha_script });
byId('api-address').textContent = shop.api;

// --- the two panels ------------------------------------------------------------------------------------------

const panels = ['slider', 'token'].map((name) => ({ button: byId(`${name}-button`), panel: byId(name) }));

function show(wanted) {
  for (const { button, panel } of panels) {
    panel.hidden = panel !== wanted || !panel.hidden;
    button.setAttribute('aria-expanded', String(!panel.hidden));
  }
  if (wanted === byId('slider') && !wanted.hidden && !shop.proof && !byId('slider-widget').hasChildNodes()) startSlider();
}

for (const { button, panel } of panels) button.onclick = () => show(panel);
document.addEventListener('keydown', (event) => event.key === 'Escape' && show(null));
document.addEventListener('slider-wanted', () => {
  if (byId('slider').hidden) show(byId('slider'));
  byId('slider').scrollIntoView({ block: 'nearest' });
});

// A used slider is of no use to anybody: its widget goes, the next one is asked for when it is wanted.
let solved = false;
subscribe(() => {
  if (solved && !shop.proof) {
    byId('slider-widget').replaceChildren();
    byId('slider').hidden = true;
    byId('slider-button').setAttribute('aria-expanded', 'false');
  }
  if (!solved && shop.proof) setTimeout(() => shop.proof && !byId('slider').hidden && show(byId('slider')), 1200);
  solved = Boolean(shop.proof);
  byId('slider-button').textContent = shop.captchaScript ? (shop.proof ? 'Slider: solved' : 'Slider: not solved') : 'Slider: off';
  byId('slider-button').classList.toggle('good', Boolean(shop.proof));
  byId('token-button').textContent = shop.token ? shop.user || 'Signed in' : 'Not signed in';
  byId('token-button').classList.toggle('good', Boolean(shop.token));
  if (document.activeElement !== byId('token-value')) byId('token-value').value = shop.token;
});
byId('token-value').oninput = () => change({ token: byId('token-value').value.trim(), user: '' });
byId('token-forget').onclick = () => change({ token: '', user: '' });

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
      if (shop.token && shop.token !== told) ui.preauthorizeApiKey('token', shop.token);
      if (!shop.token && told) ui.authActions.logout(['token']);
      told = shop.token;
    };
    subscribe(authorize);
    authorize();
  },
});

// Swagger UI tells a response's address, not its method; a path that gives a token or takes a proof is a POST.
function methodOf(response) {
  return takesProof('POST', pathOf(response.url)) ? 'POST' : '';
}

showWalk();
change({});
