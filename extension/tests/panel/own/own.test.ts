// The user's own copilots in the panel: drafts, what is sent, refusals, a trial that is nobody else's, undo.
import { beforeEach, expect, test, vi } from 'vitest';
import { blank, faultOf, formOf, listed, moved, named, slugOf, tidied, withForm } from '../../../entrypoints/panel/own/draft.ts';
import { Own } from '../../../entrypoints/panel/own/own.ts';
import type { Store } from '../../../entrypoints/panel/state/store.ts';
import type { ClientFrame, CopilotCard, CopilotDraft, DraftState, ServerFrame } from '../../../lib/connection/protocol.ts';
import { Requests } from '../../../lib/connection/requests.ts';
import { fakeBrowser } from '../../browser.ts';

vi.mock('wxt/browser', async () => ({ browser: (await import('../../browser.ts')).fakeBrowser }));

const CARD: CopilotCard = { id: 'a/b', name: 'B', category: 'a', category_name: 'A', icon: '', promise: '', starters: [], mode: 'instructed', refused: null, trainable: false, own: true };
const DRAFT: CopilotDraft = { copilot: 'a/b', name: 'B', promise: 'P', instructions: 'I', starters: ['q?', ' '], hints: [], checks: [] };
const STATE: DraftState = { faults: [], tokens: 1, tokens_max: 9, shadows: false, exists: true, inherited_instructions: '', inherited_checks: [] };

let sent: ClientFrame[];
let chosen: string[];
let store: Store;
let own: Own;

beforeEach(() => {
  fakeBrowser.storage.session.kept = {};
  [sent, chosen] = [[], []];
  const requests = new Requests((frame) => void sent.push(frame));
  store = {
    requests, copilots: [CARD], current: CARD, takers: new Set(), transmit: (frame: ClientFrame) => void sent.push(frame), choose: (id: string) => void chosen.push(id),
    state: { page: { id: 'p1', reading: 'x' }, isPrivateWindow: false },
  } as unknown as Store;
  own = new Own(store);
});

const answer = (frame: Record<string, unknown>): void => void store.requests.take({ request: (sent.at(-1) as { request: string }).request, ...frame } as ServerFrame);

async function opened(): Promise<void> {
  const done = own.open(CARD);
  answer({ type: 'copilot.got', draft: DRAFT, seen: 's1', state: STATE });
  await done;
}

test.each([['Lease Reader!', 'lease-reader'], ['  ', ''], ['قارئ', ''], ['x'.repeat(90), 'x'.repeat(64)], ['../etc', 'etc']])('%s may be the folder %s', (name, slug) => {
  expect(slugOf(name)).toBe(slug);
});

test('a new one is called after its name and moves with its category', () => {
  expect(named(blank('legal'), 'My Lease').copilot).toBe('legal/my-lease');
  expect(named(blank('legal'), 'قارئ').copilot).toBe('legal/own');
  expect(moved(named(blank('legal'), 'X'), 'home').copilot).toBe('home/x');
});

test('the form is one of the checks, and the words of a verdict go with the verdict', () => {
  const checks = withForm([{ check: 'cites_block', parameters: {} }], { forms: ['verdict'], verdicts: ['fair'], closing: 'Bye.' });
  expect(formOf(checks)).toEqual({ forms: ['verdict'], verdicts: ['fair'], closing: 'Bye.' });
  expect(withForm(checks, { forms: ['fact'], verdicts: ['fair'], closing: '' })[0]).toEqual({ check: 'form', parameters: { one_of: ['fact'] } });
  expect(withForm(checks, { forms: [], verdicts: [], closing: '' })).toEqual([{ check: 'cites_block', parameters: {} }]);
});

test('a fault in a list is its field\'s', () => {
  const faults = [{ field: 'starters.1', code: 'c', message: 'Wrong.' }];
  expect([faultOf(faults, 'starters'), faultOf(faults, 'starter')]).toEqual(['Wrong.', '']);
  expect(listed('a, b،\n c,')).toEqual(['a', 'b', 'c']);
  expect(tidied(DRAFT).starters).toEqual(['q?']);
});

test('what is saved names the version that it began from, and is chosen', async () => {
  await opened();
  const done = own.save();
  expect(sent.at(-1)).toMatchObject({ type: 'copilot.save', seen: 's1', draft: { starters: ['q?'] } });
  answer({ type: 'copilot.saved', copilot: 'a/b', seen: 's2', shadows: false });
  await done;
  expect([own.view.editing, chosen]).toEqual([null, ['a/b']]);
});

test('a refusal keeps the words, and a conflict is settled by hand', async () => {
  await opened();
  own.write({ ...DRAFT, promise: 'Mine' });
  const done = own.save();
  answer({ type: 'error', code: 'copilot_edited', message: 'Changed.', field: null, page: null, retry_after_ms: null });
  await done;
  expect(own.view.editing).toMatchObject({ refusal: { code: 'copilot_edited' }, draft: { promise: 'Mine' }, seen: 's1' });
  const settled = own.settle(false);
  answer({ type: 'copilot.got', draft: DRAFT, seen: 's9', state: STATE });
  await settled;
  expect(own.view.editing).toMatchObject({ refusal: null, draft: { promise: 'Mine' }, seen: 's9' });
});

test('a trial carries the draft, is private, and its frames are for nobody else', async () => {
  await opened();
  own.tryOut('q?');
  const asked = sent.at(-1) as Extract<ClientFrame, { type: 'ask' }>;
  expect(asked).toMatchObject({ type: 'ask', page: 'p1', private: true, draft: { copilot: 'a/b', starters: ['q?'] } });
  const takes = (frame: ServerFrame): boolean => [...store.takers].some((take) => take(frame));
  expect(takes({ type: 'run.delta', run: asked.run, seq: 0, text: 'Hi' })).toBe(true);
  expect(takes({ type: 'run.delta', run: 'other', seq: 0, text: 'No' })).toBe(false);
  expect(own.view.trial).toMatchObject({ answer: 'Hi', status: 'streaming' });
  own.leave();
  expect(sent.at(-1)).toEqual({ type: 'cancel', run: asked.run });
});

test('words survive a reload of the panel, but not in a private window', async () => {
  await opened();
  own.write({ ...DRAFT, promise: 'Half' });
  const again = new Own(store);
  await vi.waitFor(() => expect(again.view.editing?.draft.promise).toBe('Half'));
  (store.state as { isPrivateWindow: boolean }).isPrivateWindow = true;
  fakeBrowser.storage.session.kept = {};
  own.write({ ...DRAFT, promise: 'Secret' });
  expect(fakeBrowser.storage.session.kept).toEqual({});
});

test('one that ships is copied under another name and never over itself', async () => {
  const done = own.open({ ...CARD, own: false });
  answer({ type: 'copilot.got', draft: DRAFT, seen: null, state: STATE });
  await done;
  expect(own.view.editing).toMatchObject({ seen: null, isFixed: false, draft: { copilot: 'a/b-own' } });
});

test('a deletion can be undone, and a file that is too large is not even read', async () => {
  const done = own.remove(CARD);
  answer({ type: 'copilot.done', copilot: 'a/b' });
  await done;
  expect(own.view.deleted).toEqual({ id: 'a/b', name: 'B' });
  void own.bringBack();
  expect(sent.at(-1)).toMatchObject({ type: 'copilot.restore', copilot: 'a/b' });
  const before = sent.length;
  await own.readFile(new File(['x'.repeat(20)], 'x.toml'), 10);
  expect([sent.length, own.view.notice]).toEqual([before, 'ownFileLarge']);
});
