// @ts-check
/** Reads Prometheus' text format 0.0.4, and throws at whatever is not right in it. */
import assert from 'node:assert/strict';

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"/y;
const TYPES = ['counter', 'gauge', 'histogram', 'summary', 'untyped'];

/** @param {string} text of the braces */
function readLabels(text) {
  /** @type {Record<string, string>} */
  const labels = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const at = LABEL.lastIndex;
    const match = LABEL.exec(text);
    assert.ok(match, `labels: ${text.slice(at)}`);
    assert.ok(!(match[1] in labels), `label twice: ${match[1]}`);
    labels[match[1]] = match[2].replace(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c));
    if (LABEL.lastIndex < text.length) assert.equal(text[LABEL.lastIndex++], ',');
  }
  return labels;
}

/**
 * @typedef {{ name: string, labels: Record<string, string>, value: number }} Sample
 * @typedef {{ type: string, help: string, samples: Sample[] }} Family
 */

/** Buckets grow, end with +Inf, and agree with _count. @param {string} name @param {Family} family */
function checkHistogram(name, family) {
  /** @type {Map<string, Sample[]>} */
  const series = new Map();
  for (const sample of family.samples) {
    const { le: _, ...rest } = sample.labels;
    const key = JSON.stringify(Object.entries(rest).sort());
    series.set(key, [...series.get(key) ?? [], sample]);
  }
  for (const [key, samples] of series) {
    const buckets = samples.filter((s) => s.name === `${name}_bucket`);
    const bounds = buckets.map((s) => (s.labels.le === '+Inf' ? Infinity : Number(s.labels.le)));
    assert.deepEqual(bounds, [...bounds].sort((a, b) => a - b), `${name}${key}: order of buckets`);
    assert.equal(bounds.at(-1), Infinity);
    buckets.forEach((s, i) => assert.ok(i === 0 || s.value >= buckets[i - 1].value, `${name}${key}: buckets are cumulative`));
    const [count, ...others] = samples.filter((s) => s.name === `${name}_count`);
    assert.equal(others.length, 0);
    assert.equal(count.value, buckets.at(-1)?.value, `${name}${key}: _count`);
    assert.equal(samples.filter((s) => s.name === `${name}_sum`).length, 1);
    assert.equal(samples.length, buckets.length + 2, `${name}${key}: other samples`);
  }
}

/** @param {string} text @returns {Map<string, Family>} */
export function readMetrics(text) {
  /** @type {Map<string, Family>} */
  const families = new Map();
  const seen = new Set();
  /** @type {[string, Family] | undefined} */
  let current;
  assert.ok(text.endsWith('\n'), 'the last line has no end');
  assert.ok(!text.includes('\r'));
  for (const line of text.slice(0, -1).split('\n')) {
    const comment = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line);
    if (comment) {
      const [, kind, name, rest] = comment;
      assert.match(name, new RegExp(`^${NAME}$`));
      if (kind === 'HELP') {
        assert.ok(!families.has(name), `${name} stands twice`);
        current = [name, { type: '', help: rest, samples: [] }];
        families.set(...current);
      } else {
        assert.equal(current?.[0], name, `TYPE without HELP: ${line}`);
        assert.ok(TYPES.includes(rest), line);
        assert.ok(current && !current[1].type && current[1].samples.length === 0, line);
        current[1].type = rest;
      }
      continue;
    }
    const sample = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (-?\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?|[+-]Inf|NaN)$`).exec(line);
    assert.ok(sample && current, `no sample: ${line}`);
    const [, name, labels = '', value] = sample;
    const [family, { type, samples }] = current;
    const suffixes = type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    assert.ok(type && suffixes.some((suffix) => name === family + suffix), `${name} stands below ${family} of type ${type}`);
    if (type === 'counter') assert.match(name, /_total$/);
    assert.ok(!seen.has(name + labels), `${name}{${labels}} stands twice`);
    seen.add(name + labels);
    samples.push({ name, labels: readLabels(labels), value: Number(value.replace('Inf', 'Infinity')) });
  }
  for (const [name, family] of families) if (family.type === 'histogram') checkHistogram(name, family);
  return families;
}
