// @ts-check
// What tests of the operators' views let the API answer.

export const EXPLAINED = {
  permissions: { password: { decision: "allow", rule: "London helpdesk" }, history: { decision: "undecidable", rule: "VIP devices" } },
  rules: [
    { rule: "London helpdesk", matched: true, allows: ["password", "history"], denies: [], why: 'AMLapsDevice name LON-* at /etc/laps.conf:12 matches "LON-001"; AMLapsWhen req("X") == "a; b" at /etc/laps.conf:14 is true; AMLapsAllow all group g at /etc/laps.conf:13: the person is in it' },
    { rule: "VIP devices", matched: null, allows: [], denies: ["history"], why: "the rule at /etc/laps.conf:20 is for tenant fabrikam and the device's tenant is not known; no AMLapsAllow or AMLapsDeny line names the person" },
    { rule: "Paris", matched: false, allows: [], denies: [], why: "none of the 2 AMLapsDevice lines at /etc/laps.conf:30 matches the device" },
  ],
};

const now = () => new Date().toISOString();
const fault = (detail) => ({ time: now(), code: "tenant_credential_invalid", message: "AML0312", detail, status: 401, attempts: 1, requestId: "r-1", clientRequestId: null });
const tenant = (name, over = {}) => ({
  name, tenantId: "8aa4c1a8-0d5e-4f3b-9a0c-1f2f4b0a7c11", clientId: "535fb089-9ff3-47b6-9bfb-4f1264799865",
  token: { status: "ok", issued: now(), age: 3, expires: now(), lastError: null }, permissions: { missing: [], excess: [] },
  credential: { kind: "certificate", expires: now(), daysLeft: 200 },
  graph: { lastAnswer: { time: now(), status: 200, milliseconds: 84, requestId: null }, lastError: null, throttledUntil: null }, ...over,
});
export const channel = (over = {}) => ({ name: "soc", kind: "slack", required: true, status: "failed", queued: 3, oldest: now(), deadLetters: 1, lastSuccess: null, lastError: { time: now(), detail: "no answer in time" }, ...over });

/** One of each: fine, worth a look, broken. */
export function troubles(fake) {
  fake.status.tenants = [
    tenant("fine"), tenant("ending", { credential: { kind: "certificate", expires: now(), daysLeft: 7 } }),
    tenant("broken", { token: { status: "failed", issued: null, age: null, expires: null, lastError: fault("tenant broken: the client secret is expired") }, permissions: null }),
    tenant("poor", { permissions: { missing: ["DeviceLocalCredential.Read.All"], excess: [] } }),
  ];
  fake.status.store = { name: "sqlite3:/var/lib/amlaps/amlaps.db", status: "ok" };
  fake.status.seal = { status: "off" };
  fake.status.channels = [channel()];
}
