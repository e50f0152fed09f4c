import { InferloomError } from '../../canonical/errors.ts'
import { checkGrammar } from './check.ts'
import { choice, Rules, text, type Expression } from './expression.ts'
import { anyArray, anyBoolean, anyNumber, anyObject, anyString, oneOfTexts } from './json-rules.ts'
import { numberExpression, stringExpression } from './scalar-schema.ts'
import {
  at,
  canonical,
  invalid,
  isSchema,
  own,
  SchemaReader,
  show,
  Unmeetable,
  unsupported,
  type Conjunction,
  type Part,
} from './schema-parts.ts'
import { arrayExpression, objectExpression, type Compile } from './structure-schema.ts'

const deepest = 100
const mostValues = 2000

const typeNames = ['string', 'number', 'integer', 'boolean', 'null', 'object', 'array'] as const
type TypeName = (typeof typeNames)[number]

/** What a schema without `type` is about, told by its keywords. */
const impliedTypes: Readonly<Record<string, TypeName>> = {
  properties: 'object',
  required: 'object',
  additionalProperties: 'object',
  minProperties: 'object',
  maxProperties: 'object',
  items: 'array',
  prefixItems: 'array',
  minItems: 'array',
  maxItems: 'array',
  uniqueItems: 'array',
  minLength: 'string',
  maxLength: 'string',
  pattern: 'string',
  format: 'string',
  minimum: 'number',
  maximum: 'number',
  exclusiveMinimum: 'number',
  exclusiveMaximum: 'number',
  multipleOf: 'number',
}

/** Any JSON object. */
export const jsonObjectGrammar: string = grammarOf((rules) => anyObject(rules)) ?? ''

/**
 * The grammar (GBNF) whose texts are JSON that meets a schema. Where a schema leaves a choice that a grammar cannot
 * follow, the texts are fewer than the valid ones, never other ones: properties that are not named in the schema are
 * left out unless `additionalProperties` asks for them.
 * Throws `unsupported_parameter` for a keyword it cannot keep and `invalid_value` for a schema that nothing meets;
 * both name the place.
 *
 * @example grammarOfJsonSchema({ type: 'object', properties: { city: { type: 'string' } }, required: ['city'] })
 */
export function grammarOfJsonSchema(schema: unknown, param = 'response_format.json_schema.schema'): string {
  try {
    const grammar = grammarOf((rules) => new Compiler(rules, schema, param).compile([{ schema, path: param }], 0))
    if (grammar === undefined) throw new Unmeetable(param, 'it refers to itself without an end')
    checkSize(grammar, param)
    return grammar
  } catch (error) {
    if (error instanceof Unmeetable) throw unmeetable(error)
    if (error instanceof RangeError) throw unsupported(param, 'nests too deep', 'make the schema flatter')
    throw error
  }
}

function grammarOf(build: (rules: Rules) => Expression): string | undefined {
  const rules = new Rules()
  const root = build(rules)
  return rules.render(root)
}

/** Our own grammars are well-formed; what a hostile schema can do is to make one that is too large to follow. */
function checkSize(grammar: string, param: string): void {
  try {
    checkGrammar(grammar, param)
  } catch (error) {
    if (!(error instanceof InferloomError)) throw error
    throw new InferloomError(
      'unsupported_parameter',
      `${param} makes too large a grammar: ${error.message.slice(0, 300)} Remedy: use fewer alternatives and smaller counts.`,
      { param, cause: error },
    )
  }
}

function unmeetable({ path, message }: Unmeetable): InferloomError {
  return new InferloomError('invalid_value', `${path} cannot be met: ${message}. Remedy: correct the schema.`, {
    param: path,
  })
}

interface Context {
  readonly depth: number
  readonly path: string
  /** The conjunctions that this one is an alternative of. */
  readonly open: ReadonlySet<string>
}

class Compiler {
  readonly #rules: Rules
  readonly #reader: SchemaReader
  readonly #known = new Map<string, string>()
  readonly #ids = new Map<unknown, number>()

  constructor(rules: Rules, root: unknown, path: string) {
    this.#rules = rules
    this.#reader = new SchemaReader(root, path)
  }

  /** What meets all of the given schemas. Equal conjunctions share one rule, which is what makes recursion end. */
  readonly compile: Compile = (schemas, depth) => {
    const path = schemas[0]?.path ?? ''
    if (depth > deepest) throw unsupported(path, `nests more than ${deepest} deep`, 'make the schema flatter')
    return this.#compileConjunction(this.#reader.conjunction(schemas), { depth, path, open: new Set() })
  }

  #compileConjunction(conjunction: Conjunction, context: Context): Expression {
    const { path } = context
    this.#reader.step(path)
    const key = this.#keyOf(conjunction)
    const known = this.#known.get(key)
    if (known !== undefined) return { kind: 'rule', name: known }
    const name = this.#rules.reserve('schema')
    this.#known.set(key, name)
    try {
      this.#rules.define(name, this.#expressionOf(conjunction, { ...context, open: new Set([...context.open, key]) }))
    } catch (error) {
      this.#known.delete(key)
      throw error
    }
    return { kind: 'rule', name }
  }

  #keyOf({ parts, unions }: Conjunction): string {
    const id = (value: unknown): number => {
      const known = this.#ids.get(value)
      if (known !== undefined) return known
      this.#ids.set(value, this.#ids.size)
      return this.#ids.size - 1
    }
    const ids = (values: unknown[]) => [...new Set(values.map((value) => id(value)))].sort((a, b) => a - b).join()
    return `${ids(parts.map((part) => part.schema))}|${ids(unions.map((union) => union.branches))}`
  }

  #expressionOf({ parts, unions }: Conjunction, { depth, path, open }: Context): Expression {
    const [union, ...rest] = unions
    if (!union) return this.#typed(parts, depth, path)
    const met: Expression[] = []
    let firstProblem: Unmeetable | undefined
    for (const [index, branch] of union.branches.entries()) {
      const branchPath = at(union.path, index)
      if (depth > deepest) throw unsupported(branchPath, `nests more than ${deepest} deep`, 'make the schema flatter')
      try {
        const inner = this.#reader.conjunction([{ schema: branch, path: branchPath }])
        const all = distinct({ parts: [...parts, ...inner.parts], unions: [...rest, ...inner.unions] })
        // An alternative that is the schema itself adds nothing, and to llama.cpp it would be left recursion.
        if (open.has(this.#keyOf(all))) continue
        met.push(this.#compileConjunction(all, { depth: depth + 1, path: branchPath, open }))
      } catch (error) {
        if (!(error instanceof Unmeetable)) throw error
        firstProblem ??= error
      }
    }
    if (met.length === 0) throw firstProblem ?? new Unmeetable(union.path, 'it refers only to itself')
    return choice(...met)
  }

  #typed(parts: readonly Part[], depth: number, path: string): Expression {
    const types = typesOf(parts)
    const values = valuesOf(parts, types)
    if (values) return oneOfTexts(this.#rules, values)
    if (types.length === 0) {
      throw new Unmeetable(path, `no value has every type that ${parts.map((part) => part.path).join(' and ')} ask for`)
    }
    return choice(...types.map((type) => this.#ofType(type, parts, depth, path)))
  }

  #ofType(type: TypeName, parts: readonly Part[], depth: number, path: string): Expression {
    const constrained = parts.some(({ schema }) =>
      Object.keys(schema).some((key) => impliedTypes[key] === (type === 'integer' ? 'number' : type)),
    )
    switch (type) {
      case 'null':
        return text('null')
      case 'boolean':
        return anyBoolean()
      case 'string':
        return constrained ? stringExpression(this.#rules, parts, path) : anyString(this.#rules)
      case 'integer':
        return numberExpression(parts, path, true)
      case 'number':
        return constrained ? numberExpression(parts, path, false) : anyNumber(this.#rules)
      case 'array':
        return constrained ? arrayExpression(this.#rules, parts, this.compile, depth, path) : anyArray(this.#rules)
      case 'object':
        return objectExpression(this.#rules, parts, this.compile, depth, path)
    }
  }
}

function distinct({ parts, unions }: Conjunction): Conjunction {
  return {
    parts: [...new Map(parts.map((part) => [part.schema, part])).values()],
    unions: [...new Map(unions.map((union) => [union.branches, union])).values()],
  }
}

/** The types that all parts allow; without any `type`, those that the keywords are about, or all. */
function typesOf(parts: readonly Part[]): TypeName[] {
  const stated = parts.map((part) => statedTypes(part)).filter((types) => types !== undefined)
  if (stated.length > 0) return stated.reduce((a, b) => intersection(a, b))
  const implied = new Set<TypeName>()
  for (const { schema } of parts) {
    for (const keyword of Object.keys(schema)) {
      const type = Object.hasOwn(impliedTypes, keyword) ? impliedTypes[keyword] : undefined
      if (type) implied.add(type)
    }
  }
  return implied.size > 0 ? [...implied] : ['object', 'array', 'string', 'number', 'boolean', 'null']
}

function statedTypes({ schema, path }: Part): TypeName[] | undefined {
  const type = own(schema, 'type')
  if (type === undefined) return undefined
  const here = at(path, 'type')
  const list: unknown[] = Array.isArray(type) ? type : [type]
  if (list.length === 0) throw new Unmeetable(here, 'it names no type')
  const types = list.map((each) => {
    const known = typeNames.find((name) => name === each)
    if (!known) throw invalid(here, each, `one of ${typeNames.join(', ')}`)
    return known
  })
  const nullable = own(schema, 'nullable') === true && !types.includes('null')
  const all = nullable ? [...types, 'null' as const] : types
  return all.includes('number') ? all.filter((each) => each !== 'integer') : [...new Set(all)]
}

function intersection(a: readonly TypeName[], b: readonly TypeName[]): TypeName[] {
  const common = a.filter((type) => b.includes(type))
  const integers = (a.includes('integer') && b.includes('number')) || (a.includes('number') && b.includes('integer'))
  return integers ? [...common, 'integer'] : common
}

/** The texts of the values that `enum` and `const` leave, or undefined where neither is given. */
function valuesOf(parts: readonly Part[], types: readonly TypeName[]): string[] | undefined {
  let values: Map<string, unknown> | undefined
  let place = ''
  for (const { schema, path } of parts) {
    for (const keyword of ['enum', 'const']) {
      if (!Object.hasOwn(schema, keyword)) continue
      place = at(path, keyword)
      const given: unknown = keyword === 'const' ? [schema[keyword]] : schema[keyword]
      if (!Array.isArray(given)) throw invalid(place, given, 'a list of values')
      if (given.length > mostValues) {
        throw unsupported(place, `lists ${given.length} values, more than ${mostValues}`, 'use a string with a pattern')
      }
      const listed = new Map(given.map((value: unknown) => [canonical(value), value]))
      values = values ? new Map([...values].filter(([key]) => listed.has(key))) : listed
    }
  }
  if (!values) return undefined
  const typed = parts.some(({ schema }) => Object.hasOwn(schema, 'type'))
  const left = [...values.values()].filter((value) => !typed || types.some((type) => isOfType(value, type)))
  if (left.length === 0) throw new Unmeetable(place, 'no value is listed that every other keyword allows')
  refuseOtherConstraints(parts, place)
  return left.map((value) => JSON.stringify(value))
}

function refuseOtherConstraints(parts: readonly Part[], place: string): void {
  for (const { schema, path } of parts) {
    const other = Object.keys(schema).find((keyword) => Object.hasOwn(impliedTypes, keyword))
    if (other === undefined) continue
    const reason = `= ${show(schema[other])} is not supported together with ${place}`
    throw unsupported(at(path, other), reason, `leave ${other} out and list only the values that meet it`)
  }
}

function isOfType(value: unknown, type: TypeName): boolean {
  switch (type) {
    case 'null':
      return value === null
    case 'array':
      return Array.isArray(value)
    case 'object':
      return isSchema(value)
    case 'integer':
      return Number.isInteger(value)
    case 'string':
    case 'number':
    case 'boolean':
      return typeof value === type
  }
}
