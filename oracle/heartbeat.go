package oracle

// A Due says whether a consumer that publishes prices has to publish again, and
// why.
type Due struct {
	Deviation bool  // the price left the last published by more than deviation_ppm
	Heartbeat bool  // the last published is heartbeat_ms old, by log time
	GapPPM    int64 // of the price to the last
	AgeMS     int64
}

// Due reports whether either holds.
func (d Due) Due() bool { return d.Deviation || d.Heartbeat }

// DueAt compares a price (units of 10^expo, > 0) with the one published last at log
// time lastT, Unix ms. now is the log's time, L: a consumer that hears of no oracle
// sees L stand still against its own clock, and learns from that, not from here,
// that everything has stopped.
//
//	|price − last|·10^6 > deviation_ppm·last    or    now − lastT ≥ heartbeat_ms
//
// With nothing published before (last ≤ 0) it is due by heartbeat. A price ≤ 0 (there
// is none) never deviates.
func DueAt(price, last, lastT, now int64, p Policy) Due {
	lastT, now = clampTime(lastT), clampTime(now)
	if last <= 0 {
		return Due{Heartbeat: true}
	}
	d := Due{AgeMS: now - lastT, Heartbeat: now-lastT >= p.HeartbeatMS}
	if price > 0 {
		d.Deviation, d.GapPPM = beyondPPM(price, last, p.DeviationPPM), gapPPM(price, last)
	}
	return d
}
