package crdt

// What tests of the outside need of the inside.

// CheckInvariants is check.
func (r *Replica) CheckInvariants() error { return r.check() }
