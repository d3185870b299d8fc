package crdt

// PlainDocument applies all changes of a json room without what is made for
// keystrokes, and says what came of it: the digest, and what deletes find by.
func (r *Replica) PlainDocument() (digest [32]byte, stretches int) {
	d := newJSONDoc(r.log)
	for i := range r.log.n {
		d.begin()
		seq := unsound
		if r.log.decodes(i) {
			seq = d.applyOps(i, r.log.ops(i))
		}
		d.end()
		d.extend(i, seq)
	}
	return docDigest(r.room, d), len(d.stretches.all)
}

// Stretches are what deletes find by.
func (r *Replica) Stretches() int { return len(r.doc.(*jsonDoc).stretches.all) }
