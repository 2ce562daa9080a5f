// @ts-check
/** The pages of the sign-in service. They work without JavaScript and load nothing. */

/** @type {Record<string, string>} */
const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** @param {any} text */
export const escape = (text) => String(text).replace(/[&<>"']/g, (c) => ENTITIES[c]);

const STYLE = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: Canvas; color: CanvasText; }
  main { width: min(22rem, 90vw); padding: 2rem; border: 1px solid GrayText; border-radius: .5rem; }
  h1 { margin: 0 0 .25rem; font-size: 1.25rem; }
  label { display: block; margin-top: 1rem; }
  input, button { box-sizing: border-box; width: 100%; padding: .5rem; font: inherit; }
  button { margin-top: 1.5rem; }
  .problem { border-left: .25rem solid #c00; padding-left: .75rem; }
`;

/** @param {string} title @param {string} content HTML */
const page = (title, content) => `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>${escape(title)}</title><meta name="viewport" content="width=device-width, initial-scale=1"><style>${STYLE}</style></head>
<body><main><h1>${escape(title)}</h1>
${content}
</main></body>
</html>
`;

/** @param {{ app: string, tenant: string, username?: string, problem?: string }} of */
export const signInPage = ({ app, tenant, username = '', problem }) => page('Sign in (simulated Entra)', `
<p>to continue to ${escape(app)} of ${escape(tenant)}</p>
${problem ? `<p class="problem" role="alert" id="problem">${escape(problem)}</p>` : ''}
<form method="post">
<label for="username">User name</label>
<input id="username" name="username" type="text" autocomplete="username" required value="${escape(username)}"${username ? '' : ' autofocus'}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required${username ? ' autofocus' : ''}>
<button type="submit">Sign in</button>
</form>`);

/** @param {string} form the provider's own, id op.logoutForm */
export const signOutPage = (form) => page('Sign out (simulated Entra)', `${form}
<button type="submit" form="op.logoutForm" name="logout" value="yes" autofocus>Sign out</button>`);

export const signedOutPage = () => page('Signed out', '<p>You signed out of your account.</p>');

/** @param {Record<string, any>} out members of an OAuth error */
export const errorPage = (out) => page('Sorry, but we’re having trouble signing you in.',
  Object.entries(out).map(([name, value]) => `<p class="problem"><strong>${escape(name)}</strong>: ${escape(value)}</p>`).join('\n'));
