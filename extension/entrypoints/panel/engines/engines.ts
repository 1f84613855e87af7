// Engines and bases as the view sees them: what the server said last, an offer to agree to, a server elsewhere being tried.
// Made once for a store, when the view is first drawn. Asks the server by way of store. Knows no markup.
import type { BaseOffered, Error as ErrorFrame, EngineState, EngineTested, ServerFrame } from '../../../lib/connection/protocol.ts';
import { isRefusal } from '../../../lib/connection/requests.ts';
import { t } from '../../../lib/words.ts';
import type { Store } from '../state/store.ts';

const ELSEWHERE_WITHIN_MS = 90_000; // the hub, or a server that wakes up

export interface Address {
  url: string;
  model: string;
  key: string;
  mayLeave: boolean;
}

export interface EnginesView {
  /** Null until the server has told. */
  state: EngineState | null;
  /** What would be downloaded, until the user has agreed or not. */
  offer: BaseOffered | null;
  /** The base that the hub is being asked about. */
  lookingUp: string | null;
  /** The server elsewhere answered; null while it was not tried. */
  tested: EngineTested | null;
  isTesting: boolean;
  /** Why the last thing that was asked was refused, by the part of the view that asked. */
  trouble: { part: Part; words: string } | null;
}

export type Part = 'now' | 'bases' | 'elsewhere';

const NOTHING: EnginesView = { state: null, offer: null, lookingUp: null, tested: null, isTesting: false, trouble: null };
const instances = new WeakMap<Store, Engines>();

export function enginesOf(store: Store): Engines {
  const known = instances.get(store) ?? new Engines(store);
  instances.set(store, known);
  return known;
}

export class Engines {
  view: EnginesView = NOTHING;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly store: Store) {
    store.takers.add((frame) => this.take(frame));
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  look = async (): Promise<void> => {
    const answer = await this.store.requests.ask({ type: 'engine.show' }, 'engine.state');
    if (answer?.type === 'engine.state') this.patch({ state: answer });
    else if (!this.view.state) this.refuse('now', answer);
  };

  use = async (base: string): Promise<void> => this.begin('now', await this.store.requests.ask({ type: 'engine.use', base }, 'engine.done'));

  // --- bases to be had

  lookUp = async (repo: string): Promise<void> => {
    this.patch({ lookingUp: repo, offer: null, trouble: null });
    const answer = await this.store.requests.ask({ type: 'base.offer', repo: repo.trim() }, 'base.offered', ELSEWHERE_WITHIN_MS);
    if (this.view.lookingUp !== repo) return;
    this.patch({ lookingUp: null, offer: answer?.type === 'base.offered' ? answer : null });
    if (answer?.type !== 'base.offered') this.refuse('bases', answer);
  };

  decline = (): void => this.patch({ offer: null });

  /** What was offered, or what was stopped. */
  pull = async ({ repo, revision }: { repo: string; revision: string }): Promise<void> => {
    this.patch({ offer: null });
    this.begin('bases', await this.store.requests.ask({ type: 'base.pull', repo, revision }, 'engine.done'));
  };

  stopPull = async (): Promise<void> => this.begin('bases', await this.store.requests.ask({ type: 'base.cancel' }, 'engine.done'));

  // --- a server elsewhere

  /** Another address than the one that was tried. */
  forgetTest = (): void => this.patch({ tested: null, trouble: null });

  test = async ({ url, key }: Address): Promise<void> => {
    this.patch({ tested: null, isTesting: true, trouble: null });
    const answer = await this.store.requests.ask({ type: 'engine.test', url, key: key || null }, 'engine.tested', ELSEWHERE_WITHIN_MS);
    this.patch({ isTesting: false, tested: answer?.type === 'engine.tested' ? answer : null });
    if (answer?.type !== 'engine.tested') this.refuse('elsewhere', answer);
  };

  connect = async ({ url, model, key, mayLeave }: Address): Promise<boolean> => {
    const answer = await this.store.requests.ask({ type: 'engine.connect', url, model, key: key || null, may_leave: mayLeave }, 'engine.done');
    this.begin('elsewhere', answer);
    return answer?.type === 'engine.done';
  };

  // --- what comes in

  private take(frame: ServerFrame): boolean {
    if (this.store.requests.take(frame)) return true;
    if (frame.type === 'engine.state') this.patch({ state: frame });
    if (frame.type === 'base.pulling') this.takeWay(frame);
    return frame.type === 'engine.state' || frame.type === 'base.pulling';
  }

  private takeWay({ phase, bytes_done, bytes_total }: Extract<ServerFrame, { type: 'base.pulling' }>): void {
    const { state } = this.view;
    if (state?.pulled) this.patch({ state: { ...state, pulled: { ...state.pulled, phase, bytes_done, bytes_total } } });
  }

  private begin(part: Part, answer: { type: string } | null): void {
    if (answer?.type === 'engine.done') this.patch({ trouble: null });
    else this.refuse(part, answer);
  }

  private refuse(part: Part, answer: { type: string } | ErrorFrame | null): void {
    this.patch({ trouble: { part, words: isRefusal(answer) ? answer.message : t('enginesNoAnswer') } });
  }

  private patch(part: Partial<EnginesView>): void {
    this.view = { ...this.view, ...part };
    for (const listener of this.listeners) listener();
  }
}
