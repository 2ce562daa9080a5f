// @ts-check
/** Signs a person in through the real OpenID Connect redirect, as a browser without JavaScript would. */
import { Jar } from './jar.mjs';

/** @param {string} text */
const unescapeHtml = (text) => text
  .replace(/&#x([0-9a-f]+);/gi, (_, hex) => String.fromCodePoint(parseInt(hex, 16)))
  .replace(/&#(\d+);/g, (_, dec) => String.fromCodePoint(Number(dec)))
  .replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&quot;/g, '"').replace(/&amp;/g, '&');

/** @param {string} tag @param {string} name */
function attribute(tag, name) {
  const match = new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`, 'i').exec(tag);
  return match ? unescapeHtml(match[1] ?? match[2] ?? match[3]) : undefined;
}

/** The first form of a page: where it goes and the fields it has. @param {string} html @param {string} base */
function parseForm(html, base) {
  const match = /<form\b[^>]*>([\s\S]*?)<\/form>/i.exec(html);
  if (!match) throw new Error(`no form at ${base}: ${html.slice(0, 300)}`);
  const fields = [...match[1].matchAll(/<input\b[^>]*>/gi)].map(([tag]) => ({
    name: attribute(tag, 'name'), type: attribute(tag, 'type') ?? 'text', value: attribute(tag, 'value') ?? '',
  })).filter((field) => field.name);
  return { action: new URL(attribute(match[0], 'action') ?? base, base), fields };
}

/** One person's way to the module. */
export class Session {
  /** @param {string} base the module's mount point with a slash at its end @param {Jar} [jar] */
  constructor(base, jar = new Jar()) {
    this.base = base;
    this.origin = new URL(base).origin;
    this.jar = jar;
  }

  /** @param {string} path below the mount point, or an absolute path of the server */
  url(path) {
    return path.startsWith('/') ? this.origin + path : this.base + path;
  }

  /** @param {string} path @param {import('./jar.mjs').Request} [options] */
  request(path, options = {}) {
    return this.jar.request(this.url(path), options);
  }

  /** A GET as the page's own script sends it. @param {string} path @param {import('./jar.mjs').Request} [options] */
  get(path, options = {}) {
    return this.request(path, {
      ...options,
      headers: {
        Accept: 'application/json', 'X-AMLaps-Request': '1', 'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Mode': 'cors',
        ...options.headers,
      },
    });
  }

  /**
   * A POST as the page's own script sends it.
   * @param {string} path
   * @param {any} [value] becomes the JSON body
   * @param {import('./jar.mjs').Request} [options] `body` replaces the JSON of `value`
   */
  post(path, value = {}, options = {}) {
    return this.request(path, {
      method: 'POST', body: JSON.stringify(value), ...options,
      headers: {
        Accept: 'application/json', 'Content-Type': 'application/json', 'X-AMLaps-Request': '1',
        'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Mode': 'cors', ...options.headers,
      },
    });
  }

  /** @param {string} tenant @param {string} deviceId @param {any} [body] @param {import('./jar.mjs').Request} [options] */
  password(tenant, deviceId, body, options) {
    return this.post(`api/v1/devices/${tenant}/${deviceId}/password`, body, options);
  }
}

/** Browsers ask for pages so; mod_auth_openidc redirects only these. */
export const NAVIGATION = { Accept: 'text/html,application/xhtml+xml', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' };

/**
 * @param {string} base mount point of the module, with a slash at its end
 * @param {{ username: string, password?: string }} person
 * @param {{ page?: string }} [options] page: where to begin, below the mount point
 * @returns {Promise<Session & { landed: import('./jar.mjs').Answer, asked: string }>} `asked`: the authorization request
 */
export async function signIn(base, person, { page = '' } = {}) {
  const session = new Session(base);
  const first = await session.request(page, { headers: NAVIGATION });
  if (first.status !== 302) throw new Error(`${session.url(page)} answered ${first.status} instead of a redirect: ${first.text.slice(0, 300)}`);
  let got = await session.jar.follow(first.headers.location, { headers: NAVIGATION });
  // At most a form for the user name, one for the password and one for consent.
  for (let forms = 0; new URL(got.url).origin !== session.origin && forms < 4; forms++) {
    const form = parseForm(got.text, got.url);
    const body = new URLSearchParams();
    for (const field of form.fields) {
      const value = field.type === 'password' ? person.password ?? 'demo'
        : /^(text|email)$/.test(field.type) ? person.username : field.value;
      body.append(String(field.name), value);
    }
    got = await session.jar.request(form.action, { method: 'POST', body, headers: NAVIGATION });
    if (got.status >= 300 && got.status < 400) {
      got = await session.jar.follow(new URL(got.headers.location, got.url), { headers: NAVIGATION });
    } else if (got.status >= 400) {
      break;
    }
  }
  if (new URL(got.url).origin !== session.origin) {
    throw new Error(`sign-in of ${person.username} ended at ${got.url} with ${got.status}: ${got.text.slice(0, 500)}`);
  }
  return Object.assign(session, { landed: got, asked: first.headers.location });
}
