package oracle

// scores is where reputation and detection come in (docs/oracle.md §4, §5).
type scores struct{}

func newScores(*Log) *scores { return &scores{} }

// touch says that something of a slot of a pair has changed.
func (s *scores) touch(pair int, slot int64) {}

// convict says that an oracle's part in every slot is gone.
func (s *scores) convict(oracle int) {}

// added says that change n of an oracle is in the Log: before is the clock of the change
// that came before it there (of its prev, if the chain never forked), after its own.
func (s *scores) added(oracle int, n int32, before, after clock) {}

// early is how many attestations of an oracle were early.
func (s *scores) early(oracle int) int { return 0 }

// at is the score of an oracle in a pair, ppm, by the slots that are final at that time.
func (s *scores) at(pair, oracle int, at int64) int64 { return 500_000 }
