package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/oracle"
)

const oraclePolicyLong = `Prints what a charter fixes of a room of oracles: with --room what that of the file says,
without it what a new room gets unless "oracle new" is told otherwise. Nobody can change
any of it later.`

func (p *program) oraclePolicyCommand() *cobra.Command {
	var room string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "print the policy of a room of oracles, or the defaults",
		Long:  oraclePolicyLong,
		Args:  noArgs,
		RunE:  func(*cobra.Command, []string) error { return p.oraclePolicy(room, asJSON) },
	}
	cmd.Flags().StringVar(&room, "room", "", "the `FILE` of a room's charter")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object")
	return cmd
}

// policyJSON is what --json says. Everything of Room stands there with --room only.
type policyJSON struct {
	Room    string         `json:"room,omitempty"`
	Name    string         `json:"name,omitempty"`
	Oracles []string       `json:"oracles,omitempty"`
	Writers []string       `json:"writers,omitempty"`
	Pairs   []policyPair   `json:"pairs,omitempty"`
	F       *int           `json:"f,omitempty"`
	Quorum  *int           `json:"quorum,omitempty"`
	Policy  map[string]any `json:"policy"`
}

type policyPair struct {
	Pair string `json:"pair"`
	Expo int    `json:"expo"`
}

func (p *program) oraclePolicy(room string, asJSON bool) error {
	policy := oracle.DefaultPolicy()
	j := policyJSON{Policy: map[string]any{}}
	var lines []string
	if room != "" {
		charter, terms, err := oracleRoom(room)
		if err != nil {
			return err
		}
		policy = terms.Policy
		f, quorum := terms.F(), terms.Quorum()
		j.Room, j.Name, j.F, j.Quorum = fullHex(terms.Room), charter.Name, &f, &quorum
		lines = append(lines, fmt.Sprintf("room: %s %s", charter.Name, j.Room))
		for i, a := range terms.Oracles {
			j.Oracles = append(j.Oracles, fullHex(a))
			lines = append(lines, fmt.Sprintf("oracle %d: %s", i, fullHex(a)))
		}
		lines = append(lines, fmt.Sprintf("of these %d, %d may lie; a price needs %d votes", len(terms.Oracles), f, quorum))
		for _, a := range charter.Writers {
			j.Writers = append(j.Writers, fullHex(a))
		}
		for _, pair := range terms.Pairs {
			j.Pairs = append(j.Pairs, policyPair{pair.Name, pair.Expo})
			lines = append(lines, fmt.Sprintf("pair: %s in units of 10^%d", pair.Name, pair.Expo))
		}
	}
	j.Policy["strategy"], j.Policy["commit_reveal"] = policy.Strategy.String(), policy.CommitReveal
	onOff := "off"
	if policy.CommitReveal {
		onOff = "on"
	}
	lines = append(lines,
		policyLine("strategy", policy.Strategy.String(), "how votes make a price"),
		policyLine("commit_reveal", onOff, "only what was committed to a slot before counts"))
	for _, param := range oracle.Params() {
		v := param.In(&policy)
		j.Policy[param.Name] = v
		lines = append(lines, policyLine(param.Name, paramText(param, v), param.What))
	}
	if room == "" {
		lines = append(lines, policyLine("quorum", "2f+1", "votes that a price needs; of N oracles f = (N-1)/3 may lie"),
			policyLine("expo", fmt.Sprint(oracle.DefaultExpo), "prices are in units of 10 to this"))
	}
	if asJSON {
		return p.object(j)
	}
	for _, line := range lines {
		if err := p.printf("%s", line); err != nil {
			return err
		}
	}
	return nil
}

func policyLine(name, value, what string) string {
	return fmt.Sprintf("%-16s %-12s %s", name, value, what)
}
