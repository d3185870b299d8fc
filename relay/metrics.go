package relay

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// PathMetrics is where Config.Metrics serves figures in the format of Prometheus.
const PathMetrics = "/metrics"

const (
	metricsPrefix = "tallystick_relay_"
	// metricsAtOnce bounds the requests for figures that are answered at a time.
	metricsAtOnce = 4
	// metricsTimeout bounds the making of one answer.
	metricsTimeout = 10 * time.Second
)

// metrics are the figures of one relay, in a registry of its own. No label says a room, an author, an address or anything
// else that a peer chooses: labels are codes of closed lists.
//
// Its methods may be called on nil.
type metrics struct {
	registry *prometheus.Registry

	commits       prometheus.Histogram
	commitBytes   prometheus.Histogram
	commitChanges prometheus.Histogram
	refusedRooms  *prometheus.CounterVec
	storeErrors   prometheus.Counter
	salvages      prometheus.Counter
}

func newMetrics() *metrics {
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: metricsPrefix + name, Help: help, Buckets: buckets})
	}
	m := &metrics{
		registry:      prometheus.NewRegistry(),
		commits:       histogram("commit_seconds", "Time of one transaction to disk, sync included.", prometheus.ExponentialBuckets(0.0001, 2, 16)),
		commitBytes:   histogram("commit_bytes", "Bytes of packs in one transaction.", prometheus.ExponentialBuckets(256, 4, 9)),
		commitChanges: histogram("commit_changes", "Changes in one transaction.", prometheus.ExponentialBuckets(1, 4, 8)),
		refusedRooms:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: metricsPrefix + "rooms_refused_total", Help: "Hellos for a room that was not opened, by code."}, []string{"code"}),
		storeErrors:   prometheus.NewCounter(prometheus.CounterOpts{Name: metricsPrefix + "store_errors_total", Help: "Rooms that were closed because their store could not be read or written."}),
		salvages:      prometheus.NewCounter(prometheus.CounterOpts{Name: metricsPrefix + "stores_salvaged_total", Help: "Damaged stores of which what was intact was put into a new one."}),
	}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.commits, m.commitBytes, m.commitChanges, m.refusedRooms, m.storeErrors, m.salvages)
	return m
}

// commit notes one transaction of a room's store.
func (m *metrics) commit(took time.Duration, frames [][]byte, changes int64) {
	if m == nil {
		return
	}
	bytes := 0
	for _, f := range frames {
		bytes += len(f)
	}
	m.commits.Observe(took.Seconds())
	m.commitBytes.Observe(float64(bytes))
	m.commitChanges.Observe(float64(changes))
}

func (m *metrics) roomRefused(code string) {
	if m != nil {
		m.refusedRooms.WithLabelValues(code).Inc()
	}
}

func (m *metrics) storeFailed() {
	if m != nil {
		m.storeErrors.Inc()
	}
}

func (m *metrics) storeSalvaged() {
	if m != nil {
		m.salvages.Inc()
	}
}

// of adds what r counts itself.
func (m *metrics) of(r *Relay) { m.registry.MustRegister(&collector{relay: r, figures: figures}) }

// Metrics returns the handler of PathMetrics, for a program that embeds a relay. It asks for no login.
func (r *Relay) Metrics() http.Handler {
	return promhttp.HandlerFor(r.metrics.registry, promhttp.HandlerOpts{MaxRequestsInFlight: metricsAtOnce, Timeout: metricsTimeout})
}

// reading is what the figures of one answer are read from, so that they fit together.
type reading struct {
	relay            *Relay
	kept, open       int
	bytes            int64
	total, refusing  int
	taken, dropped   uint64
	byTotal, byAddr  uint64
	remembered       int
	rememberedAuthor int
}

func (r *Relay) read() *reading {
	s := &reading{relay: r}
	s.kept, s.open = r.rooms.counts()
	r.rooms.mu.Lock()
	_, s.bytes = r.rooms.all(func(*room) bool { return true })
	r.rooms.mu.Unlock()
	a := r.admission
	a.mu.Lock()
	s.total, s.refusing, s.taken, s.dropped = a.total, a.refusing, a.taken, a.dropped
	s.byTotal, s.byAddr, s.remembered = a.refused[overTotal], a.refused[overAddr], len(a.byAddr)
	a.mu.Unlock()
	r.authors.mu.Lock()
	s.rememberedAuthor = len(r.authors.of)
	r.authors.mu.Unlock()
	return s
}

// figure is one metric that is read when it is asked for: value, or one value a label.
type figure struct {
	name, help string
	gauge      bool
	label      string // empty: value
	value      func(*reading) float64
	values     func(*reading) map[string]uint64
}

func (f *figure) desc() *prometheus.Desc {
	var labels []string
	if f.label != "" {
		labels = []string{f.label}
	}
	return prometheus.NewDesc(metricsPrefix+f.name, f.help, labels, nil)
}

var figures = []figure{
	{name: "connections", help: "Connections that are open.", gauge: true, value: func(s *reading) float64 { return float64(s.total) }},
	{name: "connections_refusing", help: "Connections over a limit that are being told so.", gauge: true, value: func(s *reading) float64 { return float64(s.refusing) }},
	{name: "connections_accepted_total", help: "Connections that were let in.", value: func(s *reading) float64 { return float64(s.taken) }},
	{name: "connections_refused_total", help: "Connections over a limit, by limit; dropped: closed without a word.", label: "limit", values: func(s *reading) map[string]uint64 {
		return map[string]uint64{"total": s.byTotal, "address": s.byAddr, "dropped": s.dropped}
	}},
	{name: "connections_unspoken_total", help: "Connections that ended, or ran out of time, without an HTTP request.", value: func(s *reading) float64 { return float64(s.relay.admission.unspoken.Load()) }},
	{name: "connections_closed_total", help: "Websockets that have ended, by code of why; slow-reader: its queue did not drain.", label: "code", values: func(s *reading) map[string]uint64 {
		return s.relay.rooms.meter.Closed()
	}},
	{name: "addresses", help: "Addresses with a connection or a debt.", gauge: true, value: func(s *reading) float64 { return float64(s.remembered) }},
	{name: "authors_rated", help: "Authors whose rate is remembered.", gauge: true, value: func(s *reading) float64 { return float64(s.rememberedAuthor) }},
	{name: "delays_total", help: "Times that a rate made a connection wait, by rate.", label: "rate", values: func(s *reading) map[string]uint64 {
		a := s.relay.admission
		return map[string]uint64{"connection": a.byConn.n.Load(), "address": a.byAddress.n.Load(), "author": s.relay.authors.delayed.n.Load()}
	}},
	{name: "delay_seconds_total", help: "For how long connections waited for a rate.", value: func(s *reading) float64 {
		a := s.relay.admission
		return time.Duration(a.byConn.nanos.Load() + a.byAddress.nanos.Load() + s.relay.authors.delayed.nanos.Load()).Seconds()
	}},

	{name: "rooms", help: "Rooms that are kept on disk.", gauge: true, value: func(s *reading) float64 { return float64(s.kept) }},
	{name: "rooms_open", help: "Rooms in memory.", gauge: true, value: func(s *reading) float64 { return float64(s.open) }},
	{name: "rooms_bytes", help: "Bytes of all rooms' files.", gauge: true, value: func(s *reading) float64 { return float64(s.bytes) }},

	{name: "messages_received_total", help: "Websocket messages received.", value: meter(func(s *reading) uint64 { return s.relay.rooms.meter.MessagesIn.Load() })},
	{name: "messages_sent_total", help: "Websocket messages sent.", value: meter(func(s *reading) uint64 { return s.relay.rooms.meter.MessagesOut.Load() })},
	{name: "bytes_received_total", help: "Bytes of messages received.", value: meter(func(s *reading) uint64 { return s.relay.rooms.meter.BytesIn.Load() })},
	{name: "bytes_sent_total", help: "Bytes of messages sent.", value: meter(func(s *reading) uint64 { return s.relay.rooms.meter.BytesOut.Load() })},
	{name: "packs_received_total", help: "Packs that were checked.", value: meter(func(s *reading) uint64 { return s.relay.rooms.meter.PacksIn.Load() })},
	{name: "packs_refused_total", help: "Packs that were refused, by code.", label: "code", values: func(s *reading) map[string]uint64 { return s.relay.rooms.meter.Refused() }},
	{name: "packs_pending_total", help: "Packs that had to wait for a parent.", value: meter(func(s *reading) uint64 { return s.relay.rooms.meter.Pended.Load() })},
	{name: "changes_received_total", help: "Changes of good packs that were new when they were checked.", value: meter(func(s *reading) uint64 { return s.relay.rooms.meter.ChangesIn.Load() })},
	{name: "changes_accepted_total", help: "Changes that rooms have grown by.", value: meter(func(s *reading) uint64 { return s.relay.rooms.meter.ChangesAdded.Load() })},
	{name: "changes_sent_total", help: "Changes sent, once for each peer.", value: meter(func(s *reading) uint64 { return s.relay.rooms.meter.ChangesOut.Load() })},
	{name: "pending_bytes", help: "Bytes that wait for a parent, in all rooms.", gauge: true, value: func(s *reading) float64 { return float64(s.relay.rooms.pending.Held()) }},
	{name: "pending_trimmed_total", help: "Times that a room had to give up what waits, because all rooms together held too much.", value: meter(func(s *reading) uint64 { return s.relay.rooms.pending.Trimmed() })},
	{name: "checks_waiting", help: "Messages that wait to be checked.", gauge: true, value: func(s *reading) float64 { return float64(s.relay.rooms.meter.Waiting.Load()) }},
	{name: "checks_running", help: "Messages that are being checked.", gauge: true, value: func(s *reading) float64 { return float64(s.relay.rooms.meter.Checking.Load()) }},
	{name: "forks_total", help: "Forks that were seen as they arrived.", value: meter(func(s *reading) uint64 { return s.relay.rooms.meter.Forks.Load() })},
}

func meter(n func(*reading) uint64) func(*reading) float64 {
	return func(s *reading) float64 { return float64(n(s)) }
}

// collector answers for figures.
type collector struct {
	relay   *Relay
	figures []figure
}

// Describe implements [prometheus.Collector].
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for i := range c.figures {
		to <- c.figures[i].desc()
	}
}

// Collect implements [prometheus.Collector].
func (c *collector) Collect(to chan<- prometheus.Metric) {
	s := c.relay.read()
	for i := range c.figures {
		f := &c.figures[i]
		kind := prometheus.CounterValue
		if f.gauge {
			kind = prometheus.GaugeValue
		}
		if f.label == "" {
			to <- prometheus.MustNewConstMetric(f.desc(), kind, f.value(s))
			continue
		}
		values := f.values(s)
		for _, label := range slices.Sorted(maps.Keys(values)) {
			to <- prometheus.MustNewConstMetric(f.desc(), kind, float64(values[label]), label)
		}
	}
}
