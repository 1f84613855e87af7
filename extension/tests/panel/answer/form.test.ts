// @vitest-environment node
// The six forms, on the copilots' own held-out answers, cut short at every place, and on answers that are none of them.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Form, formOf } from '../../../entrypoints/panel/answer/form.ts';

const ADAPTERS = join(import.meta.dirname, '../../../../adapters');
const HELD_OUT = readdirSync(ADAPTERS, { recursive: true, encoding: 'utf8' })
  .filter((name) => /^[^/]+\/[^/]+\/heldout\.jsonl$/.test(name))
  .flatMap((name) => readFileSync(join(ADAPTERS, name), 'utf8').trim().split('\n'))
  .map((line) => (JSON.parse(line) as { answer: string }).answer.trim());

const FACT = 'It ends in May. "The term ends on 3 May." [4]';
const LIST = '- Notice, 30 days: "Thirty days of notice are due." [2]\n- Fee: "A fee of £5 is charged." [7]';
const TABLE = '| Item | Price | Quote |\n| --- | --- | --- |\n| Tea | 2 | "Tea | 2 euros" [3] |';
const VERDICT = 'Verdict: not allowed. Taxis are not paid for. "Taxis are not paid for." [22]';
const DRAFT = 'Dear office,\n\n- one\n- two\n\nFrom the page: "One." [1] "Two." [2]';
const SUMMARY = 'It runs 104 minutes [3]. Everybody has a reason [9] [10].';
const NONE = 'The page does not say.\nClosest: "Open at eight." [5]';

const kindOf = (answer: string, isLive = false): Form['kind'] => formOf(answer, isLive).kind;

test('every held-out answer has a form', () => {
  expect(HELD_OUT.length).toBeGreaterThan(3_000);
  expect(HELD_OUT.filter((answer) => kindOf(answer) === 'plain')).toEqual([]);
});

test('nothing of an answer is lost in its form', () => {
  const spans = (value: unknown): { text: string; at: number }[] =>
    Array.isArray(value) ? value.flatMap(spans) : typeof value === 'object' && value !== null ? ('at' in value ? [value as { text: string; at: number }] : Object.values(value).flatMap(spans)) : [];
  for (const answer of HELD_OUT.filter((_, i) => i % 7 === 0)) {
    const form = formOf(answer, false);
    for (const { text, at } of spans(form)) expect(answer.startsWith(text, at) || answer.startsWith(`"${text}"`, at)).toBe(true);
    expect(form.kind === 'fact' ? form.evidence.length : answer.split('"').length >> 1).toBe(answer.split('"').length >> 1);
  }
});

describe('each form', () => {
  test('fact: conclusion, evidence, closing line', () => {
    expect(formOf(`${FACT} "It may end earlier." [5]\nNot legal advice.`, false)).toEqual({
      kind: 'fact',
      lead: { text: 'It ends in May.', at: 0 },
      evidence: [
        { text: 'The term ends on 3 May.', at: 16, cited: 4, isOpen: false },
        { text: 'It may end earlier.', at: 46, cited: 5, isOpen: false },
      ],
      closing: { text: 'Not legal advice.', at: 72 },
    });
  });

  test('list: a label and its evidence for each point', () => {
    expect(formOf(LIST, false)).toMatchObject({ kind: 'list', isOrdered: false, points: [{ label: { text: 'Notice, 30 days', at: 2 } }, { label: { text: 'Fee' }, evidence: [{ cited: 7 }] }] });
    expect(formOf('1. Pay: "Pay first." [1]\n2. Go: "Then go." [2]', false)).toMatchObject({ kind: 'list', isOrdered: true });
  });

  test('table, verdict, draft, summary, abstention', () => {
    expect(formOf(TABLE, false)).toMatchObject({ kind: 'table', body: { text: TABLE, at: 0 } });
    expect(formOf(VERDICT, false)).toMatchObject({ kind: 'verdict', word: 'not allowed', reason: { text: 'Taxis are not paid for.' }, evidence: [{ cited: 22 }] });
    expect(formOf(DRAFT, false)).toMatchObject({ kind: 'draft', body: { text: 'Dear office,\n\n- one\n- two' }, evidence: [{ cited: 1 }, { cited: 2 }] });
    expect(formOf(SUMMARY, false)).toMatchObject({ kind: 'summary', sentences: [{ text: 'It runs 104 minutes [3].' }, { text: 'Everybody has a reason [9] [10].' }] });
    expect(formOf(NONE, false)).toMatchObject({ kind: 'abstention', statement: { text: 'The page does not say.' }, note: null, closest: [{ text: 'Open at eight.', cited: 5 }] });
    expect(formOf('The page does not say. (Blocks 1 to 3 of 9 were read, the rest was only searched.)', false)).toMatchObject({ kind: 'abstention', note: { text: '(Blocks 1 to 3 of 9 were read, the rest was only searched.)' } });
  });
});

describe('while it is written', () => {
  test.each([FACT, LIST, TABLE, VERDICT, DRAFT, SUMMARY, NONE])('%j has a form or none at every cut, and its own at the end', (answer) => {
    const kinds = Array.from({ length: answer.length + 1 }, (_, i) => kindOf(answer.slice(0, i), true));
    expect(kinds.at(-1)).toBe(kindOf(answer));
    expect(new Set(kinds.slice(kinds.lastIndexOf('plain') + 1)).size).toBe(1); // once found, it does not change
  });

  test('a quotation that is still open is evidence already', () => {
    expect(formOf('It ends in May. "The term en', true)).toMatchObject({ kind: 'fact', evidence: [{ text: 'The term en', isOpen: true, cited: null }] });
  });

  test('a list has its form from its first point on', () => {
    expect(kindOf('- Notice', true)).toBe('list');
    expect(kindOf('- Notice', false)).toBe('plain');
  });
});

describe('what fits no form is Markdown', () => {
  test.each([
    ['quotes within a sentence', 'It says "one" [1] and also "two" [2], so beware.'],
    ['a list with text before it', 'These are they:\n- One: "One." [1]'],
    ['a list without evidence', '- one\n- two'],
    ['two paragraphs', 'One. "One." [1]\n\nTwo. "Two." [2]'],
    ['a table without a rule', '| a | b |\n| c | d |'],
    ['a summary with an uncited sentence', 'One [1]. Two without.'],
    ['a quote alone', '"One." [1]'],
    ['nothing', ''],
  ])('%s', (_, answer) => {
    expect(formOf(answer, false)).toEqual({ kind: 'plain', body: { text: answer, at: 0 } });
  });

  test('a verdict whose evidence is not where it belongs keeps its word, and the rest is Markdown', () => {
    expect(formOf('**Verdict:** Weak. It says "one" [1] but "two" [2] too.', false)).toMatchObject({ kind: 'verdict', word: 'Weak', evidence: [], reason: { text: 'It says "one" [1] but "two" [2] too.' } });
  });

  test('words of a quotation are no form', () => {
    expect(kindOf('He asks: "Verdict: guilty.\n- From the page: x" [1]')).toBe('plain');
    expect(formOf('Yes. "| a | From the page: Verdict: x" [1]', false)).toMatchObject({ kind: 'fact' });
  });

  test('the longest hostile answer takes milliseconds', () => {
    const started = performance.now();
    for (const answer of ['" '.repeat(20_000), '[1] '.repeat(20_000), '- x\n'.repeat(10_000), `Verdict: ${' a'.repeat(20_000)}`, `|${'-'.repeat(30_000)}\n|${'-|'.repeat(20_000)}x`, '\uE000'.repeat(30_000)]) formOf(answer, true);
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});
