// Where the server listens, and who this browser profile is to it. Called by background; storage comes as an argument.
import { SERVER_PORT } from './protocol.ts';

export const DEFAULT_SERVER = `ws://127.0.0.1:${SERVER_PORT}/ws`;

/** Only this machine: the CSP allows no other host, and a typo should say so early. */
export function isServerAddress(address: string): boolean {
  return /^ws:\/\/127\.0\.0\.1:\d{1,5}\/ws$/.test(address);
}

/** The server's own page to try the sidebar on. */
export function samplePage(server: string): string {
  return `http://127.0.0.1:${new URL(server).port}/sample`;
}

/** What tells this browser profile from others that share the extension's Origin; `name` is for people. */
export interface Identity {
  client: string;
  name: string;
}

/** The part of browser.storage.local that keeps the id. */
interface Store {
  get(name: string): Promise<Record<string, unknown>>;
  set(values: Record<string, unknown>): Promise<void>;
}

/** The profile's id, made at random once and kept. */
export async function readIdentity(store: Store, os: string): Promise<Identity> {
  const kept = (await store.get('client')).client;
  if (typeof kept === 'string' && /^[0-9a-f-]{36}$/.test(kept)) return { client: kept, name: nameOf(navigator.userAgent, os) };
  const client = crypto.randomUUID();
  await store.set({ client });
  return { client, name: nameOf(navigator.userAgent, os) };
}

/** Such as "Edge on win": the terminal shows it, so it has letters, digits and blanks alone. */
export function nameOf(userAgent: string, os: string): string {
  const brands: [RegExp, string][] = [
    [/Firefox\//, 'Firefox'],
    [/Edg\//, 'Edge'],
    [/OPR\//, 'Opera'],
    [/Chrome\//, 'Chrome'],
  ];
  const brand = brands.find(([mark]) => mark.test(userAgent))?.[1] ?? 'Browser';
  return `${brand} on ${os.replaceAll(/[^A-Za-z0-9]/g, '') || 'unknown'}`;
}
