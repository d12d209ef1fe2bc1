/**
 * Bounds on a document that hold before anything recursive looks at it. graphql's parser and validation recurse along
 * brackets and fragments, so a document of some ten thousand of either would overflow the stack (an HTTP 500) long
 * before a rule could refuse it.
 */
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  Kind,
  Lexer,
  parse,
  type SelectionSetNode,
  Source,
  TokenKind,
} from 'graphql';
import { GatewayError } from '../errors.ts';

export interface DocumentLimits {
  /** Counted in characters here. */
  readonly maxStringBytes: number;
  readonly maxTokens: number;
  readonly maxDepth: number;
}

/** Brackets within each other: 15 levels of fields, and JSON literals of 20 levels in an argument, stay below. */
const MAX_NESTING = 50;

/** Fragments in one document; generated clients have some dozens. A chain of them is as deep as they are many. */
const MAX_FRAGMENTS = 250;

const OPENING: ReadonlySet<string> = new Set([TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L]);
const CLOSING: ReadonlySet<string> = new Set([TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R]);

/**
 * The document, parsed.
 * @throws GraphQLError where it is not GraphQL; GatewayError LIMIT_EXCEEDED where it is too long or too deep
 */
export function parseWithin(text: string, limits: DocumentLimits): DocumentNode {
  if (text.length > limits.maxStringBytes)
    throw tooMuch(`The document has more than ${limits.maxStringBytes} characters.`);
  scanTokens(text, limits.maxTokens);
  const document = parse(text);
  checkDepth(document, limits.maxDepth);
  return document;
}

function scanTokens(text: string, maxTokens: number): void {
  const lexer = new Lexer(new Source(text));
  let tokens = 0;
  let nesting = 0;
  for (let token = lexer.advance(); token.kind !== TokenKind.EOF; token = lexer.advance()) {
    tokens += 1;
    if (tokens > maxTokens) throw tooMuch(`The document has more than ${maxTokens} tokens.`);
    if (OPENING.has(token.kind)) nesting += 1;
    if (CLOSING.has(token.kind)) nesting -= 1;
    if (nesting > MAX_NESTING) throw tooMuch(`The document nests more than ${MAX_NESTING} brackets.`);
  }
}

function checkDepth(document: DocumentNode, maxDepth: number): void {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  if (fragments.size > MAX_FRAGMENTS) throw tooMuch(`The document has more than ${MAX_FRAGMENTS} fragments.`);

  // A fragment is measured once. One that is met while it is being measured is a cycle, which validation refuses.
  const measured = new Map<string, number>();
  const depthOfFragment = (name: string): number => {
    const known = measured.get(name);
    if (known !== undefined) return known;
    const fragment = fragments.get(name);
    measured.set(name, 0);
    const depth = fragment ? depthOf(fragment.selectionSet) : 0;
    measured.set(name, depth);
    return depth;
  };
  const depthOf = (selectionSet: SelectionSetNode): number => {
    let deepest = 0;
    for (const selection of selectionSet.selections) {
      let depth: number;
      if (selection.kind === Kind.FRAGMENT_SPREAD) depth = depthOfFragment(selection.name.value);
      else if (selection.kind === Kind.INLINE_FRAGMENT) depth = depthOf(selection.selectionSet);
      else if (selection.name.value === '__schema' || selection.name.value === '__type') depth = 1;
      else depth = 1 + (selection.selectionSet ? depthOf(selection.selectionSet) : 0);
      deepest = Math.max(deepest, depth);
    }
    return deepest;
  };

  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    const depth = depthOf(definition.selectionSet);
    if (depth > maxDepth) throw tooMuch(`The operation is ${depth} levels deep; at most ${maxDepth} are allowed.`);
  }
}

function tooMuch(message: string): GatewayError {
  return new GatewayError('LIMIT_EXCEEDED', `${message} Ask for less, or in several operations.`);
}
