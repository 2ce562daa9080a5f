// What the auditors' and operators' parts of the API give. For the checker; the browser never loads this file.

import type { App } from "../app.js";
import type { Child } from "../types.js";

export interface AuditRecord {
  seq: number;
  time?: string;
  id?: string;
  stage?: "intent" | "outcome";
  event?: string;
  outcome?: string;
  code?: string;
  actor?: { oid?: string; tid?: string; issuer?: string; subject?: string; username?: string; name?: string };
  address?: string;
  device?: { tenant?: string; deviceId?: string; name?: string };
  rule?: string;
  reason?: string;
  search?: string;
  graph?: { requestId?: string; status?: number; attempts: number };
  credential?: { account?: string; backedUp?: string };
  hash?: string;
}

/** The outcome of a request, with its intent where that is known too. */
export interface Happening { record: AuditRecord; intent?: AuditRecord }

export interface ExplainedRule { rule: string; matched: boolean | null; allows: string[]; denies: string[]; why: string }

export interface Explained {
  permissions: Record<"password" | "history", { decision: "allow" | "deny" | "undecidable"; rule: string | null }>;
  rules: ExplainedRule[];
}

export interface Fault { time: string; code: string; message: string; detail: string; status: number; attempts: number; requestId: string | null; clientRequestId: string | null }

export interface TenantStatus {
  name: string;
  tenantId: string;
  clientId: string | null;
  token: { status: "ok" | "failed" | "unknown"; issued: string | null; age: number | null; expires: string | null; lastError: Fault | null };
  permissions: { missing: string[]; excess: string[] } | null;
  credential: { kind: "secret" | "certificate" | "federated" | "identity"; expires: string | null; daysLeft: number | null };
  graph: {
    lastAnswer: { time: string; status: number; milliseconds: number; requestId: string | null } | null;
    lastError: Fault | null;
    throttledUntil: string | null;
  };
}

export interface ChannelStatus {
  name: string;
  kind: string;
  required: boolean;
  status: "ok" | "failed" | "unknown";
  queued: number;
  oldest: string | null;
  deadLetters: number;
  lastSuccess: string | null;
  lastError: { time: string; detail: string } | null;
}

export interface Standing {
  time: string;
  version: string;
  tenants: TenantStatus[];
  store: { name?: string; status: "ok" | "failed" };
  seal?: { status: string };
  channels?: ChannelStatus[] | null;
}

export type FactRows = [string, Child, boolean?][];

/** The view of that name. */
export interface Why {
  /** Name, where it goes and how it is read. */
  fields: [string, "person" | "device" | "", "text" | "list" | "json" | "yesNo" | "time"][];
  control(app: App, field: string, kind: string, value: string): HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;
  form(app: App, given: URLSearchParams, ask: (address: URLSearchParams) => void): HTMLElement;
  decision(permission: string, decided: Explained["permissions"]["password"]): HTMLElement;
  ruleRow(rule: ExplainedRule, index: number): HTMLElement;
}

/** `opener` is its button; `password` is empty when it was hidden meanwhile; `closeOther` closes what is open now. Gives what closes it. */
export type Toggle = (key: string, opener: HTMLElement, box: HTMLElement, password: () => string, closeOther: () => void) => () => void;
