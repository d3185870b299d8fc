package cli

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/disk"
	"github.com/tallystick/tallystick/internal/profile"
	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/oracle"
)

const oracleNewLong = `Founds a room of oracles: writes its charter into a file. The charter names the
committee, the pairs and the policy, and the room's id is its hash: nobody can join the
committee or loosen the policy later. Whoever is to take part, or to read prices, gets
the file, by any way; whether it is the same file the room's id tells.

--oracles takes keys (64 hex digits, as "tallystick id NAME" prints them) and names of
people on this machine, parted by commas. --pair is BASE/QUOTE, or BASE/QUOTE:EXPO where
prices are not in units of 10^-8. Of N oracles, (N-1)/3 may lie.`

// newFlags are the flags of oracle new.
type newFlags struct {
	oracles, writers, pairs []string
	out                     string
	strategy                string
	commitReveal            bool
	numbers                 []int64 // in the order of oracle.Params
}

func (p *program) oracleNewCommand() *cobra.Command {
	var f newFlags
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "found a room of oracles: write its charter",
		Long:  oracleNewLong,
		Example: `tallystick oracle new btc --oracles alice,bob,carol,dave --pair BTC/USD
tallystick oracle new eur --oracles alice,2c9e77f0… --pair EUR/USD:-6 --vote-k 10 --max-age 4s`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("oracle new takes the NAME of the room: tallystick oracle new NAME --oracles … --pair …")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return p.oracleNew(args[0], f) },
	}
	s := cmd.Flags()
	s.StringSliceVar(&f.oracles, "oracles", nil, "the committee: `KEYS` or names of people on this machine, parted by commas")
	s.StringArrayVar(&f.pairs, "pair", nil, "a `PAIR` that is priced, as in BTC/USD or EUR/USD:-6; may be given several times")
	s.StringSliceVar(&f.writers, "writers", nil, "who may write: `KEYS` or names; the committee is among them (default: the committee alone)")
	s.StringVar(&f.out, "out", "", "the `FILE` to write (default: NAME"+charterSuffix+")")
	s.StringVar(&f.strategy, "strategy", oracle.DefaultPolicy().Strategy.String(), "how votes make a price: `STRATEGY`, see tallystick oracle policy")
	s.BoolVar(&f.commitReveal, "commit-reveal", false, "only what was committed to a slot before counts: nobody can copy, and prices are a slot late")
	params := oracle.Params()
	f.numbers = make([]int64, len(params))
	for i, param := range params {
		addParam(cmd, &f.numbers[i], param)
	}
	_ = cmd.RegisterFlagCompletionFunc("strategy", cobra.FixedCompletions(strategyNames(), cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	return cmd
}

// strategyNames are those that a room can have.
func strategyNames() []string {
	var names []string
	for _, s := range oracle.Strategies() {
		if s != oracle.MeanIQR {
			names = append(names, s.String())
		}
	}
	return names
}

// addParam makes a flag of one number of the policy: max_age_ms becomes --max-age, which takes 4s too.
func addParam(cmd *cobra.Command, to *int64, param oracle.Param) {
	name := paramFlag(param)
	*to = param.Default
	cmd.Flags().Var(&paramValue{to, param}, name, fmt.Sprintf("%s, %s to %s", param.What, paramText(param, param.Min), paramText(param, param.Max)))
}

// paramFlag is the flag of a parameter: its name without the unit.
func paramFlag(param oracle.Param) string {
	name := strings.TrimSuffix(strings.TrimSuffix(param.Name, "_ms"), "_ppm")
	return strings.ReplaceAll(name, "_", "-")
}

// paramText is a value with its unit.
func paramText(param oracle.Param, v int64) string {
	const hour = 3_600_000
	switch {
	case param.Unit == "ms" && v != 0 && v%hour == 0:
		return groups(v/hour) + " h"
	case param.Unit == "ms" && v != 0 && v%1000 == 0:
		return groups(v/1000) + " s"
	case param.Unit != "":
		return groups(v) + " " + param.Unit
	}
	return groups(v)
}

// groups is n with a comma between thousands.
func groups(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// paramValue is the value of such a flag.
type paramValue struct {
	to    *int64
	param oracle.Param
}

func (v *paramValue) Type() string {
	switch v.param.Unit {
	case "ms":
		return "duration"
	case "ppm":
		return "ppm"
	}
	return "int"
}

func (v *paramValue) String() string {
	if v.to == nil {
		return ""
	}
	return strings.ReplaceAll(paramText(v.param, *v.to), " ", "")
}

// Set takes a whole number in the parameter's unit, which may follow it, or a length of time.
func (v *paramValue) Set(text string) error {
	n, err := parseParam(v.param.Unit, text)
	if err != nil {
		return err
	}
	if n < v.param.Min || n > v.param.Max {
		return fmt.Errorf("it is %s to %s", paramText(v.param, v.param.Min), paramText(v.param, v.param.Max))
	}
	*v.to = n
	return nil
}

func parseParam(unit, text string) (int64, error) {
	number, scale := text, int64(1)
	switch unit {
	case "ppm":
		number = strings.TrimSuffix(text, "ppm")
	case "ms":
		for _, u := range []struct {
			suffix string
			ms     int64
		}{{"ms", 1}, {"s", 1000}, {"m", 60_000}, {"h", 3_600_000}} {
			if rest, ok := strings.CutSuffix(text, u.suffix); ok {
				number, scale = rest, u.ms
				break
			}
		}
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(number, ",", ""), 10, 32) // so that n·scale is an int64
	if err != nil && unit == "ms" {
		return 0, fmt.Errorf("not a whole number with a unit, as in 1500ms, 4s, 5m")
	}
	if err != nil {
		return 0, fmt.Errorf("not a whole number")
	}
	return n * scale, nil
}

// oracleNew writes the charter.
func (p *program) oracleNew(name string, f newFlags) error {
	if len(f.oracles) == 0 {
		return usage("oracle new needs the committee: --oracles KEY,KEY,…")
	}
	if len(f.pairs) == 0 {
		return usage("oracle new needs a pair: --pair BTC/USD")
	}
	if shown := safe.Text(name, safe.NoLimit).String(); shown != name {
		return usage("%q has characters that are not seen: give a name of letters and digits", name)
	}
	terms := oracle.Terms{Policy: oracle.DefaultPolicy()}
	var err error
	if terms.Policy.Strategy, err = oracle.ParseStrategy(f.strategy); err != nil {
		return usage("--strategy: %w", err)
	}
	terms.Policy.CommitReveal = f.commitReveal
	for i, param := range oracle.Params() {
		param.Set(&terms.Policy, f.numbers[i])
	}
	if terms.Oracles, err = authors("--oracles", f.oracles); err != nil {
		return err
	}
	var writers []crdt.Author
	if len(f.writers) > 0 {
		if writers, err = authors("--writers", f.writers); err != nil {
			return err
		}
		for _, a := range terms.Oracles {
			if !slices.Contains(writers, a) {
				writers = append(writers, a)
			}
		}
	}
	for _, text := range f.pairs {
		pair, err := parsePair(text)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(terms.Pairs, func(p oracle.Pair) bool { return p.Name == pair.Name }) {
			return usage("--pair: %s is there twice: one pair has one unit", pair.Name)
		}
		terms.Pairs = append(terms.Pairs, pair)
	}
	charter, err := oracle.NewCharter(name, writers, terms)
	if err != nil {
		return usage("oracle new: %w", err)
	}
	path := f.out
	if path == "" {
		if path = name + charterSuffix; strings.ContainsAny(name, `/\`) || strings.HasPrefix(name, ".") {
			return usage("%q is no name for a file: give --out FILE%s", name, charterSuffix)
		}
	}
	if !strings.HasSuffix(path, charterSuffix) {
		return usage("--out: the name of the file ends in %s, so that --room takes it for what it is", charterSuffix)
	}
	return p.writeCharter(path, charter)
}

// writeCharter writes the file, or finds it there with the same content.
func (p *program) writeCharter(path string, charter crdt.Charter) error {
	content := charter.Append(nil)
	err := disk.WriteNew(path, content)
	if errors.Is(err, fs.ErrExist) {
		there, readErr := os.ReadFile(path)
		if readErr != nil || string(there) != string(content) {
			return fmt.Errorf("oracle new: %s is there already, and is another room's: give another name, or --out", path)
		}
		p.note("%s is there already, with the same charter", path)
		err = nil
	}
	if err != nil {
		return fmt.Errorf("oracle new: %w", err)
	}
	terms, err := oracle.ParseTerms(charter)
	if err != nil {
		return fmt.Errorf("oracle new: %w", err)
	}
	for _, line := range []string{
		fmt.Sprintf("room: %s %s", charter.Name, fullHex(charter.ID())),
		fmt.Sprintf("charter: %s", path),
		fmt.Sprintf("oracles: %d, of which %d may lie; a price needs %d votes", len(terms.Oracles), terms.F(), terms.Quorum()),
	} {
		if err := p.printf("%s", line); err != nil {
			return err
		}
	}
	pair := terms.Pairs[0].Name
	p.note("an oracle: tallystick oracle node NAME --room %s --pair %s --source URL; a reader: tallystick oracle price --room %s --pair %s", path, pair, path, pair)
	return nil
}

// authors are the keys that words name: 64 hex digits, or somebody on this machine.
func authors(flag string, words []string) ([]crdt.Author, error) {
	var all []crdt.Author
	for i, word := range words {
		var a crdt.Author
		if b, err := hex.DecodeString(word); err == nil && len(word) == 2*len(a) {
			if a, err = crdt.ParseAuthor(b); err != nil {
				return nil, usage("%s: %s is no key: %w", flag, word, err)
			}
		} else {
			person, err := load(word)
			switch {
			case errors.Is(err, profile.ErrName):
				return nil, usage("%s: %q is neither a key of 64 hex digits nor a name", flag, word)
			case err != nil:
				return nil, fmt.Errorf("%s: %w", flag, err)
			}
			a = person.Author
		}
		if k := slices.Index(all, a); k >= 0 {
			return nil, usage("%s: %s and %s are the same key: an oracle has one vote", flag, words[k], words[i])
		}
		all = append(all, a)
	}
	return all, nil
}

// parsePair reads BASE/QUOTE or BASE/QUOTE:EXPO.
func parsePair(text string) (oracle.Pair, error) {
	name, expo, given := strings.Cut(text, ":")
	pair := oracle.Pair{Name: name, Expo: oracle.DefaultExpo}
	if _, err := oracle.ParsePairName(name); err != nil {
		return pair, usage("--pair: %w", err)
	}
	if given {
		n, err := strconv.Atoi(expo)
		if err != nil || n > 0 || n < -oracle.MaxDigits {
			return pair, usage("--pair %s: the exponent of the unit is %d to 0, as in %s:-6", text, -oracle.MaxDigits, name)
		}
		pair.Expo = n
	}
	return pair, nil
}

// oracleRoom reads the charter of a room of oracles and its terms.
func oracleRoom(path string) (crdt.Charter, oracle.Terms, error) {
	if path == "" {
		return crdt.Charter{}, oracle.Terms{}, usage("which room? --room FILE%s; tallystick oracle new makes one", charterSuffix)
	}
	c, err := readCharter(path)
	if err != nil {
		return c, oracle.Terms{}, err
	}
	terms, err := oracle.ParseTerms(c)
	if err != nil {
		return c, terms, fmt.Errorf("room %s: %w", path, err)
	}
	return c, terms, nil
}
