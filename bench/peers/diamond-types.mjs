// diamond-types (wasm, Node): Doc.ins and .del, getPatchSince the version last sent is the message, mergeBytes takes one. The file is
// toBytes. It has text only, and counts code points.
import dt from 'diamond-types-node';

class Doc {
  constructor(agent, sends) {
    this.doc = new dt.Doc(`agent${agent}`);
    this.sends = sends;
    this.sent = this.doc.getLocalVersion();
    this.changed = false;
  }
  splice(at, del, ins) {
    if (del) this.doc.del(at, del);
    if (ins) this.doc.ins(at, ins);
    this.changed = true;
  }
  messages() {
    if (!this.changed) return [];
    this.changed = false;
    const m = this.doc.getPatchSince(this.sent);
    this.sent = this.doc.getLocalVersion();
    return [m];
  }
  take(m) {
    const version = this.doc.mergeBytes(m);
    // What was taken need not be sent; what was typed since the last message still must.
    if (this.sends) this.sent = this.changed ? this.doc.mergeVersions(this.sent, version) : this.doc.getLocalVersion();
  }
  settle() {}
  text() { return this.doc.get(); }
  save() { return this.doc.toBytes(); }
  free() { this.doc.free(); }
}

export default {
  utf16: false,
  ordered: true, // it refuses a patch whose parents are missing
  open: (agent, sends) => new Doc(agent, sends),
  load(bytes) {
    const doc = dt.Doc.fromBytes(bytes);
    const text = doc.get();
    doc.free();
    return text;
  },
};
