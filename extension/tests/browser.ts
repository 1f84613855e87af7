// A stand-in for the browser's extension API: events that a test fires, storage in memory, ports. For `vi.mock('wxt/browser')`.
import { vi } from 'vitest';

type Listener = (...given: never[]) => unknown;

export class FakeEvent {
  private readonly listeners: Listener[] = [];

  addListener = (listener: Listener): void => void this.listeners.push(listener);

  removeListener = (listener: Listener): void => void this.listeners.splice(0, this.listeners.length, ...this.listeners.filter((other) => other !== listener));

  /** What each listener returned. */
  fire(...given: unknown[]): unknown[] {
    return this.listeners.map((listener) => listener(...(given as never[])));
  }
}

export class FakeArea {
  kept: Record<string, unknown> = {};
  accessLevel = 'TRUSTED_AND_UNTRUSTED_CONTEXTS';

  setAccessLevel = ({ accessLevel }: { accessLevel: string }): Promise<void> => {
    this.accessLevel = accessLevel;
    return Promise.resolve();
  };

  get = (names: string | string[] | null): Promise<Record<string, unknown>> => {
    const wanted = names === null ? Object.keys(this.kept) : [names].flat();
    return Promise.resolve(Object.fromEntries(wanted.filter((name) => name in this.kept).map((name) => [name, this.kept[name]])));
  };

  set = (values: Record<string, unknown>): Promise<void> => {
    Object.assign(this.kept, structuredClone(values));
    return Promise.resolve();
  };

  remove = (names: string[]): Promise<void> => {
    for (const name of names) delete this.kept[name];
    return Promise.resolve();
  };
}

export class FakePort {
  onMessage = new FakeEvent();
  onDisconnect = new FakeEvent();
  got: unknown[] = [];
  disconnect = vi.fn();

  constructor(readonly name: string, readonly sender: Record<string, unknown> | undefined) {}

  postMessage = (message: unknown): void => void this.got.push(structuredClone(message));
}

const nothing = (): Promise<unknown> => Promise.resolve();

export const fakeBrowser = {
  action: { onClicked: new FakeEvent(), setBadgeText: vi.fn(nothing), setTitle: vi.fn(nothing) },
  commands: { getAll: vi.fn(() => Promise.resolve([{ name: '_execute_action', shortcut: 'Alt+Shift+K' }])) },
  contextMenus: { onClicked: new FakeEvent(), create: vi.fn(), removeAll: vi.fn(nothing) },
  i18n: {
    getMessage: (name: string, values: string[] = []): string => (name === 'language' ? 'en' : /^(error|fix|selftest)_/.test(name) ? '' : [name, ...values].join(' ')),
    getUILanguage: (): string => 'en-GB',
  },
  permissions: { request: vi.fn(nothing), contains: vi.fn((_wanted: object) => Promise.resolve(true)) },
  runtime: {
    onInstalled: new FakeEvent(),
    onConnect: new FakeEvent(),
    onMessage: new FakeEvent(),
    connect: ({ name }: { name: string }): FakePort => new FakePort(name, undefined),
    getURL: (path: string): string => path,
    getManifest: (): { version: string } => ({ version: '0.1.0' }),
    getPlatformInfo: (): Promise<{ os: string }> => Promise.resolve({ os: 'linux' }),
    sendMessage: vi.fn(nothing),
  },
  scripting: { executeScript: vi.fn(nothing) },
  sidePanel: { open: vi.fn(nothing), setOptions: vi.fn(nothing) },
  storage: { local: new FakeArea(), session: new FakeArea(), onChanged: new FakeEvent() },
  tabs: { get: vi.fn((_id: number) => Promise.resolve({ incognito: false })), query: vi.fn((): Promise<unknown[]> => Promise.resolve([])), onRemoved: new FakeEvent(), onUpdated: new FakeEvent(), create: vi.fn(nothing), update: vi.fn(nothing), remove: vi.fn(nothing), sendMessage: vi.fn(nothing) },
  windows: { update: vi.fn(nothing) },
};
