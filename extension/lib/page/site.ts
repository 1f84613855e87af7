// The match pattern of one site, for asking permission. Called by opening and the panel. Pure.

/** `https://example.org/*`, or null for what no extension may read (browser pages, files, stores). */
export function siteOf(url: string | undefined): string | null {
  const address = url && URL.canParse(url) ? new URL(url) : null;
  return address && /^https?:$/.test(address.protocol) ? `${address.protocol}//${address.hostname}/*` : null;
}
