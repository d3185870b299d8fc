// automerge: splices gathered into one change until a message is wanted, so one change a keystroke where each keystroke is its own
// message, and one change for all of work edit; getLastLocalChange is the message, applyChanges takes one. The file is save.
import * as A from '@automerge/automerge';

const actor = (n) => n.toString(16).padStart(8, '0');
const base = A.save(A.from({ text: '', items: [] }, { actor: actor(0) }));

class Doc {
  constructor(agent) {
    this.doc = A.load(base, { actor: actor(agent) });
    this.edits = [];
    this.pushed = [];
    this.out = [];
  }
  splice(at, del, ins) { this.edits.push(at, del, ins); }
  push(o) { this.pushed.push(o); }
  settle() {
    const { edits, pushed } = this;
    if (edits.length === 0 && pushed.length === 0) return;
    this.doc = A.change(this.doc, (d) => {
      for (let i = 0; i < edits.length; i += 3) A.splice(d, ['text'], edits[i], edits[i + 1], edits[i + 2]);
      for (const o of pushed) d.items.push(o);
    });
    this.edits = [];
    this.pushed = [];
    this.out.push(A.getLastLocalChange(this.doc));
  }
  messages() {
    this.settle();
    const out = this.out;
    this.out = [];
    return out;
  }
  take(m) {
    this.settle();
    [this.doc] = A.applyChanges(this.doc, [m]);
  }
  text() { return this.doc.text; }
  items() { return this.doc.items; }
  save() { return A.save(this.doc); }
  free() { A.free(this.doc); }
}

export default {
  utf16: true,
  open: (agent) => new Doc(agent),
  openItems: (agent) => new Doc(agent),
  load(bytes) {
    const doc = A.load(bytes);
    const text = doc.text;
    A.free(doc);
    return text;
  },
};
