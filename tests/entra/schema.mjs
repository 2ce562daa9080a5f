// @ts-check
/**
 * Checks what the simulator answers against Microsoft's published schema, so that no test is written against a Graph
 * that does not exist: unknown members, wrong types and null where the schema forbids it are errors of the simulator.
 */
import { readFileSync } from 'node:fs';

/**
 * @typedef {{ type: string, nullable: boolean }} Property
 * @typedef {{ base?: string, properties: Map<string, Property>, navigations: Set<string> }} StructuredType
 *
 * @typedef {object} Shape  what an answer claims to be
 * @property {'entity' | 'collection' | 'values'} kind  `values`: a collection of primitives, in `type`
 * @property {string} type        without namespace
 * @property {string[]} [derived] what each entity may be instead, as its `@odata.type` says
 */

/** Types that the slice names but does not hold, as Graph's reference describes them. */
const REFERENCE_ONLY = `
  <ComplexType Name="appIdentity">
    <Property Name="appId" Type="Edm.String" /><Property Name="displayName" Type="Edm.String" />
    <Property Name="servicePrincipalId" Type="Edm.String" /><Property Name="servicePrincipalName" Type="Edm.String" />
  </ComplexType>
  <ComplexType Name="targetResource">
    <Property Name="id" Type="Edm.String" /><Property Name="displayName" Type="Edm.String" />
    <Property Name="type" Type="Edm.String" /><Property Name="userPrincipalName" Type="Edm.String" />
    <Property Name="groupType" Type="Edm.String" /><Property Name="modifiedProperties" Type="Collection(graph.modifiedProperty)" />
  </ComplexType>
  <ComplexType Name="modifiedProperty">
    <Property Name="displayName" Type="Edm.String" /><Property Name="oldValue" Type="Edm.String" />
    <Property Name="newValue" Type="Edm.String" />
  </ComplexType>
  <EnumType Name="operationResult">
    <Member Name="success" Value="0" /><Member Name="failure" Value="1" /><Member Name="timeout" Value="2" />
  </EnumType>`;

/** Members that only an open type has: the schema does not list them, the reference does. */
const OPEN_MEMBERS = new Map([['device', new Map([['extensionAttributes', { type: 'graph.onPremisesExtensionAttributes', nullable: true }]])]]);

const ANNOTATION = /^@odata\.(context|type|count|nextLink|id)$|^[A-Za-z]+@odata\.(type|count)$/;

/** @type {Record<string, (value: unknown) => boolean>} */
const PRIMITIVES = {
  'Edm.String': (v) => typeof v === 'string',
  'Edm.Boolean': (v) => typeof v === 'boolean',
  'Edm.Int32': (v) => Number.isInteger(v) && Math.abs(/** @type {number} */ (v)) < 2 ** 31,
  'Edm.Int64': (v) => Number.isInteger(v),
  'Edm.Binary': (v) => typeof v === 'string' && /^[A-Za-z0-9+/_-]*=*$/.test(v),
  'Edm.DateTimeOffset': (v) => typeof v === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,12})?(Z|[+-]\d\d:\d\d)$/.test(v)
    && !Number.isNaN(Date.parse(v)),
};

/** @param {string} tag @param {string} name */
const attribute = (tag, name) => new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1];

export class SchemaError extends Error {}

export class Schema {
  /** @param {string} csdl text of a schema document */
  constructor(csdl) {
    /** @type {Map<string, StructuredType>} */
    this.types = new Map();
    /** @type {Map<string, Set<string>>} */
    this.enums = new Map();
    this.#read(csdl);
    this.#read(REFERENCE_ONLY);
  }

  /** @param {string} csdl */
  #read(csdl) {
    for (const [, head, body] of csdl.matchAll(/<(?:EntityType|ComplexType)\b([^>]*)>([\s\S]*?)<\/(?:EntityType|ComplexType)>/g)) {
      const name = attribute(head, 'Name') ?? '';
      // The slice holds types of one name from several namespaces; Graph's own come first.
      if (this.types.has(name)) continue;
      const properties = new Map([...body.matchAll(/<Property\b[^>]*>/g)].map(([tag]) =>
        [attribute(tag, 'Name') ?? '', { type: attribute(tag, 'Type') ?? '', nullable: attribute(tag, 'Nullable') !== 'false' }]));
      const navigations = new Set([...body.matchAll(/<NavigationProperty\b[^>]*>/g)].map(([tag]) => attribute(tag, 'Name') ?? ''));
      this.types.set(name, { base: attribute(head, 'BaseType')?.replace(/^.*\./, ''), properties, navigations });
    }
    for (const [, head, body] of csdl.matchAll(/<EnumType\b([^>]*)>([\s\S]*?)<\/EnumType>/g)) {
      this.enums.set(attribute(head, 'Name') ?? '', new Set([...body.matchAll(/<Member\b[^>]*>/g)].map(([tag]) => attribute(tag, 'Name') ?? '')));
    }
  }

  /**
   * All properties of a type, inherited ones too.
   * @param {string} name
   * @returns {Map<string, Property>}
   */
  properties(name) {
    const type = this.types.get(name);
    if (!type) throw new SchemaError(`the schema has no type '${name}'`);
    return new Map([...(type.base ? this.properties(type.base) : []), ...type.properties, ...(OPEN_MEMBERS.get(name) ?? [])]);
  }

  /**
   * Throws a SchemaError that names the place when an answer is not what it claims to be.
   * @param {any} body @param {Shape} shape
   */
  check(body, shape) {
    if (shape.kind === 'entity') return this.#structured(body, shape.type, '$', shape.derived);
    if (!Array.isArray(body?.value)) throw new SchemaError('$.value: not a list');
    for (const name of Object.keys(body)) {
      if (name !== 'value' && !ANNOTATION.test(name)) throw new SchemaError(`$: a collection has no member '${name}'`);
    }
    body.value.forEach((/** @type {any} */ item, /** @type {number} */ i) => {
      if (shape.kind === 'values') this.#value(item, { type: shape.type, nullable: false }, `$.value[${i}]`);
      else this.#structured(item, shape.type, `$.value[${i}]`, shape.derived);
    });
  }

  /** @param {any} object @param {string} type @param {string} at @param {string[]} [derived] */
  #structured(object, type, at, derived) {
    if (object === null || typeof object !== 'object' || Array.isArray(object)) throw new SchemaError(`${at}: not an object`);
    const said = object['@odata.type'];
    if (said !== undefined) {
      const name = /^#microsoft\.graph\.(\w+)$/.exec(said)?.[1] ?? '';
      if (name !== type && !derived?.includes(name)) throw new SchemaError(`${at}: '${said}' cannot stand here`);
      type = name;
    } else if (derived) {
      throw new SchemaError(`${at}: lacks @odata.type`);
    }
    const properties = this.properties(type);
    for (const [name, value] of Object.entries(object)) {
      if (ANNOTATION.test(name)) continue;
      if (this.types.get(type)?.navigations.has(name)) {
        this.#expanded(value, `${at}.${name}`);
        continue;
      }
      const property = properties.get(name);
      if (!property) throw new SchemaError(`${at}: '${type}' has no property '${name}'`);
      this.#value(value, property, `${at}.${name}`);
    }
  }

  /** A relation that was taken along: directory objects that say what they are. @param {any} value @param {string} at */
  #expanded(value, at) {
    if (!Array.isArray(value)) throw new SchemaError(`${at}: not a list`);
    value.forEach((item, i) => this.#structured(item, 'directoryObject', `${at}[${i}]`, ['user', 'group', 'administrativeUnit']));
  }

  /** @param {any} value @param {Property} property @param {string} at */
  #value(value, { type, nullable }, at) {
    if (value === null) {
      if (!nullable) throw new SchemaError(`${at}: null, but Nullable="false"`);
      return;
    }
    const element = /^Collection\((.*)\)$/.exec(type)?.[1];
    if (element) {
      if (!Array.isArray(value)) throw new SchemaError(`${at}: not a list`);
      value.forEach((item, i) => this.#value(item, { type: element, nullable: false }, `${at}[${i}]`));
      return;
    }
    if (PRIMITIVES[type]) {
      if (!PRIMITIVES[type](value)) throw new SchemaError(`${at}: ${JSON.stringify(value)} is no ${type}`);
      return;
    }
    const name = type.replace(/^.*\./, '');
    const members = this.enums.get(name);
    if (!members) this.#structured(value, name, at);
    else if (!members.has(value)) throw new SchemaError(`${at}: ${JSON.stringify(value)} is no ${type}`);
  }
}

export const loadSchema = () => new Schema(readFileSync(new URL('./v1.0-slice.csdl', import.meta.url), 'utf8'));
