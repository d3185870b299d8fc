// json-joy: StrApi.ins and .del, or ArrApi.push of a constant; ModelApi.flush gives the patch since the last, Patch.toBinary the message;
// Model.applyPatch takes one. All replicas are forks of one model with the empty text and list. The file is Model.toBinary.
import joy from 'json-joy/lib/json-crdt/index.js';
import patches from 'json-joy/lib/json-crdt-patch/index.js';

const { Model } = joy;
const { Patch, s } = patches;

const base = Model.create(undefined, 100_000);
base.api.set({ text: '', items: [] });
base.api.flush();

class Doc {
  constructor(agent) {
    this.model = base.fork(200_000 + agent);
    this.str = this.model.api.str(['text']);
    this.arr = this.model.api.arr(['items']);
  }
  splice(at, del, ins) {
    if (del) this.str.del(at, del);
    if (ins) this.str.ins(at, ins);
  }
  push(o) { this.arr.ins(this.arr.length(), [s.con(o)]); }
  messages() {
    const p = this.model.api.flush();
    return p.ops.length ? [p.toBinary()] : [];
  }
  take(m) { this.model.applyPatch(Patch.fromBinary(m)); }
  settle() { this.model.api.flush(); }
  text() { return this.model.view().text; }
  items() { return this.model.view().items; }
  save() { return this.model.toBinary(); }
  free() {}
}

export default {
  utf16: true,
  ordered: true, // it has no buffer for patches whose predecessors are missing
  open: (agent) => new Doc(agent),
  openItems: (agent) => new Doc(agent),
  load: (bytes) => Model.fromBinary(bytes).view().text,
};
