// A copilot as it is being written: blank, named, with its form and faults. Pure; called by own and the editor's parts.
import type { CheckChoice, CopilotDraft, DraftFault } from '../../../lib/connection/protocol.ts';

export const FORMS = ['fact', 'list', 'table', 'verdict', 'draft', 'summary'] as const;
export const STARTERS_MAX = 8;
const SLUG_MAX = 64;

export interface FormChoice {
  forms: string[];
  verdicts: string[];
  closing: string;
}

export function blank(category: string): CopilotDraft {
  return { copilot: `${category}/`, name: '', promise: '', instructions: '', starters: [''], hints: [], checks: withForm([], { forms: ['fact', 'list'], verdicts: [], closing: '' }) };
}

/** What a folder may be called, from a name; empty where nothing of it can stand there. */
export function slugOf(name: string): string {
  const plain = name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  return plain.replace(/[^a-z0-9]+/g, '-').replace(/^-+/, '').slice(0, SLUG_MAX).replace(/-+$/, '');
}

export function categoryOf({ copilot }: Pick<CopilotDraft, 'copilot'>): string {
  return copilot.slice(0, copilot.indexOf('/'));
}

/** A new copilot is called after its name; a script without Latin letters leaves `own`. */
export function named(draft: CopilotDraft, name: string): CopilotDraft {
  return { ...draft, name, copilot: `${categoryOf(draft)}/${name.trim() === '' ? '' : slugOf(name) || 'own'}` };
}

export function moved(draft: CopilotDraft, category: string): CopilotDraft {
  return { ...draft, copilot: `${category}${draft.copilot.slice(draft.copilot.indexOf('/'))}` };
}

export function formOf(checks: CheckChoice[]): FormChoice {
  const { one_of: forms, verdicts, closing } = checks.find(({ check }) => check === 'form')?.parameters ?? {};
  return { forms: texts(forms), verdicts: texts(verdicts), closing: typeof closing === 'string' ? closing : '' };
}

/** The checks with this form first; without one where no form is chosen. */
export function withForm(checks: CheckChoice[], { forms, verdicts, closing }: FormChoice): CheckChoice[] {
  const others = checks.filter(({ check }) => check !== 'form');
  if (forms.length === 0) return others;
  const parameters = { one_of: forms, ...(forms.includes('verdict') ? { verdicts } : {}), ...(closing ? { closing } : {}) };
  return [{ check: 'form', parameters }, ...others];
}

/** What the server may have: lines that were left empty are not meant. */
export function tidied(draft: CopilotDraft): CopilotDraft {
  return { ...draft, starters: draft.starters.map((text) => text.trim()).filter(Boolean), hints: draft.hints.map((text) => text.trim()).filter(Boolean) };
}

/** The first fault of a field, or of what stands in it. */
export function faultOf(faults: DraftFault[], field: string): string {
  return faults.find((fault) => fault.field === field || fault.field.startsWith(`${field}.`))?.message ?? '';
}

export function listed(words: string): string[] {
  return words.split(/[,،\n]/).map((word) => word.trim()).filter(Boolean);
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
}
