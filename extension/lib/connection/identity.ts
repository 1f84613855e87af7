// Where the server listens. Read by background; knows nothing else.
import { SERVER_PORT } from './protocol.ts';

export const DEFAULT_SERVER = `ws://127.0.0.1:${SERVER_PORT}/ws`;

/** Only this machine: the CSP allows no other host, and a typo should say so early. */
export function isServerAddress(address: string): boolean {
  return /^ws:\/\/127\.0\.0\.1:\d{1,5}\/ws$/.test(address);
}
