// A server in OpenAI's form: its address, key and model, a try, a plain warning, and the switch to it. Called by View.
import { useState } from 'preact/hooks';
import { ENGINE_KEY_CHARS_MAX, ENGINE_MODEL_CHARS_MAX, ENGINE_URL_CHARS_MAX, type EngineState, type EngineTested } from '../../../lib/connection/protocol.ts';
import { t } from '../../../lib/words.ts';
import { describedBy, Field } from '../own/Field.tsx';
import { foreignHost } from './address.ts';
import type { Address, Engines, EnginesView } from './engines.ts';
import type { PartProps } from './Now.tsx';
import { Trouble } from './Trouble.tsx';

export function Elsewhere({ engines, view, now }: PartProps) {
  const { address, change, submit } = useAddress(engines, view, now);
  const { url, model, key, mayLeave } = address;
  const host = foreignHost(url);
  const isReady = view.tested === null || (model.trim() !== '' && (host === '' || mayLeave));
  return (
    <section class="engines-part" aria-labelledby="engines-elsewhere">
      <h3 class="engines-heading" id="engines-elsewhere">{t('enginesElsewhere')}</h3>
      <p class="engines-note">{t('enginesElsewhereAbout')}</p>
      <form class="engines-form" onSubmit={submit} autocomplete="off">
        <Field id="engines-url" label={t('enginesAddress')} hint={t('enginesAddressHint')}>
          <input id="engines-url" class="engines-input" type="url" dir="ltr" required maxLength={ENGINE_URL_CHARS_MAX} placeholder="http://127.0.0.1:11434/v1" value={url} aria-describedby={describedBy('engines-url')} onInput={(event) => change({ url: event.currentTarget.value })} />
        </Field>
        <Field id="engines-key" label={t('enginesKey')} hint={t(now.has_key && url === now.url ? 'enginesKeyKept' : 'enginesKeyHint')}>
          <input id="engines-key" class="engines-input" type="password" dir="ltr" autocomplete="off" maxLength={ENGINE_KEY_CHARS_MAX} value={key} aria-describedby={describedBy('engines-key')} onInput={(event) => change({ key: event.currentTarget.value })} />
        </Field>
        {view.tested && <Model tested={view.tested} model={model} choose={(name) => change({ model: name })} />}
        {host && <Consent host={host} mayLeave={mayLeave} agree={(agrees) => change({ mayLeave: agrees })} />}
        <p class="engines-tested" role="status">{view.isTesting ? t('enginesTesting') : view.tested && t('enginesAnswers')}</p>
        <Trouble words={view.trouble?.part === 'elsewhere' ? view.trouble.words : ''} />
        <button type="submit" class="primary" disabled={url.trim() === '' || view.isTesting || now.switching !== null || !isReady}>{t(view.tested ? 'enginesConnect' : 'enginesTest')}</button>
      </form>
    </section>
  );
}

/** What is typed. Another address or key is to be tried anew, and a consent holds for its own address. */
function useAddress(engines: Engines, view: EnginesView, now: EngineState) {
  const [address, setAddress] = useState<Address>({ url: now.url, model: now.model, key: '', mayLeave: false });
  const change = (part: Partial<Address>): void => {
    if ('url' in part || 'key' in part) engines.forgetTest();
    setAddress({ ...address, ...('url' in part ? { mayLeave: false } : {}), ...part });
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    if (view.tested) void engines.connect(address).then((isBegun) => isBegun && (engines.forgetTest(), setAddress({ ...address, key: '', mayLeave: false })));
    else void engines.test(address).then(() => setAddress({ ...address, model: modelOf(engines.view.tested, address.model) }));
  };
  return { address, change, submit };
}

/** The one that was typed where the server has it, else its first. */
function modelOf(tested: EngineTested | null, typed: string): string {
  const [first] = tested?.models ?? [];
  return first === undefined || tested?.models.includes(typed) ? typed : first;
}

/** The plain warning, and the yes without which nothing goes to another machine. */
function Consent({ host, mayLeave, agree }: { host: string; mayLeave: boolean; agree: (agrees: boolean) => void }) {
  return (
    <div class="engines-warning" role="note">
      <p>{t('enginesWarning', host)}</p>
      <label class="own-flag"><input type="checkbox" checked={mayLeave} onChange={(event) => agree(event.currentTarget.checked)} />{t('enginesAgree')}</label>
    </div>
  );
}

/** One of those that the server names; where it names none, any. */
function Model({ tested, model, choose }: { tested: EngineTested; model: string; choose: (name: string) => void }) {
  const isListed = tested.models.length > 0;
  return (
    <Field id="engines-model" label={t('enginesModel')} hint={isListed ? undefined : t('enginesModelHint')}>
      {isListed ? (
        <select id="engines-model" class="engines-input" value={model} onChange={(event) => choose(event.currentTarget.value)}>
          {tested.models.map((name) => <option key={name} value={name}>{name}</option>)}
        </select>
      ) : (
        <input id="engines-model" class="engines-input" dir="ltr" maxLength={ENGINE_MODEL_CHARS_MAX} value={model} aria-describedby={describedBy('engines-model')} onInput={(event) => choose(event.currentTarget.value)} />
      )}
    </Field>
  );
}
