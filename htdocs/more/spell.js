// @ts-check
/** @import {Alphabet, Spelling} from "../types.js" */
// A password in words, for the telephone: with the alphabet of the reader's language and that of aviation, read aloud by
// a voice of this machine alone. Others are spoken by a service elsewhere, which would hear the password.

import { addTexts, button, h, language, name, t } from "../app.js";
import { classOf } from "../chars.js";

/** ICAO; Alfa and Juliett are spelled so. */
const ICAO = ("Alfa Bravo Charlie Delta Echo Foxtrot Golf Hotel India Juliett Kilo Lima Mike November Oscar Papa Quebec Romeo Sierra "
  + "Tango Uniform Victor Whiskey X-ray Yankee Zulu").split(" ");

/** By the first letter of each word. @param {string[]} words */
export const byLetter = (words) => new Map(words.map((word) => [word.normalize("NFD").charAt(0).toUpperCase(), word]));

/** @type {Spelling | undefined} */
let spelling;

/** The texts of the language, and its alphabets. @returns {Promise<Spelling>} */
async function load() {
  const answer = await fetch(`i18n/spell/${language()}.json`);
  if (!answer.ok) throw new Error(`${answer.url}: ${answer.status}`);
  const { alphabets, ...texts } = await answer.json();
  addTexts(texts);
  return { alphabets: [...alphabets, { name: "ICAO", lang: "en", words: ICAO }] };
}

/** What is said for one character. @param {string} char @param {Map<string, string>} words */
export function spell(char, words) {
  const kind = classOf(char);
  const word = words.get(char.toUpperCase()) ?? char;
  if (kind === "symbol") {
    const key = `symbol.${char.codePointAt(0)?.toString(16)}`;
    const text = t(key);
    return text === key ? t("spell.code", { code: `U+${char.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}` }) : text;
  }
  return t(`spell.${kind}`, { word });
}

/** A voice of this machine for a language; undefined where there is none. @param {string} lang */
const localVoice = (lang) => globalThis.speechSynthesis?.getVoices().find((voice) => voice.localService && voice.lang.toLowerCase().startsWith(lang));

/** @type {import("../types.js").Tool} */
export async function tool(box, password) {
  spelling ??= await load();
  const { alphabets } = spelling;
  const list = h("ol", { class: "spelling", translate: "no" });
  const aloud = h("span");
  const silence = () => globalThis.speechSynthesis?.cancel();

  /** @param {Alphabet} alphabet */
  const show = (alphabet) => {
    silence();
    const words = byLetter(alphabet.words);
    const chars = [...password()];
    list.lang = alphabet.lang;
    list.replaceChildren(...chars.map((char) => h("li", null, h("b", { class: classOf(char) }, name(char)), " ", h("span", null, spell(char, words)))));
    const voice = localVoice(language());
    aloud.replaceChildren(voice ? button(t("spell.aloud"), "small", () => {
      silence();
      // One utterance for each character: the pause between them is what lets the other side write.
      for (const char of password()) {
        const utterance = new SpeechSynthesisUtterance(spell(char, words));
        Object.assign(utterance, { voice, lang: voice.lang, rate: 0.9 });
        speechSynthesis.speak(utterance);
      }
    }) : "", voice ? button(t("spell.stop"), "small", silence) : "");
  };

  const choice = h("select", { id: "alphabet", onchange: () => show(alphabets[choice.selectedIndex] ?? alphabets[0]) },
    alphabets.map((alphabet) => h("option", null, alphabet.name)));
  /** Browsers tell their voices late. */
  const heard = () => show(alphabets[choice.selectedIndex] ?? alphabets[0]);
  globalThis.speechSynthesis?.addEventListener?.("voiceschanged", heard);
  box.replaceChildren(h("p", { class: "choices" }, h("label", { for: "alphabet" }, t("spell.alphabet")), choice, aloud), list);
  heard();
  return () => {
    silence();
    globalThis.speechSynthesis?.removeEventListener?.("voiceschanged", heard);
    list.replaceChildren();
  };
}
