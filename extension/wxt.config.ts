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

const COMMON = {
  name: '__MSG_name__',
  description: '__MSG_description__',
  default_locale: 'en',
  optional_host_permissions: ['*://*/*'],
  optional_permissions: ['tabs'], // the titles of the tabs that can be asked about together, when the person wants them listed
  action: { default_title: '__MSG_name__' },
  commands: { _execute_action: { suggested_key: { default: 'Alt+Shift+K' } } },
  content_security_policy: { extension_pages: CONTENT_SECURITY_POLICY },
};

// No permission in either list shows a warning when the extension is installed.
const PERMISSIONS = ['activeTab', 'scripting', 'storage', 'contextMenus'];

const CHROMIUM = {
  ...COMMON,
  key: PUBLIC_KEY,
  minimum_chrome_version: '130', // the first to honour use_dynamic_url for frames
  permissions: [...PERMISSIONS, 'sidePanel'],
  // A passing address: no site can find out by the fixed one that Retinue is installed, or frame the panel. With COEP it needs a credentialless frame.
  web_accessible_resources: [{ resources: ['panel.html'], matches: ['<all_urls>'], use_dynamic_url: true }],
};

const FIREFOX = {
  ...COMMON,
  permissions: PERMISSIONS,
  sidebar_action: { default_panel: 'panel.html', default_title: '__MSG_name__', default_icon: 'icon/32.png', open_at_install: false },
  // Firefox gives each profile an id of its own, so the address is secret without a key for it.
  web_accessible_resources: [{ resources: ['panel.html'], matches: ['<all_urls>'] }],
  browser_specific_settings: {
    gecko: {
      id: 'retinue@retinue.invalid',
      // The next key is known from 140, on Android from 142; with 140 here the linter warns. The ESR after 140 is 153.
      strict_min_version: '142.0',
      data_collection_permissions: { required: ['websiteContent'] }, // the page's text goes to the user's own server
    },
  },
};

export default defineConfig({
  imports: false,
  manifestVersion: 3,
  manifest: ({ browser }) => (browser === 'firefox' ? FIREFOX : CHROMIUM),
});
