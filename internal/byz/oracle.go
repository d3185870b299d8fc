package byz

import (
	"math"

	"github.com/tallystick/tallystick/crdt"
)

// Oracle: what can be done in a room of that kind below any meaning of its reports. Whatever is well-formed is kept; who says two
// things at once is shown to have; and nothing but reports and marks has effect. What reports count is decided elsewhere, over
// what every replica has alike.
var oracleAttacks = []Attack{
	inOracle("oracle/double-report", "one author reports twice on one subject", Want{Accepted: 2}, func(c *Crew) [][]byte {
		return [][]byte{Pack(c.Run(0, c.Root(), c.report(10), c.report(99)))}
	}),
	inOracle("oracle/two-faced-report", "one author reports two things after one", Want{Accepted: 2, Forks: 1}, func(c *Crew) [][]byte {
		return Packs(c.Run(0, c.Root(), c.report(10)), c.Run(0, c.Root(), c.report(99)))
	}),
	inOracle("oracle/two-faced-sybils", "50 authors report two things each", Want{Accepted: 100, Forks: 50}, func(c *Crew) [][]byte {
		var one, other []Run
		for i := range 50 {
			one = append(one, c.Run(i, c.Root(), c.report(10)))
			other = append(other, c.Run(i, c.Root(), c.report(99)))
		}
		return [][]byte{Pack(one...), Pack(other...)}
	}),
	inOracle("oracle/sybils", "250 new authors report the same wrong value", Want{Accepted: 250}, func(c *Crew) [][]byte {
		var runs []Run
		for i := range 250 {
			runs = append(runs, c.Run(i, c.Root(), c.report(99)))
		}
		return [][]byte{Pack(runs...)}
	}),
	inOracle("oracle/other-ops", "every op but a report and a mark: set, make, unset, insert, delete, add", Want{Accepted: 9, Void: true}, func(c *Crew) [][]byte {
		ops := []List{
			{2, 0, "value", List{}, 99}, {3, 0, "value", List{}, 1}, {4, 0, "value", List{}}, {5, List{1, 0}, List{99}},
			{6, List{1, 0}, List{99}}, {7, 1, List{99}}, {8, List{99}}, {9, List{1, 0}, 1}, {10, 0, 99},
		}
		var payloads [][]byte
		for _, op := range ops {
			payloads = append(payloads, c.Ops(List{op}))
		}
		return [][]byte{Pack(c.Run(0, c.Root(), payloads...))}
	}),
	inOracle("oracle/delete-a-report", "another author's report is deleted, overwritten and inserted before", Want{Accepted: 2}, func(c *Crew) [][]byte {
		first := c.Run(0, c.Root(), c.report(10))
		return Packs(first, c.Run(1, c.Root(), c.Ops(List{
			List{9, List{-1, 0}, 1}, List{2, List{-1, 0}, nil, List{}, 99}, List{6, List{-1, 0}, List{99}},
		}, first.Last())))
	}),
	inOracle("oracle/marks-of-others", "an author speaks of another's report, and in its name by a mark on a mark", Want{Accepted: 3}, func(c *Crew) [][]byte {
		first := c.Run(0, c.Root(), c.report(10))
		second := c.Run(1, c.Root(), c.Ops(List{List{1, List{-1, 0}, "withdrawn"}}, first.Last()))
		return Packs(first, second, c.Run(2, c.Root(), c.Ops(List{
			List{1, List{-1, 0}, "withdrawn"}, List{1, List{-2, 0}, "x"}, List{1, List{-1, 7}, "x"},
		}, first.Last(), second.Last())))
	}),
	inOracle("oracle/extreme-values", "reports of the greatest and smallest numbers, and of text, bytes and nothing", Want{Accepted: 9}, func(c *Crew) [][]byte {
		var payloads [][]byte
		for _, v := range []any{math.MaxInt64, math.MinInt64, math.MaxFloat64, math.SmallestNonzeroFloat64, math.Copysign(0, -1), "99", []byte{99}, nil, List{99, 98}} {
			payloads = append(payloads, c.report(v))
		}
		return [][]byte{Pack(c.Run(0, c.Root(), payloads...))}
	}),
	inOracle("oracle/not-a-number", "reports that are NaN or infinite, in every width", Want{Accepted: 5, Void: true}, func(c *Crew) [][]byte {
		var payloads [][]byte
		for _, v := range []Raw{
			{0xf9, 0x7e, 0x00}, {0xf9, 0x7c, 0x00}, {0xf9, 0xfc, 0x00}, {0xfa, 0x7f, 0xc0, 0, 0}, {0xfb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 1},
		} {
			payloads = append(payloads, c.report(v))
		}
		return [][]byte{Pack(c.Run(0, c.Root(), payloads...))}
	}),
	inOracle("oracle/times", "reports of the year 292 billion, of before all time, and of one second in any order", Want{Accepted: 6}, func(c *Crew) [][]byte {
		var payloads [][]byte
		for _, t := range []int64{math.MaxInt64, math.MinInt64, 0, c.Now.Unix(), c.Now.Unix() - 1, c.Now.Unix()} {
			payloads = append(payloads, Payload(t, nil, Encode(List{List{0, 1, List{"price", t}}})))
		}
		return [][]byte{Pack(c.Run(0, c.Root(), payloads...))}
	}),
}

// report is the payload of one report.
func (c *Crew) report(value any) []byte { return c.Ops(List{List{0, 1, List{"price", value}}}) }

// inOracle is an attack with packs, in any order, in a room whose kind is oracle.
func inOracle(name, what string, want Want, build func(c *Crew) [][]byte) Attack {
	return Attack{Class: Oracle, Name: name, What: what, Kind: crdt.Oracle, Peers: anyOrder(name, build), Want: want}
}
