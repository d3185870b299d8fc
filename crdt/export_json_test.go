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

// A DeathCount is a watcher that counts the elements of which it is told that they
// are about to die.
type DeathCount struct {
	*blame
	Told int
}

func (c *DeathCount) deleting(_ thing, n int) { c.Told += n }

// CountDeaths tells r's document to a DeathCount from now on.
func (r *Replica) CountDeaths() *DeathCount {
	c := &DeathCount{blame: &blame{log: r.log, changed: make(map[place]int32)}}
	r.doc.observe(c)
	return c
}

// Things is how many things the changes of a json room made.
func (r *Replica) Things() int { return int(r.doc.(*jsonDoc).next) }
