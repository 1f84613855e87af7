// The way of a question in a real Chromium, against the real server with the default base.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ask, clickToolbar, configure, highlighted, lastAnswer, launch, openPanel, pair, panelFrame, violations } from './browser.mjs';
import { freePort, SOON_MS, startImpostor, startScriptedServer, startServer, startSite, until } from './stage.mjs';

const KEY = 'ab'.repeat(32);

/** Cached, total prompt tokens of the last answer, from the last line of what is folded away below it. */
async function cost(frame) {
  const words = await frame.locator('.turn').last().locator('.checked .fact').last().textContent();
  const [cached, total] = words.match(/[\d,]+/g).map((number) => Number(number.replaceAll(',', '')));
  return { cached, total };
}

async function choose(frame, name) {
  await frame.locator('.who').click();
  await frame.locator('.search').fill(name);
  await frame.locator('.search').press('Enter');
}

describe('with a server', () => {
  let server, site, browser, page, frame;

  before(async () => {
    server = await startServer();
    site = await startSite();
    browser = await launch();
    await configure(browser, { port: server.port });
    page = await browser.context.newPage();
    await page.goto(site.url('contract.html'));
    frame = await openPanel(browser, page);
  });
  after(async () => {
    await browser?.close();
    await site?.stop();
    await server?.stop();
  });

  test('a wrong pairing code is refused and says so', async () => {
    await pair(frame, 'AAAA-AAAA');
    await frame.locator('.code[aria-invalid=true]').waitFor();
    assert.match(await frame.locator('#pairing-error').innerText(), /code/i);
    assert.deepEqual(await violations(frame), []);
  });

  test('the code from the terminal pairs', async () => {
    await pair(frame, server.code);
    await frame.locator('.welcome, .thread').first().waitFor({ timeout: SOON_MS });
  });

  test('a question to a chosen copilot streams an answer whose quote lights up in the page', async () => {
    await choose(frame, 'Generalist');
    await ask(frame, 'who owns the customer data?');
    const answer = await lastAnswer(frame);
    assert.match(answer, /owns all data/);
    const quote = frame.locator('.turn').last().locator('.quote:not(.quote-absent)').first();
    const words = (await quote.innerText()).trim().replace(/^“|”$/g, '');
    await quote.click();
    const lit = await until(() => highlighted(page), SOON_MS, () => 'nothing is highlighted');
    assert.equal(fold(lit), fold(words));
    assert.ok(fold(await page.locator('main').innerText()).includes(fold(words)));
  });

  test('another copilot on the same page reads nothing again', async () => {
    const { total } = await cost(frame);
    await choose(frame, 'Health Evidence Checker');
    await ask(frame, 'How strong is the evidence for the service level?');
    await lastAnswer(frame);
    const { cached } = await cost(frame);
    assert.ok(cached > 1_500, `only ${cached} tokens came from the cache`);
    assert.ok(cached > total - 400, `${cached} of about ${total} tokens came from the cache`);
  });

  test('the picker suggests copilots that fit the page and says why', async () => {
    await frame.locator('.who').click();
    const group = frame.locator('[role=group]').first();
    assert.equal(await group.getAttribute('aria-label'), 'Suggested for this page');
    const ids = await group.locator('.option-name').allInnerTexts();
    assert.ok(ids.some((name) => /Contract|Terms|Lease|NDA|Polic/.test(name)), ids.join(', '));
    assert.match(await group.locator('.option-why').first().innerText(), /The page says “|Close to what/);
    await frame.locator('.search').press('Escape');
  });

  for (const colorScheme of ['light', 'dark']) {
    test(`axe finds nothing wrong with a thread or the picker, ${colorScheme}`, async () => {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      assert.deepEqual(await violations(frame), []);
      await frame.locator('.who').click();
      assert.deepEqual(await violations(frame), []);
      await frame.locator('.search').press('Escape');
    });
  }

  test('an answer can be stopped', async () => {
    await ask(frame, 'List every obligation of both parties with its clause');
    await frame.getByRole('button', { name: 'Stop' }).click();
    await frame.locator('.turn').last().locator('.facts, .turn-error').first().waitFor();
  });

  test('the sidebar keeps its thread when it is closed and opened again', async () => {
    const turns = await frame.locator('.turn').count();
    await clickToolbar(browser, page);
    await until(() => !page.frames().some((f) => f.url().includes('/panel.html')), SOON_MS, () => 'the sidebar did not close');
    frame = await openPanel(browser, page);
    await frame.locator('.turn').first().waitFor();
    assert.equal(await frame.locator('.turn').count(), turns);
  });

  test("a web page's own script cannot open the socket", async () => {
    const outcome = await page.evaluate(
      (port) =>
        new Promise((resolve) => {
          const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`);
          socket.onopen = () => resolve('open');
          socket.onerror = () => resolve('refused');
        }),
      server.port,
    );
    assert.equal(outcome, 'refused');
  });

  test('it answers on a page with the strictest content security policy', async () => {
    const strict = "default-src 'none'; frame-src 'none'; script-src 'none'; style-src 'none'; require-trusted-types-for 'script'";
    const guarded = await startSite({ headers: { 'content-security-policy': strict } });
    const tab = await browser.context.newPage();
    await tab.goto(guarded.url('shop.html'));
    const panel = await openPanel(browser, tab);
    await panel.locator('.welcome').waitFor({ timeout: SOON_MS });
    await choose(panel, 'Ad Copywriter');
    await ask(panel, 'Write two headlines of 30 characters or fewer');
    assert.ok((await lastAnswer(panel)).length > 10);
    await tab.close();
    await guarded.stop();
  });

  test('a page without text says so', async () => {
    const blank = await startSite({ extra: { '/blank.html': '<!doctype html><title>Blank</title><main></main>' } });
    const tab = await browser.context.newPage();
    await tab.goto(blank.url('blank.html'));
    const panel = await openPanel(browser, tab);
    await panel.locator('.state').getByText(/no text/i).first().waitFor({ timeout: SOON_MS });
    await tab.close();
    await blank.stop();
  });

  test('nothing of pages and questions is in the log of the server', async () => {
    const log = server.lines.join('\n');
    assert.doesNotMatch(log, /Harbourline|renew|service level/i);
  });
});

test('a page that counts as public still reaches the server', async () => {
  const server = await startScriptedServer('ferry.json');
  const site = await startSite();
  const browser = await launch({ args: [`--ip-address-space-overrides=127.0.0.1:${site.port}=public`] });
  try {
    await configure(browser, { port: server.port });
    const page = await browser.context.newPage();
    await page.goto(site.url('ferry.html'));
    const frame = await openPanel(browser, page);
    await pair(frame, server.code);
    await frame.locator('.welcome').waitFor({ timeout: SOON_MS });
    await ask(frame, 'When does the last boat leave?');
    assert.match(await lastAnswer(frame), /19\.10/);
  } finally {
    await browser.close();
    await site.stop();
    await server.stop();
  }
});

test('an impostor on the port gets a hello and no word of the page', async () => {
  const impostor = await startImpostor();
  const site = await startSite();
  const browser = await launch();
  try {
    await configure(browser, { port: impostor.port, key: KEY });
    const page = await browser.context.newPage();
    await page.goto(site.url('contract.html'));
    const frame = await openPanel(browser, page);
    await frame.locator('.state-title').waitFor();
    await page.waitForTimeout(1_000);
    const frames = impostor.frames();
    assert.ok(frames.length > 0 && frames.every((sent) => sent.type === 'hello'), JSON.stringify(frames));
    assert.deepEqual(new Set(frames.flatMap(Object.keys)), new Set(['type', 'version', 'mode', 'nonce', 'client', 'name']));
    const said = /^\{"type":"hello","version":\d+,"mode":"proof","nonce":"[0-9a-f]{64}","client":"[0-9a-f-]{36}","name":"[A-Za-z]+ on [A-Za-z]+"\}$/;
    for (const sent of frames) assert.match(JSON.stringify(sent), said);
  } finally {
    await browser.close();
    await site.stop();
    impostor.stop();
  }
});

test('without a server the sidebar says what to start', async () => {
  const site = await startSite();
  const browser = await launch();
  try {
    await configure(browser, { port: await freePort(), key: KEY });
    const page = await browser.context.newPage();
    await page.goto(site.url('contract.html'));
    const frame = await openPanel(browser, page);
    await frame.locator('.command').waitFor({ timeout: SOON_MS });
    assert.match(await frame.locator('.state').innerText(), /make serve/);
  } finally {
    await browser.close();
    await site.stop();
  }
});

test('a sandboxed page falls back to a place outside the page', async () => {
  const site = await startSite({ headers: { 'content-security-policy': 'sandbox allow-scripts' } });
  const browser = await launch();
  try {
    await configure(browser, { port: await freePort(), key: KEY });
    const page = await browser.context.newPage();
    await page.goto(site.url('contract.html'));
    await page.waitForTimeout(250);
    await clickToolbar(browser, page);
    const outside = await until(
      async () => {
        const { targetInfos } = await browser.session.send('Target.getTargets', { filter: [{}] });
        return targetInfos.some((info) => info.url.includes('/panel.html') && !/host=page/.test(info.url) && info.type !== 'iframe');
      },
      5_000,
      () => 'no side panel and no tab opened',
    );
    assert.ok(outside);
  } finally {
    await browser.close();
    await site.stop();
  }
});

test('installing shows no permission warning and no error', async () => {
  const browser = await launch();
  try {
    const page = await browser.context.newPage();
    await page.goto('chrome://extensions');
    const info = await page.evaluate((id) => chrome.developerPrivate.getExtensionInfo(id), browser.id);
    assert.deepEqual(info.permissions.simplePermissions, []);
    assert.deepEqual([...info.manifestErrors, ...info.runtimeErrors, ...(info.installWarnings ?? [])], []);
  } finally {
    await browser.close();
  }
});

function fold(text) {
  return text.replace(/[“”‘’"']/g, "'").replace(/[‐-—]/g, '-').replace(/\s+/g, ' ').trim().toLowerCase();
}
