package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/relay"
)

// A series is judged by what it does after it has warmed up: peaks do not matter, a steady rise does.
func TestTrend(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		at   func(i int) float64
		flat bool
	}{
		{"constant", func(int) float64 { return 20 }, true},
		{"warming up", func(i int) float64 { return min(float64(i), 50) }, true},
		{"saw", func(i int) float64 { return 20 + float64(i%7) }, true},
		{"peaks at the end", func(i int) float64 {
			if i > 130 && i%3 == 0 {
				return 1000
			}
			return 20
		}, true},
		{"falling", func(i int) float64 { return 100 - float64(i)/3 }, true},
		{"leak", func(i int) float64 { return 20 + float64(i)/20 }, false},
		{"leak under a saw", func(i int) float64 { return 20 + float64(i%7) + float64(i)/20 }, false},
		{"step", func(i int) float64 {
			if i > 110 {
				return 23
			}
			return 20
		}, false},
	} {
		s := series{name: c.name, share: 0.08, slack: 2}
		for i := range 150 {
			s.values = append(s.values, c.at(i))
		}
		got, err := s.trend()
		if err != nil || got.flat() != c.flat {
			t.Errorf("%s: %+v, %v: flat is %v", c.name, got, err, got.flat())
		}
	}
	short := series{name: "short", values: make([]float64, minSamples-1)}
	if _, err := short.trend(); err == nil || !strings.Contains(err.Error(), "29 samples, at least 30") {
		t.Errorf("too few samples: %v", err)
	}
}

// The page of a real relay has all that is sampled, as figures without labels. No page is an error: it would look flat.
func TestReadMetrics(t *testing.T) {
	t.Parallel()
	r, err := relay.New(relay.Config{Addr: "127.0.0.1:0", Data: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- r.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	mux := http.NewServeMux()
	mux.Handle(relay.PathMetrics, r.Metrics())
	server := httptest.NewServer(mux)
	defer server.Close()
	figures, err := readMetrics(server.URL + relay.PathMetrics)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range relaySeries {
		if _, ok := figures[s.metric]; !ok {
			t.Errorf("no %s", s.metric)
		}
	}
	if n := figures["go_goroutines"]; n < 1 {
		t.Errorf("%v goroutines", n)
	}
	if _, err := readMetrics(server.URL + "/none"); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("no page: got %v", err)
	}
}
