// What the auditors' and operators' parts of the API give. For the checker; the browser never loads this file.

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
