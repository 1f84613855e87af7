// A part of the panel that is loaded when it is first drawn, or ahead of that, so that the panel itself opens sooner. Called by App.
import { type ComponentChild, type ComponentType, h } from 'preact';
import { useEffect, useState } from 'preact/hooks';

interface Later<P> {
  (props: P): ComponentChild;
  load(): Promise<void>;
}

export function later<P extends object>(load: () => Promise<ComponentType<P>>): Later<P> {
  let part: ComponentType<P> | null = null;
  const loadOnce = async (): Promise<void> => void (part ??= await load());
  function Later(props: P) {
    const [, setIsThere] = useState(part !== null);
    useEffect(() => void (part || loadOnce().then(() => setIsThere(true))), []);
    return part && h(part, props);
  }
  return Object.assign(Later, { load: loadOnce });
}
