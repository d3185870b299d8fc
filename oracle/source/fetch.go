package source

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// FetcherConfig is what a [Fetcher] is made of. The zero one serves.
type FetcherConfig struct {
	Agent   string        // of the header User-Agent
	Timeout time.Duration // of one try; 0: [MaxFetchTime]
	// Now is the clock, nil: the system's.
	Now func() time.Time
	// Wait waits, or returns ctx's error; nil: by a timer.
	Wait func(ctx context.Context, d time.Duration) error
	// Jitter returns a duration from 0 to its argument; nil: at random.
	Jitter func(time.Duration) time.Duration
}

// A Fetcher asks sources. A try lasts at most [MaxFetchTime] and takes in [MaxBodyBytes]; what may be better in a moment (no
// connection, no answer in time, a status of 500 or more) is tried once again after [RetryPause]; to one host go at most [HostRate]
// requests a second; and a source that fails [BreakerFailures] times in a row is left alone for a while. It follows no redirection.
// It is safe for concurrent use, but a source is asked by one goroutine at a time.
type Fetcher struct {
	cfg    FetcherConfig
	client *http.Client

	mu       sync.Mutex
	hosts    map[string]*rate.Limiter // guarded by mu, as is breakers
	breakers map[string]*breaker      // by URL
}

// NewFetcher starts nothing.
func NewFetcher(cfg FetcherConfig) *Fetcher {
	if cfg.Timeout == 0 {
		cfg.Timeout = MaxFetchTime
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Wait == nil {
		cfg.Wait = wait
	}
	if cfg.Jitter == nil {
		cfg.Jitter = func(d time.Duration) time.Duration { return rand.N(d + 1) }
	}
	return &Fetcher{
		cfg: cfg,
		client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // another host's answer is not this source's
		}},
		hosts: map[string]*rate.Limiter{}, breakers: map[string]*breaker{},
	}
}

// Close lets go of idle connections.
func (f *Fetcher) Close() { f.client.CloseIdleConnections() }

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// An Answer is what a source said.
type Answer struct {
	Quotes []Quote
	At     time.Time // when all of it had come
	Digest [32]byte  // SHA-256 of its bytes: whoever keeps them can show later what was read
}

// StatusError is an answer with another status than 200 that is no error document of the venue's. It wraps [ErrHTTP].
type StatusError struct {
	Status int
	After  time.Duration // what the venue asks us to wait, 0: it does not say
}

func (e *StatusError) Error() string {
	text := fmt.Sprintf("%v: status %d %s", ErrHTTP, e.Status, http.StatusText(e.Status))
	switch {
	case e.Status/100 == 3:
		return text + ": it is not followed; give the address that it leads to"
	case e.After > 0:
		return text + ": asked to wait " + e.After.String()
	}
	return text
}

func (e *StatusError) Unwrap() error { return ErrHTTP }

// Fetch asks a source. Errors wrap [ErrHTTP], [ErrPaused], or a reason of [Venue.Parse]; or it is ctx's own, which counts as no
// failure of the source.
func (f *Fetcher) Fetch(ctx context.Context, s Source) (Answer, error) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return Answer{}, fmt.Errorf("%w: its URL is none", ErrConfig)
	}
	f.mu.Lock()
	b := f.breakers[s.URL]
	if b == nil {
		b = new(breaker)
		f.breakers[s.URL] = b
	}
	host := f.hosts[u.Host]
	if host == nil {
		host = rate.NewLimiter(HostRate, HostBurst)
		f.hosts[u.Host] = host
	}
	until, trial := b.open(f.cfg.Now()), b.trial()
	f.mu.Unlock()
	if !until.IsZero() {
		return Answer{}, fmt.Errorf("%w: again in %v", ErrPaused, until.Sub(f.cfg.Now()).Round(time.Second))
	}

	a, err := f.try(ctx, host, s)
	if err != nil && !trial && passing(err) && f.cfg.Wait(ctx, RetryPause+f.cfg.Jitter(RetryPause)) == nil {
		a, err = f.try(ctx, host, s)
	}
	if ctx.Err() != nil {
		return Answer{}, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		var status *StatusError
		after := time.Duration(0)
		if errors.As(err, &status) {
			after = status.After
		}
		b.failure(f.cfg.Now(), after)
		return Answer{}, err
	}
	b.success()
	return a, nil
}

// passing says whether an error may be gone in a moment.
func passing(err error) bool {
	var status *StatusError
	if errors.As(err, &status) {
		return status.Status >= 500
	}
	return errors.Is(err, ErrHTTP)
}

// try asks once.
func (f *Fetcher) try(ctx context.Context, host *rate.Limiter, s Source) (Answer, error) {
	now := f.cfg.Now()
	if d := host.ReserveN(now, 1).DelayFrom(now); d > 0 {
		if err := f.cfg.Wait(ctx, d); err != nil {
			return Answer{}, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, f.cfg.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
	if err != nil {
		return Answer{}, fmt.Errorf("%w: its URL is none", ErrConfig)
	}
	req.Header.Set("Accept", "application/json")
	if f.cfg.Agent != "" {
		req.Header.Set("User-Agent", f.cfg.Agent)
	}
	res, err := f.client.Do(req)
	if err != nil {
		return Answer{}, f.noAnswer(ctx, err)
	}
	defer res.Body.Close() // what is read of it is in body
	body, err := io.ReadAll(io.LimitReader(res.Body, MaxBodyBytes+1))
	if err != nil {
		return Answer{}, f.noAnswer(ctx, err)
	}
	a := Answer{At: f.cfg.Now(), Digest: sha256.Sum256(body)}
	if a.Quotes, err = s.Venue.Parse(body); res.StatusCode == http.StatusOK {
		return a, err
	}
	// Venues answer 400 or 404 with an error document, which says more.
	if !errors.Is(err, ErrRefused) || res.StatusCode >= 500 || res.StatusCode == http.StatusTooManyRequests {
		err = &StatusError{Status: res.StatusCode, After: retryAfter(res.Header)}
	}
	return Answer{}, err
}

// noAnswer is err of a connection, without the URL, whose query may hold a key.
func (f *Fetcher) noAnswer(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%w: not within %v", ErrHTTP, f.cfg.Timeout)
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return fmt.Errorf("%w: %w", ErrHTTP, err)
}

// retryAfter is the header of that name, as far as it gives seconds.
func retryAfter(h http.Header) time.Duration {
	n, err := strconv.ParseUint(h.Get("Retry-After"), 10, 16)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}
