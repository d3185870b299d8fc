package source

import "time"

// breaker stops asking a source that fails again and again. After [BreakerFailures] in a row it is open for [BreakerPause]; then one
// question is let through, without a retry, and if that fails too the pause is twice as long, up to [MaxBreakerPause].
type breaker struct {
	failures int
	pause    time.Duration // the last one; 0: it was never open since a success
	until    time.Time     // open before
}

// open says until when nothing is asked; zero: ask.
func (b *breaker) open(now time.Time) time.Time {
	if now.Before(b.until) {
		return b.until
	}
	return time.Time{}
}

// trial says whether the next question is the one after a pause.
func (b *breaker) trial() bool { return b.pause > 0 }

func (b *breaker) success() { *b = breaker{} }

// failure counts one; atLeast is what the venue asks us to wait.
func (b *breaker) failure(now time.Time, atLeast time.Duration) {
	b.failures++
	if b.failures >= BreakerFailures {
		b.pause = min(max(2*b.pause, BreakerPause), MaxBreakerPause)
		b.until = now.Add(b.pause)
	}
	if wait := now.Add(min(atLeast, MaxBreakerPause)); atLeast > 0 && wait.After(b.until) {
		b.until = wait
	}
}
