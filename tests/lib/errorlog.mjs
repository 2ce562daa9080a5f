// @ts-check
/** The error log as an assertion: nothing unexpected may stand in it. */
import assert from 'node:assert/strict';

/**
 * What a correct server over plain HTTP on the loopback interface logs anyway.
 */
const ALWAYS = [
  // tests and demo speak plain HTTP
  /\[auth_openidc:warn\].*the URL scheme \(http\) of the configured OIDC\w+ SHOULD be "https"/,
  // the event MPM counts what it could still start, and on a busy machine thinks that it comes near its end
  /\[mpm_event:error\].*AH10159: server is within MinSpareThreads of MaxRequestWorkers/,
  // most tests have no sealed audit
  /\[amlaps:warn\].* AML0199: the audit in .+ is not sealed/,
];

/** A race of the event MPM's own: a child that ends after a graceful restart closes its pollset before the last connection lingers. */
export const MPM_RACE = /\[mpm_event:error\].*AH03092: process_lingering_close: apr_pollset_add failure/;

const LINE = /^\[[^\]]+\] \[(?:(?<module>[\w-]*):)?(?<level>emerg|alert|crit|error|warn|notice|info|debug|trace\d)\]/;
const BAD_LEVELS = new Set(['emerg', 'alert', 'crit', 'error', 'warn']);
const CRASH = /exit signal|Segmentation|segfault|Assertion|core dumped|AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|stack smashing|double free|corrupted|malloc\(\)/;

/**
 * @param {string} log
 * @returns {{ line: string, module?: string, level?: string }[]} one entry for each line
 */
export function parseErrorLog(log) {
  return log.split('\n').filter(Boolean).map((line) => {
    const match = LINE.exec(line);
    return { line, module: match?.groups?.module, level: match?.groups?.level };
  });
}

/**
 * Lines that nobody expected: level warn or worse, crashes, and lines that are not httpd's form at all.
 * @param {string} log
 * @param {RegExp[]} [allowed]
 */
export function unexpectedLines(log, allowed = []) {
  const fine = [...ALWAYS, ...allowed];
  return parseErrorLog(log)
    .filter(({ line, level }) => CRASH.test(line) || level === undefined || BAD_LEVELS.has(level))
    .map(({ line }) => line)
    .filter((line) => !fine.some((pattern) => pattern.test(line)));
}

/** @param {string} log @param {RegExp[]} [allowed] */
export function assertErrorLogClean(log, allowed) {
  const bad = unexpectedLines(log, allowed);
  assert.equal(bad.length, 0, `unexpected in the error log:\n${bad.slice(0, 20).join('\n')}`);
}
