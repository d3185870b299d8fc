// yjs: a root Y.Text or Y.Array, a transaction a keystroke, its 'update' event the message, Y.applyUpdate to take one. The file is
// encodeStateAsUpdateV2, the smaller of its two formats.
import * as Y from 'yjs';

class Doc {
  constructor(agent, sends) {
    this.doc = new Y.Doc();
    this.doc.clientID = agent;
    this.out = [];
    if (sends) this.doc.on('update', (update, origin) => { if (origin !== Doc.remote) this.out.push(update); });
  }
  static remote = Symbol('remote');
  messages() {
    const out = this.out;
    this.out = [];
    return out.length < 2 ? out : [Y.mergeUpdates(out)];
  }
  take(m) { Y.applyUpdate(this.doc, m, Doc.remote); }
  settle() {}
  free() { this.doc.destroy(); }
}

class Text extends Doc {
  constructor(agent, sends) { super(agent, sends); this.t = this.doc.getText('text'); }
  splice(at, del, ins) {
    if (del && ins) { this.doc.transact(() => { this.t.delete(at, del); this.t.insert(at, ins); }); return; }
    if (del) this.t.delete(at, del);
    if (ins) this.t.insert(at, ins);
  }
  text() { return this.t.toString(); }
  save() { return Y.encodeStateAsUpdateV2(this.doc); }
}

class Items extends Doc {
  constructor(agent, sends) { super(agent, sends); this.a = this.doc.getArray('items'); }
  push(o) { this.a.push([o]); }
  items() { return this.a.toArray(); }
}

export default {
  utf16: true,
  open: (agent, sends) => new Text(agent, sends),
  openItems: (agent, sends) => new Items(agent, sends),
  load(bytes) {
    const doc = new Y.Doc();
    Y.applyUpdateV2(doc, bytes);
    return doc.getText('text').toString();
  },
};
