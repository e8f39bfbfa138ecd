"""The style sheet of a station's page: no fonts, no pictures, light and dark."""

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1a1e23; --soft: #56606b; --line: #d4d9de;
  --panel: #f5f7f9; --sea: #f3f7fa; --land: #e3e0d6; --shore: #908b7c; --link: #0b57a4;
  --s0: #5f8fb8; --s1: #2f78b5; --s2: #6a55b0; --s3: #b03a86; --s4: #c62a17;
  --ok: #d5e8d8; --part: #f4e6bd; --bad: #f6cfc9; --notice: #fff2cc; --notice-ink: #4a3800; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --ink: #e7eaee; --soft: #a6b0ba;
  --line: #3a424b; --panel: #1d2228; --sea: #181d23; --land: #31363a; --shore: #7e858a;
  --link: #8cc0f5; --s0: #6f9fc8; --s1: #58a8ea; --s2: #a390f0; --s3: #e878bd; --s4: #ff7763;
  --ok: #1f4429; --part: #4d3f10; --bad: #64231c; --notice: #453808; --notice-ink: #ffeeb8; } }
* { box-sizing: border-box; }
html { font: 16px/1.5 system-ui, sans-serif; background: var(--paper); color: var(--ink);
  -webkit-text-size-adjust: 100%; }
body { max-width: 66rem; margin: 0 auto; padding: 0 1rem 3rem; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; margin: 1rem 0 .2rem; line-height: 1.2; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .6rem; border-bottom: 1px solid var(--line); }
h3, .months caption { font-size: 1rem; font-weight: 600; margin: .8rem 0 .3rem; }
p, dl, ul { margin: .5rem 0; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: .5rem; background: var(--paper); padding: .5rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; padding: 0; list-style: none; }
nav a { display: inline-block; padding: .3rem 0; }
.soft, caption { color: var(--soft); }
.notice { background: var(--notice); color: var(--notice-ink); padding: .6rem .8rem;
  border-left: .3rem solid; }
.state { padding: .6rem .8rem; font-weight: 600; border: 2px solid; border-radius: .3rem; }
.state.ok { background: var(--ok); }
.state.bad { background: var(--bad); }
.facts { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .2rem 1rem; }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.wide table { width: 100%; margin: .5rem 0; font-size: .93rem; }
caption { text-align: left; padding: .2rem 0; }
.wide th, .wide td { text-align: left; vertical-align: top; padding: .25rem .8rem .25rem 0;
  border-bottom: 1px solid var(--line); }
.wide tbody th { font-weight: 600; }
.wide th, .wide td { white-space: nowrap; }
.wide td:last-child { white-space: normal; overflow-wrap: anywhere; min-width: 11em; }
.failures dt { font-weight: 600; }
.failures dd { margin: 0 0 .7rem; }
.failures { overflow-wrap: anywhere; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap; }
figure { margin: .6rem 0; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font: 48px system-ui, sans-serif; paint-order: stroke;
  stroke: var(--sea); stroke-width: 8px; }
svg .mid { text-anchor: middle; }
svg .end { text-anchor: end; }
path { fill: none; vector-effect: non-scaling-stroke; stroke-linejoin: round; }
.sea { fill: var(--sea); stroke: var(--line); }
.land { fill: var(--land); fill-rule: evenodd; stroke: var(--shore); stroke-width: .7px; }
.grid { stroke: var(--line); stroke-width: 1px; opacity: .8; }
.track { stroke-linecap: round; }
.none { stroke: var(--soft); stroke-width: 1px; stroke-dasharray: 2 3; }
.s0 { stroke: var(--s0); stroke-width: 1px; }
.s1 { stroke: var(--s1); stroke-width: 1.5px; }
.s2 { stroke: var(--s2); stroke-width: 2.2px; }
.s3 { stroke: var(--s3); stroke-width: 3.2px; }
.s4 { stroke: var(--s4); stroke-width: 5px; }
.circle { fill: var(--s4); fill-opacity: .12; stroke: var(--ink); stroke-width: 1px;
  stroke-dasharray: 3 2; }
.valid .circle { stroke-width: 2px; stroke-dasharray: none; fill-opacity: .3; }
.mark { stroke: var(--ink); stroke-width: 5px; stroke-linecap: round; }
svg .alarm text { fill: var(--ink); font-size: 66px; font-weight: 700;
  stroke: var(--paper); stroke-width: 14px; }
.chart text { font-size: 17px; stroke: none; }
.threshold { stroke: var(--s4); stroke-width: 1.5px; stroke-dasharray: 6 4; }
.dots { stroke: var(--s1); stroke-width: 4px; stroke-linecap: round; }
.peaks { fill: var(--s4); stroke: var(--paper); stroke-width: .5px; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; padding: 0; list-style: none;
  font-size: .93rem; }
.legend svg { display: inline-block; width: 2.2rem; height: .9rem; vertical-align: -.1rem;
  margin-right: .3rem; }
.key { display: inline-block; min-width: 1.5rem; text-align: center; margin-right: .3rem;
  border: 1px solid var(--line); }
.months { display: grid; grid-template-columns: repeat(auto-fill, minmax(10.4rem, 1fr));
  gap: .8rem 1.2rem; align-items: start; }
.months table { width: 100%; max-width: 15rem; table-layout: fixed; font-size: .8rem; }
.months th { font-weight: 400; color: var(--soft); }
.months td { text-align: center; padding: 0; height: 2.1rem; line-height: 1.05;
  border: 1px solid var(--line); }
.months td b { display: block; font-weight: 400; font-size: .68rem; color: var(--soft); }
.months .out { border: 0; }
.ok { background: var(--ok); }
.part { background: var(--part); }
.bad { background: var(--bad); }
.ok b, .part b, .bad b { color: inherit !important; }
.gap { background: repeating-linear-gradient(135deg, transparent 0 5px, var(--line) 5px 6px); }
footer { margin-top: 2.5rem; border-top: 1px solid var(--line); font-size: .93rem; }
@media (max-width: 40rem) {
  html { font-size: 15px; }
  body { padding: 0 .8rem 2rem; }
  .map text { font-size: 86px; }
  svg .alarm text { font-size: 110px; }
  .chart text { font-size: 30px; }
  .dots { stroke-width: 2px; }
  .peaks { stroke: var(--s4); stroke-width: 2.5px; }
  .months { gap: .6rem .8rem; }
  .stack, .stack tbody, .stack tr, .stack th, .stack td, .stack caption { display: block; }
  .stack thead { position: absolute; left: -99rem; }
  .stack tr { border-bottom: 1px solid var(--line); padding: .4rem 0; }
  .wide .stack th, .wide .stack td { border: 0; padding: 0; }
  .stack tbody th::before { content: "No. "; }
  .stack td::before { content: attr(data-label) ": "; color: var(--soft); }
}
@media print { .skip, nav { display: none; } }
"""
