// Carries frames between the panels and the one link, and brings the link back when it breaks. Called by background.
// Knows panels as functions and the link as a class: no browser API, so tests run it with fakes.
import type { Identity } from './identity.ts';
import { type Key, Link, type LinkEvents, type LinkRequest, type Trouble } from './link.ts';
import type { FromPanel, LinkView, ToPanel } from './messages.ts';
import { type ClientFrame, type Error as ErrorFrame, type Ready, RESUMED_RUNS_MAX, type ServerFrame, type TrainProgress, type TrainReport } from './protocol.ts';

const BACK_OFF_MS = [500, 1_000, 2_000, 4_000, 8_000, 15_000];
const LINGER_MS = 20_000;

export type Send = (message: ToPanel) => void;

export interface RelayOptions {
  origin: string;
  /** `session`: the one before this worker was restarted, if any. */
  settings: () => Promise<{ url: string; key: Key | null; session: string | null; identity: Identity }>;
  keepKey: (key: Key) => Promise<void>;
  keepSession: (session: string) => Promise<void>;
  connect?: LinkRequest['connect'];
}

export class Relay {
  private readonly panels = new Set<Send>();
  private readonly owners = new Map<string, Send>(); // "page:<id>" and "run:<id>" -> panel
  private readonly seen = new Map<string, number>();
  private link: Link | null = null;
  private view: LinkView = { status: 'connecting', code: '', message: '', ready: null, fresh: true };
  private training: TrainProgress | TrainReport | null = null; // the latest, for panels that open later
  private session: string | null = null;
  private tries = 0;
  private turn = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly options: RelayOptions) {}

  attach(panel: Send, open: Extract<FromPanel, { kind: 'open' }>): void {
    clearTimeout(this.timer);
    this.panels.add(panel);
    if (open.page) this.owners.set(`page:${open.page}`, panel);
    for (const [run, seq] of Object.entries(open.seen)) {
      this.owners.set(`run:${run}`, panel);
      if (!this.seen.has(run)) this.seen.set(run, seq);
    }
    panel({ kind: 'link', link: this.view });
    if (this.training && this.view.status === 'ready') panel({ kind: 'frame', frame: this.training });
    if (!this.link) this.retry();
  }

  /** The panel is gone: its runs are cancelled and its page is closed, the socket lingers a moment for the next one. */
  detach(panel: Send): void {
    if (!this.panels.delete(panel)) return;
    for (const [name, owner] of this.owners) {
      if (owner !== panel) continue;
      const [kind, id] = [name.slice(0, name.indexOf(':')), name.slice(name.indexOf(':') + 1)];
      this.send(kind === 'run' ? { type: 'cancel', run: id } : { type: 'page.close', page: id });
      this.forget(name);
    }
    if (this.panels.size > 0) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.panels.size === 0 && this.link?.close(), LINGER_MS);
  }

  receive(panel: Send, message: FromPanel): void {
    if (message.kind === 'frame') return this.forward(panel, message.frame);
    if (message.kind === 'pair') return void this.start(message.code);
    if (message.kind === 'retry') return this.retry();
    if (message.kind === 'keepalive') this.send({ type: 'ping' });
  }

  private forward(panel: Send, frame: ClientFrame): void {
    if (frame.type === 'page.open') this.owners.set(`page:${frame.page}`, panel);
    for (const { run } of frame.type === 'ask' ? [frame] : frame.type === 'panel.ask' ? frame.members : []) {
      this.owners.set(`run:${run}`, panel);
      this.seen.set(run, -1);
    }
    if (frame.type === 'train.cancel' && (this.training?.type === 'train.report' || this.training?.phase === 'paused')) this.training = null;
    this.send(frame);
    if (frame.type === 'page.close') this.forget(`page:${frame.page}`);
  }

  private send(frame: ClientFrame): void {
    this.link?.send(frame);
  }

  private retry(): void {
    this.tries = 0;
    void this.start(null);
  }

  private async start(code: string | null): Promise<void> {
    clearTimeout(this.timer);
    const turn = (this.turn += 1);
    const old = this.link;
    this.link = null;
    old?.close();
    if (this.tries === 0) this.show({ ...this.view, status: 'connecting' });
    const { url, key, session, identity } = await this.options.settings();
    if (turn !== this.turn) return;
    this.session ??= session;
    const { origin, connect } = this.options;
    const events: LinkEvents = {
      ready: (frame, newKey) => this.becomeReady(frame, newKey, code !== null),
      frame: (frame) => this.deliver(frame),
      // a refused pairing is shown where the code was typed, not retried without the user
      closed: (trouble, error) => this.lose(link, code !== null && trouble === 'refused' ? 'expired' : trouble, error),
    };
    const link: Link = new Link({ url, origin, key, code, identity, ...(connect ? { connect } : {}) }, events);
    this.link = link;
  }

  private becomeReady(frame: Ready, key: Key, paired: boolean): void {
    if (paired) void this.options.keepKey(key);
    const earlier = this.session;
    const resumed = earlier !== null && this.owners.size > 0; // the server says resume_unknown when it is too late
    this.tries = 0;
    this.session = frame.session;
    this.training = null;
    void this.options.keepSession(frame.session);
    if (resumed) this.send({ type: 'resume', session: earlier, seen: Object.fromEntries([...this.seen].slice(-RESUMED_RUNS_MAX)) });
    this.show({ status: 'ready', code: '', message: '', ready: frame, fresh: !resumed });
  }

  private deliver(frame: ServerFrame): void {
    if (frame.type === 'pong' || frame.type === 'going_away') return;
    if (frame.type === 'error' && frame.code.startsWith('resume')) return this.startOver();
    if (frame.type === 'train.progress' || frame.type === 'train.report') this.training = frame;
    if ((frame.type === 'copilots' || frame.type === 'engine.changed') && this.view.ready) this.view = { ...this.view, ready: { ...this.view.ready, ...frame, type: 'ready' } };
    const name = 'run' in frame ? `run:${frame.run}` : 'page' in frame && frame.page ? `page:${frame.page}` : null;
    if ('run' in frame) {
      if (frame.seq <= (this.seen.get(frame.run) ?? -1)) return;
      this.seen.set(frame.run, frame.seq);
    }
    const owner = name === null ? undefined : this.owners.get(name);
    for (const panel of owner ? [owner] : name === null ? this.panels : []) panel({ kind: 'frame', frame });
    if (frame.type === 'run.done' || frame.type === 'run.error') this.forget(`run:${frame.run}`);
  }

  /** The server no longer knows the session: panels open their pages again. */
  private startOver(): void {
    this.seen.clear();
    this.show({ ...this.view, fresh: true });
  }

  private lose(link: Link, trouble: Trouble, error: ErrorFrame | null): void {
    if (this.link !== link) return;
    this.link = null;
    this.show({ ...this.view, status: trouble, code: error?.code ?? '', message: error?.message ?? '' });
    if (this.panels.size === 0 || (trouble !== 'offline' && trouble !== 'refused')) return;
    const wait = error?.retry_after_ms ?? BACK_OFF_MS[Math.min(this.tries, BACK_OFF_MS.length - 1)];
    this.tries += 1;
    this.timer = setTimeout(() => void this.start(null), wait);
  }

  private forget(name: string): void {
    this.owners.delete(name);
    if (name.startsWith('run:')) this.seen.delete(name.slice(4));
  }

  private show(view: LinkView): void {
    this.view = view;
    for (const panel of this.panels) panel({ kind: 'link', link: view });
  }
}
