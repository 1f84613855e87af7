// Who this extension is and where its server listens; read by background, link and the manifest. Knows nothing else.

/** SHA-256 of the manifest's public key in Chromium's alphabet; the server's list of allowed origins pins it. */
export const EXTENSION_ID = 'blogkbmmpnemlllefjjcboblekpiblgh';

export const DEFAULT_SERVER = 'ws://127.0.0.1:8377/ws';

/** Only this machine: the CSP allows no other host, and a typo should say so early. */
export function isServerAddress(address: string): boolean {
  return /^ws:\/\/127\.0\.0\.1:\d{1,5}\/ws$/.test(address);
}
