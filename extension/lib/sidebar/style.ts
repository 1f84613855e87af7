// How the sidebar's own parts look: card, handle, grip and edge tab. Called by the sidebar. The panel inside has its own style sheets.

export const STYLE = `
  .box { position: fixed; inset: 0; pointer-events: none; color-scheme: light dark; font: 13px/1 system-ui, sans-serif;
    --paper: light-dark(#ffffff, #17181a); --line: light-dark(rgb(0 0 0 / .1), rgb(255 255 255 / .16)); --soft: light-dark(#65635d, #a5a49f); --accent: light-dark(#14624e, #6fcfb2); }
  .card { position: absolute; box-sizing: border-box; display: flex; flex-direction: column; pointer-events: auto; background: var(--paper); }
  .dock { top: 0; bottom: 0; box-shadow: 0 0 0 1px var(--line); }
  .right.dock { right: 0; } .left.dock { left: 0; }
  .float { border-radius: 14px; overflow: hidden; box-shadow: 0 0 0 1px var(--line), 0 12px 48px rgb(0 0 0 / .24); }
  .sheet { left: 0; right: 0; bottom: 0; border-radius: 14px 14px 0 0; overflow: hidden; box-shadow: 0 0 0 1px var(--line), 0 -8px 32px rgb(0 0 0 / .16); }
  .folded .card { display: none; }
  iframe { display: block; flex: 1; width: 100%; min-height: 0; border: 0; }
  .dragging iframe { pointer-events: none; }

  .handle { position: absolute; z-index: 1; touch-action: none; outline: none; }
  /* Beside the frame, not over it: what lies over a frame makes the browser count all of it as covered. */
  .right.dock, .right.float { padding-left: 7px; } .left.dock, .left.float { padding-right: 7px; }
  .dock .handle, .float .handle { top: 0; bottom: 0; width: 7px; cursor: ew-resize; }
  .right .handle { left: 0; } .left .handle { right: 0; }
  .sheet .handle { top: 0; left: 0; right: 0; width: auto; height: 24px; cursor: ns-resize; }
  .dock .handle:hover, .dock .handle:focus-visible, .float .handle:hover, .float .handle:focus-visible, .dragging .handle { background: color-mix(in srgb, var(--accent) 40%, transparent); }

  .grip { display: none; flex: none; height: 24px; border: 0; padding: 0; margin: 0; background: none; cursor: grab; touch-action: none; outline: none; }
  .float .grip, .sheet .grip { display: block; }
  .grip::after { content: ''; display: block; width: 36px; height: 4px; margin: 10px auto; border-radius: 2px; background: var(--soft); opacity: .5; }
  .grip:hover::after, .grip:focus-visible::after, .sheet .handle:hover + .grip::after, .sheet .handle:focus-visible + .grip::after { background: var(--accent); opacity: 1; }
  .dragging .grip { cursor: grabbing; }

  .edge { display: none; position: absolute; top: 40%; width: 28px; height: 72px; padding: 0; border: 0; pointer-events: auto; cursor: pointer; color: var(--accent); background: var(--paper); box-shadow: 0 0 0 1px var(--line), 0 4px 20px rgb(0 0 0 / .18); }
  .folded .edge { display: block; }
  .right.edge { right: 0; border-radius: 10px 0 0 10px; } .left.edge { left: 0; border-radius: 0 10px 10px 0; }
  .edge::after { content: ''; display: block; width: 8px; height: 8px; margin: auto; border: solid currentColor; border-width: 2px 0 0 2px; rotate: -45deg; translate: 2px 0; }
  .left.edge::after { rotate: 135deg; translate: -2px 0; }
  .edge:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
  @media (prefers-contrast: more) { .box { --line: light-dark(#2b2b2b, #dcdcdc); --soft: light-dark(#2b2b2b, #dcdcdc); --accent: light-dark(#07402f, #9ff0d5); } .grip::after { opacity: 1; } }
  @media (forced-colors: active) { .card, .edge { border: 1px solid CanvasText; } .handle:is(:hover, :focus-visible), .grip:focus-visible { background: Highlight; } .grip::after { background: CanvasText; opacity: 1; } }`;
