// Whether an address is another machine's, as the server tells it: by its name alone. Called by Elsewhere, for its warning.
// The server decides; this only lets the warning stand before the address is sent.

/** The other machine; empty for this one, and for what is no address yet. */
export function foreignHost(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) return '';
  return isLoopback(url.hostname) ? '' : url.host;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host);
}
