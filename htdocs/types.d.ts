// What the API gives, and the faces of the modules: a function names its own by `@type {Find["row"]}`. For the checker
// (`tsc --checkJs`); the browser never loads this file.

import type { App, Problem } from "./app.js";

// ---- The API.

export type Reason = { mode: "hidden" | "optional" | "required"; hint?: string | null; pattern?: string | null; choices?: string[] };
export type Action = { rule: string; reason: Reason; qr?: true };
export type ActionName = "password" | "history";
export type DeviceKey = { tenant: string; deviceId: string };

export interface Facts extends DeviceKey {
  name: string;
  os: string | null;
  osVersion: string | null;
  join: string | null;
  enabled: boolean | null;
  compliant: boolean | null;
  managed: boolean | null;
  manufacturer: string | null;
  model: string | null;
  lastSeen: string | null;
}

/** A device as the search gives it. */
export interface Listed extends Facts { actions: ActionName[] }

/** Of the current password; null: not known. `hasPassword` is false where Entra ID holds none. */
export interface Backup { hasPassword: boolean | null; backedUp: string | null; expires: string | null }

/** One device, with what may be done. */
export interface Device extends Facts, Backup { actions: Partial<Record<ActionName, Action>> }

/** `gaps`: tenants of which devices may be missing. */
export interface Found { devices: Listed[]; more: boolean; gaps?: { tenant: string; code: string }[] }

export interface Credential {
  account: string | null;
  sid: string | null;
  password: string;
  backedUp: string | null;
  expires?: string | null;
  current: boolean;
}

/** `older`: how many are older than the one asked for by its number. */
export interface Disclosure { id: string; rule: string; credentials: Credential[]; older?: number }

export interface Session {
  user: { id: string; name: string | null; username: string | null };
  roles: string[];
  tenants: { name: string }[];
  ui: Partial<Record<"title" | "logo" | "notice" | "help" | "language" | "result", string | null>> & { hideAfter: number };
  version: string;
}

// ---- The page.

/** Fills `root`, and returns what wipes it. */
export type State<T> = (app: App, root: HTMLElement, data: T) => () => void;

export type Child = Node | string | number | null | undefined | false | readonly Child[];
export type Catalogue = Record<string, any>;

/** What is asked for; `nth` of the older passwords, counted from the newest. */
export type Ask = { device: Device; action: ActionName; nth: number; reason: string };

/** `taken`: whether the view deals with a problem itself. */
export type Send = (ask: Ask, taken?: (problem: Problem) => boolean) => void;

/** A helper of the Revealed view, loaded when it is wanted; gives what wipes it. */
export type Tool = (box: HTMLElement, password: () => string) => Promise<() => void>;

/** Words by their first letters; `lang` is the language they are spoken in. */
export interface Alphabet { name: string; lang: string; words: string[] }
export interface Spelling { alphabets: Alphabet[] }

export interface Face {
  h<T extends keyof HTMLElementTagNameMap>(tag: T, props?: Record<string, string | number | boolean | null | undefined | ((event: any) => void)> | null,
    ...children: Child[]): HTMLElementTagNameMap[T];
  append(parent: ParentNode, children: readonly Child[]): void;
  button(label: string, style: string, press?: () => void, clears?: boolean): HTMLButtonElement;
  use(catalogue: Catalogue, wanted?: readonly string[]): void;
  rich<T>(key: string, slots: Record<string, T | string | number>): (T | string)[];
  t(key: string, values?: Record<string, string | number>): string;
  formatDate(date: Date, how?: Intl.DateTimeFormatOptions): string;
  formatRelative(date: Date, now: Date): string;
  link(href: string, style: string, ...children: Child[]): HTMLElement;
  linked(text: string, label: string): Child[];
  parseTarget(given: URLSearchParams, tenants: string[]): DeviceKey | { query: string };
}

export interface Api {
  /** From Retry-After: seconds or an HTTP date. */
  retryTime(value: string | null, now: number): Date | null;
  /** One without a code of ours comes from httpd, mod_auth_openidc or a proxy. */
  toProblem(status: number, body: any, retryAfter: string | null): Problem;
  call(path: string, init?: RequestInit): Promise<any>;
  findDevices(text: string, signal: AbortSignal): Promise<Found>;
  getDevice(device: DeviceKey, signal: AbortSignal): Promise<Device>;
  disclose(ask: Ask, signal: AbortSignal): Promise<Disclosure>;
}

export interface Parts {
  code(text: string, title?: string): HTMLElement;
  time(iso: string | null | undefined): Child;
  quiet(...children: Child[]): HTMLElement;
  isPast(iso: string | null | undefined, days?: number): boolean;
  factList(facts: [string, Child, boolean?][], style?: string): HTMLElement;
  yesNo(value: boolean | null): string;
  badge(text: string, tone?: "calm" | "warn"): Child;
  joinText(join: string | null): string;
  words(...parts: (string | null)[]): string;
  staleBadge(device: Facts): Child;
  copyingButton(label: string, style: string, copy: () => Promise<boolean>): HTMLElement | null;
  copyButton(label: string, text: string): Child;
}

export interface Problems {
  /** `back` leads to where it arose. */
  view: State<{ problem: Problem; back?: (() => void) | undefined }>;
  shortReference(id: string): string;
  reference(id: string): [string, Child];
  keyOf(problem: Problem, part: string): string;
  problemTitle(problem: Problem): string;
  problemBody(app: App, problem: Problem): Child;
}

export interface Clipboard {
  watch(listener: (held: boolean) => void): void;
  write(text: string, then: () => void, refused?: () => void): Promise<boolean>;
  copy(text: string): Promise<boolean>;
  clear(silent?: boolean): void;
}

export interface Find {
  /** Sets of the same name, in the order given but the exact hit first. */
  byName(devices: Listed[], query: string): Listed[][];
  /** The one seen after all others, if there is one; the server puts it first. */
  newest(set: Listed[]): Listed | undefined;
  marked(text: string, query: string): HTMLElement;
  row(app: App, device: Listed, query: string, same?: boolean, isNewest?: boolean): HTMLElement;
  /** Equal names stand together, to be compared. */
  sameName(app: App, set: Listed[], query: string, index: number): Child;
  resultList(app: App, found: Found, query: string): HTMLElement;
  searcher(app: App, field: HTMLInputElement, results: HTMLElement): Record<"stop" | "typed" | "asked" | "again", () => void> & { move: (event: KeyboardEvent) => void };
  move(event: KeyboardEvent, field: HTMLInputElement, results: HTMLElement): void;
}

export interface Confirm {
  /** `known`: what is known of the device already. */
  view: State<DeviceKey & { known?: Listed | Device }>;
  /** `waiting` tells the wait, with a way to end it; `stop`: to call when the view is left. */
  asker(app: App): { waiting: HTMLElement; send: Send; stop: () => void };
  /** None of a device that the search has given. */
  backupFacts(device: Partial<Backup>): [string, Child][];
  facts(app: App, device: Facts & Partial<Backup>): HTMLElement;
  ruleText(actions: Device["actions"]): Child;
  reasonField(actions: Action[], value: string): { field: HTMLTextAreaElement; error: HTMLElement; block: HTMLElement } | null;
  actionForm(app: App, device: Device): { nodes: Node[]; stop: () => void };
}

export interface Chars {
  classOf(char: string): "upper" | "lower" | "digit" | "symbol";
  /** To read out: the words of a passphrase, else `size` characters each. Joined, they are the text. */
  groups(text: string, size?: number): { char: string; kind: ReturnType<Chars["classOf"]> }[][];
}

export interface Reveal {
  view: State<{ ask: Ask; disclosure: Disclosure }>;
  /** Marks and positions are in the style sheet, so that selecting gives the password alone. */
  passwordText(password: string): HTMLElement;
  countdown(limit: number, hide: () => void): { parts: Child; stop: () => void };
}
