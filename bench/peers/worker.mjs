// Measures one work of one library: node --expose-gc worker.mjs LIB WORK RUNS CASE
//
// It prints lines of JSON: {"ready":true} once the work is prepared, then for each run {"ms","bytes"} or {"heap_bytes"}, or
// {"error"} and ends with 1. The first run is the warm-up; who reads the lines drops it. CASE is the file that the Go side
// writes (bench/internal/trace, Case): the same steps for every library, in the same order.
import { readFileSync, writeSync } from 'node:fs';

const [lib, work, runs, file] = process.argv.slice(2);
const say = (o) => writeSync(1, JSON.stringify(o) + '\n');

// wasmMemories are those that libraries make: process.memoryUsage does not count them.
const wasmMemories = new Set();
function watchWasm() {
  const note = (instance) => {
    for (const e of Object.values(instance.exports)) if (e instanceof WebAssembly.Memory) wasmMemories.add(e);
    return instance;
  };
  const Instance = WebAssembly.Instance;
  WebAssembly.Instance = new Proxy(Instance, { construct: (target, args) => note(new target(...args)) });
  const instantiate = WebAssembly.instantiate;
  WebAssembly.instantiate = async (...args) => {
    const r = await instantiate(...args);
    note(r.instance ?? r);
    return r;
  };
}

function memory() {
  globalThis.gc();
  globalThis.gc();
  const m = process.memoryUsage();
  let wasm = 0;
  for (const w of wasmMemories) wasm += w.buffer.byteLength;
  return m.heapUsed + m.external + wasm; // external counts array buffers
}

const total = (messages) => messages.reduce((n, m) => n + m.length, 0);
const sorted = (s) => [...s].sort().join('');

function same(got, want, what) {
  if (got === want) return;
  throw new Error(`${what}: the text at the end is another one (${got.length} UTF-16 units, not ${want.length})`);
}

// type makes the edits of a trace in doc, and hands each one's messages to keep, if there is one.
function type(doc, c, keep) {
  const { at, del, ins } = c;
  for (let i = 0; i < at.length; i++) {
    doc.splice(at[i], del[i], ins[i]);
    if (keep) for (const m of doc.messages()) keep(m);
  }
  doc.settle();
}

// Each work prepares itself and returns what one run is. A run returns what it measured, and a check that is not timed.
const works = {
  edit: (L, c) => () => {
    const doc = L.open(1, false);
    return timed(() => type(doc, c), () => { same(doc.text(), c.end, 'edit'); doc.free(); });
  },
  make: (L, c) => () => {
    const doc = L.open(1, true);
    const messages = [];
    return timed(() => type(doc, c, (m) => messages.push(m)), () => {
      same(doc.text(), c.end, 'make');
      doc.free();
      return { bytes: total(messages) };
    });
  },
  apply: (L, c) => {
    const author = L.open(1, true);
    const messages = [];
    type(author, c, (m) => messages.push(m));
    author.free();
    return () => {
      const doc = L.open(2, false);
      return timed(() => { for (const m of messages) doc.take(m); }, () => { same(doc.text(), c.end, 'apply'); doc.free(); });
    };
  },
  file: (L, c) => {
    const doc = author(L, c);
    return () => {
      let bytes;
      return timed(() => { bytes = doc.save(); }, () => { same(L.load(bytes), c.end, 'file'); return { bytes: bytes.length }; });
    };
  },
  load: (L, c) => {
    const bytes = author(L, c).save();
    return () => {
      let text;
      return timed(() => { text = L.load(bytes); }, () => { same(text, c.end, 'load'); return { bytes: bytes.length }; });
    };
  },
  heap: (L, c) => () => {
    const before = memory();
    const doc = L.open(1, true);
    type(doc, c, () => {});
    const heap = memory() - before;
    same(doc.text(), c.end, 'heap');
    doc.free();
    return { heap_bytes: heap };
  },
  merge: (L, c) => () => {
    const docs = Array.from({ length: c.agents }, (_, i) => L.open(i + 1, true));
    const sent = [];
    return timed(() => {
      for (const [what, agent, x] of c.steps) {
        const doc = docs[agent];
        if (what === 0) doc.splice(c.at[x], c.del[x], c.ins[x]);
        else if (what === 1) sent.push(doc.messages());
        else for (const m of sent[x]) doc.take(m);
      }
      for (const d of docs) d.settle();
    }, () => {
      const text = docs[0].text();
      for (const d of docs) { same(d.text(), text, 'merge: two replicas'); d.free(); }
      same(sorted(text), sorted(c.end), 'merge');
      return { bytes: sent.reduce((n, ms) => n + total(ms), 0) };
    });
  },
  heads: (L, c) => {
    // Message m is keystroke m % inserts of author m / inserts. c.order is the order of arrival.
    const messages = [];
    let all = '';
    for (let a = 0; a < c.agents; a++) {
      const doc = L.open(a + 10, true);
      const key = String.fromCharCode(97 + (a % 26));
      for (let i = 0; i < c.inserts; i++) {
        doc.splice(0, 0, key);
        messages.push(doc.messages());
        all += key;
      }
      doc.free();
    }
    const want = sorted(all);
    return () => {
      const doc = L.open(1, false);
      const next = new Int32Array(c.agents);
      const held = new Map();
      const take = (m) => { for (const b of messages[m]) doc.take(b); };
      return timed(() => {
        for (const m of c.order) {
          if (!L.ordered) { take(m); continue; }
          // This library takes an author's messages in their order only: what comes early is held back here.
          const a = (m / c.inserts) | 0;
          held.set(m, true);
          while (held.delete(a * c.inserts + next[a])) take(a * c.inserts + next[a]++);
        }
      }, () => { same(sorted(doc.text()), want, 'heads'); doc.free(); });
    };
  },
  append: (L, c) => () => {
    const doc = L.openItems(1, true);
    const messages = [];
    return timed(() => appendAll(doc, c, messages), () => {
      items(doc, c);
      return { bytes: total(messages) };
    });
  },
  'append-apply': (L, c) => {
    const author = L.openItems(1, true);
    const messages = [];
    appendAll(author, c, messages);
    author.free();
    return () => {
      const doc = L.openItems(2, false);
      return timed(() => { for (const m of messages) doc.take(m); }, () => items(doc, c));
    };
  },
};

function author(L, c) {
  const doc = L.open(1, true);
  type(doc, c, () => {});
  return doc;
}

// transaction is number i of work append; the Go side makes the same.
const transaction = (i) => ({ from: `a${i % 1000}`, to: `b${(i * 7) % 1000}`, amount: i, memo: `payment ${i}` });

function appendAll(doc, c, messages) {
  for (let i = 0; i < c.count; i++) {
    doc.push(transaction(i));
    for (const m of doc.messages()) messages.push(m);
  }
}

function items(doc, c) {
  const got = doc.items();
  const last = c.count - 1;
  if (got.length !== c.count || got[last].memo !== transaction(last).memo || got[last].amount !== last) throw new Error('append: other items at the end');
  doc.free();
}

function timed(f, check) {
  globalThis.gc();
  const start = performance.now();
  f();
  const ms = performance.now() - start;
  return { ms, ...check() };
}

try {
  watchWasm();
  const { default: L } = await import(`./${lib}.mjs`);
  const c = JSON.parse(readFileSync(file, 'utf8'));
  // Positions count what the library counts.
  if (L.utf16 && c.at16) { c.at = c.at16; c.del = c.del16; }
  const run = works[work](L, c);
  say({ ready: true });
  for (let i = 0; i < Number(runs); i++) say(run());
} catch (e) {
  say({ error: String(e?.message ?? e) });
  process.exit(1);
}
