// A real Firefox ESR with the built extension, its toolbar button and the sidebar's frame. Imported by the e2e tests.
// Playwright drives it over WebDriver BiDi. Knows nothing of the server, as browser.mjs beside it.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { until } from './stage.mjs';

const EXTENSION = new URL('../../extension/', import.meta.url);
const { firefox } = createRequire(new URL('package.json', EXTENSION))('playwright-core');
const BUILD = new URL('.output/firefox-mv3', EXTENSION).pathname;
const ID = 'retinue@retinue.invalid';
const UUID = '6d1f0a52-3a3c-4c53-9a51-0f6d8a3f7c11'; // of this profile: an address that a test can open
/** Null where there is none. */
export const EXECUTABLE = [process.env.FIREFOX, '/usr/bin/firefox-esr', '/usr/bin/firefox'].find((path) => path && existsSync(path)) ?? null;

/** Launches Firefox with the extension loaded for this run. Close it with `browser.close()`. */
export async function launchFirefox({ viewport = { width: 1280, height: 800 }, prefs = {} } = {}) {
  if (!existsSync(`${BUILD}/manifest.json`)) throw new Error(`Build the extension first: npx wxt build -b firefox in ${EXTENSION.pathname}`);
  const context = await firefox.launchPersistentContext('', {
    channel: 'moz-firefox', // over BiDi: a Firefox as it is, not one that was made for Playwright
    executablePath: EXECUTABLE,
    viewport,
    args: ['-remote-allow-system-access'],
    firefoxUserPrefs: { 'extensions.webextensions.uuids': JSON.stringify({ [ID]: UUID }), ...prefs },
  });
  const browser = new Firefox(context);
  await browser.session.send('webExtension.install', { extensionData: { type: 'path', path: BUILD } });
  return browser;
}

class Firefox {
  constructor(context) {
    this.context = context;
    // Playwright has no call for extensions and for the browser's own window: its session is asked itself.
    this.session = context._connection.toImpl(context)._browser._browserSession;
  }

  close() {
    return this.context.close();
  }

  /** Runs an expression in the browser's own window, where toolbar and sidebar are. */
  async inWindow(expression) {
    const { contexts } = await this.session.send('browsingContext.getTree', { 'moz:scope': 'chrome' });
    const own = contexts.find(({ url }) => url.endsWith('/browser.xhtml'));
    return this.evaluate(own.context, `(async (window) => { ${expression} })(Services.wm.getMostRecentBrowserWindow())`);
  }

  async evaluate(context, expression) {
    const { result, exceptionDetails } = await this.session.send('script.evaluate', { expression, target: { context }, awaitPromise: true });
    if (exceptionDetails) throw new Error(exceptionDetails.text);
    return result.value;
  }
}

/** Presses the extension's toolbar button for the page in front, as a user's click does. */
export function clickToolbar(browser) {
  return browser.inWindow(`
    const { ExtensionParent } = ChromeUtils.importESModule('resource://gre/modules/ExtensionParent.sys.mjs');
    ExtensionParent.apiManager.global.browserActionFor(WebExtensionPolicy.getByID('${ID}').extension).triggerAction(window);`);
}

/** The sidebar's frame in a page, once its first element is there. */
export async function panelFrame(browser, page, { timeout = 10_000 } = {}) {
  const frame = await until(() => page.frames().find((candidate) => candidate.url().includes('/panel.html')), timeout, () => 'the sidebar did not open');
  // BiDi tells of the realms in an extension's process once one was asked for.
  await browser.evaluate(frame._connection.toImpl(frame)._id, '1');
  await frame.locator('.panel').waitFor({ timeout });
  return frame;
}

export async function openPanel(browser, page) {
  await clickToolbar(browser);
  return panelFrame(browser, page);
}

/** Types as a person does: over BiDi, Playwright's `fill` puts its words into the page around the frame. */
export async function type(field, words) {
  await field.click();
  await field.pressSequentially(words);
}

/** The address of the panel in Firefox's own sidebar, once it is there. BiDi does not reach into it. */
export function nativePanel(browser) {
  const look = `return window.document.getElementById('sidebar').contentDocument.querySelector('browser')?.currentURI.spec ?? '';`;
  const address = async () => /^moz-extension:.*/.exec(await browser.inWindow(look))?.[0];
  return until(address, 10_000, () => "Firefox's sidebar shows no panel");
}

/** Points the extension at another port, from a tab with one of its pages. */
export async function configure(browser, { port }) {
  const { context } = await browser.session.send('browsingContext.create', { type: 'tab' });
  await browser.session.send('browsingContext.navigate', { context, url: `moz-extension://${UUID}/panel.html`, wait: 'complete' });
  await browser.evaluate(context, `browser.storage.local.set({ server: 'ws://127.0.0.1:${port}/ws' }).then(() => true)`);
  await browser.session.send('browsingContext.close', { context });
}
