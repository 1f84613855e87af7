// What is taught, as the panel sees it: corrections, the one being written, an adapter's versions. Made once for a store,
// when it is first drawn. Called by the components beside it. Knows no markup.
import type { AdapterVersion, CorrectionCard, CorrectionChecked, PassageCard, ServerFrame } from '../../../lib/connection/protocol.ts';
import { CORRECTED_CHARS_MAX, TAUGHT_QUESTION_CHARS_MAX } from '../../../lib/connection/protocol.ts';
import { t } from '../../../lib/words.ts';
import { isForeign } from '../state/history.ts';
import { isOutdated } from '../state/reading.ts';
import { isRefusal, Requests } from '../../../lib/connection/requests.ts';
import type { State } from '../state/state.ts';
import type { Store } from '../state/store.ts';
import { withEach, type Turn, wordsOf } from '../state/thread.ts';
import { type Draft, keepDraft, recallDraft } from './draft.ts';

const CHECK_AFTER_MS = 400;

export interface Editor extends Draft {
  checked: CorrectionChecked | null;
  isBusy: boolean;
  trouble: string;
}

export interface Taught {
  copilot: string;
  /** Null until the server has told. */
  corrections: CorrectionCard[] | null;
  next: number | null;
  total: number;
  unused: number;
  versions: AdapterVersion[] | null;
  trouble: string;
  /** Read out once. */
  said: string;
  editor: Editor | null;
}

const NOTHING: Taught = { copilot: '', corrections: null, next: null, total: 0, unused: 0, versions: null, trouble: '', said: '', editor: null };
const instances = new WeakMap<Store, Teaching>();

export function teachingOf(store: Store): Teaching {
  const known = instances.get(store) ?? new Teaching(store);
  instances.set(store, known);
  return known;
}

export class Teaching {
  taught: Taught = NOTHING;
  private readonly listeners = new Set<() => void>();
  private readonly requests = new Requests((frame) => this.store.transmit(frame));
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly store: Store) {
    store.takers.add((frame) => this.take(frame));
    void recallDraft(store.state.tab).then((draft) => {
      if (draft && !this.taught.editor) this.write(draft);
    });
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Asks for all that is taught to this copilot; what was on show of another goes. */
  show = async (copilot: string): Promise<void> => {
    if (copilot !== this.taught.copilot) this.patch({ ...NOTHING, copilot, editor: this.taught.editor });
    await Promise.all([this.list(copilot), this.listVersions(copilot)]);
  };

  more = async (): Promise<void> => {
    const { copilot, next, corrections } = this.taught;
    if (next === null || corrections === null) return;
    const answer = await this.requests.ask({ type: 'corrections.list', copilot, skip: next }, 'corrections.listed');
    if (answer?.type !== 'corrections.listed' || this.taught.next !== next) return this.trouble(answer);
    this.patch({ corrections: [...corrections, ...answer.corrections], next: answer.next });
  };

  remove = async ({ id, copilot }: CorrectionCard): Promise<void> => {
    const answer = await this.requests.ask({ type: 'correction.delete', copilot, correction: id }, 'teach.done');
    if (answer?.type === 'teach.done') this.patch({ said: t('correctionDeleted') });
    else this.trouble(answer);
  };

  restore = async (version: string): Promise<boolean> => {
    const answer = await this.requests.ask({ type: 'adapter.restore', copilot: this.taught.copilot, version }, 'teach.done');
    if (answer?.type !== 'teach.done') return this.trouble(answer), false;
    this.patch({ said: t('versionRestored') });
    return true;
  };

  /** A thumb for an answer that is kept; the same one again takes it away. */
  rate = async (turn: Turn, thumb: 'up' | 'down'): Promise<void> => {
    const { thread } = this.store.state;
    if (thread.id === null) return;
    const now = turn.thumb === thumb ? null : thumb;
    this.setThumb(turn.run, now);
    const answer = await this.requests.ask({ type: 'turn.rate', thread: thread.id, run: turn.keptRun, thumb: now }, 'teach.done');
    if (answer?.type === 'teach.done') return;
    this.setThumb(turn.run, turn.thumb);
    this.store.patch({ notice: whyOf(answer) });
  };

  private setThumb(run: string, thumb: Turn['thumb']): void {
    const rated = (turns: Turn[]): Turn[] => turns.map((turn) => withEach(turn, (answer) => (answer.run === run ? { ...answer, thumb } : answer)));
    const { turns, hidden } = this.store.state;
    this.store.patch({ turns: rated(turns), hidden: rated(hidden) });
  }

  // --- the correction that is being written

  correct = (turn: Turn): void => {
    const { page, isPrivate, isPrivateWindow } = this.store.state;
    const { copilot, answer } = turn;
    const question = wordsOf(turn.question, turn.selection).slice(0, TAUGHT_QUESTION_CHARS_MAX);
    const { editor } = this.taught;
    if (editor?.correction === null && editor.question === question && editor.answer === answer) return; // it is being written already
    const about = { url: page.text?.url ?? '', title: page.text?.title ?? '', passages: quotableOf(turn) };
    this.write({ ...about, copilot, correction: null, question, answer, corrected: answer.slice(0, CORRECTED_CHARS_MAX), isPrivate: isPrivate || isPrivateWindow });
  };

  change = ({ id, copilot, title, question, answer, corrected }: CorrectionCard): void =>
    this.write({ copilot, correction: id, url: '', title, question, answer, corrected, passages: [], isPrivate: this.store.state.isPrivateWindow });

  type = (corrected: string): void => {
    const { editor } = this.taught;
    if (editor) this.write({ ...editor, corrected });
  };

  putAway = (): void => {
    clearTimeout(this.timer);
    this.patch({ editor: null });
    void keepDraft(this.store.state.tab, null);
  };

  save = async (): Promise<boolean> => {
    const { editor } = this.taught;
    const words = editor && this.wordsToKeep(editor);
    if (!editor || !words) return false;
    this.patchEditor({ isBusy: true, trouble: '' });
    const answer = await this.requests.ask(words, 'correction.kept');
    if (answer?.type !== 'correction.kept') return this.patchEditor({ isBusy: false, trouble: whyOf(answer) }), false;
    this.putAway();
    this.patch({ said: t('correctionKept') });
    return true;
  };

  private wordsToKeep({ copilot, correction, url, question, answer, corrected, isPrivate }: Editor) {
    if (correction !== null) return { type: 'correction.change' as const, copilot, correction, corrected };
    const page = this.pageAt(url);
    if (page === null) return this.patchEditor({ trouble: t('correctionNoPage') }), null;
    return { type: 'correction.keep' as const, copilot, page, question, answer, corrected, although_private: isPrivate };
  }

  private write(draft: Draft): void {
    const { editor } = this.taught;
    this.patch({ editor: { ...draft, checked: editor?.checked ?? null, isBusy: false, trouble: '' }, said: '' });
    void keepDraft(this.store.state.tab, draftOf(draft));
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.check(), editor ? CHECK_AFTER_MS : 0);
  }

  private async check(): Promise<void> {
    const { editor } = this.taught;
    if (!editor || editor.corrected.trim() === '') return this.patchEditor({ checked: null });
    const { copilot, correction, question, corrected } = editor;
    const page = correction === null ? this.pageAt(editor.url) : null;
    if (correction === null && page === null) return this.patchEditor({ checked: null, trouble: t('correctionNoPage') });
    const about = correction === null ? { page } : { correction };
    const answer = await this.requests.ask({ type: 'correction.check', copilot, question, corrected, ...about }, 'correction.checked');
    if (this.taught.editor?.corrected !== corrected) return;
    if (answer?.type === 'correction.checked') this.patchEditor({ checked: answer, trouble: '' });
    else this.patchEditor({ checked: null, trouble: whyOf(answer) });
  }

  /** The open page, when it is still the one that the answer was about. */
  private pageAt(url: string): string | null {
    const { id, text } = this.store.state.page;
    return text?.url === url ? id : null;
  }

  // --- what comes in

  private take(frame: ServerFrame): boolean {
    const { copilot } = this.taught;
    const isNews = (frame.type === 'corrections.changed' || (frame.type === 'train.report' && frame.code === null)) && frame.copilot === copilot;
    if (isNews && this.store.state.teach) void this.show(copilot);
    return this.requests.take(frame) || frame.type === 'corrections.changed';
  }

  private async list(copilot: string): Promise<void> {
    const answer = await this.requests.ask({ type: 'corrections.list', copilot }, 'corrections.listed');
    if (copilot !== this.taught.copilot) return;
    if (answer?.type !== 'corrections.listed') return this.trouble(answer);
    const { corrections, next, total, unused } = answer;
    this.patch({ corrections, next, total, unused, trouble: '' });
  }

  private async listVersions(copilot: string): Promise<void> {
    const answer = await this.requests.ask({ type: 'adapters.list', copilot }, 'adapters.listed');
    if (copilot !== this.taught.copilot) return;
    if (answer?.type === 'adapters.listed') this.patch({ versions: answer.versions });
    else this.trouble(answer);
  }

  private trouble(answer: { type: string } | null): void {
    this.patch({ trouble: whyOf(answer) });
  }

  private patchEditor(part: Partial<Editor>): void {
    if (this.taught.editor) this.patch({ editor: { ...this.taught.editor, ...part } });
  }

  private patch(part: Partial<Taught>): void {
    this.taught = { ...this.taught, ...part };
    for (const listener of this.listeners) listener();
  }
}

/** Why an answer cannot be corrected here and now; empty when it can. */
export function hindranceTo(turn: Turn, state: State): string {
  if (turn.withoutPage) return t('correctWithoutPage');
  if (isForeign(state) || state.page.id === null) return t('correctElsewhere');
  return isOutdated(turn, state.page) ? t('correctOutdated') : '';
}

/** What the answer quotes and what the finder ranked, each once. Of a kept answer only its quotations are known. */
function quotableOf({ quotes, passages, considered }: Turn): PassageCard[] {
  const cited = quotes.flatMap(({ block, text, verified }) => (verified && block !== null ? [{ block, text, score: 0 }] : []));
  return [...new Map([...cited, ...passages, ...considered].map((card) => [card.text, card])).values()];
}

function whyOf(answer: { type: string } | null): string {
  return isRefusal(answer) ? answer.message : t('teachNoAnswer');
}

function draftOf({ copilot, correction, url, title, question, answer, corrected, passages, isPrivate }: Draft): Draft {
  return { copilot, correction, url, title, question, answer, corrected, passages, isPrivate };
}
