package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// What honest venues of this test say lies within these, and what liars say far outside.
const (
	honestLow, honestHigh = 49_900.0, 50_100.0
	lie                   = 60_000.0
)

// venues are a server that answers in the form of each venue: GET /VENUE/honest or /VENUE/liar.
func venues(t *testing.T) *httptest.Server {
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(7, 7))
	now := func() int64 { return time.Now().UnixMilli() }
	forms := map[string]func(price string) string{
		"binance": func(p string) string { return fmt.Sprintf(`{"symbol":"BTCUSD","price":"%s"}`, p) },
		"bitstamp": func(p string) string {
			return fmt.Sprintf(`{"last":"%s","bid":"%[1]s","ask":"%[1]s","timestamp":"%d"}`, p, now()/1000)
		},
		"coinbase":  func(p string) string { return fmt.Sprintf(`{"data":{"amount":"%s","currency":"USD"}}`, p) },
		"coingecko": func(p string) string { return fmt.Sprintf(`{"bitcoin":{"usd":%s}}`, p) },
		"gemini": func(p string) string {
			return fmt.Sprintf(`{"last":"%s","bid":"%[1]s","ask":"%[1]s","volume":{"BTC":"1","USD":"2","timestamp":%d}}`, p, now())
		},
		"kraken": func(p string) string {
			return fmt.Sprintf(`{"error":[],"result":{"XXBTZUSD":{"a":["%s"],"b":["%[1]s"],"c":["%[1]s"]}}}`, p)
		},
		"poloniex": func(p string) string { return fmt.Sprintf(`{"symbol":"BTC_USD","markPrice":"%s","ts":%d}`, p, now()) },
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		venue, who, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		form := forms[venue]
		if form == nil {
			http.NotFound(w, r)
			return
		}
		mu.Lock()
		price := honestLow + (honestHigh-honestLow)*rng.Float64()
		mu.Unlock()
		if who == "liar" {
			price = lie
		}
		fmt.Fprint(w, form(strconv.FormatFloat(price, 'f', 2, 64)))
	}))
	t.Cleanup(s.Close)
	return s
}

// told is a line that an oracle or a reader of prices has said.
type told struct {
	Kind      string  `json:"kind"`
	Pair      string  `json:"pair"`
	Status    string  `json:"status"`
	State     string  `json:"state"`
	Code      string  `json:"code"`
	Price     *string `json:"price"`
	Low       *string `json:"low"`
	High      *string `json:"high"`
	T         int64   `json:"t"`
	Votes     int     `json:"votes"`
	Quorum    int     `json:"quorum"`
	Convicted int     `json:"convicted"`
	Author    string  `json:"author"`
	Heads     string  `json:"heads_digest"`
	Digest    string  `json:"digest"`
}

// teller is a program that says JSON lines.
type teller struct {
	t    *testing.T
	name string
	cmd  *exec.Cmd
	err  bytes.Buffer
	done chan struct{} // closed when its output has ended

	mu    sync.Mutex
	lines []told
}

func (w *world) tell(args ...string) *teller {
	w.t.Helper()
	p := &teller{t: w.t, name: strings.Join(args[:3], " "), cmd: w.command(args...), done: make(chan struct{})}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	p.cmd.Stderr = &p.err
	if err := p.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = p.cmd.Process.Kill() }) // it may have ended
	go p.read(stdout)
	return p
}

func (p *teller) read(stdout io.Reader) {
	defer close(p.done)
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e told
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue // torn by a kill
		}
		p.mu.Lock()
		p.lines = append(p.lines, e)
		p.mu.Unlock()
	}
}

// all are the lines so far of a kind.
func (p *teller) all(kind string) []told {
	p.mu.Lock()
	defer p.mu.Unlock()
	var of []told
	for _, l := range p.lines {
		if l.Kind == kind {
			of = append(of, l)
		}
	}
	return of
}

// last is the newest line of a kind, a zero one if there is none.
func (p *teller) last(kind string) told {
	if all := p.all(kind); len(all) > 0 {
		return all[len(all)-1]
	}
	return told{}
}

// reports waits until it has said so many prices more.
func (p *teller) reports(more int) {
	p.t.Helper()
	n := len(p.all("report")) + more
	until(p.t, p.name+" reports", func() bool {
		select {
		case <-p.done:
			p.t.Fatalf("%s has ended: %s", p.name, &p.err)
		default:
		}
		return len(p.all("report")) >= n
	})
}

func (p *teller) kill() {
	_ = p.cmd.Process.Kill() // it may be dead already
	<-p.done
	_ = p.cmd.Wait() // killed: an error by nature
}

// signal asks it to end.
func (p *teller) signal() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Errorf("%s: %v", p.name, err)
	}
}

// ends waits for its end and wants that exit code.
func (p *teller) ends(want int) {
	p.t.Helper()
	<-p.done
	_ = p.cmd.Wait() // the code is looked at next
	if got := p.cmd.ProcessState.ExitCode(); got != want {
		p.t.Errorf("%s: exit code %d, want %d: %s", p.name, got, want, &p.err)
	}
}

// honest fails the test if a price that was told lies outside what honest oracles said.
func (p *teller) honest() {
	p.t.Helper()
	n := 0
	for _, l := range p.all("price") {
		if l.Price == nil {
			continue
		}
		n++
		price, err := strconv.ParseFloat(*l.Price, 64)
		if err != nil || price < honestLow || price > honestHigh {
			p.t.Errorf("%s: price %s, %v, with %d votes (%s): honest oracles said %v … %v", p.name, *l.Price, err, l.Votes, l.Status, honestLow, honestHigh)
		}
	}
	if n < 20 {
		p.t.Errorf("%s told %d prices: the test tests nothing", p.name, n)
	}
}

// TestOracles: seven oracles, each a process that fetches from its own venue, publish over a relay; one is fed lies, one is killed and
// started again, and the key of one is in use on two machines. Two readers' prices stay among what the honest said, and wherever they
// have seen the same, their digests are equal.
func TestOracles(t *testing.T) {
	w := newWorld(t)
	server, relay := venues(t), w.relay()
	sources := []string{"binance", "bitstamp", "coinbase", "coingecko", "gemini", "kraken", "poloniex"}
	var names []string
	for _, s := range sources {
		w.run("init", s)
		names = append(names, s)
	}
	room := filepath.Join(w.home, "btc.charter")
	w.run("oracle", "new", "btc", "--out", room, "--oracles", strings.Join(names, ","), "--pair", "BTC/USD",
		"--interval", "100ms", "--slot", "100ms", "--vote-k", "3", "--max-age", "20s", "--vote-span", "20s")
	flags := func(name, who string) []string {
		return []string{"oracle", "node", name, "--room", room, "--source", name + "=" + server.URL + "/" + name + "/" + who, "--json"}
	}
	start := func(name, who string) *teller { return w.tell(append(flags(name, who), "--connect", relay.url())...) }
	watch := func() *teller {
		return w.tell("oracle", "price", "--room", room, "--pair", "BTC/USD", "--watch", "--json", "--every", "0", "--connect", relay.url())
	}
	readers := []*teller{watch()}
	oracles := map[string]*teller{}
	for i, s := range sources {
		who := "honest"
		if i == 0 {
			who = "liar"
		}
		oracles[s] = start(s, who)
	}
	readers = append(readers, watch())
	until(t, "all have a vote", func() bool {
		return readers[0].last("price").Votes == len(sources) && readers[1].last("price").Votes == len(sources)
	})
	oracles["kraken"].reports(2)

	// One is killed, in the middle of what it does, and goes on where its chain ends.
	killed := oracles["kraken"]
	killed.kill()
	before := killed.all("report")
	oracles["kraken"] = start("kraken", "honest")

	// One forks: its key and store are copied to another machine, and both write on.
	const forker = "gemini"
	oracles[forker].kill()
	other := newWorld(t)
	if err := os.CopyFS(filepath.Join(other.home, "data", "tallystick", "people", forker), os.DirFS(filepath.Join(w.home, "data", "tallystick", "people", forker))); err != nil {
		t.Fatal(err)
	}
	private(t, other.home)
	alone := other.tell(append(flags(forker, "liar"), "--offline", "--only-copy")...)
	alone.reports(3)
	alone.kill()
	oracles[forker] = start(forker, "honest")
	oracles[forker].reports(1)
	until(t, "the relay has its branch", func() bool { return readers[0].last("price").Votes >= len(sources)-1 })
	twin := other.tell(append(flags(forker, "liar"), "--connect", relay.url())...)
	for _, r := range readers {
		until(t, "the fork is known", func() bool { return r.last("price").Convicted == 1 })
	}
	oracles["kraken"].reports(5)
	after := oracles["kraken"].all("report")
	if a, b := before[len(before)-1].T, after[0].T; b <= a {
		t.Errorf("the one that was killed said %d after %d", b, a)
	}
	for _, s := range append(before, after...) {
		if s.Price == nil || s.T == 0 {
			t.Errorf("a report without price or time: %+v", s)
		}
	}

	// All end; what the readers have seen then is the same.
	twin.kill()
	oracles[forker].kill() // it has stopped by itself, or writes no more
	delete(oracles, forker)
	for _, o := range oracles {
		o.signal()
	}
	for _, o := range oracles {
		o.ends(0)
	}
	until(t, "both readers have the same", func() bool {
		return readers[0].last("price").Heads == readers[1].last("price").Heads
	})
	digests := map[string]string{}
	for _, l := range readers[0].all("price") {
		digests[l.Heads] = l.Digest
	}
	common := 0
	for _, l := range readers[1].all("price") {
		if d, ok := digests[l.Heads]; ok {
			common++
			if d != l.Digest {
				t.Errorf("at heads %s one reader's digest is %s, the other's %s", l.Heads, d, l.Digest)
			}
		}
	}
	if common < 3 {
		t.Errorf("the readers had the same heads %d times: the test tests nothing", common)
	}
	for _, r := range readers {
		if end := r.last("price"); end.Convicted != 1 || end.Votes != len(sources)-1 || end.Status != "ok" || end.Quorum != 3 {
			t.Errorf("%s ends with %+v, want one convicted, six votes of which three are needed", r.name, end)
		}
		r.honest()
		r.signal()
		r.ends(0)
		if e := r.last("evidence"); e.Author == "" {
			t.Errorf("%s tells of no evidence", r.name)
		}
	}
	t.Logf("%d prices, %d with heads in common", len(readers[0].all("price")), common)
}

// TestOracleWithoutSources: an oracle whose sources all fail says so and reports nothing; it reports again when one answers.
func TestOracleWithoutSources(t *testing.T) {
	w := newWorld(t)
	var down atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			fmt.Fprint(w, `{"code":-1121,"msg":"Invalid symbol."}`)
			return
		}
		fmt.Fprint(w, `{"symbol":"BTCUSD","price":"50000.5"}`)
	}))
	defer server.Close()
	w.run("init", "ann")
	room := filepath.Join(w.home, "btc.charter")
	w.run("oracle", "new", "btc", "--out", room, "--oracles", "ann", "--pair", "BTC/USD", "--interval", "150ms", "--max-age", "400ms", "--min-sources", "2")
	source := "binance=" + server.URL
	ann := w.tell("oracle", "node", "ann", "--room", room, "--source", source, "--source", source+"/2", "--json", "--offline")
	state := func(kind, want string) func() bool { return func() bool { return ann.last(kind).State == want } }
	ann.reports(2)
	down.Store(true)
	until(t, "it says that it is silent", state("silent", "silent"))
	said := len(ann.all("report"))
	if e := ann.last("silent"); e.Code != "too-few" {
		t.Errorf("silent: %+v", e)
	}
	if e := ann.all("source"); len(e) == 0 || e[0].State != "fails" || e[0].Code != "refused" {
		t.Errorf("source: %+v", e)
	}
	down.Store(false)
	until(t, "it speaks", state("silent", "speaks"))
	if n := len(ann.all("report")); n > said+1 {
		t.Errorf("%d reports while it was silent", n-said)
	}
	ann.reports(1)
	ann.signal()
	ann.ends(exitUnsent)
	reports := ann.all("report")
	for i := 1; i < len(reports); i++ {
		if reports[i].T <= reports[i-1].T {
			t.Errorf("report %d is of %d, the one before of %d", i, reports[i].T, reports[i-1].T)
		}
	}
}

// private takes from others the rights to a copied home.
func private(t *testing.T, home string) {
	err := filepath.WalkDir(home, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := os.FileMode(0o600)
		if d.IsDir() {
			mode = 0o700
		}
		return os.Chmod(path, mode)
	})
	if err != nil {
		t.Fatal(err)
	}
}
