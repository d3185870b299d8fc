package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/internal/disk"
	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/oracle"
	"github.com/tallystick/tallystick/oracle/liar"
	"github.com/tallystick/tallystick/oracle/replay"
)

const oracleReplayLong = `Gives recorded prices to a committee of oracles, some of which lie about them, and says
how far the price that each strategy makes lay outside what honest oracles saw. There
is no truth in a recording, so that is all there is to measure.

FILE.csv has the columns bucket_end_ms, venue, price, trade_ms, recv_lag_ms; or a column
date, minute_utc or ts_ms and then one for each venue, empty where that was silent. The
name of a recording within the program does as well: aave-crash, usdc-depeg.

--map says which oracle, by number from 0, reads which venue; several may read one:
--map coinbase=0,1,gemini=2. Left out, each venue has one oracle. --byzantine says who
lies, and how: plus, minus (20 %), drift (2 %), ramp, edge, alternate, mix, stale, silent.

Nothing is interpolated: a venue that is silent goes stale. All oracles hear everything
at once: there is no network here, see "tallystick oracle run" for one.`

// replayFlags are the flags of oracle replay.
type replayFlags struct {
	pair, strategy string
	maps, liars    []string
	expo, voteK    int
	maxAge         time.Duration
	seed           uint64
	asJSON         bool
}

func (p *program) oracleReplayCommand() *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:     "replay FILE.csv --pair BASE/QUOTE",
		Short:   "give recorded prices to oracles, some of which lie",
		Long:    oracleReplayLong,
		Example: "tallystick oracle replay aave-crash --pair AAVE/USD \\\n  --map binance-perp=0,1,5,coinbase=2,3,6,gemini=4 --byzantine 5:minus,6:minus",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("oracle replay takes one FILE.csv: tallystick oracle replay FILE.csv --pair BASE/QUOTE")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return p.oracleReplay(args[0], f) },
	}
	cmd.Flags().StringVar(&f.pair, "pair", "", "what the prices are of: `BASE/QUOTE`")
	cmd.Flags().StringArrayVar(&f.maps, "map", nil, "which oracles read which venue: `VENUE=ORACLE,…`")
	cmd.Flags().StringArrayVar(&f.liars, "byzantine", nil, "who lies, and how: `ORACLE:KIND,…`")
	cmd.Flags().StringVar(&f.strategy, "strategy", "median", "the room's `STRATEGY`")
	cmd.Flags().IntVar(&f.expo, "expo", oracle.DefaultExpo, "the unit of prices: 10^`EXPO`")
	cmd.Flags().IntVar(&f.voteK, "vote-k", 1, "a vote is the median of so many reports")
	cmd.Flags().DurationVar(&f.maxAge, "max-age", 2*time.Minute, "an older price is no vote")
	cmd.Flags().Uint64Var(&f.seed, "seed", 0, "of lies by chance")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "say it as one JSON object")
	return cmd
}

func (p *program) oracleReplay(path string, f replayFlags) error {
	if f.pair == "" {
		return usage("oracle replay needs --pair: what the prices are of, as AAVE/USD")
	}
	if _, err := oracle.ParsePairName(f.pair); err != nil {
		return usage("--pair: %w", err)
	}
	if f.expo < -oracle.MaxDigits || f.expo > 0 {
		return usage("--expo: the exponent of the unit is %d to 0, not %d", -oracle.MaxDigits, f.expo)
	}
	venues, reads, err := parseMap(f.maps)
	if err != nil {
		return err
	}
	rec, err := openRecording(path, replay.Options{Expo: f.expo, Venues: venues})
	if err != nil {
		if len(venues) == 0 && errors.Is(err, replay.ErrNumber) {
			err = fmt.Errorf("%w; --map names the columns that are read", err)
		}
		if len(venues) > 0 && errors.Is(err, replay.ErrEmpty) {
			err = fmt.Errorf("%w: of %s; --map names venues of the file", err, strings.Join(venues, ", "))
		}
		return fmt.Errorf("oracle replay: %w", err)
	}
	if len(reads) == 0 {
		for v := range rec.Venues() {
			reads = append(reads, v)
		}
	}
	s := replay.Setup{Pair: f.pair, Policy: oracle.DefaultPolicy(), Seed: f.seed, Venues: reads}
	if s.Liars, err = parseLiars(f.liars, len(reads)); err != nil {
		return err
	}
	if s.Policy.Strategy, err = oracle.ParseStrategy(f.strategy); err != nil {
		return usage("--strategy: %w", err)
	}
	age := f.maxAge.Milliseconds()
	s.Policy.VoteK, s.Policy.MaxAgeMS, s.Policy.VoteSpanMS = f.voteK, age, age
	if err := s.Policy.Validate(); err != nil {
		return usage("%w", err)
	}
	r, err := replay.Play(rec, s)
	if err != nil {
		return fmt.Errorf("oracle replay: %w", err)
	}
	if f.asJSON {
		return p.object(replayJSONOf(rec, s, r))
	}
	return p.sayReplay(rec, s, r)
}

// openRecording reads a file, or a recording of that name within the program if there is no such file.
func openRecording(path string, o replay.Options) (*replay.Recording, error) {
	f, err := disk.OpenRegular(path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) && slices.Contains(replay.Shipped(), path) {
		return replay.Open(path, o)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	return replay.Read(path, f, o)
}

// parseMap reads --map: the venues in the order in which they are named, and by oracle the number of the one that it reads.
func parseMap(texts []string) (venues []string, reads []int, err error) {
	by := map[int]int{}
	for _, text := range texts {
		at := -1
		for item := range strings.SplitSeq(text, ",") {
			if k := strings.LastIndex(item, "="); k >= 0 {
				name := item[:k]
				if at = slices.Index(venues, name); at < 0 {
					at = len(venues)
					venues = append(venues, name)
				}
				item = item[k+1:]
			}
			o, err := oracleNumber(item)
			switch {
			case at < 0:
				return nil, nil, usage("--map %q begins with no VENUE=", text)
			case err != nil:
				return nil, nil, usage("--map %q: %w", text, err)
			}
			if v, taken := by[o]; taken {
				return nil, nil, usage("--map: oracle %d reads %q already", o, venues[v])
			}
			by[o] = at
		}
	}
	for o := range len(by) {
		v, ok := by[o]
		if !ok {
			return nil, nil, usage("--map: of %d oracles, numbers from 0 on, none is %d", len(by), o)
		}
		reads = append(reads, v)
	}
	return venues, reads, nil
}

func oracleNumber(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n >= oracle.MaxOracles {
		return 0, fmt.Errorf("%q is no oracle: a number from 0 to %d", text, oracle.MaxOracles-1)
	}
	return n, nil
}

// parseLiars reads --byzantine, for n oracles.
func parseLiars(texts []string, n int) ([]liar.Kind, error) {
	kinds := make([]liar.Kind, n)
	for _, text := range texts {
		for item := range strings.SplitSeq(text, ",") {
			who, how, ok := strings.Cut(item, ":")
			if !ok {
				return nil, usage("--byzantine %q is not ORACLE:KIND, as 5:minus", item)
			}
			o, err := oracleNumber(who)
			if err != nil {
				return nil, usage("--byzantine: %w", err)
			}
			if o >= n {
				return nil, usage("--byzantine: there are oracles 0 to %d, not %d", n-1, o)
			}
			if kinds[o], err = liar.Parse(how); err != nil {
				return nil, usage("--byzantine: %w", err)
			}
		}
	}
	return kinds, nil
}

// perCent is millionths as per cent, with as many decimals as they need.
func perCent(ppm int64) string {
	s := fmt.Sprintf("%d.%04d", ppm/10_000, ppm%10_000)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".") + " %"
}

// sayReplay prints a report for people.
func (p *program) sayReplay(rec *replay.Recording, s replay.Setup, r *replay.Report) error {
	var err error
	say := func(format string, args ...any) {
		if err == nil {
			err = p.printf(format, args...)
		}
	}
	say("%s: %d prices, %s to %s", safe.Text(rec.Name(), safe.NoLimit), rec.Len(), utc(r.From), utc(r.To))
	if rec.Rounded() > 0 {
		say("rounded: %d prices have more digits than 10^%d", rec.Rounded(), rec.Expo())
	}
	liars := 0
	for o, v := range s.Venues {
		how := "honest"
		if s.Liars[o] != liar.Honest {
			liars++
			how = "lies: " + string(s.Liars[o])
		}
		say("oracle %d: reads %s, %s, %d reports", o, safe.Text(rec.Venues()[v], safe.NoLimit), how, r.Sent[o])
	}
	say("%d of %d lie, the committee bears %d; a price needs %d votes", liars, len(s.Venues), r.F, 2*r.F+1)
	say("%d moments, %d without a price (too few votes), %d with a wide one", r.Moments, r.Insufficient, r.Wide)
	if liars == len(s.Venues) {
		say("no oracle is honest: there is nothing to measure by")
		return err
	}
	say("honest venues lay apart: median %s, 99 of 100 within %s, at most %s (%s)", perCent(r.Spread.Median), perCent(r.Spread.P99), perCent(r.Spread.Max), utc(r.Spread.MaxAt))
	say("outside the honest votes, and the honest venues' newest trades (known or not):")
	say("%-32s %8s %12s | %8s %10s %10s %12s", "rule", "times", "at most", "times", "median", "p99", "at most")
	for _, rule := range r.Rules {
		name := rule.Name
		if rule.Own {
			name += " *"
		}
		say("%-32s %8d %12s | %8d %10s %10s %12s", name, rule.VotesTimes, perCent(rule.Votes.Max), rule.OutsideTimes,
			perCent(rule.Outside.Median), perCent(rule.Outside.P99), perCent(rule.Outside.Max))
	}
	if liars > r.F {
		say("more lie than the committee bears: nothing is promised")
	}
	return err
}

// replayJSON is what --json says.
type replayJSON struct {
	V            int              `json:"v"`
	Recording    string           `json:"recording"`
	Pair         string           `json:"pair"`
	Prices       int              `json:"prices"`
	Rounded      int              `json:"rounded"`
	FromMS       int64            `json:"from_ms"`
	ToMS         int64            `json:"to_ms"`
	Moments      int              `json:"moments"`
	Insufficient int              `json:"insufficient"`
	Wide         int              `json:"wide"`
	F            int              `json:"f"`
	Strategy     string           `json:"strategy"`
	VoteK        int              `json:"vote_k"`
	MaxAgeMS     int64            `json:"max_age_ms"`
	Seed         uint64           `json:"seed"`
	Oracles      []replayOracle   `json:"oracles"`
	Spread       sharesJSON       `json:"venues_apart"`
	Rules        []replayRuleJSON `json:"rules"`
}

type replayOracle struct {
	ID        int    `json:"id"`
	Venue     string `json:"venue"`
	Byzantine string `json:"byzantine,omitempty"`
	Sent      int    `json:"sent"`
}

type sharesJSON struct {
	Times  *int  `json:"times,omitempty"`
	Median int64 `json:"median_ppm"`
	P99    int64 `json:"p99_ppm"`
	Max    int64 `json:"max_ppm"`
	MaxAt  int64 `json:"max_at_ms"`
}

type replayRuleJSON struct {
	Name   string     `json:"name"`
	Votes  sharesJSON `json:"outside_votes"`
	Venues sharesJSON `json:"outside_venues"`
}

func sharesOf(s replay.Shares, times *int) sharesJSON {
	return sharesJSON{times, s.Median, s.P99, s.Max, s.MaxAt}
}

func replayJSONOf(rec *replay.Recording, s replay.Setup, r *replay.Report) replayJSON {
	j := replayJSON{
		V: 1, Recording: rec.Name(), Pair: s.Pair, Prices: rec.Len(), Rounded: rec.Rounded(), FromMS: r.From, ToMS: r.To, Moments: r.Moments,
		Insufficient: r.Insufficient, Wide: r.Wide, F: r.F, Strategy: s.Policy.Strategy.String(), VoteK: s.Policy.VoteK,
		MaxAgeMS: s.Policy.MaxAgeMS, Seed: s.Seed, Spread: sharesOf(r.Spread, nil),
	}
	for o, v := range s.Venues {
		j.Oracles = append(j.Oracles, replayOracle{o, rec.Venues()[v], string(s.Liars[o]), r.Sent[o]})
	}
	for _, rule := range r.Rules {
		j.Rules = append(j.Rules, replayRuleJSON{rule.Name, sharesOf(rule.Votes, &rule.VotesTimes), sharesOf(rule.Outside, &rule.OutsideTimes)})
	}
	return j
}
