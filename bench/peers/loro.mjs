// loro: LoroText or LoroList of the root, a commit a keystroke, subscribeLocalUpdates the message, LoroDoc.import to take one.
// The file is export of mode snapshot, which has the whole history.
import { LoroDoc } from 'loro-crdt';

class Doc {
  constructor(agent, sends) {
    this.doc = new LoroDoc();
    this.doc.setPeerId(BigInt(agent));
    this.t = this.doc.getText('text');
    this.l = this.doc.getList('items');
    this.out = [];
    if (sends) this.doc.subscribeLocalUpdates((b) => { this.out.push(b); });
  }
  splice(at, del, ins) {
    if (del) this.t.delete(at, del);
    if (ins) this.t.insert(at, ins);
  }
  push(o) { this.l.push(o); }
  messages() {
    this.doc.commit();
    const out = this.out;
    this.out = [];
    return out;
  }
  take(m) { this.doc.import(m); }
  settle() { this.doc.commit(); }
  text() { return this.t.toString(); }
  items() { return this.l.toJSON(); }
  save() { return this.doc.export({ mode: 'snapshot' }); }
  free() { this.doc.free(); }
}

export default {
  utf16: true,
  open: (agent, sends) => new Doc(agent, sends),
  openItems: (agent, sends) => new Doc(agent, sends),
  load(bytes) {
    const doc = LoroDoc.fromSnapshot(bytes);
    const text = doc.getText('text').toString();
    doc.free();
    return text;
  },
};
