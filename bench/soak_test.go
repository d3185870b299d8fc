package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
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

// Values with labels, comments and what is no number are left out; a relay without such a page has none.
func TestReadMetrics(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("# HELP go_goroutines\n# TYPE go_goroutines gauge\ngo_goroutines 12\nx{a=\"b\"} 3\nheap 1.5e+06\nodd word\n"))
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	m, err := readMetrics(server.URL + "/metrics")
	if err != nil || m["go_goroutines"] != 12 || m["heap"] != 1.5e6 {
		t.Errorf("got %v, %v", m, err)
	}
	if m, err := readMetrics(server.URL + "/none"); err != nil || len(m) != 0 {
		t.Errorf("got %v, %v", m, err)
	}
}
