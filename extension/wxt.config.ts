// The build and the manifest, in one place. `wxt build` reads it; nothing at run time does.
import { defineConfig } from 'wxt';

// Only the public half was kept: it fixes the extension's id, it signs nothing.
const PUBLIC_KEY =
  'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAw6vWM6cGtiwv/sVnR2/BmST4LshQvXinG9Uzk9W0PNdeBTi+Y8XSVgHrfm5JJHdOs9UsyfwXyD5lNagrsbh31CGr7700pFT1EjH3/NlQpB7C/LhLyOQjhMxrnhFZVNse+5Qu3DJ5bnAdMXYSFF61y7GRBaONBgCuMoq64+kgraC+3s7G8KN4DDtBxOOIux0aCWaVUdT/LR3jOQuu1Noivnnv514QmOg+OCr5FgNgi+B1r3HAGzPYmgSNW0J/Bjpy/WOgQCRsfGHb73Q5o4sTNp1ULT4D5GVym2VXCRdcvow3B9cYejHF75twXu5kbqqiABjCTvoChfX9+0gkpEoLJwIDAQAB';

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "font-src 'self'",
  'connect-src ws://127.0.0.1:* http://127.0.0.1:*',
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

export default defineConfig({
  imports: false,
  manifestVersion: 3,
  manifest: {
    name: '__MSG_name__',
    description: '__MSG_description__',
    default_locale: 'en',
    key: PUBLIC_KEY,
    minimum_chrome_version: '118',
    permissions: ['activeTab', 'scripting', 'storage', 'contextMenus', 'sidePanel'],
    optional_host_permissions: ['*://*/*'],
    action: { default_title: '__MSG_name__' },
    commands: { _execute_action: { suggested_key: { default: 'Alt+Shift+K' } } },
    content_security_policy: { extension_pages: CONTENT_SECURITY_POLICY },
    // Static, not use_dynamic_url: a dynamic address is refused on pages with COEP. A nonce stops pages that frame it themselves.
    web_accessible_resources: [{ resources: ['panel.html'], matches: ['<all_urls>'] }],
  },
});
