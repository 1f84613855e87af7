// The user's own copilots as the view sees them: the one being written, what the server says of it, a trial on the page,
// undo. Made by the view when it is first opened; asks the server by way of store. Knows no markup.
import { browser } from 'wxt/browser';
import type { CopilotCard, CopilotDraft, DraftState, Error as ErrorFrame, ServerFrame } from '../../../lib/connection/protocol.ts';
import { t } from '../../../lib/words.ts';
import { save as download } from '../history/export.ts';
import type { State } from '../state/state.ts';
import type { Store } from '../state/store.ts';
import { applyFrame, interrupt, isRunning, newTurn, type Turn } from '../state/thread.ts';
import { Documents } from './documents/documents.ts';
import { blank, tidied } from './draft.ts';

const CHECK_AFTER_MS = 350;
const UNDO_MS = 20_000;
const KEPT = 'draft'; // in the browser's session: a reload of the panel loses no word

export interface Editing {
  draft: CopilotDraft;
  /** Token of the version that it began from; null: nothing of this id was there. */
  seen: string | null;
  /** Its id stays: it is on the disk, or came with a file. */
  isFixed: boolean;
  isDirty: boolean;
  /** What the server said last; null until it has. */
  state: DraftState | null;
  /** Why it was not saved. */
  refusal: { code: string; field: string | null; message: string } | null;
}

export interface EditorProps {
  own: Own;
  editing: Editing;
  store: Store;
  state: State;
}

export interface OwnView {
  editing: Editing | null;
  trial: Turn | null;
  documents: Documents | null;
  deleted: { id: string; name: string } | null;
  notice: string;
}

type Kept = Pick<Editing, 'draft' | 'seen' | 'isFixed'>;

export class Own {
  view: OwnView = { editing: null, trial: null, documents: null, deleted: null, notice: '' };
  private readonly listeners = new Set<() => void>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private undo: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly store: Store) {
    store.takers.add((frame) => this.overhear(frame));
    void this.recall();
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  get cards(): CopilotCard[] {
    return this.store.copilots.filter((card) => card.own);
  }

  // --- writing one

  begin = (): void => {
    const current = this.store.current?.category ?? 'general';
    this.edit({ draft: blank(current === 'general' ? 'my-copilots' : current), seen: null, isFixed: false });
  };

  /** One's own to be edited, or one that ships to be copied under another name. */
  open = async (card: CopilotCard): Promise<void> => {
    const got = this.granted(await this.store.requests.ask({ type: 'copilot.get', copilot: card.id }, 'copilot.got'));
    if (!got) return;
    if (card.own) return this.edit({ draft: got.draft, seen: got.seen, isFixed: true }, got.state);
    const name = t('ownCopyOf', got.draft.name);
    this.edit({ draft: { ...got.draft, name, copilot: `${card.id}-own` }, seen: null, isFixed: false });
  };

  readFile = async (file: File, charsMax: number): Promise<void> => {
    if (file.size > charsMax) return this.show({ notice: t('ownFileLarge') });
    const text = await file.text().catch(() => '');
    const got = this.granted(await this.store.requests.ask({ type: 'copilot.import', text: text.slice(0, charsMax) }, 'copilot.got'));
    if (got) this.edit({ draft: got.draft, seen: got.seen, isFixed: true }, got.state, true);
  };

  write = (draft: CopilotDraft): void => {
    const { editing } = this.view;
    if (!editing) return;
    this.show({ editing: { ...editing, draft, isDirty: true, refusal: null } });
    this.keep();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.check(), CHECK_AFTER_MS);
  };

  leave = (): void => {
    this.stopTrial();
    this.show({ editing: null, trial: null, notice: '' });
    this.keep();
  };

  save = async (): Promise<void> => {
    const { editing } = this.view;
    if (!editing) return;
    const draft = tidied(editing.draft);
    const answer = await this.store.requests.ask({ type: 'copilot.save', draft, seen: editing.seen }, 'copilot.saved');
    const now = this.view.editing;
    if (!now) return;
    if (answer?.type !== 'copilot.saved') {
      const { code, field, message } = answer ?? { code: 'offline', field: null, message: t('ownUnanswered') };
      return this.show({ editing: { ...now, refusal: { code, field: field ?? null, message } } });
    }
    this.leave();
    this.show({ notice: t('ownSaved', draft.name) });
    this.store.choose(answer.copilot);
  };

  /** After somebody else changed it: take theirs, or keep these words and save them over it. */
  settle = async (takesTheirs: boolean): Promise<void> => {
    const { editing } = this.view;
    if (!editing) return;
    const answer = await this.store.requests.ask({ type: 'copilot.get', copilot: editing.draft.copilot }, 'copilot.got');
    const got = answer?.type === 'copilot.got' ? answer : null; // it may be gone: then these words are all there is
    const { editing: now } = this.view;
    if (!now) return;
    if (got && takesTheirs) return this.edit({ draft: got.draft, seen: got.seen, isFixed: true }, got.state);
    this.show({ editing: { ...now, seen: got?.seen ?? null, refusal: null } });
    this.keep();
  };

  // --- a trial on the page beside it

  tryOut = (question: string): void => {
    const { editing } = this.view;
    const { id } = this.store.state.page;
    if (!editing || !id || question.trim() === '') return;
    this.stopTrial();
    const draft = tidied(editing.draft);
    const turn = newTurn({ run: `r${crypto.randomUUID().slice(0, 13)}`, question, selection: '', copilot: draft.copilot, copilotName: draft.name, status: 'waiting' });
    this.show({ trial: { ...turn, reading: this.store.state.page.reading } });
    this.store.transmit({ type: 'ask', run: turn.run, page: id, copilot: 'generalist', question, private: true, draft });
  };

  stopTrial = (): void => {
    const { trial } = this.view;
    if (trial && isRunning(trial)) this.store.transmit({ type: 'cancel', run: trial.run });
  };

  // --- those that are there

  learn = (card: CopilotCard): void => this.show({ documents: new Documents(this.store, card, () => this.show({})), notice: '' });
  leaveDocuments = (): void => this.show({ documents: null });

  export = async (card: CopilotCard): Promise<void> => {
    const file = this.granted(await this.store.requests.ask({ type: 'copilot.export', copilot: card.id }, 'copilot.exported'));
    if (file) download(file);
  };

  remove = async ({ id, name }: CopilotCard): Promise<void> => {
    if (!this.granted(await this.store.requests.ask({ type: 'copilot.delete', copilot: id }, 'copilot.done'))) return;
    clearTimeout(this.undo);
    this.show({ deleted: { id, name }, notice: '' });
    this.undo = setTimeout(() => this.show({ deleted: null }), UNDO_MS);
  };

  bringBack = async (): Promise<void> => {
    const { deleted } = this.view;
    this.show({ deleted: null });
    if (deleted) this.granted(await this.store.requests.ask({ type: 'copilot.restore', copilot: deleted.id }, 'copilot.done'));
  };

  private async check(): Promise<void> {
    const draft = this.view.editing && tidied(this.view.editing.draft);
    if (!draft) return;
    const answer = await this.store.requests.ask({ type: 'copilot.check', draft }, 'copilot.checked');
    const { editing } = this.view;
    if (answer?.type === 'copilot.checked' && editing) this.show({ editing: { ...editing, state: answer.state } });
  }

  private edit(begun: Kept, state: DraftState | null = null, isDirty = false): void {
    this.show({ editing: { ...begun, isDirty, state, refusal: null }, trial: null, notice: '' });
    this.keep();
    if (state === null) void this.check();
  }

  private overhear(frame: ServerFrame): boolean {
    const { trial, documents } = this.view;
    if (documents?.take(frame)) return true;
    if (!trial || !('run' in frame) || frame.run !== trial.run) return false;
    const [now] = applyFrame([trial], frame);
    this.show({ trial: now ?? null });
    return true;
  }

  /** The socket is lost for good: nothing more comes. */
  interrupted = (): void => {
    const [trial] = this.view.trial ? interrupt([this.view.trial], t('interrupted')) : [];
    if (trial && trial !== this.view.trial) this.show({ trial });
  };

  private granted<T extends { type: string }>(answer: T | ErrorFrame | null): Exclude<T, ErrorFrame> | null {
    if (answer === null || answer.type === 'error') {
      this.show({ notice: answer === null ? t('ownUnanswered') : (answer as ErrorFrame).message });
      return null;
    }
    this.show({ notice: '' });
    return answer as Exclude<T, ErrorFrame>;
  }

  private keep(): void {
    const { editing } = this.view;
    if (this.store.state.isPrivateWindow) return;
    const kept: Kept | null = editing?.isDirty ? { draft: editing.draft, seen: editing.seen, isFixed: editing.isFixed } : null;
    void browser.storage.session.set({ [KEPT]: kept });
  }

  private async recall(): Promise<void> {
    const { [KEPT]: kept } = await browser.storage.session.get<Record<string, Kept | null | undefined>>([KEPT]);
    if (kept && !this.view.editing) this.edit(kept, null, true);
  }

  show(part: Partial<OwnView>): void {
    this.view = { ...this.view, ...part };
    for (const listener of this.listeners) listener();
  }
}
