// A paired sidebar on a page, over the real server with a scripted engine: how most of the e2e tests begin and end.
import { configure, launch, openPanel, pair } from './browser.mjs';
import { SOON_MS, startScriptedServer, startSite } from './stage.mjs';

/** `script` for the engine, `path` of the page, `extra` pages by path; the rest is for the browser. `close` ends all of it. */
export async function openPaired({ script, path, extra = {}, ...forBrowser }) {
  const begun = [];
  const close = async () => {
    for (const end of begun.splice(0).reverse()) await end();
  };
  try {
    const server = await startScriptedServer(script);
    begun.push(server.stop);
    const site = await startSite({ extra });
    begun.push(site.stop);
    const browser = await launch(forBrowser);
    begun.push(browser.close);
    await configure(browser, { port: server.port });
    const page = await browser.context.newPage();
    await page.goto(site.url(path));
    const frame = await openPanel(browser, page);
    await pair(frame, server.code);
    await frame.locator('.welcome').waitFor({ timeout: SOON_MS });
    return { server, site, browser, page, frame, close };
  } catch (error) {
    await close();
    throw error;
  }
}
