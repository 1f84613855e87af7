// The sidebar's own parts in a page: they lie in a closed shadow root, which only the browser's debugger sees. Imported by hosts.test.
import { SOON_MS, until } from './stage.mjs';

const sessions = new WeakMap(); // one for each page: hundreds of them bring the browser to a halt

/** A part by its class: its attributes, its place, and the focus for keys. The debugger's tree lags behind the page: it is asked until the part is there. */
export async function part(page, className) {
  const session = sessions.get(page) ?? (await page.context().newCDPSession(page));
  sessions.set(page, session);
  const found = await until(() => findPart(session, className), SOON_MS, () => `the sidebar has no ${className}`);
  const box = await session.send('DOM.getBoxModel', { nodeId: found.nodeId }).catch(() => null);
  return {
    ...attributesOf(found),
    box: box && { x: box.model.border[0], y: box.model.border[1], width: box.model.width, height: box.model.height },
    focus: () => session.send('DOM.focus', { nodeId: found.nodeId }),
  };
}

/** Its place once it stands still: the sidebar takes its new shape over some frames. */
async function placed(page, className) {
  let before = null;
  return until(async () => {
    await page.waitForTimeout(100);
    const { box } = await part(page, className);
    const isStill = box !== null && before !== null && ['x', 'y', 'width', 'height'].every((name) => box[name] === before[name]);
    before = box;
    return isStill ? box : null;
  }, SOON_MS, () => `${className} does not stand still`);
}

async function findPart(session, className) {
  const { root } = await session.send('DOM.getDocument', { depth: -1, pierce: true });
  const node = find(root, (candidate) => candidate.nodeName === 'RETINUE-SIDEBAR');
  return node && find(node, (candidate) => attributesOf(candidate).class?.split(' ').includes(className));
}

/** Pulls a part by so many px with the mouse. */
export async function pull(page, className, x, y) {
  const box = await placed(page, className);
  const from = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(from.x + x / 2, from.y + y / 2);
  await page.mouse.move(from.x + x, from.y + y);
  await page.mouse.up();
}

function find(node, isIt) {
  if (isIt(node)) return node;
  for (const child of [...(node.shadowRoots ?? []), ...(node.children ?? [])]) {
    const found = find(child, isIt);
    if (found) return found;
  }
  return null;
}

function attributesOf({ attributes = [] }) {
  const pairs = {};
  for (let i = 0; i < attributes.length; i += 2) pairs[attributes[i]] = attributes[i + 1];
  return pairs;
}
