// What the API gives and the states share, as types for the checker (`tsc --checkJs`). The browser never loads this file.

import type { App } from "./app.js";

/** A state of the page: fills `root`, and returns what wipes it. */
export type State<T> = (app: App, root: HTMLElement, view: T) => () => void;

/** The views that the page knows; each is loaded by its line in VIEWS of app.js. */
export type ViewName = "find" | "device" | "reveal" | "problem";

export type Child = Node | string | number | null | undefined | false | readonly Child[];
export type Reason = { mode: "hidden" | "optional" | "required"; hint?: string | null; pattern?: string | null };
export type Action = { rule: string; reason: Reason };
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

/** One device, with what may be done. */
export interface Device extends Facts { actions: Partial<Record<ActionName, Action>> }

export interface Found { devices: Listed[]; more: boolean }

export interface Credential {
  account: string;
  sid: string | null;
  password: string;
  backedUp: string | null;
  expires?: string | null;
  current: boolean;
}

export interface Disclosure { id: string; rule: string; credentials: Credential[] }

export interface Session {
  user: { id: string; name: string | null; username: string | null };
  roles: string[];
  tenants: { name: string }[];
  ui: Partial<Record<"title" | "logo" | "notice" | "help" | "language", string | null>> & { hideAfter?: number | null };
  version: string;
}

export type Catalogue = Record<string, any>;
