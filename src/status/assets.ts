/**
 * The page's style and script, the same for every answer, and the policy that allows these two by
 * their hashes and nothing else.
 *
 * The script only adds: it renews what is marked `data-live` while the page is looked at, and
 * copies commands.
 */

import { sha256 } from '../protocol/sha256.ts'

export const STYLE = `:root{color-scheme:light dark;--b:#fff;--c:#f5f7f9;--f:#1b1f24;--q:#535b65;--l:#d3d9e0;--ok:#0a6b2d;--no:#b3261e;--eh:#7a5200;--a:#2f9e56;--r:#c47f00;--n:#d5483f}
@media(prefers-color-scheme:dark){:root{--b:#0f1419;--c:#171d24;--f:#e6e8ea;--q:#a7b1bc;--l:#2f3841;--ok:#5bd68a;--no:#ff8a80;--eh:#e8b657;--a:#3fae68;--r:#d99a2b;--n:#f0655b}}
*{box-sizing:border-box}body{margin:0;background:var(--b);color:var(--f);font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
main,footer{max-width:80rem;margin:0 auto;padding:0 1rem}header{padding:1.25rem 1rem;border-bottom:1px solid var(--l);border-top:.375rem solid var(--t);background:var(--c)}header>*{max-width:78rem;margin-inline:auto}
.ok{--t:var(--ok)}.no{--t:var(--no)}.eh{--t:var(--eh)}h1,b{color:var(--t)}h1{font-size:1.75rem;line-height:1.2;margin-block:0}h2{font-size:1.125rem;margin:0 0 .5rem}h3{font-size:1rem;margin:0}pre+button{flex:none}.up h3{margin-top:.75rem}
p,ul,dl{margin-block:.25rem 0}ul{padding-left:1.1rem}header ul{list-style:none;padding:0;margin-inline:auto}.q,dt,caption,footer{color:var(--q);font-size:.875rem}b{font-weight:600}
section{margin-top:1.5rem}.two{display:grid;grid-template-columns:minmax(0,2fr) minmax(0,1fr);gap:0 2rem}.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,21rem),1fr));gap:1rem}
@media(max-width:60rem){.two{grid-template-columns:minmax(0,1fr)}}
.legend{margin-bottom:.75rem}article{border:1px solid var(--l);border-left:.25rem solid var(--t);border-radius:.375rem;padding:.75rem;background:var(--c)}article p{font-size:.875rem}
code,pre{font:.875rem/1.45 ui-monospace,monospace}.cmd{display:flex;gap:.5rem;align-items:start;margin:.25rem 0 .75rem}pre{flex:1;margin:0;padding:.5rem .625rem;border:1px solid var(--l);border-radius:.375rem;background:var(--c);white-space:pre-wrap}
button{font:inherit;font-size:.875rem;padding:.375rem .75rem;border:1px solid var(--q);border-radius:.375rem;background:var(--b);color:var(--f);cursor:pointer}button[hidden]{display:none}
dl{display:grid;grid-template-columns:auto 1fr;gap:.25rem 1rem}dd{margin:0}dd,td,th{font-variant-numeric:tabular-nums}
table{border-collapse:collapse;width:100%;max-width:44rem}caption{text-align:left}th,td{text-align:right;padding:.3rem .5rem;border-bottom:1px solid var(--l);font-weight:400}th:first-child{text-align:left;padding-left:0}thead th{color:var(--q);font-size:.875rem}td code{color:var(--q)}
svg{display:block;width:100%}.day{height:3.5rem;margin-top:.5rem}.times{height:1.25rem;margin-top:.25rem}.w{fill:var(--l);opacity:.35}.a,.y{fill:var(--a)}.r,.p{fill:var(--r)}.n{fill:var(--n)}polyline{fill:none;stroke-width:1.5;vector-effect:non-scaling-stroke}.m{stroke:var(--a)}.s{stroke:var(--r)}
.key{display:inline-block;width:.75rem;height:.75rem;margin:0 .25rem 0 .75rem}.key svg{width:100%;height:100%}footer{padding-block:1.5rem}a{color:inherit}`

export const SCRIPT = `const live=()=>document.querySelectorAll('[data-live]');for(const b of document.querySelectorAll('button[data-copy]')){b.hidden=false;b.onclick=async()=>{const t=b.previousElementSibling;try{await navigator.clipboard.writeText(t.textContent);b.textContent='Copied'}catch{getSelection().selectAllChildren(t);b.textContent='Selected'}setTimeout(()=>{b.textContent='Copy'},2000)}}
setInterval(async()=>{if(document.hidden||String(getSelection()))return;try{const r=await fetch(location.href);if(!r.ok)throw 0;const d=new DOMParser().parseFromString(await r.text(),'text/html');for(const e of live()){const n=d.getElementById(e.id);if(n)e.replaceWith(n)}document.title=d.title}catch{document.querySelector('#age').textContent='The gateway does not answer; this is what it said last.'}},15000)`

/**
 * `Content-Security-Policy` of the page: nothing from another host, nothing inline but the two
 * above.
 */
export async function contentPolicy(): Promise<string> {
  return [
    "default-src 'none'",
    `style-src ${await hashOf(STYLE)}`,
    `script-src ${await hashOf(SCRIPT)}`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

async function hashOf(text: string): Promise<string> {
  const digest = await sha256(new TextEncoder().encode(text))
  return `'sha256-${btoa(String.fromCharCode(...digest))}'`
}
