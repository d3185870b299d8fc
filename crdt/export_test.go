package crdt

// What tests of the outside need of the inside.

// CheckInvariants is check.
func (r *Replica) CheckInvariants() error { return r.check() }

// SnapshotBody is what a snapshot holds, uncompressed.
func SnapshotBody(s *Snapshot) []byte { return s.body }
