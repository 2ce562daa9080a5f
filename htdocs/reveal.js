// @ts-check
/** @import {Reveal} from "./types.js" */
// The Revealed view. The password is in text nodes and one variable, both emptied on hiding; nowhere else.

import { button, h, linked, name, rich, say, t } from "./app.js";
import { groups, isClear } from "./chars.js";
import * as clipboard from "./clipboard.js";
import { asker } from "./device.js";
import { buttons, code, copyButton, copyingButton, factList, quiet, time } from "./parts.js";
import { reference } from "./problem.js";

/** Seconds; WCAG 2.2.1 asks for at least 20. */
const WARN = 20;

/** Remembers copies, also with what stands around. @type {Reveal["passwordText"]} */
function passwordText(password) {
  const shown = h("div", {
    class: "password", translate: "no", dir: "ltr",
    // Firefox undoes it at the second click.
    onmouseup: () => getSelection()?.selectAllChildren(shown),
  }, groups(password).map((group) =>
    h("span", { class: "group" }, group.map(({ char, kind }) => h("span", { class: `char ${kind}` }, char)))));
  document.oncopy = (event) => {
    const selection = getSelection();
    if (!selection?.containsNode(shown, true)) return;
    if (shown.contains(selection.anchorNode)) {
      event.clipboardData?.setData("text/plain", shown.textContent ?? "");
      event.preventDefault();
    }
    clipboard.remember();
  };
  return shown;
}

/** `limit` in seconds; 0 hides nothing by time. @type {Reveal["countdown"]} */
function countdown(limit, hide) {
  let deadline = 0;
  let warned = false;
  const text = h("span", { class: "countdown quiet", "aria-hidden": "true" });
  const tick = () => {
    // Wall-clock time: a machine that slept must not wake with the password, nor a clock set back keep it.
    deadline = Math.min(deadline, Date.now() + limit * 1000);
    const left = Math.ceil((deadline - Date.now()) / 1000);
    if (left <= 0) return hide();
    text.textContent = t("reveal.left", { count: left });
    keep.classList.toggle("primary", left <= WARN);
    if (left <= WARN && !warned) say(t("reveal.soon", { count: left }));
    warned = left <= WARN;
  };
  const start = () => {
    deadline = Infinity;
    warned = limit <= WARN;
    tick();
  };
  const keep = button(t("reveal.keep", { count: limit }), "", () => {
    start();
    say(t("reveal.kept", { count: limit }));
  });
  const timer = limit > 0 ? setInterval(tick, 1000) : 0;
  if (timer) start();
  return { parts: timer > 0 && h("span", { class: "keep" }, keep, text), stop: () => clearInterval(timer) };
}

/** @type {Reveal["view"]} */
export const view = (app, root, { ask, disclosure: { id, rule, credentials, older = 0 } }) => {
  const { device, action, nth } = ask;
  const { result, hideAfter } = app.session.ui;
  const [credential] = credentials;
  const limit = credential ? hideAfter : 0;
  let secret = credential?.password ?? "";
  const { waiting, send, stop } = asker(app);

  /** @param {string} key */
  const leave = (key) => {
    app.backTo(device);
    say(t(key));
  };
  const count = countdown(limit, () => leave("reveal.timedOut"));
  const hide = button("", "", () => leave("reveal.hidden"), true);
  clipboard.watch((held) => { hide.textContent = t(held ? "reveal.hideClear" : credential ? "reveal.hide" : "problem.back"); });
  const shown = passwordText(secret);
  const large = button(t("reveal.large"), "small", () => { large.ariaPressed = String(shown.classList.toggle("large")); });
  large.ariaPressed = "false";
  const box = h("div", { class: "tool" });
  let close = () => {};
  let again = "";
  let pressed = Promise.resolve();
  /** Loaded when it is wanted; one is open at a time. @param {string} key */
  const opener = (key) => {
    const opening = button(t(`reveal.${key}`), "small", () => {
      // In the order of the presses: two imports need not end in theirs.
      pressed = pressed.then(() => import(`./more/tools.js${again}`)).then((tools) => {
        close = tools.toggle(key, opening, box, () => secret, close);
      }, () => {
        // Firefox keeps what failed by its address.
        again += "?again";
        box.replaceChildren(t("problem.offline.text"));
        close = () => box.replaceChildren();
        if (secret) say(t("problem.offline.text"));
      });
    });
    opening.ariaExpanded = "false";
    return opening;
  };

  root.append(
    app.heading(rich(`reveal.${action === "password" ? "title" : action}`, { device: name(device.name) })),
    h("p", { class: "on-paper" }, t("reveal.print")),
    h("div", { class: "panel revealed" },
      credential ? [
        factList([
          [t("cred.account"), credential.account && [name(credential.account), copyButton(t("copy.account"), credential.account)]],
          [t("cred.password"), shown],
        ], "secret"),
        isClear(secret) && quiet(t("reveal.clear")),
        buttons(copyingButton(t("copy.password"), "primary", () => clipboard.copySecret(secret)), hide, count.parts),
        h("p", { class: "choices" }, large, opener("spell"), device.actions[action]?.qr && opener("qr")), box,
        h("p", { class: "legend quiet", "aria-hidden": "true" }, ["upper", "lower", "digit", "symbol"].map((kind) => h("span", { class: `key ${kind}` }, t(`legend.${kind}`)))),
        factList([
          [t("cred.backedUp"), time(credential.backedUp)],
          [t("cred.expires"), credential.current && time(credential.expires)],
          [t("cred.sid"), credential.sid && [code(credential.sid), copyButton(t("copy.id"), credential.sid)], true],
        ]),
        !clipboard.available() && quiet(t("copy.insecure")),
        credential.current && quiet(t("reveal.rotation")),
      ] : [h("p", null, t("reveal.none")), buttons(hide)]),
    result ? h("p", { class: "notice", dir: "auto" }, linked(result, t("app.noticeLink"))) : "",
    older > 0 ? buttons(button(t("reveal.older", { count: older }), "", () => send({ ...ask, nth: nth + 1 }))) : "", waiting,
    factList([[t("reveal.rule"), name(rule)], reference(id)]),
    buttons(app.searchButton()));
  for (const one of credentials) one.password = "";
  say(limit > 0 ? t("reveal.shown", { count: limit }) : t(`reveal.${credential ? "shownForGood" : "none"}`));

  return () => {
    count.stop();
    stop();
    close();
    clipboard.watch(() => {});
    document.oncopy = null;
    secret = "";
    root.replaceChildren();
  };
};
