package source

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// server answers with the files of testdata/answers under their names, and counts who asks.
type server struct {
	*httptest.Server
	mu    sync.Mutex
	asked map[string]int // by path
	// do answers instead where it is set, by path. n is how often that path was asked, from 1.
	do map[string]func(w http.ResponseWriter, r *http.Request, n int)
}

func newServer(t *testing.T) *server {
	s := &server{asked: map[string]int{}, do: map[string]func(http.ResponseWriter, *http.Request, int){}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked[r.URL.Path]++
		n := s.asked[r.URL.Path]
		s.mu.Unlock()
		if do := s.do[r.URL.Path]; do != nil {
			do(w, r, n)
			return
		}
		http.ServeFile(w, r, "testdata/answers"+r.URL.Path)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[path]
}

// clock stands still but for what is waited for.
type clock struct {
	mu     sync.Mutex
	now    time.Time
	waited []time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Wait(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.waited = append(c.waited, d)
	return ctx.Err()
}

func newFetcher(t *testing.T) (*Fetcher, *clock) {
	c := &clock{now: time.Unix(1_700_000_000, 0)}
	f := NewFetcher(FetcherConfig{Agent: "test", Now: c.Now, Wait: c.Wait, Jitter: func(d time.Duration) time.Duration { return d }})
	t.Cleanup(f.Close)
	return f, c
}

// Every file is fetched over HTTP, and says what it says when it is parsed.
func TestFetch(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	f, c := newFetcher(t)
	for name, want := range answers {
		a, err := f.Fetch(t.Context(), Source{Venue: venueOfFile(t, name), URL: s.URL + "/" + name})
		if !errors.Is(err, want.err) || len(a.Quotes) != len(want.quotes) {
			t.Errorf("%s: got %v, %v", name, a, err)
		}
		if err == nil && (a.Digest != sha256.Sum256(answer(t, name)) || a.At.Before(c.Now().Add(-time.Minute))) {
			t.Errorf("%s: got %x at %v", name, a.Digest, a.At)
		}
		if n := s.count("/" + name); n != 1 {
			t.Errorf("%s was asked %d times, want 1: what is refused is no better a moment later", name, n)
		}
	}
}

func TestFetchErrors(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const good = `{"price":"1"}`
	status := func(code int, body string) func(http.ResponseWriter, *http.Request, int) {
		return func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.WriteHeader(code)
			fmt.Fprint(w, body)
		}
	}
	s.do["/500"] = status(500, good)
	s.do["/404"] = status(404, "<html>")
	s.do["/400"] = status(400, `{"code":-1121,"msg":"Invalid symbol."}`)
	s.do["/302"] = func(w http.ResponseWriter, r *http.Request, _ int) { http.Redirect(w, r, "/good", http.StatusFound) }
	s.do["/good"] = status(200, good)
	s.do["/long"] = status(200, strings.Repeat(" ", MaxBodyBytes)+good)
	s.do["/cut"] = func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, good)
	}
	s.do["/second"] = func(w http.ResponseWriter, _ *http.Request, n int) {
		if n == 1 {
			w.WriteHeader(503)
			return
		}
		fmt.Fprint(w, good)
	}
	for _, x := range []struct {
		path  string
		err   error
		text  string
		asked int
	}{
		{"/500", ErrHTTP, "no answer: status 500 Internal Server Error", 2},
		{"/404", ErrHTTP, "status 404", 1},
		{"/400", ErrRefused, "-1121: Invalid symbol.", 1},
		{"/302", ErrHTTP, "status 302 Found: it is not followed", 1},
		{"/long", ErrTooLong, "65536 bytes", 1},
		{"/cut", ErrHTTP, "unexpected EOF", 2},
		{"/second", nil, "", 2},
	} {
		f, _ := newFetcher(t)
		_, err := f.Fetch(t.Context(), Source{Venue: VenueOf("binance"), URL: s.URL + x.path + "?key=secret"})
		if !errors.Is(err, x.err) || err != nil && !strings.Contains(err.Error(), x.text) {
			t.Errorf("%s: got %v, want %v with %q", x.path, err, x.err, x.text)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the query is told: %v", x.path, err)
		}
		if n := s.count(x.path); n != x.asked {
			t.Errorf("%s was asked %d times, want %d", x.path, n, x.asked)
		}
	}
	if n := s.count("/good"); n != 0 {
		t.Errorf("a redirection was followed %d times", n)
	}
	s.Close() // nobody listens there any more
	f, c := newFetcher(t)
	_, err := f.Fetch(t.Context(), Source{Venue: VenueOf("binance"), URL: s.URL + "/good?key=secret"})
	if !errors.Is(err, ErrHTTP) || strings.Contains(err.Error(), "secret") {
		t.Errorf("no listener: got %v", err)
	}
	if len(c.waited) != 1 || c.waited[0] != 2*RetryPause {
		t.Errorf("waited %v before the retry, want %v", c.waited, 2*RetryPause)
	}
}

// A server that never answers is given up after the timeout, twice.
func TestFetchTimeout(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do["/"] = func(_ http.ResponseWriter, r *http.Request, _ int) { <-r.Context().Done() }
	f := NewFetcher(FetcherConfig{Timeout: time.Millisecond, Wait: (&clock{}).Wait})
	defer f.Close()
	_, err := f.Fetch(t.Context(), Source{Venue: VenueOf("binance"), URL: s.URL + "/"})
	if !errors.Is(err, ErrHTTP) || !strings.Contains(err.Error(), "not within 1ms") {
		t.Errorf("got %v", err)
	}
}

// The end of the caller is no failure of the source.
func TestFetchCancelled(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	f, _ := newFetcher(t)
	source := Source{Venue: VenueOf("binance"), URL: s.URL + "/binance_avgprice_btcusdt.json"}
	for range 2 * BreakerFailures {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := f.Fetch(ctx, source); !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
	}
	if _, err := f.Fetch(t.Context(), source); err != nil {
		t.Error(err)
	}
}

// After five failures in a row the source is left alone, longer each time, and asked again once.
func TestBreaker(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	up := false
	s.do["/"] = func(w http.ResponseWriter, _ *http.Request, _ int) {
		if !up {
			w.WriteHeader(500)
			return
		}
		fmt.Fprint(w, `{"price":"1"}`)
	}
	f, c := newFetcher(t)
	source := Source{Venue: VenueOf("binance"), URL: s.URL + "/"}
	fetch := func() error {
		_, err := f.Fetch(t.Context(), source)
		return err
	}
	for i := range BreakerFailures {
		if err := fetch(); !errors.Is(err, ErrHTTP) {
			t.Fatalf("failure %d: got %v", i, err)
		}
	}
	pause := BreakerPause
	for range 8 {
		before := s.count("/")
		c.now = c.now.Add(pause - time.Millisecond)
		if err := fetch(); !errors.Is(err, ErrPaused) || s.count("/") != before {
			t.Fatalf("%v after it opened: got %v, %d questions", pause-time.Millisecond, err, s.count("/")-before)
		}
		c.now = c.now.Add(time.Millisecond)
		if err := fetch(); !errors.Is(err, ErrHTTP) || s.count("/") != before+1 {
			t.Fatalf("%v after it opened: got %v, %d questions, want 1", pause, err, s.count("/")-before)
		}
		pause = min(2*pause, MaxBreakerPause)
	}
	up = true
	c.now = c.now.Add(pause)
	if err := fetch(); err != nil {
		t.Fatal(err)
	}
	up = false // a success has forgotten all failures
	for i := range BreakerFailures {
		if err := fetch(); !errors.Is(err, ErrHTTP) {
			t.Fatalf("failure %d after the success: got %v", i, err)
		}
	}
	if err := fetch(); !errors.Is(err, ErrPaused) {
		t.Errorf("got %v, want %v", err, ErrPaused)
	}
}

// A venue that asks to be left alone is.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do["/"] = func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
		fmt.Fprint(w, `{"code":-1003,"msg":"Too many requests"}`)
	}
	f, c := newFetcher(t)
	source := Source{Venue: VenueOf("binance"), URL: s.URL + "/"}
	for _, x := range []struct {
		after time.Duration
		want  error
	}{{0, ErrHTTP}, {6999 * time.Millisecond, ErrPaused}, {time.Millisecond, ErrHTTP}} {
		c.now = c.now.Add(x.after)
		if _, err := f.Fetch(t.Context(), source); !errors.Is(err, x.want) {
			t.Errorf("%v later: got %v, want %v", x.after, err, x.want)
		}
	}
	if n := s.count("/"); n != 2 {
		t.Errorf("asked %d times, want 2", n)
	}
}

// To one host go no more than so many requests a second, whatever their paths; another host does not wait for it.
func TestHostRate(t *testing.T) {
	t.Parallel()
	s, other := newServer(t), newServer(t)
	f, c := newFetcher(t)
	const n = HostBurst + 3*HostRate
	start := c.Now()
	for i := range n {
		path := []string{"/binance_avgprice_btcusdt.json", "/binance_ticker_price_btcusdt.json"}[i%2]
		if _, err := f.Fetch(t.Context(), Source{Venue: VenueOf("binance"), URL: s.URL + path}); err != nil {
			t.Fatal(err)
		}
	}
	took := c.Now().Sub(start)
	if took < 2900*time.Millisecond || took > 3100*time.Millisecond {
		t.Errorf("%d requests took %v, want 3 s: %d at once, %d a second", n, took, HostBurst, HostRate)
	}
	if _, err := f.Fetch(t.Context(), Source{Venue: VenueOf("binance"), URL: other.URL + "/binance_avgprice_btcusdt.json"}); err != nil {
		t.Fatal(err)
	}
	if now := c.Now().Sub(start); now != took {
		t.Errorf("another host waited %v", now-took)
	}
}
