// @ts-check
/**
 * docs/openapi.yaml as a test sees it: an answer has every member that the document requires and none that it does not know. For clients the schemas
 * stay open, since the contract may grow.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import addFormats from 'ajv-formats';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { summary } from './expect.mjs';

const FILE = new URL('../../docs/openapi.yaml', import.meta.url);
const SCHEMA = '#/components/schemas/';

/**
 * A copy of a schema that refuses unknown members. Parts of an `allOf` stay open, since the whole of it is closed.
 * @param {any} value @param {boolean} [part] @returns {any}
 */
function closed(value, part = false) {
  if (Array.isArray(value)) return value.map((item) => closed(item));
  if (value === null || typeof value !== 'object') return value;
  const copy = Object.fromEntries(Object.entries(value).map(([name, inner]) => [name,
    name === 'allOf' ? inner.map((/** @type {any} */ item) => closed(item, true))
      : name === 'properties' ? Object.fromEntries(Object.entries(inner).map(([member, schema]) => [member, closed(schema)]))
        : name === '$ref' ? `document#/$defs/${part ? 'open' : 'closed'}/${inner.slice(SCHEMA.length)}`
          : ['enum', 'const', 'required', 'default'].includes(name) ? inner : closed(inner)]));
  const isOpen = !('additionalProperties' in copy) && ('properties' in copy || 'allOf' in copy);
  return isOpen && !part ? { ...copy, type: 'object', unevaluatedProperties: false } : copy;
}

export class Api {
  constructor() {
    this.text = fs.readFileSync(FILE, 'utf8');
    this.document = parse(this.text);
    this.ajv = new Ajv2020({ allErrors: true, strict: true, strictTypes: 'log', allowUnionTypes: true, strictRequired: false });
    addFormats.default(this.ajv);
    const schemas = Object.entries(this.document.components.schemas);
    this.ajv.addSchema({
      $id: 'document',
      $defs: {
        open: Object.fromEntries(schemas.map(([name, schema]) => [name, closed(schema, true)])),
        closed: Object.fromEntries(schemas.map(([name, schema]) => [name, closed(schema)])),
      },
    });
    /** @type {{ id: string, method: string, path: string, operation: any }[]} */
    this.operations = Object.entries(this.document.paths).flatMap(([path, item]) => ['get', 'post', 'put', 'patch', 'delete']
      .filter((method) => item[method]).map((method) => ({ id: item[method].operationId, method: method.toUpperCase(), path, operation: item[method] })));
  }

  /** What is wrong with the document itself. @returns {Promise<any>} */
  async problems() {
    const { valid, errors } = await new Validator().validate(this.text);
    return valid ? [] : errors;
  }

  /** @param {string} id @returns {{ id: string, method: string, path: string, operation: any }} */
  operation(id) {
    const operation = this.operations.find((candidate) => candidate.id === id);
    if (!operation) throw new Error(`docs/openapi.yaml has no operation ${id}`);
    return operation;
  }

  /** What a `$ref` of the document stands for. @param {any} value @returns {any} */
  resolve(value) {
    if (!value?.$ref) return value;
    return value.$ref.slice(2).split('/').reduce((/** @type {any} */ at, /** @type {string} */ name) => at[name], this.document);
  }

  /** @param {any} value @param {any} schema of the document @param {string} context */
  assertFits(value, schema, context) {
    const validate = this.ajv.compile(closed(schema));
    const told = validate(value) ? [] : validate.errors ?? [];
    assert.deepEqual(told.map((e) => `${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`), [], `${context}\nis not what docs/openapi.yaml has`);
  }

  /** @param {string} id of the operation @param {any} body */
  assertRequest(id, body) {
    this.assertFits(body, this.resolve(this.operation(id).operation.requestBody).content['application/json'].schema, JSON.stringify(body));
  }

  /** @param {Record<string, string>} headers @param {any} documented @param {string} context */
  assertHeaders(headers, documented, context) {
    for (const [name, reference] of Object.entries(documented)) {
      const header = this.resolve(reference);
      const text = headers[name.toLowerCase()];
      assert.ok(text !== undefined || !header.required, `${context}\nlacks the header ${name}`);
      if (text !== undefined) this.assertFits(header.schema.type === 'integer' ? Number(text) : text, header.schema, `${context}\n${name}: ${text}`);
    }
  }

  /**
   * Status, headers, type and body of an answer are as the document has them.
   * @param {string} id of the operation @param {import('./jar.mjs').Answer} answer @returns {any} the body
   */
  assertAnswer(id, answer) {
    const context = `${id}: ${summary(answer)}`;
    const response = this.resolve(this.operation(id).operation.responses[answer.status]);
    assert.ok(response, `${context}\nthe document does not have this status`);
    this.assertHeaders(answer.headers, response.headers, context);
    const [type, charset] = answer.headers['content-type'].split(/; */);
    assert.equal(charset, 'charset=utf-8', context);
    const content = response.content[type];
    assert.ok(content, `${context}\nthe document does not have the type ${type}`);
    const body = /json$/.test(type) && type !== 'application/x-ndjson' ? answer.json() : answer.text;
    this.assertFits(body, content.schema, context);
    return body;
  }
}
