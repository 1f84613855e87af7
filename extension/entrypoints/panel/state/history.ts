// Kept conversations as the panel sees them: asks the server, holds the list and the open one, follows what other
// windows change. Made by store, called by it and by the components under history/. Knows no markup.
import { type ClientFrame, type KeptTurn, type ServerFrame, THREAD_QUERY_CHARS_MAX, type ThreadCard, type ThreadsChanged } from '../../../lib/connection/protocol.ts';
import { type Answer, type AnswerTo, isRefusal, type Request, Requests } from '../../../lib/connection/requests.ts';
import { errorWords } from '../../../lib/words.ts';
import { chained, prepend } from './branches.ts';
import { gathered, joined } from './group.ts';
import { type HistoryView, NO_HISTORY, NO_THREAD, type OpenThread } from './kept.ts';
import { keepThread } from './memory.ts';
import type { State } from './state.ts';
import { answersOf, apart, isRunning, newTurn, type Turn } from './thread.ts';

const RESTORED_WITHIN_MS = 60_000; // nobody waits for it, and nobody asks for it again

export interface Host {
  readonly state: State;
  nameOf(copilot: string): string;
  patch(part: Partial<State>): void;
  transmit(frame: ClientFrame): void;
}

export class History {
  private undo: ReturnType<typeof setTimeout> | undefined;
  private vanished: string | null = null; // was on screen when it was deleted

  constructor(
    private readonly host: Host,
    private readonly requests = new Requests((frame) => host.transmit(frame)),
  ) {}

  /** Whether the server keeps conversations and this one may be kept. */
  get keeps(): boolean {
    const { link, isPrivate, isPrivateWindow } = this.host.state;
    return link.ready?.history === true && !isPrivate && !isPrivateWindow;
  }

  // --- the list

  open = (): void => {
    this.show({ ...NO_HISTORY, isOpen: true });
    void this.refresh();
  };

  close = (): void => this.show({ isOpen: false });

  search = async (query: string): Promise<void> => {
    this.show({ query });
    if (query.trim() === '') return this.show({ found: null });
    const answer = await this.ask({ type: 'threads.search', query: query.slice(0, THREAD_QUERY_CHARS_MAX) }, 'threads.found');
    if (answer && this.view.query === query) this.show({ found: answer.found });
  };

  more = async (): Promise<void> => {
    const { next, threads } = this.view;
    const answer = next === null ? null : await this.ask({ type: 'threads.list', skip: next }, 'threads.listed');
    if (answer && this.view.next === next) this.show({ threads: [...threads, ...answer.threads], next: answer.next });
  };

  rename = (thread: string, name: string): void => void this.ask({ type: 'thread.rename', thread, name: name.trim() }, 'thread.done');
  pin = (thread: string, pinned: boolean): void => void this.ask({ type: 'thread.pin', thread, pinned }, 'thread.done');
  removeAll = (): void => void this.ask({ type: 'threads.delete' }, 'thread.done');

  remove = async (card: ThreadCard, undo_ms: number): Promise<void> => {
    if (!(await this.ask({ type: 'thread.delete', thread: card.id }, 'thread.done'))) return;
    clearTimeout(this.undo);
    this.show({ deleted: card });
    this.undo = setTimeout(() => this.show({ deleted: null }), undo_ms);
  };

  bringBack = (): void => {
    const { deleted } = this.view;
    if (deleted) void this.ask({ type: 'thread.restore', thread: deleted.id }, 'thread.done');
    this.show({ deleted: null });
  };

  exported = (thread: string, format: 'markdown' | 'json'): Promise<AnswerTo<'thread.exported'> | null> =>
    this.ask({ type: 'thread.export', thread, format }, 'thread.exported');

  // --- the conversation on screen

  /** Puts a kept conversation on screen, its last turns first, unless it is no longer wanted when it comes. */
  resume = async (thread: string, isWanted = () => true, within_ms?: number): Promise<boolean> => {
    const answer = await this.ask({ type: 'thread.open', thread }, 'thread.opened', within_ms);
    if (!answer || !isWanted()) return false;
    const open: OpenThread = { id: thread, card: answer.thread, earlier: answer.earlier };
    this.host.patch({ thread: open, isPrivate: false, turns: chained(this.turnsOf(answer.turns, answer.thread)), hidden: [], editing: null, notice: '' });
    if (!isForeign(this.host.state)) keepThread(this.host.state);
    return true;
  };

  earlier = async (): Promise<void> => {
    const { thread } = this.host.state;
    if (thread.id === null || thread.card === null || thread.earlier === 0) return;
    const answer = await this.ask({ type: 'thread.open', thread: thread.id, before: thread.earlier }, 'thread.opened');
    const { thread: now } = this.host.state;
    if (!answer || now.id !== thread.id || now.earlier !== thread.earlier) return;
    const { turns, hidden } = this.host.state;
    const [older, shown] = joined(this.turnsOf(answer.turns, answer.thread), turns);
    this.host.patch({ thread: { ...now, earlier: answer.earlier }, ...prepend({ turns: shown, hidden }, older) });
  };

  /**
   * After a page was read: what was on screen for it before, else its last conversation of today.
   * `known`: null when nothing was, so that a conversation that was put away stays away.
   */
  restore = async (known: string | null | undefined): Promise<void> => {
    const { text } = this.host.state.page;
    if (!this.keeps || !text) return;
    const answer = await this.ask({ type: 'threads.list', address: text.url }, 'threads.listed', RESTORED_WITHIN_MS);
    if (!answer || this.host.state.page.text !== text) return;
    this.host.patch({ page: { ...this.host.state.page, address: answer.address } });
    const [last] = answer.threads.toSorted((a, b) => b.updated_ms - a.updated_ms);
    const wanted = known === undefined ? (last && isToday(last.updated_ms) ? last.id : null) : known;
    const isFree = (): boolean => this.host.state.turns.length === 0 && this.host.state.thread.id === null;
    if (wanted !== null && isFree()) await this.resume(wanted, isFree, RESTORED_WITHIN_MS);
  };

  /** What an ask says of itself: the thread that it goes on, or that nothing of it may be kept. */
  tagsOf(): Pick<Extract<ClientFrame, { type: 'ask' }>, 'thread' | 'private'> {
    const { isPrivate, isPrivateWindow, thread } = this.host.state;
    if (isPrivate || isPrivateWindow) return { private: true };
    const id = thread.id ?? `t${crypto.randomUUID().replaceAll('-', '').slice(0, 15)}`;
    if (thread.id === null) this.host.patch({ thread: { ...NO_THREAD, id } });
    return { thread: id };
  }

  // --- what comes in

  /** True when the frame was about kept conversations and nobody else has to look at it. */
  take(frame: ServerFrame): boolean {
    if (frame.type === 'threads.changed') {
      this.takeChange(frame);
      return true;
    }
    this.requests.take(frame);
    return 'request' in frame && frame.request !== null; // another panel's, when nobody waits here
  }

  private takeChange({ what, thread, kept_run: run }: ThreadsChanged): void {
    if (what === 'rated') return; // the thumb stands where it was given
    const { thread: open, turns, hidden } = this.host.state;
    const all = [...turns, ...hidden].flatMap(answersOf);
    if (this.view.isOpen) void this.refresh();
    if (what === 'kept' && thread !== null && all.some((turn) => turn.run === run)) return this.adopt(thread);
    if (what === 'restored' && thread !== null && thread === this.vanished && turns.length === 0) return void this.resume(thread);
    if (what === 'expired' || (thread !== null && thread !== open.id)) return;
    if (all.some(isRunning)) return;
    if (what === 'deleted') this.vanish();
    else if (open.card && open.id) void this.resume(open.id);
  }

  /** An answer of this panel was kept. The server may have begun another thread for it. */
  private adopt(id: string): void {
    const { thread } = this.host.state;
    this.host.patch({ thread: thread.id === id ? thread : { ...NO_THREAD, id } });
    keepThread(this.host.state);
  }

  /** What is on screen was deleted, here or in another window. A private one was never kept and stays. */
  private vanish(): void {
    const { thread } = this.host.state;
    if (thread.id === null) return;
    this.vanished = thread.id;
    this.host.patch({ turns: [], hidden: [], queue: [], thread: NO_THREAD });
    keepThread(this.host.state);
  }

  private async refresh(): Promise<void> {
    if (this.view.query.trim() !== '') void this.search(this.view.query);
    const answer = await this.ask({ type: 'threads.list' }, 'threads.listed');
    if (answer) this.show({ threads: answer.threads, next: answer.next, total: answer.total, keepDays: answer.keep_days });
  }

  private turnsOf(kept: KeptTurn[], card: ThreadCard): Turn[] {
    const foreign = card.address !== this.host.state.page.address;
    return gathered(kept.map((turn) => turnOf(turn, this.host.nameOf(turn.copilot), foreign)));
  }

  private get view(): HistoryView {
    return this.host.state.history;
  }

  private show(part: Partial<HistoryView>): void {
    this.host.patch({ history: { ...this.view, ...part } });
  }

  /** The server's answer, or null when it refused (the notice says why) or did not answer. */
  private async ask<T extends Answer['type']>(frame: Request, type: T, within_ms?: number): Promise<AnswerTo<T> | null> {
    const answer = await this.requests.ask(frame, type, within_ms);
    if (!isRefusal(answer)) return answer;
    this.host.patch({ notice: answer.message });
    return null;
  }
}

/** Whether the conversation on screen is about another page than the one beside it. */
export function isForeign({ thread, page }: Pick<State, 'thread' | 'page'>): boolean {
  return thread.card !== null && thread.card.address !== page.address;
}

export function isToday(ms: number, now = new Date()): boolean {
  return new Date(ms).toDateString() === now.toDateString();
}

/** On another page a quote can only be looked for by its words. */
function turnOf(kept: KeptTurn, copilotName: string, foreign: boolean): Turn {
  const { run, copilot, mode, answer, reason, code, message, position, thumb } = kept;
  const quotes = foreign ? kept.quotes.map((quote) => ({ ...quote, block: null, start: null, end: null })) : kept.quotes;
  const blank = newTurn({ run: `k${position}-${run}`, ...apart(kept.question), copilot, copilotName, status: code === null ? 'done' : 'error' });
  return { ...blank, ...kept.panel, keptRun: run, thumb, mode, answer, quotes, reason, error: code === null ? null : { code, message: errorWords(code, message ?? '') } };
}
