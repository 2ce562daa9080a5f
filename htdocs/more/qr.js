// @ts-check
// The password as a QR code, drawn on a canvas that is wiped with the password: for scanners that act as a keyboard.

import { h, t } from "../app.js";
import { quiet } from "../parts.js";
import { encode } from "./qr-code.js";

const SCALE = 6; // pixels of a module
const QUIET = 4; // modules around the code, ISO/IEC 18004 5.3.8

/** @type {import("../types.js").Tool} */
export async function tool(box, password) {
  const code = encode(password());
  if (!code) {
    box.replaceChildren(h("p", null, t("qr.long")));
    return () => {};
  }
  const size = (code.length + 2 * QUIET) * SCALE;
  const canvas = h("canvas", { class: "qr", width: size, height: size, role: "img", "aria-label": t("qr.label") });
  const context = canvas.getContext("2d");
  if (context) {
    // Black on white in the dark mode too: scanners want it so.
    context.fillStyle = "#fff";
    context.fillRect(0, 0, size, size);
    context.fillStyle = "#000";
    code.forEach((row, y) => row.forEach((dark, x) => { if (dark) context.fillRect((x + QUIET) * SCALE, (y + QUIET) * SCALE, SCALE, SCALE); }));
  }
  box.replaceChildren(canvas, quiet(t("qr.warning")));
  return () => {
    context?.clearRect(0, 0, size, size);
    canvas.width = 0;
  };
}
