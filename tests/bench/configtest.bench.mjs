// @ts-check
/**
 * What 10,000 rules add to `apachectl -t`, against as many sections of httpd's own (`<Directory>` with three directives) in the same run, by
 * turns; the least disturbed of several counts. The system test of the rules compares these two.
 */
import process from 'node:process';
import { ruleSection } from '../lib/amlaps-conf.mjs';
import { Httpd } from '../lib/httpd.mjs';

const COUNT = 10_000;
const ROUNDS = Number(process.argv[2] ?? 7);
const MOST = 300; // milliseconds

const TENANT = `<AMLapsTenant contoso>
  AMLapsTenantId 8aa4c1a8-0d5e-4f3b-9a0c-1f2f4b0a7c11
  AMLapsClientId 535fb089-9ff3-47b6-9bfb-4f1264799865
  AMLapsClientSecret file:{root}/secret/good
</AMLapsTenant>
AMLapsStore sqlite3:{root}/state/amlaps.db
AMLapsHtdocs {root}/htdocs
${ruleSection('One', ['AMLapsDevice all', 'AMLapsAllow password role x'])}`;

/** @param {number} number */
const guid = (number) => `4f0c8c55-7a9e-4b0e-8a57-${String(number).padStart(12, '0')}`;
/** @param {(index: number) => string} write */
const many = (write) => Array.from({ length: COUNT }, (_, index) => write(index)).join('');
const CONFIGURATIONS = {
  'one rule': TENANT,
  [`${COUNT} rules`]: TENANT + many((i) => ruleSection(`Rule number ${i}`, [`AMLapsDevice name SITE${i}-*`, `AMLapsAllow password group ${guid(i)}`,
    `AMLapsDeny history group ${guid(i + 1)}`])),
  [`${COUNT} <Directory>`]: TENANT + many((i) => `<Directory "/site/${i}">\nAllowOverride None\nOptions None\nRequire all denied\n</Directory>\n`),
};

const httpd = await Httpd.create({ files: { 'secret/good': { content: 'x\n', mode: 0o400 } } });
/** @type {Record<string, number>} */
const least = {};
try {
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, amlaps] of Object.entries(CONFIGURATIONS)) {
      httpd.configure({ amlaps });
      const began = performance.now();
      const { ok, output } = await httpd.configtest();
      const took = performance.now() - began;
      if (!ok) throw new Error(`${name}: ${output.slice(0, 500)}`);
      least[name] = Math.min(least[name] ?? Infinity, took);
    }
  }
} finally {
  await httpd.discard();
}
const [one, rules, sections] = Object.values(least);
console.log(`apachectl -t: ${one.toFixed(0)} ms with one rule; ${COUNT} rules add ${(rules - one).toFixed(0)} ms, `
  + `${COUNT} sections <Directory> of httpd add ${(sections - one).toFixed(0)} ms`);
const met = rules - one < MOST;
console.log(met ? 'met' : `missed: the goal is less than ${MOST} ms`);
process.exitCode = met ? 0 : 1;
